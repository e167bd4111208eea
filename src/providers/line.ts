import { authTime, avatarUrl, email, member, subject, text } from './claims.ts'
import { invalidIdToken } from './failure.ts'
import { getJson } from './http.ts'
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
  console: 'https://developers.line.biz/console/, a LINE Login channel of the type "Web app"; its channel id and ' +
    'secret are the credentials',
  scope: ['openid', 'profile', 'email'],
  quirks: [
    'The subject is `userId` of `/v2/profile`, which is the same for all channels of one LINE provider and ' +
      'differs elsewhere.',
    'ID tokens of a web login are signed with the channel secret (HS256), which Signet never accepts. They prove ' +
      'nothing here, and there is no native sign-in.',
    'The email is in the ID token only, for a channel with the "Email address permission". LINE\'s own endpoint ' +
      'verifies the ID token, and the email is taken from its answer. With `LINE_SCOPE=profile` the email is not ' +
      'requested.'
  ],

  create (settings) {
    const asksEmail = ['openid', 'email'].every((scope) => (settings.scope ?? line.scope).includes(scope))
    return createOAuthProvider(line, settings, {
      authorizationUrl: 'https://access.line.me/oauth2/v2.1/authorize',
      tokenUrl: 'https://api.line.me/oauth2/v2.1/token',
      apiUrl: 'https://api.line.me/v2',
      authentication: 'body',
      loginParameters: ({ prompt, maxAge, uiLocales }) => ({
        prompt: prompt.includes('consent') ? 'consent' : undefined,
        max_age: prompt.includes('login') ? '0' : maxAge?.toString(),
        ui_locales: uiLocales
      }),

      async readProfile (api) {
        const profile = await api.get('/profile', 'profile')
        const userId = subject(member(profile, 'userId'))
        const claims = asksEmail && userId !== undefined ? await readIdToken(api, userId) : undefined
        return {
          subject: userId,
          username: null,
          email: email(member(claims, 'email')),
          emailVerified: false,
          name: text(member(profile, 'displayName')),
          avatarUrl: avatarUrl(member(profile, 'pictureUrl')),
          locale: null,
          authenticatedAt: authTime(member(claims, 'auth_time'))
        }
      },

      // https://developers.line.biz/en/reference/line-login/#revoke-access-token
      async revocation ({ accessToken }, { tokenUrl, clientId, clientSecret, call }) {
        const parameters = { access_token: accessToken, client_id: clientId, client_secret: clientSecret }
        const body = new URLSearchParams(parameters).toString()
        const { status } = await call('POST', new URL('revoke', tokenUrl).href, { headers: FORM, body })
        acceptRevocation(line.name, status)
      }
    })
  }
}

/**
 * The claims of the ID token, after LINE has verified it for this channel, this login and this person. Undefined where
 * there is no ID token. https://developers.line.biz/en/reference/line-login/#verify-id-token
 */
async function readIdToken ({ tokens, tokenUrl, clientId, nonce, signal }: Api, userId: string): Promise<unknown> {
  if (tokens.idToken === undefined) return undefined
  const form = new URLSearchParams({ id_token: tokens.idToken, client_id: clientId, nonce })
  const claims = await getJson(new URL('verify', tokenUrl).href, {
    provider: line.name, step: 'user info', method: 'POST', headers: FORM, body: form.toString(), signal
  })
  const expected = { aud: clientId, nonce, sub: userId }
  const isExpected = Object.entries(expected).every(([name, value]) => member(claims, name) === value)
  if (!isExpected) throw invalidIdToken(line.name, 'it is about another person, or from another login')
  return claims
}
