import { emailTrust } from './email-trust.ts'
import { createOidcProvider } from './oidc.ts'
import type { ProviderDefinition } from './provider.ts'

export const yahoo: ProviderDefinition = {
  id: 'yahoo',
  name: 'Yahoo',
  documentation: [
    'https://developer.yahoo.com/sign-in-with-yahoo/',
    'https://developer.yahoo.com/oauth2/guide/openid_connect/',
    'https://api.login.yahoo.com/.well-known/openid-configuration'
  ],
  console:
    'https://developer.yahoo.com/apps/, a confidential client with the OpenID Connect permissions "Email" and ' +
      '"Profile"; the callback URL must be https',
  scope: ['openid', 'profile', 'email'],
  quirks: [
    'A scope that the app lacks in the console fails the login.',
    'Name, picture and email are in the user info, not in the ID token.'
  ],

  create (settings) {
    return createOidcProvider(settings, {
      name: yahoo.name,
      scope: yahoo.scope,
      issuer: settings.issuer ?? 'https://api.login.yahoo.com',
      isEmailVerified: emailTrust('yahoo').isVerified
    })
  }
}
