import { avatarUrl, email, member, text } from './claims.ts'
import { basic } from './client-authentication.ts'
import { createOAuthProvider } from './oauth.ts'
import type { ProviderDefinition } from './provider.ts'
import { acceptRevocation } from './revocation.ts'

export const notion: ProviderDefinition = {
  id: 'notion',
  name: 'Notion',
  documentation: [
    'https://developers.notion.com/docs/authorization',
    'https://developers.notion.com/reference/create-a-token'
  ],
  console:
    'https://www.notion.so/profile/integrations, a public integration with the capability "Read user information ' +
      'including email addresses"',
  scope: [],
  quirks: [
    'There are no scopes: people grant the capabilities of the integration, and the pages that they pick.',
    'The token response identifies the person (`owner.user`), so no other call is made and `NOTION_API_URL` has ' +
      'no effect.',
    'A token that belongs to a workspace instead of a person fails the login.',
    'Notion takes the token request as JSON and documents no PKCE, so none is sent.',
    'Access tokens of older integrations do not expire, and have no refresh token.'
  ],

  create (settings) {
    return createOAuthProvider(notion, settings, {
      authorizationUrl: 'https://api.notion.com/v1/oauth/authorize',
      tokenUrl: 'https://api.notion.com/v1/oauth/token',
      apiUrl: 'https://api.notion.com/v1',
      authentication: 'header',
      bodyFormat: 'json',
      pkce: false,
      authorizationParameters: { owner: 'user' },

      async readProfile ({ tokens }) {
        const user = member(member(tokens.answer, 'owner'), 'user')
        return {
          subject: member(user, 'id'),
          username: null,
          email: email(member(member(user, 'person'), 'email')),
          emailVerified: false,
          name: text(member(user, 'name')),
          avatarUrl: avatarUrl(member(user, 'avatar_url')),
          locale: null
        }
      },

      // https://developers.notion.com/reference/revoke-token
      async revocation ({ accessToken }, { tokenUrl, clientId, clientSecret, call }) {
        const { status } = await call('POST', new URL('revoke', tokenUrl).href, {
          headers: {
            authorization: basic(clientId, clientSecret),
            'content-type': 'application/json',
            'notion-version': '2022-06-28'
          },
          body: JSON.stringify({ token: accessToken })
        })
        acceptRevocation(notion.name, status)
      }
    })
  }
}
