import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Test } from 'tap'
import { createOAuthClient, type OAuthClient } from '../../src/providers/oauth-client.ts'
import type { OAuthClientOptions } from '../../src/providers/plugin-options.ts'

export interface ProviderServer {
  url: string
  /** Each connection since the start, open or not. */
  connections: Socket[]
  requests: () => number
}

/** A plain HTTP server that counts its connections and requests. */
export async function startProviderServer (t: Test, listener: RequestListener): Promise<ProviderServer> {
  const connections: Socket[] = []
  let requests = 0
  const server = createServer((request, response) => {
    requests++
    listener(request, response)
  })
  server.on('connection', (socket) => connections.push(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close().closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections, requests: () => requests }
}

/** Settings of a client whose endpoints are all at `url`. */
export function clientOptions (url: string, more: Partial<OAuthClientOptions> = {}): OAuthClientOptions {
  return {
    provider: 'Acme',
    pluginName: 'provider-acme',
    clientId: 'the-id',
    clientSecret: 'canary-secret',
    callbackUrl: 'https://id.example.com/login/acme/callback',
    authorizationUrl: `${url}/authorize`,
    tokenUrl: `${url}/token`,
    scope: ['openid'],
    authentication: 'body',
    ...more
  }
}

/** The two token requests that @fastify/oauth2 makes. */
export function tokenRequests (
  options: OAuthClientOptions
): Record<'exchange' | 'refresh', (signal?: AbortSignal) => ReturnType<OAuthClient['refresh']>> {
  const client = createOAuthClient(options)
  const secrets = { state: 'the-state', codeVerifier: 'the-verifier', nonce: 'the-nonce' }
  const inTime = () => AbortSignal.timeout(15_000)
  return {
    exchange: async (signal = inTime()) =>
      await client.exchange({
        code: 'canary-code',
        state: 'the-state',
        iss: undefined,
        user: undefined,
        secrets,
        signal
      }),
    refresh: async (signal = inTime()) => await client.refresh('canary-refresh-token', '', signal)
  }
}
