import { avatarUrl, email, member, text } from './claims.ts'
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
    'LinkedIn refuses a token request with a `code_verifier` to a client that has a secret, so no PKCE is sent; and its ID tokens have no nonce, so they prove nothing about a login. The user info, asked for with the access token, says who somebody is.',
    'Who says no comes back with `user_cancelled_login` or `user_cancelled_authorize`.',
    '`locale` is a text in the documentation, and an object of `language` and `country` in real answers.',
    'Grants are revoked at `revoke` beside the token endpoint, which LinkedIn has but does not document. Refresh tokens are for LinkedIn\'s partners.'
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
        const parts = [member(user, 'given_name'), member(user, 'family_name')].filter((part) => typeof part === 'string')
        return {
          subject: member(user, 'sub'),
          username: null,
          email: address,
          emailVerified: address !== null && emailTrust('linkedin').believes(member(user, 'email_verified')),
          name: text(member(user, 'name')) ?? text(parts.join(' ')),
          avatarUrl: avatarUrl(member(user, 'picture')),
          locale: readLocale(member(user, 'locale'))
        }
      },

      revocation: 'revoke'
    })
  }
}

function readLocale (locale: unknown): string | null {
  const parts = [member(locale, 'language'), member(locale, 'country')].filter((part) => typeof part === 'string')
  return text(typeof locale === 'string' ? locale : parts.join('-'), 35)
}
