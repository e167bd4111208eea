import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { AuthorizationRequestHandler } from '@openid/appauth/built/src/authorization_request_handler.js'
import { build } from 'vite'
import { packageRoot } from '../../src/package-root.ts'

type Library = typeof import('@openid/appauth/built/src/authorization_request.js')
  & typeof import('@openid/appauth/built/src/authorization_request_handler.js')
  & typeof import('@openid/appauth/built/src/authorization_response.js')
  & typeof import('@openid/appauth/built/src/authorization_service_configuration.js')
  & typeof import('@openid/appauth/built/src/flags.js')
  & typeof import('@openid/appauth/built/src/query_string_utils.js')
  & typeof import('@openid/appauth/built/src/revoke_token_request.js')
  & typeof import('@openid/appauth/built/src/token_request.js')
  & typeof import('@openid/appauth/built/src/token_request_handler.js')
  & typeof import('@openid/appauth/built/src/node_support/crypto_utils.js')
  & typeof import('@openid/appauth/built/src/node_support/node_requestor.js')
  & // Its own declaration cannot name its base class, for the same want of an extension.
  { NodeBasedHandler: new (httpServerPort: number) => AuthorizationRequestHandler }

/**
 * AppAuth-JS as an app ships it: through a bundler. Its modules name each other without extensions, so that Node cannot
 * load them as they are. Nothing of it is changed, but it is quiet.
 */
export async function loadAppAuth (): Promise<Library> {
  const outDir = await mkdtemp(join(tmpdir(), 'signet-appauth-'))
  const input = { index: '@openid/appauth', node: '@openid/appauth/built/src/node_support/index.js' }
  // Vite sets it for the whole process, and other tests run in this one.
  const { NODE_ENV } = process.env
  try {
    await build({
      configFile: false,
      logLevel: 'silent',
      root: packageRoot,
      ssr: { noExternal: true },
      build: {
        ssr: true,
        outDir,
        emptyOutDir: true,
        minify: false,
        rollupOptions: {
          input,
          preserveEntrySignatures: 'strict',
          output: { entryFileNames: '[name].mjs', chunkFileNames: '[name].mjs' }
        }
      }
    })
    const [core, node] = await Promise.all(
      Object.keys(input).map((name) => import(pathToFileURL(join(outDir, `${name}.mjs`)).href))
    )
    core.setFlag('IS_LOG', false)
    return { ...core, ...node }
  } finally {
    if (NODE_ENV === undefined) delete process.env['NODE_ENV']
    else process.env['NODE_ENV'] = NODE_ENV
    await rm(outDir, { recursive: true, force: true })
  }
}
