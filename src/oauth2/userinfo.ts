import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Clients } from '../clients/clients.ts'
import { badBearer, insufficientScope } from '../http/bearer.ts'
import { inSchemeOf } from '../http/dpop.ts'
import { OAuthError } from '../http/errors.ts'
import { OAuthErrorSchema } from '../http/problem-details.ts'
import type { ClaimTemplate } from '../tokens/claim-template.ts'
import { usernameOf } from '../tokens/grants.ts'
import { identityClaims } from '../tokens/id-tokens.ts'
import { hasScope } from '../tokens/scope.ts'
import type { UserRepository } from '../users/repository.ts'

export interface UserinfoOptions {
  users: Pick<UserRepository, 'bySession'>
  clients: Pick<Clients, 'isThirdParty'>
  /** ID_TOKEN_CLAIMS. */
  ownClaims?: ClaimTemplate | undefined
}

/** OpenID Connect Core section 5.3: the claims of the ID token, with the user's current values. */
export const userinfoRoutes: FastifyPluginAsyncTypebox<UserinfoOptions> = async (app, options) => {
  const { users, clients } = options
  app.addHook('onRequest', app.requireBearerOfAnyResource)
  // The token is in the header: the body of a POST, of any type, is ignored.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null))

  const schema = (method: string) => ({
    summary: `The claims of the signed-in user, by ${method}`,
    tags: ['OAuth 2.1'],
    security: [{ bearer: [] }],
    response: {
      200: Type.Object({ sub: Type.String() }, { additionalProperties: true }),
      401: OAuthErrorSchema,
      403: OAuthErrorSchema
    }
  })

  app.get('/oauth2/userinfo', { schema: schema('GET') }, getClaims)
  app.post('/oauth2/userinfo', { schema: schema('POST') }, getClaims)

  async function getClaims (request: FastifyRequest, reply: FastifyReply) {
    const { sid, sub, scope, client_id: clientId } = request.bearer
    if (!hasScope(scope, 'openid')) {
      const { headers, message, status } = insufficientScope('openid')
      reply.headers(inSchemeOf(request, headers))
      throw new OAuthError('insufficient_scope', message, status)
    }
    const user = await users.bySession(sid, sub)
    if (!user) throw badBearer('invalid_token', 'The session of this access token has ended.')
    const ownClaims = clients.isThirdParty(clientId) ? undefined : options.ownClaims
    const own = ownClaims?.({ ...user, userId: sub, clientId, sessionId: sid })
    return { ...own, sub, ...identityClaims(scope, { ...user, username: usernameOf(user) }) }
  }
}
