import { createHmac } from 'node:crypto'
import { parseJson } from '../http/json.ts'
import { avatarUrl, email, member, text } from './claims.ts'
import { emailTrust } from './email-trust.ts'
import { providerError } from './failure.ts'
import { asksNewSignIn } from './login-parameters.ts'
import { createOAuthProvider } from './oauth.ts'
import { createOidcProvider } from './oidc.ts'
import type { Provider, ProviderDefinition, ProviderSettings } from './provider.ts'

const AUTHORIZATION_URL = 'https://www.facebook.com/v23.0/dialog/oauth'
const TOKEN_URL = 'https://graph.facebook.com/v23.0/oauth/access_token'
const ISSUER = 'https://www.facebook.com'
const JWKS_URL = 'https://limited.facebook.com/.well-known/oauth/openid/jwks/'
/**
 * The error of an access token that is no longer valid:
 * https://developers.facebook.com/docs/graph-api/guides/error-handling
 */
const INVALID_TOKEN = 190
const PROFILE_FIELDS = 'id,name,email,picture.width(320)'

export const facebook: ProviderDefinition = {
  id: 'facebook',
  name: 'Facebook',
  documentation: [
    'https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow',
    'https://developers.facebook.com/docs/graph-api/guides/secure-requests#appsecret_proof',
    'https://developers.facebook.com/docs/facebook-login/limited-login/token/validating',
    'https://developers.facebook.com/docs/development/create-an-app/app-dashboard/data-deletion-callback'
  ],
  console:
    'https://developers.facebook.com/apps, use case "Authenticate and request data from users with Facebook Login"',
  scope: ['public_profile', 'email'],
  quirks: [
    'The stable subject is the app-scoped `id`, which differs from app to app.',
    'People who signed up by phone, or declined to share it, have no email. Facebook does not say whether an ' +
      'email is verified, so it never counts as verified.',
    'Every call carries an `appsecret_proof`, so "Require App Secret" may be switched on.',
    'There are no refresh tokens: an access token lives about sixty days.',
    'Limited Login (iOS) gives the app an ID token instead of an access token. It signs in to the same account by' +
      ' token exchange at `/oauth2/token`, and is verified with the keys of `FACEBOOK_JWKS_URL`.'
  ],
  events: [
    {
      path: '/login/facebook/deauthorize',
      where: 'https://developers.facebook.com/apps, "Facebook Login", "Settings", "Deauthorize callback URL"'
    },
    {
      path: '/login/facebook/deletion',
      where: 'the same page, "Data deletion request URL"'
    }
  ],

  create (settings) {
    const provider = createOAuthProvider(facebook, settings, {
      authorizationUrl: AUTHORIZATION_URL,
      tokenUrl: TOKEN_URL,
      apiUrl: 'https://graph.facebook.com/v23.0',
      authentication: 'body',
      // https://developers.facebook.com/docs/facebook-login/guides/advanced/re-authentication
      loginParameters: (asked) => ({ auth_type: asksNewSignIn(asked) ? 'reauthenticate' : undefined }),

      async readProfile ({ get, tokens }) {
        const proof = appSecretProof(tokens.accessToken, settings)
        const user = await get(`/me?fields=${PROFILE_FIELDS}&${proof}`, 'profile')
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
      async revocation ({ accessToken }, { apiUrl, call }) {
        const url = `${apiUrl}/me/permissions?${appSecretProof(accessToken, settings)}`
        const { status, text } = await call('DELETE', url, { headers: { authorization: `Bearer ${accessToken}` } })
        const isSuccess = status >= 200 && status < 300
        const isInvalid = member(member(parseJson(text), 'error'), 'code') === INVALID_TOKEN
        if (!isSuccess && !isInvalid) throw providerError(facebook.name, 'revocation', `HTTP ${status}`)
      }
    })
    const identifyNative = limitedLogin(settings)
    // `#_=_`, on purpose: https://developers.facebook.com/blog/post/552/
    return { ...provider, addsFragment: true, ...identifyNative && { identifyNative } }
  }
}

/** Proves that the caller has the app's secret, so that a stolen access token is useless elsewhere. */
function appSecretProof (accessToken: string, { clientSecret }: ProviderSettings): string {
  return `appsecret_proof=${createHmac('sha256', clientSecret).update(accessToken).digest('hex')}`
}

/**
 * Verifies ID tokens of Limited Login, whose `sub` is the app-scoped id too, so that they lead to the same accounts.
 * Absent when settings move Facebook to another host without naming its keys: the real host is not asked then.
 */
function limitedLogin (settings: ProviderSettings): Provider['identifyNative'] {
  const { authorizationUrl = AUTHORIZATION_URL, issuer = ISSUER } = settings
  const { tokenUrl, apiUrl, jwksUrl } = settings
  const isMoved = [settings.authorizationUrl, tokenUrl, apiUrl, settings.issuer].some((url) => url !== undefined)
  if (isMoved && jwksUrl === undefined) return undefined
  return createOidcProvider(settings, {
    name: facebook.name,
    scope: facebook.scope,
    issuer,
    isEmailVerified: emailTrust('facebook').isVerified,
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
