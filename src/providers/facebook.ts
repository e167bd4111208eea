import { createHmac } from 'node:crypto'
import { parseJson } from '../http/json.ts'
import { avatarUrl, email, member, text } from './claims.ts'
import { emailTrust } from './email-trust.ts'
import { providerError } from './failure.ts'
import { callProvider } from './http.ts'
import { createOAuthProvider } from './oauth.ts'
import { createOidcProvider } from './oidc.ts'
import type { Provider, ProviderDefinition, ProviderSettings } from './provider.ts'

const AUTHORIZATION_URL = 'https://www.facebook.com/v23.0/dialog/oauth'
const TOKEN_URL = 'https://graph.facebook.com/v23.0/oauth/access_token'
const ISSUER = 'https://www.facebook.com'
const JWKS_URL = 'https://limited.facebook.com/.well-known/oauth/openid/jwks/'
/** Of an access token that is over: https://developers.facebook.com/docs/graph-api/guides/error-handling */
const TOKEN_IS_OVER = 190

export const facebook: ProviderDefinition = {
  id: 'facebook',
  name: 'Facebook',
  documentation: [
    'https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow',
    'https://developers.facebook.com/docs/graph-api/guides/secure-requests#appsecret_proof',
    'https://developers.facebook.com/docs/facebook-login/limited-login/token/validating'
  ],
  console: 'https://developers.facebook.com/apps, use case "Authenticate and request data from users with Facebook Login"',
  scope: ['public_profile', 'email'],
  quirks: [
    'The stable subject is the app-scoped `id`, another one for each app.',
    'People who signed up by phone, or did not agree, have no email; and Facebook gives no word on an email, so it is never believed.',
    'Every call carries an `appsecret_proof`, so "Require App Secret" may be switched on.',
    'There are no refresh tokens: a token is good for about sixty days.',
    'Limited Login (iOS) gives the app an ID token in place of an access token: it signs in at `/oauth2/token` by token exchange, to the same account. Its keys are those of `FACEBOOK_JWKS_URL`.'
  ],

  create (settings) {
    const provider = createOAuthProvider(facebook, settings, {
      authorizationUrl: AUTHORIZATION_URL,
      tokenUrl: TOKEN_URL,
      apiUrl: 'https://graph.facebook.com/v23.0',
      authentication: 'body',

      async readProfile ({ get, tokens }) {
        const user = await get(`/me?fields=id,name,email,picture.width(320)&${proof(tokens.accessToken, settings)}`, 'profile')
        const picture = member(member(user, 'picture'), 'data')
        return {
          subject: member(user, 'id'),
          username: null,
          email: email(member(user, 'email')),
          emailVerified: false,
          name: text(member(user, 'name')),
          avatarUrl: member(picture, 'is_silhouette') === true ? null : avatarUrl(member(picture, 'url')),
          locale: null
        }
      },

      // https://developers.facebook.com/docs/facebook-login/guides/permissions/request-revoke#revokelogin
      async revocation ({ accessToken }, { apiUrl, signal }) {
        const headers = { authorization: `Bearer ${accessToken}` }
        const url = `${apiUrl}/me/permissions?${proof(accessToken, settings)}`
        const { status, text } = await callProvider(url, { provider: facebook.name, step: 'revocation', method: 'DELETE', headers, signal })
        const isOver = (status >= 200 && status < 300) || member(member(parseJson(text), 'error'), 'code') === TOKEN_IS_OVER
        if (!isOver) throw providerError(facebook.name, 'revocation', `HTTP ${status}`)
      }
    })
    const identifyNative = limitedLogin(settings)
    return identifyNative ? { ...provider, identifyNative } : provider
  }
}

/** Proves that the caller has the app's secret, so that a stolen access token is of no use elsewhere. */
function proof (accessToken: string, { clientSecret }: ProviderSettings): string {
  return `appsecret_proof=${createHmac('sha256', clientSecret).update(accessToken).digest('hex')}`
}

/**
 * ID tokens of Limited Login, to the same accounts as the web's: their `sub` is the app-scoped id too. Absent when other
 * settings have moved Facebook and none says where its keys are: the real host is not asked then.
 */
function limitedLogin (settings: ProviderSettings): Provider['identifyNative'] {
  const { authorizationUrl = AUTHORIZATION_URL, issuer = ISSUER } = settings
  const isMoved = [settings.authorizationUrl, settings.tokenUrl, settings.apiUrl, settings.issuer].some((url) => url !== undefined)
  if (isMoved && settings.jwksUrl === undefined) return undefined
  return createOidcProvider(settings, {
    name: facebook.name,
    scope: facebook.scope,
    issuer,
    believesEmail: emailTrust('facebook').believes,
    identity: ({ sub }) => ({ issuer: new URL(authorizationUrl).origin, subject: sub }),
    endpoints: {
      authorizationEndpoint: AUTHORIZATION_URL,
      tokenEndpoint: TOKEN_URL,
      jwksUri: JWKS_URL,
      userinfoEndpoint: undefined,
      revocationEndpoint: undefined
    }
  }).identifyNative
}
