import { PROBLEMS, type ProblemCode } from './problem-catalogue.ts'

/** An error that the client sees: a code of the catalogue and a detail, which must not contain a secret. */
export class Problem extends Error {
  readonly code: ProblemCode
  readonly status: number
  readonly headers: Record<string, string>
  /** The app that sent the person here, to which a page offers the way back. Its URL must be a registered one. */
  readonly backTo: { name: string, url: string } | undefined

  /** `status` differs from the one in the catalogue only where a route documents it. */
  constructor (
    code: ProblemCode,
    detail: string = PROBLEMS[code].title,
    { headers = {}, status = PROBLEMS[code].status, backTo }: {
      headers?: Record<string, string>
      status?: number
      backTo?: { name: string, url: string } | undefined
    } = {}
  ) {
    super(detail)
    this.name = 'Problem'
    this.code = code
    this.status = status
    this.headers = headers
    this.backTo = backTo
  }
}

/** The error codes of RFC 6749, RFC 6750, RFC 7591, RFC 8628, RFC 9449 and OpenID Connect Core that Signet uses. */
export type OAuthErrorCode =
  | 'access_denied' | 'authorization_pending' | 'expired_token' | 'insufficient_scope' | 'invalid_client'
  | 'invalid_client_metadata' | 'invalid_dpop_proof' | 'invalid_grant' | 'invalid_redirect_uri' | 'invalid_request'
  | 'invalid_scope' | 'invalid_target' | 'invalid_token'
  | 'login_required' | 'request_not_supported' | 'request_uri_not_supported' | 'server_error' | 'slow_down'
  | 'temporarily_unavailable' | 'unauthorized_client' | 'unsupported_grant_type' | 'unsupported_response_type'

/** An error of the OAuth endpoints, answered as RFC 6749 section 5.2 describes. */
export class OAuthError extends Error {
  readonly error: OAuthErrorCode
  readonly status: number

  constructor (
    error: OAuthErrorCode,
    description: string,
    status: number = error === 'invalid_client' ? 401 : 400,
    options?: ErrorOptions
  ) {
    super(description, options)
    this.name = 'OAuthError'
    this.error = error
    this.status = status
  }
}

/**
 * A text in the characters of an `error_description` (RFC 6749 section 5.2): ASCII without quotation marks and
 * backslashes.
 */
export function toErrorDescription (text: string): string {
  return text.replaceAll('"', "'").replaceAll('\\', '/').replace(/[^\x20-\x7e]/gu, '?')
}
