import { createHash } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import { callerOf } from '../http/caller.ts'
import { OAuthError } from '../http/errors.ts'
import type { CookiePolicy } from '../http/cookies.ts'
import { OAuthErrorSchema } from '../http/problem-details.ts'
import { addressOf } from '../http/client-address.ts'
import type { SessionService, TokenResponse } from '../sessions/service.ts'
import { OWN_CLIENT_ID } from '../tokens/grants.ts'
import type { SignInService } from '../sign-in/service.ts'
import { authenticateClient, ownOrRegistered, type Clients } from '../clients/clients.ts'
import { hashDeviceCode } from '../device/codes.ts'
import type { DeviceRepository, PollResult } from '../device/repository.ts'
import { comesFromAllowedOrigin, type AllowedOrigins } from '../http/allowed-origins.ts'
import { TokenResponseSchema } from '../tokens/token-response.ts'
import { grantableScope } from '../tokens/scope.ts'

export interface TokenOptions {
  sessions: SessionService
  signIn: SignInService
  clients: Clients
  devices: DeviceRepository
  cookies: CookiePolicy
  allowedOrigins: AllowedOrigins
}

const Parameter = (description: string, maxLength = 4096) => Type.Optional(Type.String({ description, maxLength }))

/** RFC 6749 section 3.2: unknown parameters are ignored, repeated ones refused. */
const TokenRequestSchema = Type.Object({
  grant_type: Parameter('`authorization_code`, `refresh_token`, `urn:ietf:params:oauth:grant-type:device_code` or `urn:ietf:params:oauth:grant-type:token-exchange`.'),
  device_code: Parameter('From /oauth2/device_authorization.'),
  code: Parameter('From the redirect.'),
  redirect_uri: Parameter('The one that the code was sent to.'),
  code_verifier: Parameter('RFC 7636 section 4.1: 43 to 128 characters.'),
  refresh_token: Parameter('Absent in cookie mode: then the refresh cookie counts, and the Origin must be an allowed one.'),
  subject_token: Parameter('Native sign-in: the ID token that the provider\'s own SDK gave to the app.', 16_384),
  subject_token_type: Parameter('`urn:ietf:params:oauth:token-type:id_token`.'),
  provider: Parameter('Native sign-in: the id of the provider that made the ID token.', 64),
  nonce: Parameter('Native sign-in: the nonce that the app chose, where it did. The ID token holds it, or its SHA-256 in hex.', 512),
  scope: Parameter('Native sign-in: as at /oauth2/authorize. Refresh: some of what was granted, for these tokens only.', 1000),
  client_id: Parameter('May be left out for tokens of the direct and cookie modes.', 200),
  client_secret: Parameter('Of a confidential client, here or in an Authorization header.', 500)
})

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const GRANT_TYPES = ['authorization_code', 'refresh_token', DEVICE_GRANT, TOKEN_EXCHANGE]
const ID_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:id_token'
const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token'

const POLL_MESSAGES: Record<PollResult, string> = {
  authorization_pending: 'Nobody has approved yet. Ask again after the interval.',
  slow_down: 'You ask too often. Wait five seconds longer between two calls.',
  access_denied: 'The person said no.',
  expired_token: 'The code is older than ten minutes. Start again.',
  invalid_grant: 'The device code is unknown, was used before, or belongs to another client.'
}

type TokenRequest = Static<typeof TokenRequestSchema>

