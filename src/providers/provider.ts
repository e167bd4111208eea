/** A place where people sign in. One file per provider; `registry.ts` lists them. */
export interface Provider {
  id: string
  name: string
  /** True for providers that answer with `response_mode=form_post`: a POST from another site, to a cookie that must be SameSite=None. */
  formPost: boolean
  /** Where to send the browser. Throws a Problem when the provider's metadata cannot be had. */
  authorizationUrl: (request: AuthorizationRequest) => Promise<string>
  /**
   * Exchanges the code, once, and says who the person is. Throws a Problem: `provider_error`, `provider_timeout` or
   * `invalid_id_token`, whose detail names the provider and the step and never holds what the provider sent.
   */
  identify: (response: AuthorizationResponse) => Promise<Profile>
}

export interface AuthorizationRequest {
  redirectUri: string
  state: string
  nonce: string
  /** PKCE, method S256 (RFC 7636 section 4.2). */
  codeChallenge: string
}

export interface AuthorizationResponse {
  code: string
  /** RFC 9207: the issuer that answered, where the provider says it. */
  iss: string | undefined
  redirectUri: string
  nonce: string
  codeVerifier: string
  /** Aborted when the whole login has taken too long. */
  signal: AbortSignal
}

/** Who a person is, by their provider's word. The identity is (provider, issuer, subject), never the email or the user name. */
export interface Profile {
  provider: string
  issuer: string
  subject: string
  username: string | null
  /** In lower case after NFKC. */
  email: string | null
  /** True only when the provider says so, by a boolean, and its word on email is trusted. */
  emailVerified: boolean
  name: string | null
  avatarUrl: string | null
  locale: string | null
  /** What the person granted, separated by spaces. */
  scope: string
}
