import { avatarUrl, email, member, text } from './claims.ts'
import { createOAuthProvider } from './oauth.ts'
import type { ProviderDefinition } from './provider.ts'

export const figma: ProviderDefinition = {
  id: 'figma',
  name: 'Figma',
  documentation: [
    'https://developers.figma.com/docs/rest-api/authentication/',
    'https://developers.figma.com/docs/rest-api/oauth-apps/',
    'https://developers.figma.com/docs/rest-api/users-endpoints/'
  ],
  console: 'https://www.figma.com/developers/apps, with the scope `current_user:read`',
  scope: ['current_user:read'],
  quirks: [
    'A person who says no is not sent back: the login ends in their browser, at Figma.',
    'The subject is the text `id`: it looks like a number, and many are too large for one.',
    'Access tokens are renewed at an endpoint of its own, `refresh` beside the token endpoint, which gives no new refresh token: the old one stays.',
    'The user info holds an email, but no word on whether it was verified.',
    'There is no endpoint to revoke a grant: people do that in their Figma settings.'
  ],

  create (settings) {
    return createOAuthProvider(figma, settings, {
      authorizationUrl: 'https://www.figma.com/oauth',
      tokenUrl: 'https://api.figma.com/v1/oauth/token',
      refreshEndpoint: 'refresh',
      apiUrl: 'https://api.figma.com/v1',
      authentication: 'header',

      async readProfile ({ get }) {
        const user = await get('/me', 'profile')
        return {
          subject: member(user, 'id'),
          username: text(member(user, 'handle')),
          email: email(member(user, 'email')),
          emailVerified: false,
          name: text(member(user, 'handle')),
          avatarUrl: avatarUrl(member(user, 'img_url')),
          locale: null
        }
      }
    })
  }
}
