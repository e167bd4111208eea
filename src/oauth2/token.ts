import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { callerOf } from '../audit/audit-event.ts'
import { OAuthError } from '../errors.ts'
import type { CookiePolicy } from '../plugins/cookies.ts'
import { OAuthErrorSchema } from '../plugins/problem-details.ts'
import { addressOf } from '../plugins/rate-limit.ts'
import type { SessionService } from '../sessions/service.ts'
import { comesFromAllowedOrigin } from './origins.ts'
import { TokenResponseSchema } from './schemas.ts'

export interface TokenOptions { sessions: SessionService, cookies: CookiePolicy, allowedOrigins: ReadonlySet<string> }

const Parameter = (description: string, maxLength = 4096) => Type.Optional(Type.String({ description, maxLength }))

/** RFC 6749 section 3.2: unknown parameters are ignored, repeated ones refused. */
const TokenRequestSchema = Type.Object({
  grant_type: Parameter('`refresh_token`.'),
  refresh_token: Parameter('Absent in cookie mode: then the refresh cookie counts, and the Origin must be an allowed one.'),
  client_id: Parameter('May be left out for tokens of the direct and cookie modes.', 200)
})

/** RFC 6749 section 3.2, as form or JSON. */
export const tokenRoutes: FastifyPluginAsyncTypebox<TokenOptions> = async (app, { sessions, cookies, allowedOrigins }) => {
  app.post('/oauth2/token', {
    schema: {
      summary: 'Exchange a grant for tokens',
      tags: ['OAuth 2.1'],
      body: TokenRequestSchema,
      response: { 200: TokenResponseSchema, 400: OAuthErrorSchema, 401: OAuthErrorSchema, 403: OAuthErrorSchema, 429: OAuthErrorSchema, 503: OAuthErrorSchema }
    }
  }, async (request, reply) => {
    const address = addressOf(request)
    try {
      if (request.body.grant_type === undefined) throw new OAuthError('invalid_request', 'grant_type is missing.')
      if (request.body.grant_type !== 'refresh_token') throw new OAuthError('unsupported_grant_type', 'The only grant_type here is refresh_token.')
      if (request.body.refresh_token !== undefined) return await refresh(request.body.refresh_token)

      const cookie = request.cookies[cookies.refreshCookieName]
      if (cookie === undefined) throw new OAuthError('invalid_request', 'refresh_token is missing.')
      if (!comesFromAllowedOrigin(request, allowedOrigins)) throw new OAuthError('invalid_request', 'The refresh cookie works for allowed origins only.', 403)
      const { refresh_token: successor, ...tokens } = await refresh(cookie).catch((error) => {
        if (error instanceof OAuthError && error.error === 'invalid_grant') reply.clearCookie(cookies.refreshCookieName, cookies.refreshToken)
        throw error
      })
      reply.setCookie(cookies.refreshCookieName, successor, cookies.refreshToken)
      return tokens
    } catch (error) {
      if (error instanceof OAuthError) await app.limits.failedTokenCalls.count(address)
      throw error
    }

    async function refresh (refreshToken: string) {
      return await sessions.refresh(refreshToken, request.body.client_id, callerOf(request), app.limits.refresh)
    }
  })
}
