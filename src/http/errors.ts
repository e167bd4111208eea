/**
 * Every error that a client can meet: its stable code, the HTTP status, a title, and what to do about it. The text of
 * `GET /problems/<code>` is made from this table.
 */
export const PROBLEMS = {
  validation_failed: { status: 400, title: 'The request does not fit its schema', advice: 'Look at `errors`: each entry names a part of the request and the rule that it broke.' },
  invalid_request: { status: 400, title: 'The request is missing something or contradicts itself', advice: 'Read `detail`; it names the parameter.' },
  invalid_return_to: { status: 400, title: 'This return_to is not allowed', advice: 'Add its origin to ALLOWED_ORIGINS, or use a URL whose origin is there. Scheme, host and port must match exactly.' },
  invalid_state: { status: 400, title: 'This sign-in cannot be continued', advice: 'The state was missing, altered, used before, older than ten minutes, or belongs to another browser. Start again from /login.' },
  invalid_grant: { status: 400, title: 'This code cannot be used', advice: 'Codes work once, for one minute, for the client that asked for them. Start again.' },
  unauthorized: { status: 401, title: 'No access token was sent', advice: 'Send `Authorization: Bearer <access_token>`. Sign in at /login to get one.' },
  invalid_token: { status: 401, title: 'This access token is not valid', advice: 'It was altered, comes from another issuer, or its session has ended. Refresh it, or sign in again.' },
  token_expired: { status: 401, title: 'This access token has expired', advice: 'Exchange the refresh token at POST /oauth2/token for a new one.' },
  invalid_client: { status: 401, title: 'This client is not known here', advice: 'Send the id and secret of a confidential client by HTTP Basic, form-encoded (RFC 6749 section 2.3.1).' },
  access_denied: { status: 403, title: 'The sign-in was declined', advice: 'The person said no at the provider. Let them try again, or offer another provider.' },
  account_disabled: { status: 403, title: 'This account is disabled', advice: 'An administrator disabled it. Only an administrator can enable it again.' },
  forbidden: { status: 403, title: 'You may not do this', advice: 'The route needs a role that this user does not have.' },
  reauthentication_required: { status: 403, title: 'Sign in again first', advice: 'This needs a sign-in of the last ten minutes. Sign in again and repeat the request.' },
  not_found: { status: 404, title: 'There is nothing here', advice: 'Check the path and the method; GET /openapi.json lists every route.' },
  unknown_provider: { status: 404, title: 'There is no such provider', advice: 'GET /login lists the enabled providers. One is enabled by its client id and secret in the settings.' },
  account_taken: { status: 409, title: 'This account belongs to another user', advice: 'Sign in as that user and unlink it there first.' },
  last_account: { status: 409, title: 'This is the last account', advice: 'Link another account first, or delete the user.' },
  last_admin: { status: 409, title: 'This is the last administrator', advice: 'Give the role to somebody else first.' },
  client_from_settings: { status: 409, title: 'This client comes from the settings', advice: 'Change or remove it in the CLIENTS setting, and restart.' },
  reauthorization_required: { status: 409, title: 'The provider wants the person to sign in again', advice: 'Send the person through the provider\'s login once more.' },
  precondition_failed: { status: 412, title: 'Somebody changed this in the meantime', advice: 'Read it again, and repeat the change with the new ETag.' },
  payload_too_large: { status: 413, title: 'The body is too large', advice: 'No route takes more than 64 KiB, and preferences are 16 KiB at most.' },
  unsupported_media_type: { status: 415, title: 'This content type is not understood here', advice: 'Send application/json, or application/x-www-form-urlencoded where the route takes forms.' },
  rate_limited: { status: 429, title: 'Too many requests', advice: 'Wait for as many seconds as Retry-After says.' },
  request_header_fields_too_large: { status: 431, title: 'The request headers are too large', advice: 'Clear the cookies of this site.' },
  internal_error: { status: 500, title: 'Something went wrong here', advice: 'Tell the operator the requestId: the log has the rest.' },
  provider_error: { status: 502, title: 'The provider did not play its part', advice: 'Read `detail`: it names the provider and the step. Trying again may help; if it does not, check the credentials and the callback URL.' },
  invalid_id_token: { status: 502, title: 'The provider\'s ID token does not verify', advice: 'Check the issuer, the client id and the clock of this machine.' },
  service_unavailable: { status: 503, title: 'Not available right now', advice: 'Wait for as many seconds as Retry-After says, and try again.' },
  provider_timeout: { status: 504, title: 'The provider did not answer in time', advice: 'Try again, or sign in with another provider.' }
} as const satisfies Record<string, { status: number, title: string, advice: string }>

export type ProblemCode = keyof typeof PROBLEMS

/** An error that the client gets to see: its code from the table above, and a sentence that must not hold a secret. */
export class Problem extends Error {
  readonly code: ProblemCode
  readonly status: number
  readonly headers: Record<string, string>

  /** `status` only where the contract gives a code a status other than its usual one. */
  constructor (code: ProblemCode, detail: string = PROBLEMS[code].title, options: { headers?: Record<string, string>, status?: number } = {}) {
    super(detail)
    this.name = 'Problem'
    this.code = code
    this.status = options.status ?? PROBLEMS[code].status
    this.headers = options.headers ?? {}
  }
}

export type OAuthErrorCode = 'invalid_request' | 'invalid_client' | 'invalid_grant' | 'unauthorized_client' | 'unsupported_grant_type' | 'invalid_scope'
  | 'access_denied' | 'server_error' | 'temporarily_unavailable' | 'unsupported_response_type' | 'login_required' | 'request_not_supported'
  | 'authorization_pending' | 'slow_down' | 'expired_token' | 'request_uri_not_supported' | 'invalid_token' | 'insufficient_scope'

/** The characters that an `error_description` may have (RFC 6749 section 5.2): no quotation marks, nothing beyond ASCII. */
export function toErrorDescription (text: string): string {
  return text.replaceAll('"', "'").replaceAll('\\', '/').replace(/[^\x20-\x7e]/gu, '?')
}

/** An error of the OAuth endpoints, answered as RFC 6749 section 5.2 has it. */
export class OAuthError extends Error {
  readonly error: OAuthErrorCode
  readonly status: number

  constructor (error: OAuthErrorCode, description: string, status: number = error === 'invalid_client' ? 401 : 400) {
    super(description)
    this.name = 'OAuthError'
    this.error = error
    this.status = status
  }
}
