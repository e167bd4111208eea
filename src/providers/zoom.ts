import { avatarUrl, email, joinTexts, member, text } from './claims.ts'
import { emailTrust } from './email-trust.ts'
import { createOAuthProvider } from './oauth.ts'
import type { ProviderDefinition } from './provider.ts'
import { revokeToken } from './revocation.ts'

export const zoom: ProviderDefinition = {
  id: 'zoom',
  name: 'Zoom',
  documentation: [
    'https://developers.zoom.us/docs/integrations/oauth/',
    'https://developers.zoom.us/docs/api/users/#tag/users/GET/users/{userId}'
  ],
  console: 'https://marketplace.zoom.us/develop/create, a "General App", user-managed, with the scope `user:read:user`',
  scope: [],
  quirks: [
    'No scope is requested: people are asked for those that the app has in the Marketplace.',
    'The stable subject is `id`; `account_id` is the company\'s account, shared by many people.',
    '`verified` is about the Zoom account, and is 0 for people who sign in there by Google, Apple or a company\'s SSO.',
    'Revocation takes the access token.'
  ],

  create (settings) {
    return createOAuthProvider(zoom, settings, {
      authorizationUrl: 'https://zoom.us/oauth/authorize',
      tokenUrl: 'https://zoom.us/oauth/token',
      apiUrl: 'https://api.zoom.us/v2',
      authentication: 'header',

      async readProfile ({ get }) {
        const user = await get('/users/me', 'profile')
        const address = email(member(user, 'email'))
        const fullName = joinTexts([member(user, 'first_name'), member(user, 'last_name')])
        return {
          subject: member(user, 'id'),
          username: null,
          email: address,
          emailVerified: address !== null && emailTrust('zoom').isVerified(member(user, 'verified')),
          name: text(member(user, 'display_name')) ?? fullName,
          avatarUrl: avatarUrl(member(user, 'pic_url')),
          locale: text(member(user, 'language'), 35)
        }
      },

      // https://developers.zoom.us/docs/integrations/oauth/#revoke-an-access-token
      async revocation ({ accessToken }, { tokenUrl, clientId, clientSecret, signal }) {
        const url = new URL('revoke', tokenUrl).href
        const endpoint = { provider: zoom.name, url, clientId, clientSecret, authentication: 'header' } as const
        await revokeToken(endpoint, { accessToken, refreshToken: undefined }, signal)
      }
    })
  }
}
