import { avatarUrl, email, member, text } from './claims.ts'
import { basic } from './client-authentication.ts'
import { callProvider } from './http.ts'
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
  console: 'https://www.notion.so/profile/integrations, a public integration with the capability "Read user information including email addresses"',
  scope: [],
  quirks: [
    'There are no scopes: what is granted are the capabilities of the integration and the pages that the person picks.',
    'Who somebody is stands in the token response (`owner.user`), so that nothing else is asked and `NOTION_API_URL` has no use.',
    'A token that a workspace owns, and no person, signs nobody in.',
    'Notion documents no PKCE and takes the token request as JSON; none is sent.',
    'Access tokens of older integrations do not expire, and come without a refresh token.'
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
      async revocation ({ accessToken }, { tokenUrl, clientId, clientSecret, signal }) {
        const { status } = await callProvider(new URL('revoke', tokenUrl).href, {
          provider: notion.name,
          step: 'revocation',
          method: 'POST',
          headers: { authorization: basic(clientId, clientSecret), 'content-type': 'application/json', 'notion-version': '2022-06-28' },
          body: JSON.stringify({ token: accessToken }),
          signal
        })
        acceptRevocation(notion.name, status)
      }
    })
  }
}
