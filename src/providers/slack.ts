import { decodeJwt } from 'jose'
import { toErrorWord } from '../http/failure-origin.ts'
import { parseJson } from '../http/json.ts'
import { avatarUrl, email, member, subject, text } from './claims.ts'
import { emailTrust } from './email-trust.ts'
import { invalidIdToken, providerError } from './failure.ts'
import { createOAuthProvider } from './oauth.ts'
import type { ProviderDefinition } from './provider.ts'

/** Errors of `auth.revoke` for a token that is no longer valid. */
const INVALID_TOKEN = ['invalid_auth', 'token_revoked', 'token_expired', 'account_inactive', 'not_authed']

export const slack: ProviderDefinition = {
  id: 'slack',
  name: 'Slack',
  documentation: [
    'https://docs.slack.dev/authentication/sign-in-with-slack/',
    'https://docs.slack.dev/reference/methods/openid.connect.token/',
    'https://docs.slack.dev/reference/methods/openid.connect.userInfo/'
  ],
  console:
    'https://api.slack.com/apps, with the user scopes `openid`, `profile` and `email`; the callback URL must be ' +
    'https',
  scope: ['openid', 'profile', 'email'],
  quirks: [
    'A failure is answered with HTTP 200 and `"ok": false`.',
    'PKCE is for Slack apps without a secret, and fails the login of an app with one. So none is sent, and the ' +
      'nonce of the ID token keeps a code from being used in another login.',
    'A Slack user id is unique in its workspace only: the account is `sub` in the workspace ' +
      '`https://slack.com/team_id`, and a person in two workspaces has two accounts.',
    'Tokens do not expire, unless the app has token rotation.'
  ],

  create (settings) {
    return createOAuthProvider(slack, settings, {
      authorizationUrl: 'https://slack.com/openid/connect/authorize',
      tokenUrl: 'https://slack.com/api/openid.connect.token',
      apiUrl: 'https://slack.com/api',
      authentication: 'body',
      pkce: false,
      saysGrantIsOver: (answer) => member(answer, 'error') === 'invalid_refresh_token',

      async readProfile ({ get, tokens, nonce }) {
        checkNonce(tokens.idToken, nonce)
        const user = await get('/openid.connect.userInfo', 'profile')
        if (member(user, 'ok') === false) {
          const response = { providerError: toErrorWord(member(user, 'error'), [tokens.accessToken]) }
          throw providerError(slack.name, 'profile', 'it was refused', response)
        }
        const address = email(member(user, 'email'))
        const team = subject(member(user, 'https://slack.com/team_id'))
        return {
          subject: member(user, 'sub'),
          ...(team === undefined ? {} : { tenant: team }),
          username: null,
          email: address,
          emailVerified: address !== null && emailTrust('slack').isVerified(member(user, 'email_verified')),
          name: text(member(user, 'name')),
          avatarUrl: avatarUrl(member(user, 'picture')),
          locale: text(member(user, 'locale'), 35)
        }
      },

      // https://docs.slack.dev/reference/methods/auth.revoke/
      async revocation ({ accessToken }, { apiUrl, call }) {
        const headers = { authorization: `Bearer ${accessToken}` }
        const { status, text } = await call('POST', `${apiUrl}/auth.revoke`, { headers })
        if (status !== 200) throw providerError(slack.name, 'revocation', `HTTP ${status}`)
        const answer = parseJson(text)
        const isRevoked = member(answer, 'ok') === true || INVALID_TOKEN.includes(member(answer, 'error') as string)
        if (!isRevoked) throw providerError(slack.name, 'revocation', 'it was refused')
      }
    })
  }
}

/**
 * The nonce of another login means that the code was stolen there (RFC 9700 section 2.1.1). The ID token comes from
 * Slack over TLS, and nothing else in it is used, so its signature need not be checked (OpenID Connect Core section
 * 3.1.3.7).
 */
function checkNonce (idToken: string | undefined, nonce: string): void {
  if (idToken === undefined) return
  const stated = member(readClaims(idToken), 'nonce')
  if (stated !== undefined && stated !== nonce) throw invalidIdToken(slack.name, 'the nonce is wrong')
}

function readClaims (idToken: string): unknown {
  try {
    return decodeJwt(idToken)
  } catch {
    return undefined
  }
}
