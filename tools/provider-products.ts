/** An identity product that the settings of an OpenID Connect issuer enable; a test signs in with these settings. */
export interface Product {
  /** The id of the provider in its settings. */
  id: string
  name: string
  /** What to do in its console. */
  console: string
  settings: string[]
  notes: string[]
  documentation: string
}

const TRUSTED = (id: string) => `OIDC_${id.toUpperCase()}_EMAIL_TRUSTED=true`

export const PRODUCTS: readonly Product[] = [
  {
    id: 'b2c',
    name: 'Azure AD B2C',
    console: 'App registrations, platform "Web", a client secret',
    settings: [
      'OIDC_B2C_ISSUER=https://contoso.b2clogin.com/775527ff-9a37-4307-8b3d-cc311f58d925/v2.0/',
      'OIDC_B2C_AUTHORIZATION_URL=https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_in/oauth2/v2.0/authorize',
      'OIDC_B2C_TOKEN_URL=https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_in/oauth2/v2.0/token',
      'OIDC_B2C_JWKS_URL=https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_in/discovery/v2.0/keys',
      'OIDC_B2C_AUTHENTICATION=client_secret_post',
      'OIDC_B2C_SCOPE=openid offline_access <client id>'
    ],
    notes: [
      'The issuer has the tenant\'s id and the endpoints have the user flow, so the URLs are set and nothing is ' +
        'discovered. With the client id as a scope there is an access token.',
      'User flows say `emails`, a list without a word on its verification: people have no email in Signet. A custom ' +
        'policy may issue `email` and a boolean `email_verified`; then set `OIDC_B2C_EMAIL_TRUSTED=true`.'
    ],
    documentation: 'https://learn.microsoft.com/en-us/azure/active-directory-b2c/openid-connect'
  },
  {
    id: 'okta',
    name: 'Okta',
    console: 'Applications, "OIDC - OpenID Connect", "Web Application"',
    settings: ['OIDC_OKTA_ISSUER=https://example.okta.com', TRUSTED('okta')],
    notes: [
      'The org authorization server is `https://example.okta.com`, a custom one `https://example.okta.com/oauth2/' +
        'default`; "Issuer" under Security, API says which.',
      'The org server has the email in the ID token and its verification in the user info; both are read.',
      'For `OIDC_OKTA_AUTHENTICATION=private_key_jwt` choose "Public key / Private key" and add the public key there.'
    ],
    documentation: 'https://developer.okta.com/docs/api/openapi/okta-oauth/guides/overview/'
  },
  {
    id: 'auth0',
    name: 'Auth0',
    console: 'Applications, "Regular Web Application"',
    settings: [
      'OIDC_AUTH0_ISSUER=https://example.eu.auth0.com/',
      'OIDC_AUTH0_AUTHENTICATION=client_secret_post',
      TRUSTED('auth0')
    ],
    notes: [
      'The issuer ends in a slash. With a custom domain it is that domain.',
      'The way of authentication is that of the tab "Credentials". A refresh token needs the scope `offline_access`.',
      'Trust its emails only where every connection verifies them: social and enterprise connections differ.'
    ],
    documentation: 'https://auth0.com/docs/authenticate/login/oidc-conformant-authentication'
  },
  {
    id: 'keycloak',
    name: 'Keycloak',
    console: 'Clients, "OpenID Connect", with "Client authentication" and the standard flow',
    settings: ['OIDC_KEYCLOAK_ISSUER=https://id.example.com/realms/example', TRUSTED('keycloak')],
    notes: [
      'Trust its emails where the realm has "Verify email"; an administrator can tick "Email verified" for anyone.',
      'In a container network `OIDC_KEYCLOAK_TOKEN_URL=http://keycloak:8080/realms/example/protocol/openid-connect/' +
        'token`, `_JWKS_URL` (`/certs`) and `_USERINFO_URL` (`/userinfo`) with `OIDC_KEYCLOAK_ALLOW_HTTP=true` keep ' +
        'calls inside; the issuer stays the public one.',
      'With the capability "Signed JWT" and your public key: `OIDC_KEYCLOAK_AUTHENTICATION=private_key_jwt`.'
    ],
    documentation: 'https://www.keycloak.org/securing-apps/oidc-layers'
  },
  {
    id: 'zitadel',
    name: 'ZITADEL',
    console: 'a project, "New application", "Web", the method "CODE" with "Basic" or "POST"',
    settings: ['OIDC_ZITADEL_ISSUER=https://example.zitadel.cloud', TRUSTED('zitadel')],
    notes: [
      'The ID token is for all clients of the project; `azp` names this one.',
      'Name and email are in the user info. A refresh token needs "Refresh Token" in the application, and the scope ' +
        '`offline_access`.',
      'For `private_key_jwt` choose "Private Key JWT" and give ZITADEL the public key.'
    ],
    documentation: 'https://zitadel.com/docs/apis/openidoauth/endpoints'
  },
  {
    id: 'authentik',
    name: 'Authentik',
    console: 'Applications, "Create with provider", "OAuth2/OpenID", "Confidential"',
    settings: ['OIDC_AUTHENTIK_ISSUER=https://auth.example.com/application/o/signet/', TRUSTED('authentik')],
    notes: [
      'The issuer has the slug of the application and ends in a slash ("Issuer mode": each provider its own).',
      'The scope mapping `email` decides on `email_verified`. By default it says `false` since 2025.10, whatever the ' +
        'person did: trust it with a mapping of your own that says who is verified.'
    ],
    documentation: 'https://docs.goauthentik.io/add-secure-apps/providers/oauth2/'
  },
  {
    id: 'cognito',
    name: 'Amazon Cognito',
    console: 'a user pool, "App clients", "Traditional web application", with the authorization code grant',
    settings: [
      'OIDC_COGNITO_ISSUER=https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE',
      TRUSTED('cognito')
    ],
    notes: [
      'The issuer is the pool, the endpoints are at its domain: it needs one, under "Branding", "Domain".',
      'The ID token says `email_verified` as a boolean, the user info as a text. The ID token counts; for that the ' +
        'app client must be allowed to read both attributes.',
      'The app client needs the scopes `openid`, `profile` and `email`.'
    ],
    documentation: 'https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html'
  }
]