/** RFC 6749 section 3.2, as form or JSON. */
export const tokenRoutes: FastifyPluginAsyncTypebox<TokenOptions> = async (app, { sessions, signIn, clients, devices, cookies, allowedOrigins }) => {
  app.post('/oauth2/token', {
    schema: {
      summary: 'Exchange a grant for tokens',
      tags: ['OAuth 2.1'],
      body: TokenRequestSchema,
      response: { 200: TokenResponseSchema, 400: OAuthErrorSchema, 401: OAuthErrorSchema, 403: OAuthErrorSchema, 429: OAuthErrorSchema, '5xx': OAuthErrorSchema }
    }
  }, async (request, reply) => {
    try {
      const { grant_type: grantType, refresh_token: refreshToken } = request.body
      if (grantType === undefined) throw new OAuthError('invalid_request', 'grant_type is missing.')
      if (grantType === 'authorization_code') return await redeemCode(request, request.body)
      if (grantType === TOKEN_EXCHANGE) return await signInNatively(request, request.body)
      if (grantType === DEVICE_GRANT) return await redeemDeviceCode(request, request.body)
      if (grantType !== 'refresh_token') throw new OAuthError('unsupported_grant_type', `The grant types here are ${GRANT_TYPES.join(', ')}.`)
      return refreshToken === undefined ? await refreshByCookie(request, reply) : await refresh(request, request.body, refreshToken)
    } catch (error) {
      // A device that waits as it was told does nothing wrong.
      if (error instanceof OAuthError && error.error !== 'authorization_pending') await app.limits.failedTokenCalls.count(addressOf(request))
      throw error
    }
  })

  async function redeemCode (request: FastifyRequest, body: TokenRequest): Promise<TokenResponse> {
    const client = await authenticateClient(clients, request, body)
    if (!client) throw new OAuthError('invalid_request', 'client_id is missing.')
    const { code, redirect_uri: redirectUri, code_verifier: codeVerifier } = body
    if (code === undefined || redirectUri === undefined || codeVerifier === undefined) {
      throw new OAuthError('invalid_request', 'code, redirect_uri and code_verifier are required.')
    }
    if (!/^[\w.~-]{43,128}$/.test(codeVerifier)) throw new OAuthError('invalid_grant', 'code_verifier must be 43 to 128 unreserved characters.')
    const [hash, codeChallenge] = [sha256(code), sha256(codeVerifier).toString('base64url')]
    return await sessions.redeemCode({ hash, clientId: client.clientId, redirectUri, codeChallenge }, callerOf(request))
  }

  async function redeemDeviceCode (request: FastifyRequest, body: TokenRequest): Promise<TokenResponse> {
    const clientId = await ownOrRegistered(clients, request, body)
    if (clientId === undefined || body.device_code === undefined) throw new OAuthError('invalid_request', 'client_id and device_code are required.')
    const hash = hashDeviceCode(body.device_code)
    const tokens = await sessions.redeemDeviceCode(hash, clientId)
    if (tokens) return tokens
    const reason = await devices.poll(hash, clientId)
    throw new OAuthError(reason, POLL_MESSAGES[reason])
  }

  /** RFC 8693 section 2. What is wrong with the ID token is `invalid_grant`, as everywhere here: sign in again. */
  async function signInNatively (request: FastifyRequest, body: TokenRequest): Promise<TokenResponse & { issued_token_type: string }> {
    const clientId = await ownOrRegistered(clients, request, body)
    const { subject_token: idToken, subject_token_type: type, provider, nonce } = body
    if (clientId === undefined || idToken === undefined || provider === undefined) {
      throw new OAuthError('invalid_request', 'client_id, provider and subject_token are required.')
    }
    if (type !== ID_TOKEN_TYPE) throw new OAuthError('invalid_request', `subject_token_type must be ${ID_TOKEN_TYPE}.`)
    const signedIn = await signIn.signInNatively({ provider, idToken, nonce, clientId, scope: grantableScope(body.scope) }, callerOf(request))
    return { ...signedIn, issued_token_type: ACCESS_TOKEN_TYPE }
  }

  async function refresh (request: FastifyRequest, body: TokenRequest, refreshToken: string): Promise<TokenResponse> {
    const clientId = await ownOrRegistered(clients, request, body) ?? OWN_CLIENT_ID
    const scope = body.scope === undefined ? undefined : grantableScope(body.scope)
    return await sessions.refresh({ refreshToken, clientId, scope }, callerOf(request), app.limits.refresh)
  }

  async function refreshByCookie (request: FastifyRequest<{ Body: TokenRequest }>, reply: FastifyReply): Promise<Omit<TokenResponse, 'refresh_token'>> {
    const cookie = request.cookies[cookies.refreshCookieName]
    if (cookie === undefined) throw new OAuthError('invalid_request', 'refresh_token is missing.')
    if (!await comesFromAllowedOrigin(request, allowedOrigins)) throw new OAuthError('invalid_request', 'The refresh cookie works for allowed origins only.', 403)
    const { refresh_token: successor, ...tokens } = await refresh(request, request.body, cookie).catch((error) => {
      if (error instanceof OAuthError && error.error === 'invalid_grant') reply.clearCookie(cookies.refreshCookieName, cookies.refreshToken)
      throw error
    })
    reply.setCookie(cookies.refreshCookieName, successor, cookies.refreshToken)
    return tokens
  }
}

function sha256 (text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
