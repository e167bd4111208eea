import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { comesFromAllowedOrigin, type AllowedOrigins } from '../http/allowed-origins.ts'
import { badBearer, hasBearer } from '../http/bearer.ts'
import { callerOf } from '../http/caller.ts'
import type { CookiePolicy } from '../http/cookies.ts'
import { Problem } from '../http/errors.ts'
import { problems } from '../http/problem-details.ts'
import { isClientToken } from '../tokens/access-tokens.ts'
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
      description: 'Ends the session of the access token, expired or not, or of the refresh cookie, and clears the ' +
        'cookie. A request of another site clears nothing. Repeating the request is 204, too.',
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
    const { origin, 'sec-fetch-site': site } = request.headers
    // A browser sends at least one of the two with each POST. Without them only the cookie needs an allowed origin.
    const isAllowed = (origin === undefined && site === undefined && cookie === undefined) ||
      await comesFromAllowedOrigin(request, allowedOrigins)
    if (hasBearer(request)) {
      const claims = await app.readAccessToken(request)
      if (!claims || isClientToken(claims) || !app.isForThisServer(claims)) {
        throw badBearer('invalid_token', 'The access token is not valid.')
      }
      await sessions.end(claims.sid, 'logout', caller)
    } else if (!isAllowed) {
      throw new Problem('invalid_request', 'Only a page of an allowed origin may log out by cookie.', { status: 403 })
    } else if (cookie !== undefined) {
      await sessions.endByRefreshToken(cookie, 'logout', caller)
    }
    if (isAllowed) reply.clearCookie(cookies.refreshCookieName, cookies.refreshToken)
    return reply.header('cache-control', 'no-store').code(204).send(null)
  })
}
