import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { ASSERTION_ALGORITHMS } from '../clients/assertion-keys.ts'
import { PRIVATE_KEY_JWT } from '../clients/client-metadata.ts'
import { PROOF_ALGORITHMS } from '../http/dpop.ts'
import { pathOf } from '../http/issuer-path.ts'
import type { KeyService } from '../keys/service.ts'
import { PROMPTS } from '../providers/login-parameters.ts'
import { ID_TOKEN_CLAIMS } from '../tokens/id-tokens.ts'
import { GRANT_TYPES } from '../tokens/grant-types.ts'
import type { Resources } from '../tokens/resources.ts'
import { SCOPES } from '../tokens/scope.ts'

export interface MetadataOptions {
  issuerUrl: string
  keys: Pick<KeyService, 'algorithms'>
  resources: Pick<Resources, 'scopes'>
  /** REGISTRATION. */
  registration?: readonly string[]
}

const PATHS = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']
const CACHE_SECONDS = 5 * 60

/** Authorization server metadata (RFC 8414 section 2, OpenID Connect Discovery section 3). */
export const metadataRoutes: FastifyPluginAsyncTypebox<MetadataOptions> = async (app, options) => {
  const { issuerUrl, keys, resources, registration = [] } = options
  const clientAuthentication = ['client_secret_basic', 'client_secret_post', PRIVATE_KEY_JWT]
  const metadata = {
    issuer: issuerUrl,
    authorization_endpoint: `${issuerUrl}/oauth2/authorize`,
    token_endpoint: `${issuerUrl}/oauth2/token`,
    userinfo_endpoint: `${issuerUrl}/oauth2/userinfo`,
    jwks_uri: `${issuerUrl}/.well-known/jwks.json`,
    revocation_endpoint: `${issuerUrl}/oauth2/revoke`,
    introspection_endpoint: `${issuerUrl}/oauth2/introspect`,
    end_session_endpoint: `${issuerUrl}/oauth2/logout`,
    ...registration.includes('dynamic') ? { registration_endpoint: `${issuerUrl}/oauth2/register` } : {},
    ...registration.includes('metadata-documents') ? { client_id_metadata_document_supported: true } : {},
    scopes_supported: [...SCOPES, ...resources.scopes],
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'form_post'],
    device_authorization_endpoint: `${issuerUrl}/oauth2/device_authorization`,
    grant_types_supported: GRANT_TYPES,
    subject_types_supported: ['public'],
    token_endpoint_auth_methods_supported: ['none', ...clientAuthentication],
    revocation_endpoint_auth_methods_supported: ['none', ...clientAuthentication],
    introspection_endpoint_auth_methods_supported: clientAuthentication,
    token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    revocation_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    introspection_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    code_challenge_methods_supported: ['S256'],
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    dpop_signing_alg_values_supported: PROOF_ALGORITHMS,
    authorization_response_iss_parameter_supported: true,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
    claims_supported: ID_TOKEN_CLAIMS,
    prompt_values_supported: ['none', ...PROMPTS],
    service_documentation: `${issuerUrl}/docs`
  }

  // RFC 8414 section 3: for an issuer with a path, between the host and that path.
  const suffix = pathOf(issuerUrl)
  for (const path of suffix === '' ? PATHS : [...PATHS, ...PATHS.map((path) => path + suffix)]) {
    app.get(path, {
      schema: {
        summary: 'Authorization server metadata',
        tags: ['Service'],
        response: { 200: Type.Record(Type.String(), Type.Unknown(), { description: 'RFC 8414.' }) }
      }
    }, async (_request, reply) => {
      reply.header('cache-control', `public, max-age=${CACHE_SECONDS}`)
      return { ...metadata, id_token_signing_alg_values_supported: keys.algorithms() }
    })
  }
}
