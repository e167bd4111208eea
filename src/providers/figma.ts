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
    'Figma does not redirect people who decline: their login ends at Figma.',
    'The subject is the string `id`: it looks like a number, and many are too large for one.',
    'Refresh tokens are exchanged at `refresh` beside the token endpoint. The answer has no new refresh token: ' +
      'the old one stays valid.',
    'The user info has an email, but does not say whether it is verified.',
    'There is no revocation endpoint: people remove access in their Figma settings.'
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
