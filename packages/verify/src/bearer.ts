import { PROOF_ALGORITHMS } from './proofs.ts'
import type { VerificationErrorCode } from './verification-error.ts'

/** Errors of RFC 9449 section 7.1 by the reason why a proof was not accepted. */
export const PROOF_ERRORS: Partial<Record<VerificationErrorCode, string>> = {
  proof_required: 'invalid_token',
  invalid_proof: 'invalid_dpop_proof',
  proof_used: 'invalid_dpop_proof',
  wrong_key: 'invalid_token',
  not_bound: 'invalid_token'
}

/** Retry-After of a 503. */
export const RETRY_AFTER_SECONDS = 5

/** The access token of an Authorization header, by either scheme. */
export function tokenOf (authorization = ''): string | undefined {
  return /^(?:Bearer|DPoP) +([\w.~+/-]+=*)$/i.exec(authorization)?.[1]
}

export const isDpop = (authorization = '') => /^DPoP /i.test(authorization)

export function assertRealm (realm: string): void {
  if (/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/.test(realm)) return
  throw new TypeError('The realm must be printable ASCII without quotes and backslashes.')
}

export interface Challenge {
  realm: string
  dpop: boolean
  /** Without one the request had no token. */
  error?: string | undefined
  message?: string
  /** Further parameters, by their names. */
  more?: Record<string, string | undefined>
}

/** `WWW-Authenticate` of RFC 6750 section 3, or of RFC 9449 section 7.1 for the scheme DPoP. */
export function toChallenge ({ realm, dpop, error, message, more = {} }: Challenge): string {
  const scheme = dpop ? `DPoP realm="${realm}", algs="${PROOF_ALGORITHMS.join(' ')}"` : `Bearer realm="${realm}"`
  const reason = error === undefined ? {} : { error, error_description: message }
  const parameters = Object.entries({ ...reason, ...more }).filter(([, value]) => value !== undefined)
  return [scheme, ...parameters.map(([name, value]) => `${name}="${value}"`)].join(', ')
}

/** The scopes that a token lacks. */
export function missingScopes (scope: string, required: string[]): string[] {
  const held = scope.split(' ')
  return required.filter((name) => !held.includes(name))
}

/**
 * The `scope` of a challenge: what the token has, and what it lacks. Clients ask for exactly this, so that they keep
 * what they had.
 */
export function challengedScope (scope: string, required: string[]): string {
  return [...new Set([...scope.split(' ').filter((name) => name !== ''), ...required])].join(' ')
}
