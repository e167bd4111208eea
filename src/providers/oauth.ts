import { Problem } from '../http/errors.ts'
import { subject } from './claims.ts'
import { createClientAssertion } from './client-assertion.ts'
import type { ClientAuthentication } from './client-authentication.ts'
import { providerError, type Step } from './failure.ts'
import { callProvider, getJson, type ProviderAnswer } from './http.ts'
import { NO_LOGIN_PARAMETERS, type ToAuthorizationParameters } from './login-parameters.ts'
import { createOAuthClient } from './oauth-client.ts'
import type {
  AuthorizationResponse, HeldTokens, Identified, Profile, Provider, ProviderDefinition, ProviderSettings, TokenSet
} from './provider.ts'
import { revokeToken } from './revocation.ts'

/** A plain OAuth 2.0 provider. The URLs are the real ones; settings may replace them. */
export interface OAuthOptions {
  authorizationUrl: string
  tokenUrl: string
  apiUrl: string
  authentication: ClientAuthentication
  bodyFormat?: 'form' | 'json'
  scopeSeparator?: string
  /** False for a provider that refuses PKCE. A provider without it ignores the parameters, and needs no setting. */
  pkce?: boolean
  userAgent?: string
  /** The endpoint that exchanges refresh tokens, relative to the token endpoint, where it differs from that. */
  refreshEndpoint?: string
  authorizationParameters?: Record<string, string>
  /** The parameters for what a client asks of a sign-in. By default the provider has none. */
  loginParameters?: ToAuthorizationParameters
  /** Added to API calls. */
  headers?: Record<string, string>
  /** The `iss` of the provider's authorization responses (RFC 9207), where it sends one. */
  responseIssuer?: string
  /** Whether a refused refresh means that the grant is over, for a provider that does not say `invalid_grant`. */
  saysGrantIsOver?: (answer: unknown) => boolean
  readProfile: (api: Api) => Promise<AccountProfile>
  /** The endpoint of RFC 7009, relative to the token endpoint; or a function, for a provider that revokes otherwise. */
  revocation?: string | ((tokens: HeldTokens, api: RevocationApi) => Promise<void>)
}

export interface RevocationApi {
  apiUrl: string
  tokenUrl: string
  clientId: string
  clientSecret: string
  call: (
    method: 'POST' | 'DELETE', url: string, request: { headers: Record<string, string>, body?: string }
  ) => Promise<ProviderAnswer>
  signal: AbortSignal
}

export interface Api {
  apiUrl: string
  tokenUrl: string
  clientId: string
  tokens: TokenSet
  /** The nonce of this login, for its ID token. */
  nonce: string
  signal: AbortSignal
  /** GETs JSON below the API's URL with the access token. `onStatus` may turn a status into a value of its own. */
  get: (path: string, step: Step, onStatus?: (status: number) => unknown) => Promise<unknown>
}

/**
 * What a provider says of a person. A subject that is not usable fails the login. `tenant` is the scope of the subject,
 * for a provider whose subjects are unique within a tenant only.
 */
export type AccountProfile = Omit<Profile, 'provider' | 'issuer' | 'scope' | 'subject'> &
  { subject: unknown, tenant?: string } & Partial<Pick<Identified, 'authenticatedAt'>>

