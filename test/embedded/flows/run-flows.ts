import { groupedFiles, runFiles, shareOf, type LeftOut } from '../../groups/run-group.ts'

const HOST_ANSWERS = 'what is no request for Fastify is answered by the host'
const ONE_PATH = 'the path of the issuer is the prefix of the host, and no proxy can take it off'

/** The tests of test/flows that make no sense inside a host, and why. Every other one runs there. */
const LEFT_OUT: LeftOut = {
  'flows/bad-input.test.ts': {
    'what Node and Fastify refuse by themselves is answered too': HOST_ANSWERS
  },
  'flows/failure-log.test.ts': {
    'what Node and Fastify refuse by themselves leaves one line, too': HOST_ANSWERS
  },
  'flows/below-a-path.test.ts': {
    'below /auth, behind a proxy that strips the path, everything works': ONE_PATH,
    'below /a/b, behind a proxy that leaves on the path, everything works': ONE_PATH,
    'below /a/b, behind a proxy that strips the path, everything works': ONE_PATH,
    'an issuer without a path has its documents in one place': ONE_PATH
  },
  'flows/dpop.test.ts': {
    'proofs are for the URL that clients know: below a path, and whatever the algorithm': ONE_PATH
  }
}

/**
 * Runs this file's share of test/flows again, with Signet inside the app of examples/embedded: the folders in whole,
 * the files without their `slow.test`s and grids.
 */
export function runFlows (fileUrl: string): void {
  process.env['TEST_HOST'] = 'embedded'
  process.env['TEST_SUITE'] = 'fast'
  runFiles(shareOf(fileUrl, groupedFiles().filter((file) => file.startsWith('flows/'))), LEFT_OUT)
}
