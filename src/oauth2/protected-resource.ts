import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { PROOF_ALGORITHMS } from '../http/dpop.ts'
import { pathOf } from '../http/issuer-path.ts'
import { SCOPES } from '../tokens/scope.ts'

const PATH = '/.well-known/oauth-protected-resource'
const CACHE_SECONDS = 5 * 60

/** Protected resource metadata (RFC 9728 section 2) of Signet's own API, which first-party clients call. */
export const protectedResourceRoutes: FastifyPluginAsyncTypebox<{ issuerUrl: string }> = async (app, options) => {
  const { issuerUrl } = options
  const metadata = {
    resource: issuerUrl,
    authorization_servers: [issuerUrl],
    jwks_uri: `${issuerUrl}/.well-known/jwks.json`,
    scopes_supported: SCOPES,
    bearer_methods_supported: ['header'],
    dpop_signing_alg_values_supported: PROOF_ALGORITHMS,
    resource_documentation: `${issuerUrl}/docs`
  }
  // Section 3.1: for a resource with a path, between the host and that path.
  const suffix = pathOf(issuerUrl)
  for (const path of suffix === '' ? [PATH] : [PATH, PATH + suffix]) {
    app.get(path, {
      schema: {
        summary: 'Protected resource metadata of this API',
        tags: ['Service'],
        response: { 200: Type.Record(Type.String(), Type.Unknown(), { description: 'RFC 9728.' }) }
      }
    }, async (_request, reply) => {
      reply.header('cache-control', `public, max-age=${CACHE_SECONDS}`)
      return metadata
    })
  }
}
