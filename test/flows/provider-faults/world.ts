import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { GITHUB_PATHS, type FakeGitHub } from '../../fakes/github.ts'
import type { FakeOidc } from '../../fakes/oidc.ts'

/** How many codes were brought to a provider. */
export const exchanges = (fake: FakeGitHub | FakeOidc) =>
  fake.calls('paths' in fake ? fake.paths.token : GITHUB_PATHS.token).length

/** A plain HTTP server, for what the fakes do not play. */
export async function serve (t: Test, listener: RequestListener, port = 0): Promise<string> {
  const server = createServer(listener).listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close().closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** The settings of several issuers. */
export function joined (fakes: Record<string, FakeOidc>): Record<string, string> {
  return Object.assign({}, ...Object.entries(fakes).map(([id, fake]) => fake.settings(id)), {
    OIDC_PROVIDERS: Object.keys(fakes).join()
  })
}
