import type { JWTPayload } from 'jose'
import { VerificationError } from './verification-error.ts'

/** The claims of Signet's access tokens (RFC 9068 section 2.2). Times are in seconds. */
export interface AccessTokenClaims {
  iss: string
  /** The user's id. */
  sub: string
  aud: string | string[]
  exp: number
  iat: number
  jti: string
  client_id: string
  /** The session's id. */
  sid: string
  /** Names, separated by spaces. */
  scope: string
  /** What the user might do when the token was made. */
  roles: string[]
  /** When the person signed in. */
  auth_time: number
  /** The key that the token is bound to: it comes with DPoP proofs only (RFC 9449 section 6.1). */
  cnf?: { jkt: string }
}

const isText = (value: unknown) => typeof value === 'string' && value !== ''

/** Issuer, audience and expiry were compared before. */
const CHECKS: Partial<Record<keyof AccessTokenClaims, (value: unknown) => boolean>> = {
  sub: isText,
  exp: Number.isFinite,
  iat: Number.isFinite,
  jti: isText,
  client_id: isText,
  sid: isText,
  scope: (value) => typeof value === 'string',
  roles: (value) => Array.isArray(value) && value.every(isText),
  auth_time: Number.isFinite
}

const isBinding = (cnf: unknown) => cnf === undefined || isText((cnf as { jkt?: unknown } | null)?.jkt)

/** The claims of a payload whose signature is good; throws `invalid_claim` when one is missing or of another type. */
export function toClaims (payload: JWTPayload): AccessTokenClaims {
  for (const [name, isValid] of Object.entries(CHECKS)) {
    if (!isValid(payload[name])) throw new VerificationError('invalid_claim')
  }
  if (!isBinding(payload['cnf'])) throw new VerificationError('invalid_claim')
  return payload as unknown as AccessTokenClaims
}
