import type { JWTPayload } from 'jose'
import type { AssertionKey } from './client-assertion.ts'
import type { ClientAuthentication } from './client-authentication.ts'
import type { LoginParameters } from './login-parameters.ts'
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
  /** In place of the usual one. */
  authentication?: ClientAuthentication | undefined
  /** In place of a client secret (`private_key_jwt`). */
  assertionKey?: AssertionKey | undefined
  /** Further audiences of ID tokens that apps bring (native sign-in). */
  nativeClientIds: string[]
  /** Whether an ID token with a nonce is accepted from an app that names none. */
  nativeNonceOptional?: boolean
  name: string | undefined
  scope: string[] | undefined
  authorizationUrl: string | undefined
  tokenUrl: string | undefined
  apiUrl: string | undefined
  issuer: string | undefined
  jwksUrl: string | undefined
  userinfoUrl?: string | undefined
  revocationUrl?: string | undefined
  /** Separates the scopes of the authorization request; a space by default. */
  scopeSeparator?: string | undefined
  /** Whether URLs that no browser opens may be http. */
  allowHttp?: boolean
  emailTrusted: boolean
  /** The settings that only this provider has, by their names after the prefix. */
  own: Record<string, string | undefined>
}

/** An identity provider. `provider` in arguments of that name is its `name`, the one that people know. */
export interface Provider {
  id: string
  name: string
  /** The issuer of its accounts; of a provider with tenants, the beginning of it. */
  accountIssuer: string
  /** Whether it answers by `response_mode=form_post`: a POST from its own site, which needs a SameSite=None cookie. */
  formPost: boolean
  /** Whether its authorization responses have a fragment, which browsers hand on from redirect to redirect. */
  addsFragment?: true
  /** Whether `iss` of an authorization response is that of this provider (RFC 9207). */
  isResponseIssuer: (iss: string) => boolean
  /** Registers @fastify/oauth2 by `register`. Absent where endpoints or secret become known only after the start. */
  register?: ((register: RegisterOAuth2) => Promise<void>) | undefined
  /**
   * Starts a login, and asks the provider for as much of `parameters` as it can do. Throws a Problem when its metadata
   * cannot be read.
   */
  authorize: (parameters?: LoginParameters) => Promise<Authorization>
  /**
   * Exchanges the code, once, and identifies the person. Throws a Problem: `provider_error`, `provider_timeout` or
   * `invalid_id_token`, whose detail names the provider and the step and holds nothing that the provider sent.
   */
  identify: (response: AuthorizationResponse) => Promise<Identified>
  /**
   * Identifies the person by an ID token that an app got from the provider's SDK, for this client or a native one.
   * `nonce` is the app's, where it chose one. Throws as `identify`. Absent where there are no ID tokens.
   */
  identifyNative?: (
    idToken: string, nonce: string | undefined, name?: string
  ) => Promise<Omit<Identified, 'tokens'> & { clientId?: string }>
  /**
   * Exchanges the authorization code that came with an ID token to the app `clientId`, of the same person. Throws as
   * `identify`. Absent where apps have none (all but Apple).
   */
  exchangeNative?: (code: string, clientId: string, subject: string, signal: AbortSignal) => Promise<TokenSet>
  /**
   * Exchanges a refresh token (RFC 6749 section 6), once. `grantedScope`, separated by spaces, holds where the answer
   * has no scope. Throws a Problem: `reauthorization_required` when the grant is over.
   */
  refresh: (refreshToken: string, grantedScope: string, signal: AbortSignal) => Promise<TokenSet>
  /**
   * Verifies a security event token (RFC 8417) for this client or a native one, and returns its claims. Throws
   * `invalid_event`, or as `identify` when the keys cannot be read. Absent where there are no ID tokens.
   */
  verifyEvent?: VerifyEvent
  /** For `npm run doctor`. Throws a Problem when the provider's metadata cannot be read. */
  endpoints: () => Promise<ProviderEndpoints>
  /** Revokes a grant. Absent where the provider has no way to. Throws a Problem when a later attempt may succeed. */
  revoke?: (tokens: HeldTokens, signal: AbortSignal) => Promise<void>
}

