import { subject } from './claims.ts'
import type { ClientAuthentication } from './client-authentication.ts'
import { providerError, type Step } from './failure.ts'
import { getJson } from './http.ts'
import { createOAuthClient } from './oauth-client.ts'
import type { AuthorizationResponse, HeldTokens, Profile, Provider, ProviderDefinition, ProviderSettings, TokenSet } from './provider.ts'
import { revokeToken } from './revocation.ts'

/** What one plain OAuth 2.0 provider has of its own. The URLs are the provider's real ones: settings may move them. */
export interface OAuthOptions {
  authorizationUrl: string
  tokenUrl: string
  apiUrl: string
  authentication: ClientAuthentication
  bodyFormat?: 'form' | 'json'
  scopeSeparator?: string
  /** False for a provider that documents no PKCE and refuses what it does not know; all others are asked for it. */
  pkce?: boolean
  userAgent?: string
  /** The endpoint of refresh tokens, relative to the token endpoint, where it is another one. */
  refreshEndpoint?: string
  authorizationParameters?: Record<string, string>
  /** Of the calls to the API, beside `Authorization`. */
  headers?: Record<string, string>
  /** Right values of the `iss` in the authorization response (RFC 9207), where the provider sends one. None by default. */
  responseIssuer?: string
  /** Whether a refused refresh says that the grant is over, where the provider has other words for it than `invalid_grant`. */
  saysGrantIsOver?: (answer: unknown) => boolean
  readProfile: (api: Api) => Promise<AccountProfile>
  /** The endpoint of RFC 7009, relative to the token endpoint; or what the provider has in its place. */
  revocation?: string | ((tokens: HeldTokens, api: RevocationApi) => Promise<void>)
}

export interface RevocationApi { apiUrl: string, tokenUrl: string, clientId: string, clientSecret: string, signal: AbortSignal }

export interface Api {
  apiUrl: string
  tokenUrl: string
  clientId: string
  tokens: TokenSet
  /** What an ID token of this login must say. */
  nonce: string
  signal: AbortSignal
  /** GETs JSON, by a path below the API's base, with the access token. `onStatus` may turn a status into an answer of its own. */
  get: (path: string, step: Step, onStatus?: (status: number) => unknown) => Promise<unknown>
}

/**
 * What a provider says of a person; a subject that is not usable fails the login. `tenant` is where the subject is
 * unique, for a provider whose subjects are not unique on the whole.
 */
export type AccountProfile = Omit<Profile, 'provider' | 'issuer' | 'scope' | 'subject'> & { subject: unknown, tenant?: string }

/** A provider that speaks OAuth 2.0 and tells who somebody is by an API of its own. PKCE: who does not know it ignores it. */
export function createOAuthProvider (definition: Pick<ProviderDefinition, 'name' | 'scope'>, settings: ProviderSettings, options: OAuthOptions): Provider {
  const { name } = definition
  const authorizationUrl = settings.authorizationUrl ?? options.authorizationUrl
  const tokenUrl = settings.tokenUrl ?? options.tokenUrl
  const apiUrl = settings.apiUrl ?? options.apiUrl
  const { origin } = new URL(authorizationUrl)
  const { clientId, clientSecret } = settings
  const { authentication, bodyFormat, scopeSeparator, pkce, userAgent, refreshEndpoint, saysGrantIsOver } = options
  const client = createOAuthClient({
    provider: name,
    pluginName: settings.pluginName,
    clientId,
    clientSecret,
    callbackUrl: settings.callbackUrl,
    authorizationUrl,
    authorizationParameters: options.authorizationParameters,
    tokenUrl,
    refreshUrl: refreshEndpoint === undefined ? undefined : new URL(refreshEndpoint, tokenUrl).href,
    scope: settings.scope ?? definition.scope,
    authentication,
    bodyFormat,
    scopeSeparator,
    pkce,
    userAgent,
    saysGrantIsOver
  })

  function callApi (tokens: TokenSet, { secrets: { nonce }, signal }: AuthorizationResponse): Api {
    const headers = { authorization: `Bearer ${tokens.accessToken}`, ...userAgent === undefined ? {} : { 'user-agent': userAgent }, ...options.headers }
    const get: Api['get'] = (path, step, onStatus) => getJson(apiUrl + path, { provider: name, step, headers, signal }, onStatus)
    return { apiUrl, tokenUrl, clientId, tokens, nonce, signal, get }
  }

  const revoke = async (tokens: HeldTokens, signal: AbortSignal) => {
    if (typeof options.revocation === 'function') return await options.revocation(tokens, { apiUrl, tokenUrl, clientId, clientSecret, signal })
    const url = new URL(options.revocation as string, tokenUrl).href
    await revokeToken({ provider: name, url, clientId, clientSecret, authentication }, tokens, signal)
  }

  return {
    id: settings.id,
    name,
    formPost: false,
    answersAs: (iss) => iss === options.responseIssuer,
    register: client.register,
    authorize: client.authorize,

    async identify (response) {
      const tokens = await client.exchange(response)
      const { tenant, ...profile } = await options.readProfile(callApi(tokens, response))
      const accountSubject = subject(profile.subject)
      if (accountSubject === undefined) throw providerError(name, 'profile', 'it has no usable id')
      const issuer = tenant === undefined ? origin : `${origin}/${encodeURIComponent(tenant)}`
      return { profile: { ...profile, provider: settings.id, issuer, subject: accountSubject, scope: tokens.scope }, tokens }
    },

    refresh: client.refresh,
    endpoints: async () => ({ authorizationUrl, tokenUrl, jwksUrl: undefined, authentication, clientSecret }),
    ...options.revocation === undefined ? {} : { revoke }
  }
}
