import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { ClientTokenRepository } from '../clients/client-token-repository.ts'
import { authenticateClient, isConfidential, type Clients } from '../clients/clients.ts'
import { mayUseGrant } from '../clients/client-metadata.ts'
import { OAuthError } from '../http/errors.ts'
import { OAuthErrorSchema } from '../http/problem-details.ts'
import { decodePersonalToken } from '../personal-tokens/personal-token.ts'
import type { PersonalTokens } from '../personal-tokens/service.ts'
import type { SessionService } from '../sessions/service.ts'
import { isClientToken, type ClientTokenClaims } from '../tokens/access-tokens.ts'
import { CLIENT_CREDENTIALS } from '../tokens/grant-types.ts'
import type { UserRepository } from '../users/repository.ts'
import { PresentedTokenSchema } from './presented-token.ts'

export interface IntrospectOptions {
  issuerUrl: string
  sessions: Pick<SessionService, 'inspectRefreshToken'>
  users: Pick<UserRepository, 'rolesBySession'>
  clients: Clients
  clientTokens: Pick<ClientTokenRepository, 'isRevoked'>
  personalTokens: Pick<PersonalTokens, 'inspect'>
}

/** Token introspection (RFC 7662), for access, refresh and personal tokens. */
export const introspectRoutes: FastifyPluginAsyncTypebox<IntrospectOptions> = async (app, options) => {
  const { issuerUrl, sessions, users, clients, clientTokens, personalTokens } = options

  app.post('/oauth2/introspect', {
    schema: {
      summary: 'Check whether a token is active',
      description: 'RFC 7662, for confidential clients. A token is inactive as soon as its session has ended; ' +
        'roles are those that the user has now. A token of a client itself is inactive once the client was removed ' +
        'or its credentials were replaced.',
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
    if (!client || !isConfidential(client)) {
      throw new OAuthError('invalid_client', 'Only a confidential client may introspect tokens.')
    }
    const { token } = request.body
    if (token === undefined) throw new OAuthError('invalid_request', 'token is missing.')
    const claims = await app.readAccessToken(request)
    if (claims) {
      const hasExpired = claims.exp * 1000 <= Date.now()
      // RFC 9449 section 6.2.
      const tokenType = claims.cnf ? 'DPoP' : 'Bearer'
      if (isClientToken(claims)) {
        const isActive = !hasExpired && await isActiveClientToken(claims)
        return isActive ? { active: true, token_type: tokenType, ...claims } : { active: false }
      }
      const roles = hasExpired ? undefined : await users.rolesBySession(claims.sid, claims.sub)
      if (!roles) return { active: false }
      const ownRoles = clients.isThirdParty(claims.client_id) ? [] : roles
      return { active: true, token_type: tokenType, ...claims, roles: ownRoles }
    }
    const personalToken = decodePersonalToken(token)
    const session = personalToken
      ? await personalTokens.inspect(personalToken)
      : await sessions.inspectRefreshToken(token)
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

  async function isActiveClientToken (claims: ClientTokenClaims): Promise<boolean> {
    const client = await clients.find(claims.client_id)
    return client !== undefined && mayUseGrant(client.metadata, CLIENT_CREDENTIALS) &&
      !await clientTokens.isRevoked(claims)
  }
}

function toSeconds (time: Date): number {
  return Math.floor(time.getTime() / 1000)
}
