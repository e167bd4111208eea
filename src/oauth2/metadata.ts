import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'

/** RFC 8414 section 2 and OpenID Connect Discovery section 3: only what works is named. */
export const metadataRoutes: FastifyPluginAsyncTypebox<{ issuerUrl: string }> = async (app, { issuerUrl }) => {
  const metadata = {
    issuer: issuerUrl,
    jwks_uri: `${issuerUrl}/.well-known/jwks.json`,
    token_endpoint: `${issuerUrl}/oauth2/token`,
    token_endpoint_auth_methods_supported: ['none'],
    revocation_endpoint: `${issuerUrl}/oauth2/revoke`,
    revocation_endpoint_auth_methods_supported: ['none'],
    grant_types_supported: ['refresh_token'],
    response_types_supported: [],
    service_documentation: `${issuerUrl}/docs`
  }

  for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
    app.get(path, {
      schema: {
        summary: 'Authorization server metadata',
        tags: ['Service'],
        response: { 200: Type.Record(Type.String(), Type.Unknown(), { description: 'RFC 8414.' }) }
      }
    }, async (_request, reply) => {
      reply.header('cache-control', 'public, max-age=300')
      return metadata
    })
  }
}
