import type { ClientAuthentication } from './client-authentication.ts'
import type { RegisterOAuth2 } from './registration.ts'

/** One provider's settings. What is absent follows the provider's own default. */
export interface ProviderSettings {
  id: string
  kind: 'built-in' | 'oidc' | 'oauth'
  /** The name that @fastify/oauth2 is registered under. */
  pluginName: string
  /** The redirect URI, as it is registered at the provider. */
  callbackUrl: string
  clientId: string
  clientSecret: string
  /** Further audiences of ID tokens that apps bring (native sign-in). */
  nativeClientIds: string[]
  name: string | undefined
  scope: string[] | undefined
  authorizationUrl: string | undefined
  tokenUrl: string | undefined
  apiUrl: string | undefined
  issuer: string | undefined
  jwksUrl: string | undefined
  emailTrusted: boolean
  /** The settings that only this provider has, by their names after the prefix. */
  own: Record<string, string | undefined>
}

/** A place where people sign in. */
export interface Provider {
  id: string
  name: string
  /** True for providers that answer with `response_mode=form_post`: a POST from another site, to a cookie that must be SameSite=None. */
  formPost: boolean
  /** Whether the `iss` of an authorization response is the provider's own (RFC 9207). */
  answersAs: (iss: string) => boolean
  /** Registers @fastify/oauth2 by `register`. Absent where endpoints or secret are known only after the app has started. */
  register?: ((register: RegisterOAuth2) => Promise<void>) | undefined
  /** Begins a login. Throws a Problem when the provider's metadata cannot be had. */
  authorize: () => Promise<Authorization>
  /**
   * Exchanges the code, once, and says who the person is. Throws a Problem: `provider_error`, `provider_timeout` or
   * `invalid_id_token`, whose detail names the provider and the step and never holds what the provider sent.
   */
  identify: (response: AuthorizationResponse) => Promise<Identified>
  /**
   * Says who the person is by an ID token that an app got from the provider's own SDK, made for this client or one of
   * the native ones; `nonce` is what the app chose, where it did. Throws as `identify`. Absent where there are no ID tokens.
   */
  identifyNative?: (idToken: string, nonce: string | undefined) => Promise<Profile>
  /** New tokens for a refresh token (RFC 6749 section 6). Throws `reauthorization_required` when the provider says that the grant is over. */
  refresh: (refreshToken: string, signal: AbortSignal) => Promise<TokenSet>
  /** What a login will use, for `npm run doctor`. Throws a Problem when the provider's metadata cannot be had. */
  endpoints: () => Promise<ProviderEndpoints>
  /** Takes the grant back at the provider. Absent where it offers no way. */
  revoke?: (tokens: HeldTokens, signal: AbortSignal) => Promise<void>
}

export interface ProviderEndpoints {
  authorizationUrl: string
  tokenUrl: string
  /** Absent where there are no ID tokens. */
  jwksUrl: string | undefined
  authentication: ClientAuthentication
  clientSecret: string
}

/** A built-in provider: what it is called, what it wants, and how it is made. One file each; `registry.ts` lists them. */
export interface ProviderDefinition {
  /** In URLs; in upper case the prefix of its settings. */
  id: string
  name: string
  /** The provider's own pages that the endpoints, scopes and claims come from. */
  documentation: string[]
  /** Where one registers an application and gets its credentials, and as what. */
  console: string
  /** What is asked for unless `<PROVIDER>_SCOPE` says otherwise. */
  scope: string[]
  /** What is odd about it, a sentence each; docs/providers.md prints them. */
  quirks: string[]
  /** Settings of its own, beside those that every provider has: name after the prefix, and what it is for. */
  settings?: Record<string, string>
  /** Those of them that, set together, stand in for the client secret. */
  insteadOfSecret?: string[]
  /** What is wrong with its settings: sentences that begin with a name after the prefix, and hold no secret. */
  mistakes?: (settings: ProviderSettings) => string[]
  create: (settings: ProviderSettings) => Provider
}

/** A login that begins: where to send the browser, and what its callback needs. */
export interface Authorization { url: string, secrets: LoginSecrets }

/** What a login keeps, out of sight, until the browser comes back. */
export interface LoginSecrets {
  /** Ties the callback to the browser (RFC 6749 section 10.12). */
  state: string
  /** PKCE, method S256 (RFC 7636 section 4.1). Absent for a provider without PKCE. */
  codeVerifier: string | undefined
  /** Ties the ID token to the login (OpenID Connect Core section 3.1.2.1). */
  nonce: string
}

export interface AuthorizationResponse {
  code: string
  state: string
  /** The issuer that answered (RFC 9207), where the provider says it. */
  iss: string | undefined
  /** Apple's, beside the first code only: JSON that holds the person's name. */
  user: string | undefined
  /** Those of the login's start. */
  secrets: LoginSecrets
  /** Aborts when the whole login has taken too long. */
  signal: AbortSignal
}

export interface Identified { profile: Profile, tokens: TokenSet }

/** Who a person is, by their provider's word. The identity is (provider, issuer, subject), never the email or the user name. */
export interface Profile {
  provider: string
  issuer: string
  subject: string
  username: string | null
  /** In lower case after NFKC. */
  email: string | null
  /** True only when the provider says so and its word on email is trusted (email-trust.ts). */
  emailVerified: boolean
  name: string | null
  avatarUrl: string | null
  locale: string | null
  /** What the person granted, separated by spaces. */
  scope: string
}

/** The provider's token response (RFC 6749 section 5.1); members that were not of their type are absent. */
export interface TokenSet {
  accessToken: string
  refreshToken: string | undefined
  idToken: string | undefined
  /** Absent where the provider does not say when the access token expires. */
  expiresAt: Date | undefined
  scope: string
  /** The answer itself, for those who say in it who the person is. */
  answer: unknown
}

/** What the vault holds of a grant. */
export interface HeldTokens { accessToken: string, refreshToken: string | undefined }
