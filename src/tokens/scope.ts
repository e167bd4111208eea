import { OAuthError } from '../http/errors.ts'

/** Lends the provider's tokens, at POST /me/accounts/:id/token. */
export const PROVIDER_TOKEN_SCOPE = 'provider_token'

/**
 * The scopes that a client may request. `profile`, `email` and `roles` open claims. `offline_access` is accepted and
 * changes nothing: every grant comes with a refresh token.
 */
export const SCOPES = ['openid', 'profile', 'email', 'roles', 'offline_access', PROVIDER_TOKEN_SCOPE]

/** Those of a third-party client, beside its resources'. */
export const THIRD_PARTY_SCOPES = ['openid', 'profile', 'email']

/** Those that a personal token may have: it lends no provider's token. */
export const PERSONAL_TOKEN_SCOPES = ['openid', 'profile', 'email']

/**
 * The part of a granted scope that a third-party client may have: `openid`, `profile`, `email`, and what belongs to a
 * resource.
 */
export function thirdPartyScope (granted: string): string {
  const isAllowed = (name: string) => THIRD_PARTY_SCOPES.includes(name) || !SCOPES.includes(name)
  return granted.split(' ').filter(isAllowed).join(' ')
}

/** The characters of RFC 6749 section 3.3, and the space between two scopes. */
const SCOPE_CHARACTERS = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/

/**
 * The requested scopes that exist. Unknown ones are ignored (OpenID Connect Core section 3.1.2.1). Throws
 * `invalid_scope` for characters that no scope has.
 */
export function grantableScope (requested = ''): string {
  const names = new Set(checkScope(requested).split(' '))
  return SCOPES.filter((name) => names.has(name)).join(' ')
}

/** Throws `invalid_scope` for characters that no scope has. */
export function checkScope (scope: string): string {
  if (SCOPE_CHARACTERS.test(scope)) return scope
  throw new OAuthError('invalid_scope', 'A scope is printable ASCII without quotation marks and backslashes.')
}

export function hasScope (scope: string, name: string): boolean {
  return scope.split(' ').includes(name)
}

/** The part of `scope` that is in `other`, too. */
export function commonScope (scope: string, other: string): string {
  return scope.split(' ').filter((name) => hasScope(other, name)).join(' ')
}
