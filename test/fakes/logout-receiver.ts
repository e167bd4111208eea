import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRemoteJWKSet, jwtVerify, type JWTPayload } from 'jose'

export interface ReceivedLogout { token: string, claims: JWTPayload, path: string }

/** A client's endpoint for logout tokens (OpenID Connect Back-Channel Logout 1.0 section 2.6). */
export async function startLogoutReceiver () {
  const received: ReceivedLogout[] = []
  const invalid: string[] = []
  let issuer = ''
  let status: number | 'hang' = 200
  let keys: ReturnType<typeof createRemoteJWKSet> | undefined

  const server = createServer(async (request, response) => {
    const token = new URLSearchParams(await text(request)).get('logout_token') ?? ''
    try {
      const isForm = request.headers['content-type'] === 'application/x-www-form-urlencoded'
      if (request.method !== 'POST' || !isForm) throw new Error('no form')
      const rules = { issuer, typ: 'logout+jwt', requiredClaims: ['aud', 'iat', 'exp', 'jti', 'sub', 'sid', 'events'] }
      const { payload: claims } = await jwtVerify(token, keys!, rules)
      if (claims['nonce'] !== undefined) throw new Error('a nonce')
      received.push({ token, claims, path: request.url ?? '' })
    } catch (error) {
      invalid.push((error as Error).message)
      return response.writeHead(400).end()
    }
    if (status !== 'hang') response.writeHead(status).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** All that came and verified, in order, whatever was answered. */
    received,
    /** What did not verify. A test asserts that there is none. */
    invalid,
    trust (issuerUrl: string) {
      issuer = issuerUrl
      keys = createRemoteJWKSet(new URL(`${issuerUrl}/.well-known/jwks.json`))
    },
    answer (what: number | 'hang') {
      status = what
    },
    /** Waits until so many came. */
    async came (count: number): Promise<ReceivedLogout[]> {
      for (const endsAt = Date.now() + 20_000; received.length < count && Date.now() < endsAt;) await sleep(20)
      return received
    },
    async close () {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }
  }
}