export type VerifyEvent = (token: string) => Promise<JWTPayload & { jti: string }>

export interface ProviderEndpoints {
  authorizationUrl: string
  tokenUrl: string
  /** Absent where there are no ID tokens. */
  jwksUrl: string | undefined
  authentication: ClientAuthentication
  clientSecret: string
}

/** A built-in provider. Each has a file of its own; `registry.ts` lists them. */
export interface ProviderDefinition {
  /** Part of its URLs; in upper case the prefix of its settings. */
  id: string
  name: string
  /** The provider's pages that document the endpoints, scopes and claims. */
  documentation: string[]
  /** Where to register an application and get its credentials. */
  console: string
  /** Requested unless `<PROVIDER>_SCOPE` replaces them. */
  scope: string[]
  /** What operators should know about it, one note each; docs/providers.md prints them. */
  quirks: string[]
  /** Where its console takes the URLs of its events, by path below the public URL; docs/providers.md prints them. */
  events?: { path: string, where: string }[]
  /** Its own settings, beside those of every provider: the name after the prefix, and what it does. */
  settings?: Record<string, string>
  /** The own settings that together replace the client secret. */
  insteadOfSecret?: string[]
  /** Mistakes in its settings: sentences that begin with a name after the prefix, and hold no secret. */
  mistakes?: (settings: ProviderSettings) => string[]
  create: (settings: ProviderSettings) => Provider
}

/** The start of a login: the URL to send the browser to, and what the callback needs. */
export interface Authorization { url: string, secrets: LoginSecrets }

/** Generated for one login, and kept until its callback. */
export interface LoginSecrets {
  /** Binds the callback to the browser (RFC 6749 section 10.12). */
  state: string
  /** PKCE, method S256 (RFC 7636 section 4.1). Absent for a provider without PKCE. */
  codeVerifier: string | undefined
  /** Binds the ID token to the login (OpenID Connect Core section 3.1.2.1). */
  nonce: string
}

export interface AuthorizationResponse {
  code: string
  state: string
  /** The issuer of the response (RFC 9207), where the provider sends it. */
  iss: string | undefined
  /** Apple's, beside the first code only: JSON that holds the person's name. */
  user: string | undefined
  secrets: LoginSecrets
  /** Aborts when the whole login has taken too long. */
  signal: AbortSignal
}

export interface Identified {
  profile: Profile
  tokens: TokenSet
  /** When the person signed in at the provider: its own `auth_time`. Undefined where it does not say. */
  authenticatedAt: Date | undefined
}

/**
 * A person, as their provider describes them. Identified by (provider, issuer, subject), never by email or user name.
 */
export interface Profile {
  provider: string
  issuer: string
  subject: string
  username: string | null
  /** In lower case after NFKC. */
  email: string | null
  /** True only when the provider says so and is trusted to (email-trust.ts). */
  emailVerified: boolean
  name: string | null
  avatarUrl: string | null
  locale: string | null
  /** The granted scope, separated by spaces. */
  scope: string
}

/** The provider's token response (RFC 6749 section 5.1), without members of a wrong type. */
export interface TokenSet {
  accessToken: string
  refreshToken: string | undefined
  idToken: string | undefined
  /** The client that the tokens were issued to, where that is an app of the person and not this service. */
  clientId?: string
  /** Absent where the provider does not say when the access token expires. */
  expiresAt: Date | undefined
  scope: string
  /** The whole answer, for providers that identify the person in it. */
  answer: unknown
}

/** The stored tokens of a grant. */
export interface HeldTokens {
  accessToken: string
  refreshToken: string | undefined
  clientId?: string | undefined
  /** Whether the access token has expired, as far as the provider said when it would. */
  isExpired?: boolean
}
