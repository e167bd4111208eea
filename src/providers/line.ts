import { avatarUrl, email, member, subject, text } from './claims.ts'
import { invalidIdToken } from './failure.ts'
import { callProvider, getJson } from './http.ts'
import { createOAuthProvider, type Api } from './oauth.ts'
import type { ProviderDefinition } from './provider.ts'
import { acceptRevocation } from './revocation.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

export const line: ProviderDefinition = {
  id: 'line',
  name: 'LINE',
  documentation: [
    'https://developers.line.biz/en/docs/line-login/integrate-line-login/',
    'https://developers.line.biz/en/reference/line-login/'
  ],
  console: 'https://developers.line.biz/console/, a LINE Login channel of the type "Web app"; its channel id and secret are the credentials',
  scope: ['openid', 'profile', 'email'],
  quirks: [
    'The account is `userId` of `/v2/profile`, which is the same for all channels of one LINE provider and another one elsewhere.',
    'ID tokens of a web login are signed with the channel secret (HS256), which Signet never accepts; so they are no proof here, and there is no native sign-in.',
    'The email stands in the ID token alone, and only of a channel with the "Email address permission". So LINE\'s own endpoint verifies the ID token, and the email is taken from its answer; with `LINE_SCOPE=profile` neither is asked for.'
  ],

  create (settings) {
    const asksEmail = ['openid', 'email'].every((scope) => (settings.scope ?? line.scope).includes(scope))
    return createOAuthProvider(line, settings, {
      authorizationUrl: 'https://access.line.me/oauth2/v2.1/authorize',
      tokenUrl: 'https://api.line.me/oauth2/v2.1/token',
      apiUrl: 'https://api.line.me/v2',
      authentication: 'body',

      async readProfile (api) {
        const profile = await api.get('/profile', 'profile')
        const userId = subject(member(profile, 'userId'))
        return {
          subject: userId,
          username: null,
          email: asksEmail && userId !== undefined ? await readEmail(api, userId) : null,
          emailVerified: false,
          name: text(member(profile, 'displayName')),
          avatarUrl: avatarUrl(member(profile, 'pictureUrl')),
          locale: null
        }
      },

      // https://developers.line.biz/en/reference/line-login/#revoke-access-token
      async revocation ({ accessToken }, { tokenUrl, clientId, clientSecret, signal }) {
        const body = new URLSearchParams({ access_token: accessToken, client_id: clientId, client_secret: clientSecret }).toString()
        const { status } = await callProvider(new URL('revoke', tokenUrl).href, { provider: line.name, step: 'revocation', method: 'POST', headers: FORM, body, signal })
        acceptRevocation(line.name, status)
      }
    })
  }
}

/**
 * The email of the ID token, as LINE says it after it has verified the token: for this channel, this login and this
 * person. Null where the person gave none. https://developers.line.biz/en/reference/line-login/#verify-id-token
 */
async function readEmail ({ tokens, tokenUrl, clientId, nonce, signal }: Api, userId: string): Promise<string | null> {
  if (tokens.idToken === undefined) return null
  const body = new URLSearchParams({ id_token: tokens.idToken, client_id: clientId, nonce }).toString()
  const claims = await getJson(new URL('verify', tokenUrl).href, { provider: line.name, step: 'user info', method: 'POST', headers: FORM, body, signal })
  const isOurs = member(claims, 'aud') === clientId && member(claims, 'nonce') === nonce && member(claims, 'sub') === userId
  if (!isOurs) throw invalidIdToken(line.name, 'it is about somebody else, or from another login')
  return email(member(claims, 'email'))
}
