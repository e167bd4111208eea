import { randomUUID } from 'node:crypto'
import { clientCredentials } from './grants.ts'
import type { Claims } from './oidc-id-token.ts'
import { startFakeOidc, type FakeOidc } from './oidc.ts'

/** A person with a Microsoft account, of work or private. */
export interface MicrosoftPerson extends Claims {
  /** The tenant; that of personal accounts is `CONSUMERS`. */
  tid: string
  /** The person in that tenant. */
  oid: string
  /** The person at this app. One is made of tid and oid. */
  sub?: string
}

export interface FakeMicrosoft extends Omit<FakeOidc, 'settings' | 'googleSettings' | 'person'> {
  /**
   * The environment that makes Signet know this fake as Microsoft: `common`, `organizations`, `consumers` or a tenant's
   * id.
   */
  settings: (audience?: string) => Record<string, string>
  /** The issuer of a tenant's tokens. */
  issuerOf: (tenant: string) => string
  /** Who signs in from now on, with exactly these claims in the ID token. */
  person: (person: MicrosoftPerson) => void
}

export const CONSUMERS = '9188040d-6c67-4c5b-b112-36a304b66dad'
export const CONTOSO = '72f988bf-86f1-41af-91ab-2d7cd011db47'
export const FABRIKAM = '31a2fec0-266b-4c67-b56e-2796d8f59c36'

const ADELE: MicrosoftPerson = {
  tid: CONTOSO,
  oid: '87d349ed-44d7-43e1-9a83-5f2406dee5bd',
  name: 'Adele Vance',
  preferred_username: 'AdeleV@contoso.example',
  email: 'adelev@contoso.example'
}

/** The AADSTS numbers of https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes */
const NUMBERS: Record<string, number> = {
  invalid_client: 7000215,
  invalid_grant: 70008,
  unsupported_grant_type: 70003,
  redirect_uri_mismatch: 50011
}

/**
 * The Microsoft identity platform, version 2.0:
 * https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc. One server is every tenant; the
 * endpoints of each audience are below its name, and the user info is the Graph's.
 */
export async function startFakeMicrosoft (): Promise<FakeMicrosoft> {
  const below = (audience: string) => ({
    discovery: `/${audience}/v2.0/.well-known/openid-configuration`,
    jwks: `/${audience}/discovery/v2.0/keys`,
    authorize: `/${audience}/oauth2/v2.0/authorize`,
    token: `/${audience}/oauth2/v2.0/token`
  })

  const { settings: _settings, googleSettings: _google, ...fake } = await startFakeOidc({
    clientId: '6731de76-14a6-49ae-97bc-6eba6914391e',
    clientSecret: 'Kq8~Q.fake+secret/of=microsoft',
    manners: {
      paths: { ...below('common'), userinfo: '/oidc/userinfo', revoke: '/there-is-none' },
      canonicalPath: (path) => path.replace(/^\/(organizations|consumers|[0-9a-f-]{36})\//, '/common/'),
      metadata (url, path) {
        const audience = path.split('/')[1] ?? ''
        const tenant =
          audience === 'consumers'
            ? CONSUMERS
            : ['common', 'organizations'].includes(audience)
                ? '{tenantid}'
                : audience
        const { jwks, authorize, token } = below(audience)
        return {
          issuer: `${url}/${tenant}/v2.0`,
          authorization_endpoint: url + authorize,
          token_endpoint: url + token,
          jwks_uri: url + jwks,
          userinfo_endpoint: `${url}/oidc/userinfo`,
          revocation_endpoint: undefined,
          grant_types_supported: undefined,
          code_challenge_methods_supported: undefined,
          response_modes_supported: ['query', 'fragment', 'form_post'],
          subject_types_supported: ['pairwise'],
          id_token_signing_alg_values_supported: ['RS256'],
          response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
          scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
          token_endpoint_auth_methods_supported: [
            'client_secret_post',
            'private_key_jwt',
            'client_secret_basic',
            'self_signed_tls_client_auth'
          ],
          claims_supported: [
            'sub',
            'iss',
            'aud',
            'exp',
            'iat',
            'auth_time',
            'acr',
            'nonce',
            'preferred_username',
            'name',
            'tid',
            'ver',
            'at_hash',
            'c_hash',
            'email'
          ]
        }
      },
      isClient (call) {
        const { clientId, clientSecret, methods } = clientCredentials(call)
        return methods.length === 1 && clientId === fake.clientId && clientSecret === fake.clientSecret
      },
      // Without offline_access there is no refresh token.
      tokenResponse: () => ({ refresh_token: undefined, ext_expires_in: 3599 }),
      idToken (url, { person }) {
        const now = Math.floor(Date.now() / 1000)
        return {
          iss: `${url}/${String(person['tid'])}/v2.0`,
          nbf: now,
          ver: '2.0',
          rh: '0.AAAA',
          uti: randomUUID(),
          at_hash: undefined
        }
      },
      error (error, description) {
        const number = NUMBERS[error] ?? 9002313
        const trace = {
          trace_id: randomUUID(),
          correlation_id: randomUUID(),
          timestamp: new Date().toISOString().replace('T', ' ')
        }
        const text = [
          `AADSTS${number}: ${description} Trace ID: ${trace.trace_id}`,
          `Correlation ID: ${trace.correlation_id} Timestamp: ${trace.timestamp}`
        ]
        return {
          status: error === 'invalid_client' ? 401 : 400,
          body: { error, error_description: text.join(' '), error_codes: [number], ...trace }
        }
      }
    }
  })
  await fake.jwks({ alg: false, algorithms: ['RS256'] })

  function person (claims: MicrosoftPerson): void {
    const { sub = `sub-of-${claims.oid}-at-${claims.tid}` } = claims
    fake.person({ ...claims, sub })
    fake.userinfo({
      tid: undefined,
      oid: undefined,
      preferred_username: undefined,
      xms_edov: undefined,
      picture: 'https://graph.microsoft.com/v1.0/me/photo/$value'
    })
  }
  person(ADELE)

  const issuerOf = (tenant: string) => `${fake.url}/${tenant}/v2.0`
  return {
    ...fake,
    issuerOf,
    person,
    settings: (audience = 'common') => ({
      MICROSOFT_CLIENT_ID: fake.clientId,
      MICROSOFT_CLIENT_SECRET: fake.clientSecret,
      MICROSOFT_ISSUER: issuerOf(audience)
    }),
    // What the platform says when the person cancels.
    deny (error = 'access_denied', description = 'AADSTS65004: User declined to consent to access the app.') {
      fake.deny(error, description)
    }
  }
}
