import { avatarUrl, member, text } from './claims.ts'
import { createOAuthProvider } from './oauth.ts'
import type { ProviderDefinition } from './provider.ts'

export const reddit: ProviderDefinition = {
  id: 'reddit',
  name: 'Reddit',
  documentation: [
    'https://github.com/reddit-archive/reddit/wiki/OAuth2',
    'https://www.reddit.com/dev/api/#GET_api_v1_me'
  ],
  console: 'https://www.reddit.com/prefs/apps, an app of the type "web app"',
  scope: ['identity'],
  quirks: [
    'Reddit shares no email: `has_verified_email` only says that there is one.',
    '`duration=permanent` requests a refresh token.',
    'Calls name their client in `User-Agent`, as Reddit\'s API rules demand: `web:<client id>:signet`.',
    'The stable subject is `id`, without the prefix `t2_`; a user name cannot change, but can be deleted.'
  ],

  create (settings) {
    return createOAuthProvider(reddit, settings, {
      authorizationUrl: 'https://www.reddit.com/api/v1/authorize',
      tokenUrl: 'https://www.reddit.com/api/v1/access_token',
      apiUrl: 'https://oauth.reddit.com/api/v1',
      authentication: 'header',
      authorizationParameters: { duration: 'permanent' },
      userAgent: `web:${settings.clientId}:signet`,
      revocation: 'revoke_token',
      // {"error":400} or {"message":"Bad Request","error":400}
      saysGrantIsOver: (answer) => member(answer, 'error') === 400,

      async readProfile ({ get }) {
        // Without `raw_json` texts are escaped for HTML, and the URL of the picture does not work.
        const user = await get('/me?raw_json=1', 'profile')
        return {
          subject: member(user, 'id'),
          username: text(member(user, 'name')),
          email: null,
          emailVerified: false,
          name: text(member(user, 'name')),
          avatarUrl: avatarUrl(member(user, 'icon_img')),
          locale: null
        }
      }
    })
  }
}
