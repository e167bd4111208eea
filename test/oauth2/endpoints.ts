import cookie from '@fastify/cookie'
import Fastify from 'fastify'
import type { Test } from 'tap'
import { createClients, type Client } from '../../src/clients/clients.ts'
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
  /** The thumbprint of the key of a DPoP proof, or what is wrong with the proof. */
  jkt?: string | Error
  /** Whether the token of a client itself was revoked. */
  isRevoked?: boolean
  /** The session of the presented personal token. */
  personal?: object
  /** Claims of the ID token beside the standard ones. */
  ownClaims?: (person: object) => object
  /** The tokens for any grant. */
  tokens?: object
  poll?: string
  /** Thrown by every call instead. */
  error?: unknown
  /** Thrown when a failed call is counted. */
  tooMany?: Error
}

export const WEB = { client_id: 'web', client_secret: 'secret' }
export const BOUND = { ...WEB, client_id: 'bound' }
export const MACHINE = { ...WEB, client_id: 'machine' }
export const API = 'https://api.example.com'
export const PLAIN_API = 'https://plain.example.com'
/** A token of a person, whose bytes are all zero, and what it says. */
export const PERSONAL_TOKEN = `signet_pt_${'A'.repeat(64)}`
export const PERSONAL = { sessionId: '00000000-0000-0000-0000-000000000000', secret: Buffer.alloc(32) }

const AGENT: Client = {
  clientId: 'agent',
  name: 'Agent',
  redirectUris: [],
  postLogoutRedirectUris: [],
  secretHash: undefined,
  metadata: {},
  thirdParty: { host: undefined, fingerprint: 'f' }
}

/**
 * The endpoints on services that record their calls. Of the clients `spa` is public; `web` is confidential, `bound`
 * must send proofs, and `machine` has tokens of its own. `agent` is a third party.
 */
export async function serve (t: Test, results: Results = {}) {
  const calls: unknown[][] = []
  const record =
    (name: string, result?: unknown) =>
      async (...values: unknown[]) => {
        calls.push([name, ...values])
        if (results.error !== undefined) throw results.error
        return result
      }
  const app = Fastify({ genReqId: () => 'req' })
  t.teardown(() => app.close())
  app.decorateRequest('bearer')
  app.decorate('requireBearerOfAnyResource', async (request: { bearer: unknown }) => {
    request.bearer = results.bearer
  })
  app.decorate('verifyProof', async () => {
    if (results.jkt instanceof Error) throw results.jkt
    return results.jkt
  })
  app.decorate('readAccessToken', async () => results.claims as never)
  const limits: string[] = []
  const limit = async (key: string) => { limits.push(key) }
  const refreshLimit = { check: async () => {}, add: async () => {} }
  app.decorate('limits', {
    failedTokenCalls: {
      check: limit,
      count: async (key: string) => {
        calls.push(['count', key])
        if (results.tooMany) throw results.tooMany
      }
    },
    refresh: refreshLimit,
    signIn: { count: limit }
  } as never)
  await app.register(cookie)
  await app.register(oauth2Routes, {
    issuerUrl: 'https://id',
    clients: createClients(
      [
        { client_id: 'spa', name: 'SPA', redirect_uris: ['https://spa/cb'] },
        { client_id: 'web', name: 'Web', redirect_uris: ['https://web/cb'], client_secret: WEB.client_secret },
        {
          client_id: 'bound',
          name: 'Bound',
          redirect_uris: ['https://bound/cb'],
          client_secret: WEB.client_secret,
          require_pkce: false,
          dpop_bound_access_tokens: true,
          id_token_signed_response_alg: 'RS256'
        },
        {
          client_id: 'machine',
          name: 'Machine',
          redirect_uris: [],
          client_secret: WEB.client_secret,
          grant_types: ['client_credentials'],
          scope: 'notes:read notes:write'
        }
      ] as never,
      { find: async () => undefined, wantsRs256: async () => false },
      undefined,
      { isId: (id) => id === 'agent', find: async () => AGENT }
    ),
    clientTokens: { revoke: record('revokeClientToken'), isRevoked: record('isRevoked', results.isRevoked ?? false) },
    personalTokens: {
      exchange: record('exchangePersonal', results.tokens),
      inspect: record('inspectPersonal', results.personal),
      end: record('endPersonal')
    },
    accessTokens: {
      issueToClient: (grant: object) => {
        calls.push(['issueToClient', grant])
        return 'at of the client'
      },
      lifetimeSeconds: 900
    },
    ownClaims: results.ownClaims,
    cookies: createCookiePolicy('https://id', { attemptSeconds: 600, refreshTokenSeconds: 3600, sessionSeconds: 3600 }),
    resources: createResources([
      { resource: API, name: 'The API', scopes: ['notes:read'] }, { resource: PLAIN_API, name: 'No scopes' }
    ]),
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
  return { app, calls, limits, post, refreshLimit }
}
