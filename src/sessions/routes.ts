import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { comesFromAllowedOrigin, type AllowedOrigins } from '../http/allowed-origins.ts'
import { badBearer, hasBearer } from '../http/bearer.ts'
import { callerOf } from '../http/caller.ts'
import type { CookiePolicy } from '../http/cookies.ts'
import { Problem } from '../http/errors.ts'
import { problems } from '../http/problem-details.ts'
import type { SessionService } from './service.ts'

export interface LogoutRouteOptions { sessions: SessionService, cookies: CookiePolicy, allowedOrigins: AllowedOrigins }

export const logoutRoutes: FastifyPluginAsyncTypebox<LogoutRouteOptions> = async (app, options) => {
  const { sessions, cookies, allowedOrigins } = options

  // The route reads no body, so it accepts one of any type.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null))

  app.post('/logout', {
    schema: {
      summary: 'Log out',
      description: 'Ends the session of the access token, which may have expired, or of the refresh cookie, and ' +
        'clears the cookie. Logging out twice is 204 again.',
      tags: ['User'],
      security: [{}, { bearer: [] }],
      response: {
        204: Type.Null({ description: 'Logged out.' }),
        ...problems('invalid_request', 'invalid_token', 'service_unavailable')
      }
    }
  }, async (request, reply) => {
    const caller = callerOf(request)
    const cookie = request.cookies[cookies.refreshCookieName]
    if (hasBearer(request)) {
      const claims = await app.readAccessToken(request)
      if (!claims) throw badBearer('invalid_token', 'The access token is not valid.')
      await sessions.end(claims.sid, 'logout', caller)
    } else if (cookie !== undefined) {
      if (!await comesFromAllowedOrigin(request, allowedOrigins)) {
        throw new Problem('invalid_request', 'The refresh cookie works for allowed origins only.', { status: 403 })
      }
      await sessions.endByRefreshToken(cookie, 'logout', caller)
    }
    reply.clearCookie(cookies.refreshCookieName, cookies.refreshToken)
    return reply.header('cache-control', 'no-store').code(204).send(null)
  })
}
