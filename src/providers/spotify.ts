import { avatarUrl, email, member, text } from './claims.ts'
import { asksNewSignIn } from './login-parameters.ts'
import { createOAuthProvider } from './oauth.ts'
import type { ProviderDefinition } from './provider.ts'

export const spotify: ProviderDefinition = {
  id: 'spotify',
  name: 'Spotify',
  documentation: [
    'https://developer.spotify.com/documentation/web-api/tutorials/code-flow',
    'https://developer.spotify.com/documentation/web-api/reference/get-current-users-profile',
    'https://developer.spotify.com/documentation/web-api/concepts/spotify-uris-ids'
  ],
  console:
    'https://developer.spotify.com/dashboard; the callback URL must be https, or http on 127.0.0.1 (not localhost)',
  scope: ['user-read-email'],
  quirks: [
    'The subject is `account_id`, which never changes, and `id` where an answer has no `account_id`: Spotify ' +
      'advises against `id`.',
    'The email is what the person typed at sign-up; Spotify itself says that it is not verified.',
    'Apps in development mode admit only people who are listed in the dashboard: the profile of all others is a 403.',
    'There is no revocation endpoint: people remove access in their Spotify settings.'
  ],

  create (settings) {
    return createOAuthProvider(spotify, settings, {
      authorizationUrl: 'https://accounts.spotify.com/authorize',
      tokenUrl: 'https://accounts.spotify.com/api/token',
      apiUrl: 'https://api.spotify.com/v1',
      authentication: 'header',
      loginParameters: (asked) => ({
        show_dialog: asksNewSignIn(asked) || asked.prompt.includes('consent') ? 'true' : undefined
      }),

      async readProfile ({ get }) {
        const user = await get('/me', 'profile')
        const images = member(user, 'images')
        const accountId = member(user, 'account_id')
        return {
          subject: accountId === undefined ? member(user, 'id') : accountId,
          username: text(member(user, 'id')),
          email: email(member(user, 'email')),
          emailVerified: false,
          name: text(member(user, 'display_name')) ?? text(member(user, 'id')),
          avatarUrl: avatarUrl(member(Array.isArray(images) ? images[0] : undefined, 'url')),
          locale: null
        }
      }
    })
  }
}
