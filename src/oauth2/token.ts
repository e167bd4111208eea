import { createHash } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import { callerOf } from '../audit/audit-event.ts'
import { OAuthError } from '../errors.ts'
import type { CookiePolicy } from '../plugins/cookies.ts'
import { OAuthErrorSchema } from '../plugins/problem-details.ts'
import { addressOf } from '../plugins/rate-limit.ts'
import type { SessionService, TokenResponse } from '../sessions/service.ts'
import { OWN_CLIENT_ID } from '../sessions/session.ts'
import { authenticateClient, type ClientCredentials, type Clients } from './clients.ts'
import { hashDeviceCode, newDeviceCode, newUserCode, showUserCode } from './device-code.ts'
import type { DeviceRepository, PollResult } from './device-repository.ts'
import { comesFromAllowedOrigin } from './origins.ts'
import { TokenResponseSchema } from './schemas.ts'
import { grantableScope } from './scope.ts'

export interface TokenOptions {
  issuerUrl: string
  sessions: SessionService
  clients: Clients
  devices: DeviceRepository
  cookies: CookiePolicy
  allowedOrigins: ReadonlySet<string>
}

const Parameter = (description: string, maxLength = 4096) => Type.Optional(Type.String({ description, maxLength }))

/** RFC 6749 section 3.2: unknown parameters are ignored, repeated ones refused. */
const TokenRequestSchema = Type.Object({
  grant_type: Parameter('`authorization_code`, `refresh_token` or `urn:ietf:params:oauth:grant-type:device_code`.'),
  device_code: Parameter('From /oauth2/device_authorization.'),
  code: Parameter('From the redirect.'),
  redirect_uri: Parameter('The one that the code was sent to.'),
  code_verifier: Parameter('RFC 7636 section 4.1: 43 to 128 characters.'),
  refresh_token: Parameter('Absent in cookie mode: then the refresh cookie counts, and the Origin must be an allowed one.'),
  client_id: Parameter('May be left out for tokens of the direct and cookie modes.', 200),
  client_secret: Parameter('Of a confidential client, here or in an Authorization header.', 500)
})

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'
export const GRANT_TYPES = ['authorization_code', 'refresh_token', DEVICE_GRANT]
const DEVICE_CODE_SECONDS = 10 * 60
const POLL_SECONDS = 5

const POLL_MESSAGES: Record<PollResult, string> = {
  authorization_pending: 'Nobody has approved yet. Ask again after the interval.',
  slow_down: 'You ask too often. Wait five seconds longer between two calls.',
  access_denied: 'The person said no.',
  expired_token: 'The code is older than ten minutes. Start again.',
  invalid_grant: 'The device code is unknown, was used before, or belongs to another client.'
}

type TokenRequest = Static<typeof TokenRequestSchema>

