import Fastify from 'fastify'
import t from 'tap'
import { ASSERTION_ALGORITHMS } from '../../src/clients/assertion-keys.ts'
import { metadataRoutes } from '../../src/oauth2/metadata.ts'
import { protectedResourceRoutes } from '../../src/oauth2/protected-resource.ts'

// test/flows/metadata.test.ts checks that each member is true. This test sees that no member is added or lost.
t.test('both metadata documents have these members and no others', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(metadataRoutes, {
    issuerUrl: 'https://id',
    keys: { algorithms: () => ['ES256', 'RS256'] },
    resources: { scopes: ['notes:read'] }
  })
  const methods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt']
  for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
    const response = await app.inject(path)
    t.equal(response.headers['cache-control'], 'public, max-age=300')
    t.strictSame(response.json(), {
      issuer: 'https://id',
      authorization_endpoint: 'https://id/oauth2/authorize',
      token_endpoint: 'https://id/oauth2/token',
      userinfo_endpoint: 'https://id/oauth2/userinfo',
      jwks_uri: 'https://id/.well-known/jwks.json',
      revocation_endpoint: 'https://id/oauth2/revoke',
      introspection_endpoint: 'https://id/oauth2/introspect',
      end_session_endpoint: 'https://id/oauth2/logout',
      device_authorization_endpoint: 'https://id/oauth2/device_authorization',
      scopes_supported: ['openid', 'profile', 'email', 'roles', 'offline_access', 'provider_token', 'notes:read'],
      response_types_supported: ['code'],
      response_modes_supported: ['query', 'form_post'],
      grant_types_supported: [
        'authorization_code',
        'refresh_token',
        'client_credentials',
        'urn:ietf:params:oauth:grant-type:device_code',
        'urn:ietf:params:oauth:grant-type:token-exchange'
      ],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256', 'RS256'],
      token_endpoint_auth_methods_supported: ['none', ...methods],
      revocation_endpoint_auth_methods_supported: ['none', ...methods],
      introspection_endpoint_auth_methods_supported: methods,
      token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
      revocation_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
      introspection_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
      code_challenge_methods_supported: ['S256'],
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
      dpop_signing_alg_values_supported: ['ES256', 'ES384', 'EdDSA', 'Ed25519', 'PS256', 'RS256'],
      authorization_response_iss_parameter_supported: true,
      request_parameter_supported: false,
      request_uri_parameter_supported: false,
      claims_supported: [
        'iss', 'sub', 'aud', 'exp', 'iat', 'auth_time', 'nonce', 'at_hash', 'sid',
        'email', 'email_verified', 'name', 'picture', 'preferred_username', 'roles'
      ],
      prompt_values_supported: ['none', 'login', 'select_account', 'consent'],
      service_documentation: 'https://id/docs'
    })
  }
})

t.test("the metadata of Signet's own API (RFC 9728) is also between the host and a path", async (t) => {
  for (const [issuerUrl, paths] of [
    ['https://id', ['']], ['https://id/auth', ['', '/auth']]
  ] as const) {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(protectedResourceRoutes, { issuerUrl })
    for (const path of paths) {
      const response = await app.inject(`/.well-known/oauth-protected-resource${path}`)
      t.equal(response.headers['cache-control'], 'public, max-age=300')
      t.strictSame(response.json(), {
        resource: issuerUrl,
        authorization_servers: [issuerUrl],
        jwks_uri: `${issuerUrl}/.well-known/jwks.json`,
        scopes_supported: ['openid', 'profile', 'email', 'roles', 'offline_access', 'provider_token'],
        bearer_methods_supported: ['header'],
        dpop_signing_alg_values_supported: ['ES256', 'ES384', 'EdDSA', 'Ed25519', 'PS256', 'RS256'],
        resource_documentation: `${issuerUrl}/docs`
      })
    }
    t.equal((await app.inject('/.well-known/oauth-protected-resource/other')).statusCode, 404)
  }
})

t.test('the ways to register are announced when they are open, below a path too', async (t) => {
  const issuerUrl = 'https://id/auth'
  const membersOf = async (registration: string[] | undefined, path: string) => {
    const app = Fastify()
    t.teardown(() => app.close())
    const options = { issuerUrl, keys: { algorithms: () => [] }, resources: { scopes: [] }, registration }
    await app.register(metadataRoutes, options as never)
    const response = await app.inject(path)
    t.equal(response.statusCode, 200)
    const members = response.json()
    return [members.registration_endpoint, members.client_id_metadata_document_supported]
  }
  for (const path of [
    '/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server',
    '/.well-known/openid-configuration/auth',
    '/.well-known/oauth-authorization-server/auth'
  ]) {
    t.same(await membersOf(undefined, path), [undefined, undefined])
    t.same(await membersOf(['dynamic'], path), ['https://id/auth/oauth2/register', undefined])
    t.same(await membersOf(['metadata-documents'], path), [undefined, true])
  }
})
