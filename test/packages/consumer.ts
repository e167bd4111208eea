import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { packageRoot } from '../../src/package-root.ts'

const run = promisify(execFile)

/**
 * A project of somebody else, in a folder of its own: `signet-verify` as `npm pack` makes it of what is here, and
 * these of our packages beside it. Built aside, so that tests which do this at once do not meet.
 */
export async function createConsumer (t: Test, packages: string[] = []): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'signet-consumer-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const ours = join(packageRoot, 'node_modules')
  const source = join(folder, 'source')
  const verify = join(source, 'packages/verify')
  await cp(join(packageRoot, 'packages/verify'), verify, {
    recursive: true,
    filter: (path) => !['dist', 'node_modules'].includes(basename(path))
  })
  await cp(join(packageRoot, 'tsconfig.json'), join(source, 'tsconfig.json'))
  await symlink(ours, join(source, 'node_modules'))
  const { stdout } = await run('npm', ['pack', '--pack-destination', folder], { cwd: verify })
  const tarball = stdout.trim().split('\n').at(-1) as string

  const app = join(folder, 'app')
  const installed = join(app, 'node_modules/signet-verify')
  await mkdir(installed, { recursive: true })
  await run('tar', ['-xzf', join(folder, tarball), '--strip-components=1', '-C', installed])
  for (const name of ['jose', ...packages]) await symlink(join(ours, name), join(app, 'node_modules', name))
  await writeFile(join(app, 'package.json'), '{ "type": "module" }')
  return app
}
