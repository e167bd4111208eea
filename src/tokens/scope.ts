/**
 * The scopes that a client may request. `profile` and `email` open claims. `offline_access` is accepted and changes
 * nothing: every grant comes with a refresh token.
 */
export const SCOPES = ['openid', 'profile', 'email', 'offline_access']

/** The requested scopes that exist. Unknown ones are ignored (OpenID Connect Core section 3.1.2.1). */
export function grantableScope (requested: string | undefined): string {
  const names = new Set((requested ?? '').split(' '))
  return SCOPES.filter((name) => names.has(name)).join(' ')
}

export function hasScope (scope: string, name: string): boolean {
  return scope.split(' ').includes(name)
}

/** The part of `scope` that is in `other`, too. */
export function commonScope (scope: string, other: string): string {
  return scope.split(' ').filter((name) => hasScope(other, name)).join(' ')
}
