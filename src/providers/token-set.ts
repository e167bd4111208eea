import { member } from './claims.ts'
import { providerError, type ProviderResponse } from './failure.ts'
import type { CallPurpose } from './http.ts'
import type { TokenSet } from './provider.ts'

/**
 * Reads a token response (RFC 6749 section 5.1); `grantedScope` holds where it has no scope. Throws a Problem when it
 * is an error, or has no access token: GitHub answers a failed exchange with HTTP 200 and an `error` member
 * (CVE-2021-41580).
 */
export function readTokenSet (
  answer: unknown, { provider, step }: CallPurpose, grantedScope: string[], response: ProviderResponse
): TokenSet {
  const accessToken = member(answer, 'access_token')
  // Some send an `error` that is null or empty beside good tokens (pyoidc#879).
  if ((member(answer, 'error') ?? '') !== '') throw providerError(provider, step, 'it was refused', response)
  if (typeof accessToken !== 'string' || accessToken === '') {
    throw providerError(provider, step, 'the answer has no access_token', response)
  }
  const idToken = member(answer, 'id_token')
  // Bitbucket calls it `scopes`.
  const scope = member(answer, 'scope') ?? member(answer, 'scopes')
  const isScope = typeof scope === 'string' || Array.isArray(scope)
  return {
    accessToken,
    refreshToken: text(member(answer, 'refresh_token')),
    idToken: typeof idToken === 'string' ? idToken : undefined,
    expiresAt: readExpiry(member(answer, 'expires_in')),
    // Without a scope, what was requested or granted before holds (RFC 6749 sections 5.1 and 6). Twitch sends a list.
    scope: (isScope ? readScope(String(scope)) : grantedScope).join(' '),
    answer
  }
}

function text (value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Seconds from now, as a number or its digits. Undefined for anything else. */
function readExpiry (expiresIn: unknown): Date | undefined {
  const isNumber = typeof expiresIn === 'number' || (typeof expiresIn === 'string' && /^\d{1,9}$/.test(expiresIn))
  const seconds = isNumber ? Number(expiresIn) : NaN
  return seconds > 0 && seconds < 1e9 ? new Date(Date.now() + seconds * 1000) : undefined
}

/** Scope tokens, of the characters of RFC 6749 section 3.3; GitHub separates them by commas. */
function readScope (scope: string): string[] {
  return scope.split(/[\s,]+/).filter((token) => /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/.test(token)).slice(0, 50)
}
