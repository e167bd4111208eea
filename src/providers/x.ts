import { avatarUrl, email, member, text } from './claims.ts'
import { createOAuthProvider } from './oauth.ts'
import type { ProviderDefinition } from './provider.ts'

export const x: ProviderDefinition = {
  id: 'x',
  name: 'X',
  documentation: [
    'https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code',
    'https://docs.x.com/x-api/users/get-my-user'
  ],
  console:
    'https://developer.x.com/en/portal/dashboard, "User authentication settings", type "Web App" (a confidential ' +
    'client)',
  scope: ['users.read', 'tweet.read'],
  quirks: [
    '`users.read` works only together with `tweet.read`.',
    'There is no email, unless the app has "Request email from users" and `X_SCOPE` has `users.email`. It is then' +
      ' stored with the account, and never counts as verified.',
    'A refresh token needs the scope `offline.access`; without it an access token lives two hours.',
    'The stable subject is `id`; a `username` can change, and others can take it.'
  ],

  create (settings) {
    const asksEmail = (settings.scope ?? x.scope).includes('users.email')
    const fields = ['name', 'profile_image_url', 'username', ...(asksEmail ? ['confirmed_email'] : [])]
    return createOAuthProvider(x, settings, {
      authorizationUrl: 'https://x.com/i/oauth2/authorize',
      tokenUrl: 'https://api.x.com/2/oauth2/token',
      apiUrl: 'https://api.x.com/2',
      authentication: 'header',
      // {"error":"invalid_request","error_description":"Value passed for the token was invalid."}
      saysGrantIsOver: (answer) =>
        /^Value passed for the token was invalid/.test(String(member(answer, 'error_description'))),

      async readProfile ({ get }) {
        const user = member(await get(`/users/me?user.fields=${fields.join(',')}`, 'profile'), 'data')
        return {
          subject: member(user, 'id'),
          username: text(member(user, 'username')),
          email: email(member(user, 'confirmed_email')),
          emailVerified: false,
          name: text(member(user, 'name')) ?? text(member(user, 'username')),
          avatarUrl: avatarUrl(member(user, 'profile_image_url')),
          locale: null
        }
      },

      // https://docs.x.com/fundamentals/authentication/oauth-2-0/user-access-token
      revocation: 'revoke'
    })
  }
}
