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
import { authenticateClient, type Clients } from './clients.ts'
import { comesFromAllowedOrigin } from './origins.ts'
import { TokenResponseSchema } from './schemas.ts'

export interface TokenOptions { sessions: SessionService, clients: Clients, cookies: CookiePolicy, allowedOrigins: ReadonlySet<string> }

const Parameter = (description: string, maxLength = 4096) => Type.Optional(Type.String({ description, maxLength }))

/** RFC 6749 section 3.2: unknown parameters are ignored, repeated ones refused. */
const TokenRequestSchema = Type.Object({
  grant_type: Parameter('`authorization_code` or `refresh_token`.'),
  code: Parameter('From the redirect.'),
  redirect_uri: Parameter('The one that the code was sent to.'),
  code_verifier: Parameter('RFC 7636 section 4.1: 43 to 128 characters.'),
  refresh_token: Parameter('Absent in cookie mode: then the refresh cookie counts, and the Origin must be an allowed one.'),
  client_id: Parameter('May be left out for tokens of the direct and cookie modes.', 200),
  client_secret: Parameter('Of a confidential client, here or in an Authorization header.', 500)
})

type TokenRequest = Static<typeof TokenRequestSchema>

/** RFC 6749 section 3.2, as form or JSON. */
export const tokenRoutes: FastifyPluginAsyncTypebox<TokenOptions> = async (app, { sessions, clients, cookies, allowedOrigins }) => {
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
      if (grantType !== 'refresh_token') throw new OAuthError('unsupported_grant_type', 'The grant types here are authorization_code and refresh_token.')
      return refreshToken === undefined ? await refreshByCookie(request, reply) : await refresh(request, request.body, refreshToken)
    } catch (error) {
      if (error instanceof OAuthError) await app.limits.failedTokenCalls.count(addressOf(request))
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

  async function refresh (request: FastifyRequest, body: TokenRequest, refreshToken: string): Promise<TokenResponse> {
    // The direct and cookie modes have no client that could prove anything.
    const isOwn = body.client_id === OWN_CLIENT_ID && body.client_secret === undefined
    const client = isOwn ? undefined : await authenticateClient(clients, request, body)
    return await sessions.refresh(refreshToken, client?.clientId ?? OWN_CLIENT_ID, callerOf(request), app.limits.refresh)
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
