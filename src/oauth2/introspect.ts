import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { authenticateClient, type Clients } from '../clients/clients.ts'
import { OAuthError } from '../http/errors.ts'
import { OAuthErrorSchema } from '../http/problem-details.ts'
import type { SessionService } from '../sessions/service.ts'
import type { UserRepository } from '../users/repository.ts'
import { PresentedTokenSchema } from './presented-token.ts'

export interface IntrospectOptions {
  issuerUrl: string
  sessions: Pick<SessionService, 'inspectRefreshToken'>
  users: Pick<UserRepository, 'rolesBySession'>
  clients: Clients
}

/** Token introspection (RFC 7662), for access and refresh tokens. */
export const introspectRoutes: FastifyPluginAsyncTypebox<IntrospectOptions> = async (app, options) => {
  const { issuerUrl, sessions, users, clients } = options

  app.post('/oauth2/introspect', {
    schema: {
      summary: 'Check whether a token is active',
      description: 'RFC 7662, for confidential clients. A token is inactive as soon as its session has ended; ' +
        'roles are those that the user has now.',
      tags: ['OAuth 2.1'],
      body: PresentedTokenSchema,
      response: {
        200: Type.Object({ active: Type.Boolean() }, { additionalProperties: true }),
        400: OAuthErrorSchema,
        401: OAuthErrorSchema,
        429: OAuthErrorSchema,
        503: OAuthErrorSchema
      }
    }
  }, async (request) => {
    const client = await authenticateClient(clients, request, request.body)
    if (!client?.secretHash) throw new OAuthError('invalid_client', 'Only a confidential client may introspect tokens.')
    const { token } = request.body
    if (token === undefined) throw new OAuthError('invalid_request', 'token is missing.')
    const claims = await app.readAccessToken(request)
    if (claims) {
      const hasExpired = claims.exp * 1000 <= Date.now()
      const roles = hasExpired ? undefined : await users.rolesBySession(claims.sid, claims.sub)
      const tokenType = claims.cnf ? 'DPoP' : 'Bearer'
      return roles ? { active: true, token_type: tokenType, ...claims, roles } : { active: false }
    }
    const session = await sessions.inspectRefreshToken(token)
    if (!session) return { active: false }
    return {
      active: true,
      iss: issuerUrl,
      sub: session.userId,
      client_id: session.clientId,
      scope: session.scope,
      iat: toSeconds(session.createdAt),
      exp: toSeconds(session.expiresAt)
    }
  })
}

function toSeconds (time: Date): number {
  return Math.floor(time.getTime() / 1000)
}
