import { avatarUrl, email, joinTexts, member, text } from './claims.ts'
import { emailTrust } from './email-trust.ts'
import { createOAuthProvider } from './oauth.ts'
import type { ProviderDefinition } from './provider.ts'

export const linkedin: ProviderDefinition = {
  id: 'linkedin',
  name: 'LinkedIn',
  documentation: [
    'https://learn.microsoft.com/en-us/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2',
    'https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow'
  ],
  console: 'https://www.linkedin.com/developers/apps, with the product "Sign In with LinkedIn using OpenID Connect"',
  scope: ['openid', 'profile', 'email'],
  quirks: [
    'LinkedIn refuses a token request with a `code_verifier` from a client that has a secret, so there is no ' +
      'PKCE. Its ID tokens have no nonce, so they prove nothing about a login: the user info, read with the access ' +
      'token, identifies the person.',
    'LinkedIn redirects people who decline with `user_cancelled_login` or `user_cancelled_authorize`.',
    '`locale` is a string in the documentation, and an object of `language` and `country` in real answers.',
    'Grants are revoked at `revoke` beside the token endpoint, which LinkedIn does not document. Refresh tokens ' +
      'are for LinkedIn\'s partners.'
  ],

  create (settings) {
    return createOAuthProvider(linkedin, settings, {
      authorizationUrl: 'https://www.linkedin.com/oauth/v2/authorization',
      tokenUrl: 'https://www.linkedin.com/oauth/v2/accessToken',
      apiUrl: 'https://api.linkedin.com/v2',
      authentication: 'body',
      pkce: false,

      async readProfile ({ get }) {
        const user = await get('/userinfo', 'profile')
        const address = email(member(user, 'email'))
        const fullName = joinTexts([member(user, 'given_name'), member(user, 'family_name')])
        return {
          subject: member(user, 'sub'),
          username: null,
          email: address,
          emailVerified: address !== null && emailTrust('linkedin').isVerified(member(user, 'email_verified')),
          name: text(member(user, 'name')) ?? fullName,
          avatarUrl: avatarUrl(member(user, 'picture')),
          locale: readLocale(member(user, 'locale'))
        }
      },

      revocation: 'revoke'
    })
  }
}

function readLocale (locale: unknown): string | null {
  if (typeof locale === 'string') return text(locale, 35)
  return joinTexts([member(locale, 'language'), member(locale, 'country')], '-', 35)
}
