import cookie from '@fastify/cookie'
import Fastify from 'fastify'
import type { Test } from 'tap'
import { createClients } from '../../src/clients/clients.ts'
import { oauth2Routes } from '../../src/oauth2/routes.ts'
import { createCookiePolicy } from '../../src/http/cookies.ts'

/** What the endpoints are told by what stands behind them; the flows have the real ones. */
export interface Told {
  claims?: object
  bearer?: object
  user?: object
  /** The session whose live refresh token was presented. */
  live?: object
  isAlive?: boolean
  /** What an exchange of any grant gives. */
  tokens?: object
  poll?: string
  /** What everything throws. */
  error?: unknown
}

export const WEB = { client_id: 'web', client_secret: 'secret' }

/** The endpoints that programs call, and what they ask of what stands behind them. Clients: `spa` is public, `web` confidential. */
export async function serve (t: Test, told: Told = {}) {
  const calls: unknown[][] = []
  const note = (name: string, result?: unknown) => async (...values: unknown[]) => {
    calls.push([name, ...values])
    if (told.error !== undefined && name !== 'count') throw told.error
    return result
  }
  const app = Fastify({ genReqId: () => 'req' })
  t.teardown(() => app.close())
  app.decorateRequest('bearer')
  app.decorate('requireBearer', async (request: { bearer: unknown }) => { request.bearer = told.bearer })
  app.decorate('readAccessToken', async () => told.claims as never)
  const refreshLimit = { check: async () => {}, add: async () => {} }
  app.decorate('limits', { failedTokenCalls: { count: note('count') }, refresh: refreshLimit } as never)
  await app.register(cookie)
  await app.register(oauth2Routes, {
    issuerUrl: 'https://id',
    clients: createClients([
      { client_id: 'spa', name: 'SPA', redirect_uris: ['https://spa/cb'] },
      { client_id: 'web', name: 'Web', redirect_uris: ['https://web/cb'], client_secret: WEB.client_secret }
    ] as never, { find: async () => undefined }),
    cookies: createCookiePolicy('https://id', { attemptSeconds: 600, refreshTokenSeconds: 3600 }),
    allowedOrigins: { has: (origin: string) => origin === 'https://spa' },
    users: { bySession: note('bySession', told.user) },
    devices: { poll: note('poll', told.poll) },
    signIn: { signInNatively: note('signInNatively', told.tokens) },
    sessions: {
      inspectRefreshToken: note('inspect', told.live),
      end: note('end', true),
      endByRefreshToken: note('endByRefreshToken', true),
      isAlive: note('isAlive', told.isAlive ?? false),
      refresh: note('refresh', told.tokens),
      redeemCode: note('redeemCode', told.tokens),
      redeemDeviceCode: note('redeemDeviceCode', told.tokens)
    }
  } as never)
  const post = async (path: string, payload: object, headers = {}) => {
    const response = await app.inject({ method: 'POST', url: `/oauth2/${path}`, payload, headers })
    return { status: response.statusCode, body: response.json(), headers: response.headers, cookies: response.cookies }
  }
  return { app, calls, post, refreshLimit }
}
