import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { callerOf } from '../http/caller.ts'
import { OAuthError } from '../http/errors.ts'
import { OAuthErrorSchema } from '../http/problem-details.ts'
import type { SessionService } from '../sessions/service.ts'
import { OWN_CLIENT_ID } from '../tokens/grants.ts'
import { authenticateClient, type Clients } from '../clients/clients.ts'

export interface TokenStateOptions { issuerUrl: string, sessions: SessionService, clients: Clients }

const TokenStateRequestSchema = Type.Object({
  token: Type.Optional(Type.String({ maxLength: 8192 })),
  token_type_hint: Type.Optional(Type.String({ maxLength: 100, description: 'Not needed: both kinds are recognised.' })),
  client_id: Type.Optional(Type.String({ maxLength: 200 })),
  client_secret: Type.Optional(Type.String({ maxLength: 500 }))
})

/** What may be done to and asked of a token by itself: RFC 7009 and RFC 7662. */
export const revokeRoutes: FastifyPluginAsyncTypebox<TokenStateOptions> = async (app, { issuerUrl, sessions, clients }) => {
  app.post('/oauth2/revoke', {
    schema: {
      summary: 'Revoke a token',
      description: 'Ends the session behind an access or refresh token (RFC 7009). 200 whether or not the token was known.',
      tags: ['OAuth 2.1'],
      body: TokenStateRequestSchema,
      response: { 200: Type.Object({}), 400: OAuthErrorSchema, 401: OAuthErrorSchema, 503: OAuthErrorSchema }
    }
  }, async (request) => {
    const { token, client_id: clientId } = request.body
    if (token === undefined) throw new OAuthError('invalid_request', 'token is missing.')
    const client = clientId === OWN_CLIENT_ID ? undefined : await authenticateClient(clients, request, request.body)
    const claims = await app.readAccessToken(request, token)
    // Whoever holds a token may end it; a client that names itself may end its own only (RFC 7009 section 2.1).
    const owner = claims?.client_id ?? (await sessions.inspectRefreshToken(token))?.clientId
    if (client && owner !== undefined && owner !== client.clientId) throw new OAuthError('invalid_grant', 'The token belongs to another client.')
    if (claims) await sessions.revoke(claims.sid, 'revoked', callerOf(request))
    else await sessions.revokeByRefreshToken(token, 'revoked', callerOf(request))
    return {}
  })

  app.post('/oauth2/introspect', {
    schema: {
      summary: 'Ask whether a token is good',
      description: 'RFC 7662, for confidential clients. False at once when the session has ended.',
      tags: ['OAuth 2.1'],
      body: TokenStateRequestSchema,
      response: {
        200: Type.Object({ active: Type.Boolean() }, { additionalProperties: true }), 400: OAuthErrorSchema, 401: OAuthErrorSchema, 503: OAuthErrorSchema
      }
    }
  }, async (request) => {
    const client = await authenticateClient(clients, request, request.body)
    if (!client?.secretHash) throw new OAuthError('invalid_client', 'Only a confidential client may ask.')
    const { token } = request.body
    if (token === undefined) throw new OAuthError('invalid_request', 'token is missing.')
    const claims = await app.readAccessToken(request, token)
    if (claims) {
      const isActive = claims.exp * 1000 > Date.now() && await sessions.isAlive(claims.sid)
      return isActive ? { active: true, token_type: 'Bearer', ...claims } : { active: false }
    }
    const session = await sessions.inspectRefreshToken(token)
    if (!session) return { active: false }
    const seconds = (time: Date) => Math.floor(time.getTime() / 1000)
    return {
      active: true,
      iss: issuerUrl,
      sub: session.userId,
      client_id: session.clientId,
      scope: session.scope,
      iat: seconds(session.createdAt),
      exp: seconds(session.expiresAt)
    }
  })
}