/** RFC 6749 section 3.2, as form or JSON. */
export const tokenRoutes: FastifyPluginAsyncTypebox<TokenOptions> = async (app, { issuerUrl, sessions, clients, devices, cookies, allowedOrigins }) => {
  app.post('/oauth2/token', {
    schema: {
      summary: 'Exchange a grant for tokens',
      tags: ['OAuth 2.1'],
      body: TokenRequestSchema,
      response: { 200: TokenResponseSchema, 400: OAuthErrorSchema, 401: OAuthErrorSchema, 403: OAuthErrorSchema, 429: OAuthErrorSchema, 503: OAuthErrorSchema }
    }
  }, async (request, reply) => {
    try {
      const { grant_type: grantType, refresh_token: refreshToken } = request.body
      if (grantType === undefined) throw new OAuthError('invalid_request', 'grant_type is missing.')
      if (grantType === 'authorization_code') return await redeemCode(request, request.body)
      if (grantType === DEVICE_GRANT) return await redeemDeviceCode(request, request.body)
      if (grantType !== 'refresh_token') throw new OAuthError('unsupported_grant_type', `The grant types here are ${GRANT_TYPES.join(', ')}.`)
      return refreshToken === undefined ? await refreshByCookie(request, reply) : await refresh(request, request.body, refreshToken)
    } catch (error) {
      // A device that waits as it was told does nothing wrong.
      if (error instanceof OAuthError && error.error !== 'authorization_pending') await app.limits.failedTokenCalls.count(addressOf(request))
      throw error
    }
  })

  app.post('/oauth2/device_authorization', {
    schema: {
      summary: 'Start a sign-in on a device without a browser',
      description: 'RFC 8628 section 3.1. Show the person `user_code` and `verification_uri`, then poll /oauth2/token.',
      tags: ['OAuth 2.1'],
      body: Type.Object({ client_id: Parameter('A registered client, or `signet`.', 200), client_secret: Parameter('Of a confidential client.', 500), scope: Parameter('As at /oauth2/authorize.', 1000) }),
      response: {
        200: Type.Object({
          device_code: Type.String(),
          user_code: Type.String(),
          verification_uri: Type.String(),
          verification_uri_complete: Type.String(),
          expires_in: Type.Integer(),
          interval: Type.Integer()
        }),
        400: OAuthErrorSchema,
        401: OAuthErrorSchema,
        429: OAuthErrorSchema,
        503: OAuthErrorSchema
      }
    }
  }, async (request) => {
    await app.limits.signIn.count(`device:${addressOf(request)}`)
    const clientId = await ownOrRegistered(request, request.body)
    if (clientId === undefined) throw new OAuthError('invalid_request', 'client_id is missing.')
    const deviceCode = newDeviceCode()
    const deviceCodeHash = hashDeviceCode(deviceCode)
    const scope = grantableScope(request.body.scope)
    let userCode = newUserCode()
    while (!await devices.create({ deviceCodeHash, userCode, clientId, scope }, DEVICE_CODE_SECONDS, POLL_SECONDS)) userCode = newUserCode()
    const verificationUri = `${issuerUrl}/device`
    return {
      device_code: deviceCode,
      user_code: showUserCode(userCode),
      verification_uri: verificationUri,
      verification_uri_complete: `${verificationUri}?user_code=${showUserCode(userCode)}`,
      expires_in: DEVICE_CODE_SECONDS,
      interval: POLL_SECONDS
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

  /** Who calls, when the own client will do: it has registered nothing and so has nothing to prove. */
  async function ownOrRegistered (request: FastifyRequest, body: ClientCredentials): Promise<string | undefined> {
    if (body.client_id === OWN_CLIENT_ID && body.client_secret === undefined) return OWN_CLIENT_ID
    return (await authenticateClient(clients, request, body))?.clientId
  }

  async function redeemDeviceCode (request: FastifyRequest, body: TokenRequest): Promise<TokenResponse> {
    const clientId = await ownOrRegistered(request, body)
    if (clientId === undefined || body.device_code === undefined) throw new OAuthError('invalid_request', 'client_id and device_code are required.')
    const hash = hashDeviceCode(body.device_code)
    const tokens = await sessions.redeemDeviceCode(hash, clientId)
    if (tokens) return tokens
    const reason = await devices.poll(hash, clientId)
    throw new OAuthError(reason, POLL_MESSAGES[reason])
  }

  async function refresh (request: FastifyRequest, body: TokenRequest, refreshToken: string): Promise<TokenResponse> {
    const clientId = await ownOrRegistered(request, body) ?? OWN_CLIENT_ID
    return await sessions.refresh(refreshToken, clientId, callerOf(request), app.limits.refresh)
  }

  async function refreshByCookie (request: FastifyRequest<{ Body: TokenRequest }>, reply: FastifyReply): Promise<Omit<TokenResponse, 'refresh_token'>> {
    const cookie = request.cookies[cookies.refreshCookieName]
    if (cookie === undefined) throw new OAuthError('invalid_request', 'refresh_token is missing.')
    if (!comesFromAllowedOrigin(request, allowedOrigins)) throw new OAuthError('invalid_request', 'The refresh cookie works for allowed origins only.', 403)
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
