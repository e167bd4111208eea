import type { ProviderSettings } from '../settings.ts'
import { createOidcProvider } from './oidc.ts'
import type { Provider } from './provider.ts'

/**
 * Google, by OpenID Connect: https://developers.google.com/identity/openid-connect/openid-connect
 *
 * - Credentials: https://console.cloud.google.com/apis/credentials, an OAuth client of the type "Web application".
 * - `iss` is `https://accounts.google.com`, or, in older tokens, `accounts.google.com`.
 * - The secret goes into the body, as Google documents it.
 * - `email_verified` is trusted: Google verifies an address before it says so.
 */
const ISSUER = 'https://accounts.google.com'

export function createGoogleProvider (settings: ProviderSettings): Provider {
  const issuer = settings.issuer ?? ISSUER
  return createOidcProvider({
    id: settings.id,
    name: 'Google',
    issuer,
    issuerAliases: issuer === ISSUER ? ['accounts.google.com'] : [],
    clientId: settings.clientId,
    clientSecret: settings.clientSecret,
    scope: settings.scope,
    emailTrusted: true,
    authentication: 'body',
    authorizationUrl: settings.authorizationUrl,
    tokenUrl: settings.tokenUrl,
    jwksUrl: settings.jwksUrl
  })
}
