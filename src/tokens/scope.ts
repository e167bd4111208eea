/** What a client may ask for. `profile` and `email` open claims; `offline_access` changes nothing: there is always a refresh token. */
export const SCOPES = ['openid', 'profile', 'email', 'offline_access']

/** The part of a requested scope that there is; what nobody knows is left out (OpenID Connect Core section 3.1.2.1). */
export function grantableScope (requested: string | undefined): string {
  const asked = new Set((requested ?? '').split(' '))
  return SCOPES.filter((scope) => asked.has(scope)).join(' ')
}

export function hasScope (scope: string, one: string): boolean {
  return scope.split(' ').includes(one)
}

/** What of one scope is in another, too. */
export function commonScope (scope: string, other: string): string {
  return scope.split(' ').filter((one) => hasScope(other, one)).join(' ')
}