/** A provider that speaks OAuth 2.0 and identifies people by an API of its own. */
export function createOAuthProvider (
  definition: Pick<ProviderDefinition, 'name' | 'scope'>, settings: ProviderSettings, options: OAuthOptions
): Provider {
  const { name } = definition
  const { clientId, clientSecret, assertionKey } = settings
  const { userAgent, refreshEndpoint, revocation } = options
  const authorizationUrl = settings.authorizationUrl ?? options.authorizationUrl
  const tokenUrl = settings.tokenUrl ?? options.tokenUrl
  const apiUrl = settings.apiUrl ?? options.apiUrl
  const { origin } = new URL(authorizationUrl)
  const authentication = settings.authentication ?? options.authentication
  const assertion = assertionKey && createClientAssertion(assertionKey, { clientId, tokenUrl, algorithms: undefined })
  const client = createOAuthClient({
    provider: name,
    pluginName: settings.pluginName,
    clientId,
    clientSecret: assertion ?? clientSecret,
    callbackUrl: settings.callbackUrl,
    authorizationUrl,
    authorizationParameters: options.authorizationParameters,
    tokenUrl,
    refreshUrl: refreshEndpoint === undefined ? undefined : new URL(refreshEndpoint, tokenUrl).href,
    scope: settings.scope ?? definition.scope,
    authentication,
    bodyFormat: options.bodyFormat,
    scopeSeparator: settings.scopeSeparator ?? options.scopeSeparator,
    pkce: options.pkce,
    userAgent,
    saysGrantIsOver: options.saysGrantIsOver
  })

  function createApi (tokens: TokenSet, { secrets: { nonce }, signal }: AuthorizationResponse): Api {
    const headers = {
      authorization: `Bearer ${tokens.accessToken}`,
      ...userAgent !== undefined && { 'user-agent': userAgent },
      ...options.headers
    }
    const get: Api['get'] = async (path, step, onStatus) =>
      await getJson(apiUrl + path, { provider: name, step, headers, signal }, onStatus)
    return { apiUrl, tokenUrl, clientId, tokens, nonce, signal, get }
  }

  /**
   * Renews an access token that has expired: a provider that revokes by access token says of it what it says of one
   * that is revoked. A refusal changes nothing: the grant is over, or an earlier attempt has renewed it.
   */
  async function withLiveToken (tokens: HeldTokens, signal: AbortSignal): Promise<HeldTokens> {
    if (tokens.isExpired !== true || tokens.refreshToken === undefined) return tokens
    try {
      const { accessToken } = await client.refresh(tokens.refreshToken, '', signal)
      return { ...tokens, accessToken }
    } catch (error) {
      if (error instanceof Problem && error.code === 'reauthorization_required') return tokens
      throw error
    }
  }

  async function revoke (tokens: HeldTokens, signal: AbortSignal): Promise<void> {
    if (typeof revocation === 'function') {
      const call: RevocationApi['call'] = async (method, url, request) =>
        await callProvider(url, { provider: name, step: 'revocation', signal, method, ...request })
      const current = await withLiveToken(tokens, signal)
      return await revocation(current, { apiUrl, tokenUrl, clientId, clientSecret, call, signal })
    }
    const url = settings.revocationUrl ?? new URL(revocation as string, tokenUrl).href
    const secret = await client.clientSecret()
    await revokeToken({ provider: name, url, clientId, clientSecret: secret, authentication }, tokens, signal)
  }

  return {
    id: settings.id,
    name,
    accountIssuer: origin,
    formPost: false,
    // RFC 9207 section 2.4: who does not know the issuer ignores the parameter.
    isResponseIssuer: (iss) => options.responseIssuer === undefined || iss === options.responseIssuer,
    register: client.register,
    authorize: (parameters = NO_LOGIN_PARAMETERS) => client.authorize(options.loginParameters?.(parameters) ?? {}),

    async identify (response) {
      const tokens = await client.exchange(response)
      const { tenant, authenticatedAt, ...profile } = await options.readProfile(createApi(tokens, response))
      const accountSubject = subject(profile.subject)
      if (accountSubject === undefined) throw providerError(name, 'profile', 'it has no usable id')
      const issuer = tenant === undefined ? origin : `${origin}/${encodeURIComponent(tenant)}`
      const identity = { provider: settings.id, issuer, subject: accountSubject }
      return { profile: { ...profile, ...identity, scope: tokens.scope }, tokens, authenticatedAt }
    },

    refresh: client.refresh,
    endpoints: async () => {
      const secret = await client.clientSecret()
      return { authorizationUrl, tokenUrl, jwksUrl: undefined, authentication, clientSecret: secret }
    },
    ...(revocation ?? settings.revocationUrl) !== undefined && { revoke }
  }
}
