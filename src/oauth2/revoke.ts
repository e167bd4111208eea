import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { authenticateClient, type Clients } from '../clients/clients.ts'
import { callerOf } from '../http/caller.ts'
import { OAuthError } from '../http/errors.ts'
import { OAuthErrorSchema } from '../http/problem-details.ts'
import type { SessionService } from '../sessions/service.ts'
import { OWN_CLIENT_ID } from '../tokens/grants.ts'
import { PresentedTokenSchema } from './presented-token.ts'

export interface RevokeOptions {
  sessions: Pick<SessionService, 'findByRefreshToken' | 'end' | 'endByRefreshToken'>
  clients: Clients
}

/** Token revocation (RFC 7009): ends the session behind the token. */
export const revokeRoutes: FastifyPluginAsyncTypebox<RevokeOptions> = async (app, { sessions, clients }) => {
  app.post('/oauth2/revoke', {
    schema: {
      summary: 'Revoke a token',
      description: 'Ends the session behind an access or refresh token (RFC 7009). 200 even if the token is unknown.',
      tags: ['OAuth 2.1'],
      body: PresentedTokenSchema,
      response: {
        200: Type.Object({}),
        400: OAuthErrorSchema,
        401: OAuthErrorSchema,
        429: OAuthErrorSchema,
        503: OAuthErrorSchema
      }
    }
  }, async (request) => {
    const { token, client_id: clientId } = request.body
    if (token === undefined) throw new OAuthError('invalid_request', 'token is missing.')
    const client = clientId === OWN_CLIENT_ID ? undefined : await authenticateClient(clients, request, request.body)
    const claims = await app.readAccessToken(request)
    // Section 2.1: a client may revoke only its own tokens. Without a client, having the token is enough.
    const owner = claims?.client_id ?? (await sessions.findByRefreshToken(token))?.clientId
    if (client && owner !== undefined && owner !== client.clientId) {
      throw new OAuthError('invalid_grant', 'The token belongs to another client.')
    }
    if (claims) await sessions.end(claims.sid, 'revoked', callerOf(request))
    else await sessions.endByRefreshToken(token, 'revoked', callerOf(request))
    return {}
  })
}
