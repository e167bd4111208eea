import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { callerOf } from '../audit/audit-event.ts'
import { OAuthError } from '../errors.ts'
import { OAuthErrorSchema } from '../plugins/problem-details.ts'
import type { SessionService } from '../sessions/service.ts'

/** RFC 7009: ends the session behind an access or refresh token; 200 whether or not the token was known. */
export const revokeRoutes: FastifyPluginAsyncTypebox<{ sessions: SessionService }> = async (app, { sessions }) => {
  app.post('/oauth2/revoke', {
    schema: {
      summary: 'Revoke a token',
      description: 'Ends the session behind an access or refresh token. 200 whether or not the token was known.',
      tags: ['OAuth 2.1'],
      body: Type.Object({
        token: Type.Optional(Type.String({ maxLength: 8192 })),
        token_type_hint: Type.Optional(Type.String({ maxLength: 100, description: 'Not needed: both kinds are recognised.' })),
        client_id: Type.Optional(Type.String({ maxLength: 200 }))
      }),
      response: { 200: Type.Object({}), 400: OAuthErrorSchema, 503: OAuthErrorSchema }
    }
  }, async (request) => {
    const { token } = request.body
    if (token === undefined || token === '') throw new OAuthError('invalid_request', 'token is missing.')
    if (!await sessions.revokeByRefreshToken(token, 'revoked', callerOf(request))) {
      const claims = await app.readAccessToken(request, token)
      if (claims) await sessions.revoke(claims.sid, 'revoked', callerOf(request))
    }
    return {}
  })
}
