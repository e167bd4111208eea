import { avatarUrl, email, member, text } from './claims.ts'
import { emailTrust } from './email-trust.ts'
import { asksNewSignIn } from './login-parameters.ts'
import { createOAuthProvider } from './oauth.ts'
import type { ProviderDefinition } from './provider.ts'
import { revokeToken } from './revocation.ts'

const READ_EMAIL = 'user:read:email'

export const twitch: ProviderDefinition = {
  id: 'twitch',
  name: 'Twitch',
  documentation: [
    'https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/#authorization-code-grant-flow',
    'https://dev.twitch.tv/docs/api/reference/#get-users'
  ],
  console: 'https://dev.twitch.tv/console/apps, a confidential client',
  scope: [READ_EMAIL],
  quirks: [
    'Every API call names its client in the header `Client-Id`.',
    '`/helix/users` does not say whether the email is verified: with the scope `user:read:email` it returns a ' +
      'verified address or none.',
    'The scope of a token response is a list.',
    'The stable subject is `id`; a `login` can change, and others can take it.',
    'Revocation takes the access token.'
  ],

  create (settings) {
    return createOAuthProvider(twitch, settings, {
      authorizationUrl: 'https://id.twitch.tv/oauth2/authorize',
      tokenUrl: 'https://id.twitch.tv/oauth2/token',
      apiUrl: 'https://api.twitch.tv/helix',
      authentication: 'body',
      loginParameters: (asked) => ({
        force_verify: asksNewSignIn(asked) || asked.prompt.includes('consent') ? 'true' : undefined
      }),
      headers: { 'client-id': settings.clientId },
      // {"error":"Bad Request","status":400,"message":"Invalid refresh token"}
      saysGrantIsOver: (answer) => member(answer, 'message') === 'Invalid refresh token',

      async readProfile ({ get, tokens }) {
        const users = member(await get('/users', 'profile'), 'data')
        const user: unknown = Array.isArray(users) ? users[0] : undefined
        const address = email(member(user, 'email'))
        const mayRead = tokens.scope.split(' ').includes(READ_EMAIL)
        return {
          subject: member(user, 'id'),
          username: text(member(user, 'login')),
          email: address,
          emailVerified: address !== null && mayRead && emailTrust('twitch').isVerified(member(user, 'email_verified')),
          name: text(member(user, 'display_name')) ?? text(member(user, 'login')),
          avatarUrl: avatarUrl(member(user, 'profile_image_url')),
          locale: null
        }
      },

      // https://dev.twitch.tv/docs/authentication/revoke-tokens/
      async revocation ({ accessToken }, { tokenUrl, clientId, clientSecret, signal }) {
        const url = new URL('revoke', tokenUrl).href
        const endpoint = { provider: twitch.name, url, clientId, clientSecret, authentication: 'body' } as const
        await revokeToken(endpoint, { accessToken, refreshToken: undefined }, signal)
      }
    })
  }
}
