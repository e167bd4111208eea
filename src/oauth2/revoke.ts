import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { ClientTokenRepository } from '../clients/client-token-repository.ts'
import { authenticateClient, type Clients } from '../clients/clients.ts'
import { callerOf } from '../http/caller.ts'
import { OAuthError } from '../http/errors.ts'
import { OAuthErrorSchema } from '../http/problem-details.ts'
import { decodePersonalToken } from '../personal-tokens/personal-token.ts'
import type { PersonalTokens } from '../personal-tokens/service.ts'
import type { SessionService } from '../sessions/service.ts'
import { isClientToken } from '../tokens/access-tokens.ts'
import { OWN_CLIENT_ID } from '../tokens/grants.ts'
import { PresentedTokenSchema } from './presented-token.ts'

export interface RevokeOptions {
  sessions: Pick<SessionService, 'findByRefreshToken' | 'end' | 'endByRefreshToken'>
  clients: Clients
  clientTokens: Pick<ClientTokenRepository, 'revoke'>
  personalTokens: Pick<PersonalTokens, 'end'>
}

/** Token revocation (RFC 7009): ends the session behind the token. */
export const revokeRoutes: FastifyPluginAsyncTypebox<RevokeOptions> = async (app, options) => {
  const { sessions, clients, clientTokens, personalTokens } = options
  app.post('/oauth2/revoke', {
    schema: {
      summary: 'Revoke a token',
      description: 'Ends the session behind an access, refresh or personal token (RFC 7009). Of a client itself, ' +
        'which has no session, revokes the one token. 200 even if the token is unknown.',
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
    const personalToken = decodePersonalToken(token)
    const owner = personalToken
      ? OWN_CLIENT_ID
      : claims?.client_id ?? (await sessions.findByRefreshToken(token))?.clientId
    if (client && owner !== undefined && owner !== client.clientId) {
      throw new OAuthError('invalid_grant', 'The token belongs to another client.')
    }
    if (claims && isClientToken(claims)) await clientTokens.revoke(claims)
    else if (claims) await sessions.end(claims.sid, 'revoked', callerOf(request))
    else if (personalToken) await personalTokens.end(personalToken, callerOf(request))
    else await sessions.endByRefreshToken(token, 'revoked', callerOf(request))
    return {}
  })
}
