import type { ProviderSettings } from '../settings.ts'
import { avatarUrl, email, member, subject, text } from './claims.ts'
import { providerError } from './failure.ts'
import { getJson } from './http.ts'
import { createOAuthClient } from './oauth-client.ts'
import type { Provider } from './provider.ts'

/**
 * GitHub and GitHub Enterprise, by OAuth 2.0:
 * https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
 *
 * - Credentials: https://github.com/settings/developers, an OAuth app.
 * - A failed exchange comes as HTTP 200 with an `error` member (the client checks for it).
 * - The profile's `email` is what the person chose to show: often null, never a proof. The primary and verified entry of
 *   https://docs.github.com/en/rest/users/emails is trusted; without the scope `user:email` that list is a 404 or 403.
 * - The API wants a User-Agent. The stable subject is the numeric `id`; `login` can be changed and taken by others.
 */
const AUTHORIZATION_URL = 'https://github.com/login/oauth/authorize'
const TOKEN_URL = 'https://github.com/login/oauth/access_token'
const API_URL = 'https://api.github.com'
const SCOPE = ['read:user', 'user:email']
const NAME = 'GitHub'

export function createGitHubProvider (settings: ProviderSettings): Provider {
  const apiUrl = settings.apiUrl ?? API_URL
  const authorizationUrl = settings.authorizationUrl ?? AUTHORIZATION_URL
  const client = createOAuthClient({
    provider: NAME,
    clientId: settings.clientId,
    clientSecret: settings.clientSecret,
    authorizationUrl,
    tokenUrl: settings.tokenUrl ?? TOKEN_URL,
    scope: settings.scope ?? SCOPE,
    authentication: 'body'
  })

  return {
    id: settings.id,
    name: NAME,
    formPost: false,
    authorizationUrl: (request) => client.authorizationUrl(request),

    async identify (response) {
      const issuer = new URL(authorizationUrl).origin
      // GitHub's own name for itself in RFC 9207 is not its bare host; an older Enterprise Server sends none.
      if (response.iss !== undefined && response.iss !== authorizationUrl.replace(/\/authorize$/, '')) throw providerError(NAME, 'authorization response', 'iss names another issuer')
      const { accessToken, scope } = await client.exchange(response)
      const headers = { authorization: `Bearer ${accessToken}`, accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' }
      const call = { provider: NAME, headers, signal: response.signal }
      const user = await getJson(`${apiUrl}/user`, { ...call, step: 'profile' })
      const accountSubject = subject(member(user, 'id'))
      if (accountSubject === undefined) throw providerError(NAME, 'profile', 'it has no usable id')
      const emails = await getJson(`${apiUrl}/user/emails`, { ...call, step: 'emails' }, (status) => status === 404 || status === 403 ? [] : undefined)

      return {
        provider: settings.id,
        issuer,
        subject: accountSubject,
        username: text(member(user, 'login')),
        ...primaryEmail(emails, member(user, 'email')),
        name: text(member(user, 'name')) ?? text(member(user, 'login')),
        avatarUrl: avatarUrl(member(user, 'avatar_url')),
        locale: null,
        scope
      }
    }
  }
}

/** Only an entry that is primary and verified counts as verified; `shown`, the profile's email, never does. */
function primaryEmail (emails: unknown, shown: unknown): { email: string | null, emailVerified: boolean } {
  if (!Array.isArray(emails)) throw providerError(NAME, 'emails', 'the answer is not a list')
  const primary: unknown = emails.find((entry) => member(entry, 'primary') === true)
  const address = email(member(primary, 'email'))
  return { email: address ?? email(shown), emailVerified: address !== null && member(primary, 'verified') === true }
}
