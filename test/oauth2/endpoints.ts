import cookie from '@fastify/cookie'
import Fastify from 'fastify'
import type { Test } from 'tap'
import { createClients } from '../../src/clients/clients.ts'
import { oauth2Routes } from '../../src/oauth2/routes.ts'
import { createResources } from '../../src/tokens/resources.ts'
import { createCookiePolicy } from '../../src/http/cookies.ts'

/** What the services and repositories behind the endpoints return. */
export interface Results {
  /** The claims of the presented access token. */
  claims?: object
  /** The claims of the token in the Authorization header. */
  bearer?: object
  user?: object
  /** The session of the presented refresh token. */
  live?: object
  /** The roles of the user while the session of the access token is alive. */
  roles?: string[]
  /** The thumbprint of the key of a DPoP proof. */
  jkt?: string
  /** The tokens for any grant. */
  tokens?: object
  poll?: string
  /** Thrown by every call instead. */
  error?: unknown
}

export const WEB = { client_id: 'web', client_secret: 'secret' }

/** The endpoints on services that record their calls. Of the clients `spa` is public and `web` is confidential. */
export async function serve (t: Test, results: Results = {}) {
  const calls: unknown[][] = []
  const record =
    (name: string, result?: unknown) =>
      async (...values: unknown[]) => {
        calls.push([name, ...values])
        if (results.error !== undefined && name !== 'count') throw results.error
        return result
      }
  const app = Fastify({ genReqId: () => 'req' })
  t.teardown(() => app.close())
  app.decorateRequest('bearer')
  app.decorate('requireBearerOfAnyResource', async (request: { bearer: unknown }) => {
    request.bearer = results.bearer
  })
  app.decorate('verifyProof', async () => results.jkt)
  app.decorate('readAccessToken', async () => results.claims as never)
  const refreshLimit = { check: async () => {}, add: async () => {} }
  app.decorate('limits', {
    failedTokenCalls: { check: async () => {}, count: record('count') },
    refresh: refreshLimit,
    signIn: { count: async () => {} }
  } as never)
  await app.register(cookie)
  await app.register(oauth2Routes, {
    issuerUrl: 'https://id',
    clients: createClients(
      [
        { client_id: 'spa', name: 'SPA', redirect_uris: ['https://spa/cb'] },
        { client_id: 'web', name: 'Web', redirect_uris: ['https://web/cb'], client_secret: WEB.client_secret }
      ] as never,
      { find: async () => undefined, wantsRs256: async () => false }
    ),
    cookies: createCookiePolicy('https://id', { attemptSeconds: 600, refreshTokenSeconds: 3600, sessionSeconds: 3600 }),
    resources: createResources([]),
    allowedOrigins: { has: (origin: string) => origin === 'https://spa' },
    users: { bySession: record('bySession', results.user), rolesBySession: record('rolesBySession', results.roles) },
    devices: { poll: record('poll', results.poll) },
    signIn: { signInNatively: record('signInNatively', results.tokens) },
    sessions: {
      inspectRefreshToken: record('inspect', results.live),
      findByRefreshToken: record('find', results.live),
      end: record('end', true),
      endByRefreshToken: record('endByRefreshToken', true),
      refresh: record('refresh', results.tokens),
      redeemCode: record('redeemCode', results.tokens),
      redeemDeviceCode: record('redeemDeviceCode', results.tokens)
    }
  } as never)
  const post = async (path: string, payload: object, headers = {}) => {
    const response = await app.inject({ method: 'POST', url: `/oauth2/${path}`, payload, headers })
    const { statusCode: status, headers: responseHeaders, cookies } = response
    return { status, body: response.json(), headers: responseHeaders, cookies }
  }
  return { app, calls, post, refreshLimit }
}
