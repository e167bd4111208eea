import type { ProviderSettings } from './settings.ts'
import { subject } from './claims.ts'
import { providerError, type Step } from './failure.ts'
import { getJson } from './http.ts'
import { createOAuthClient } from './oauth-client.ts'
import type { HeldTokens, Profile, Provider, ProviderDefinition, TokenSet } from './provider.ts'
import { revokeToken } from './revocation.ts'

/** What one plain OAuth 2.0 provider has of its own. The URLs are the provider's real ones: settings may move them. */
export interface OAuthOptions {
  authorizationUrl: string
  tokenUrl: string
  apiUrl: string
  /** RFC 6749 section 2.3.1: `client_secret_post` or `client_secret_basic`. */
  authentication: 'body' | 'header'
  bodyFormat?: 'form' | 'json'
  scopeSeparator?: string
  authorizationParameters?: Record<string, string>
  /** Of the calls to the API, beside `Authorization`. */
  headers?: Record<string, string>
  /** Right values of the `iss` in the authorization response (RFC 9207), where the provider sends one. None by default. */
  responseIssuer?: string
  readProfile: (api: Api) => Promise<AccountProfile>
  /** The endpoint of RFC 7009, relative to the token endpoint; or what the provider has in its place. */
  revocation?: string | ((tokens: HeldTokens, api: { apiUrl: string, clientId: string, clientSecret: string, signal: AbortSignal }) => Promise<void>)
}

export interface Api {
  apiUrl: string
  tokens: TokenSet
  /** GETs JSON, by a path below the API's base, with the access token. `onStatus` may turn a status into an answer of its own. */
  get: (path: string, step: Step, onStatus?: (status: number) => unknown) => Promise<unknown>
}

/** What a provider says of a person; a subject that is not usable fails the login. */
export type AccountProfile = Omit<Profile, 'provider' | 'issuer' | 'scope' | 'subject'> & { subject: unknown }

/** A provider that speaks OAuth 2.0 and tells who somebody is by an API of its own. PKCE always: who does not know it ignores it. */
export function createOAuthProvider (definition: Pick<ProviderDefinition, 'name' | 'scope'>, settings: ProviderSettings, options: OAuthOptions): Provider {
  const { name } = definition
  const authorizationUrl = settings.authorizationUrl ?? options.authorizationUrl
  const tokenUrl = settings.tokenUrl ?? options.tokenUrl
  const apiUrl = settings.apiUrl ?? options.apiUrl
  const { clientId, clientSecret } = settings
  const { authentication, bodyFormat, scopeSeparator } = options
  const client = createOAuthClient({
    provider: name, clientId, clientSecret, authorizationUrl, tokenUrl, scope: settings.scope ?? definition.scope, authentication, bodyFormat, scopeSeparator
  })

  function callApi (tokens: TokenSet, signal: AbortSignal): Api {
    const headers = { authorization: `Bearer ${tokens.accessToken}`, ...options.headers }
    return { apiUrl, tokens, get: (path, step, onStatus) => getJson(apiUrl + path, { provider: name, step, headers, signal }, onStatus) }
  }

  const revoke = async (tokens: HeldTokens, signal: AbortSignal) => {
    if (typeof options.revocation === 'function') return await options.revocation(tokens, { apiUrl, clientId, clientSecret, signal })
    const url = new URL(options.revocation as string, tokenUrl).href
    await revokeToken({ provider: name, url, clientId, clientSecret, authentication }, tokens, signal)
  }

  return {
    id: settings.id,
    name,
    formPost: false,
    authorizationUrl: (request) => client.authorizationUrl(request, options.authorizationParameters),

    async identify (response) {
      if (response.iss !== undefined && response.iss !== options.responseIssuer) throw providerError(name, 'authorization response', 'iss names another issuer')
      const tokens = await client.exchange(response)
      const profile = await options.readProfile(callApi(tokens, response.signal))
      const accountSubject = subject(profile.subject)
      if (accountSubject === undefined) throw providerError(name, 'profile', 'it has no usable id')
      return { profile: { ...profile, provider: settings.id, issuer: new URL(authorizationUrl).origin, subject: accountSubject, scope: tokens.scope }, tokens }
    },

    refresh: client.refresh,
    ...options.revocation === undefined ? {} : { revoke }
  }
}
