import type { JWTPayload } from 'jose'
import { VerificationError } from './verification-error.ts'

/** The claims of Signet's access tokens (RFC 9068 section 2.2). Times are in seconds. */
export interface AccessTokenClaims {
  iss: string
  /** The user's id; of a client's own token, the client's. */
  sub: string
  aud: string | string[]
  exp: number
  iat: number
  jti: string
  client_id: string
  /** The session's id. Absent from a client's own token (`client_credentials`), which is no user's. */
  sid?: string
  /** Names, separated by spaces. */
  scope: string
  /** What the user might do when the token was made. */
  roles: string[]
  /** When the person signed in. Absent from a client's own token. */
  auth_time?: number
  /** `personal_token` where a script got the token by one, without a sign-in. */
  amr?: string[]
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
  scope: (value) => typeof value === 'string',
  roles: (value) => Array.isArray(value) && value.every(isText),
  amr: (value) => value === undefined || (Array.isArray(value) && value.every(isText))
}

const OF_A_USER: typeof CHECKS = { sid: isText, auth_time: Number.isFinite }

/** What no user's token has: `sub` is the client itself, and there is no session. */
function isClientToken (payload: JWTPayload): boolean {
  return payload.sub === payload['client_id'] && !('sid' in payload) && !('auth_time' in payload)
}

const isBinding = (cnf: unknown) => cnf === undefined || isText((cnf as { jkt?: unknown } | null)?.jkt)

/** The claims of a payload whose signature is good; throws `invalid_claim` when one is missing or of another type. */
export function toClaims (payload: JWTPayload): AccessTokenClaims {
  const checks = isClientToken(payload) ? CHECKS : { ...CHECKS, ...OF_A_USER }
  for (const [name, isValid] of Object.entries(checks)) {
    if (!isValid(payload[name])) throw new VerificationError('invalid_claim')
  }
  if (!isBinding(payload['cnf'])) throw new VerificationError('invalid_claim')
  return payload as unknown as AccessTokenClaims
}
