import type { FastifyRequest } from 'fastify'
import { Problem, toErrorDescription } from './errors.ts'

/** The algorithms that may sign a DPoP proof: asymmetric ones only (RFC 9449 section 4.3). */
export const PROOF_ALGORITHMS = ['ES256', 'ES384', 'EdDSA', 'Ed25519', 'PS256', 'RS256']

const CHALLENGE = `DPoP realm="signet", algs="${PROOF_ALGORITHMS.join(' ')}"`

/** True when the request sends its access token as bound to a key (RFC 9449 section 7.1), valid or not. */
export function hasDpopToken ({ headers }: FastifyRequest): boolean {
  return /^DPoP +\S/i.test(headers.authorization ?? '')
}

/** For an access token that does not show that it comes from the holder of its key (RFC 9449 section 7.1). */
export function badDpop (error: 'invalid_token' | 'invalid_dpop_proof', detail: string): Problem {
  const challenge = `${CHALLENGE}, error="${error}", error_description="${toErrorDescription(detail)}"`
  return new Problem('invalid_token', detail, { headers: { 'www-authenticate': challenge } })
}

/** The headers of an error, with the challenge of the scheme by which the request sent its token. */
export function inSchemeOf (request: FastifyRequest, headers: Record<string, string>): Record<string, string> {
  const challenge = headers['www-authenticate']
  if (challenge === undefined || !hasDpopToken(request)) return headers
  return { ...headers, 'www-authenticate': challenge.replace('Bearer realm="signet"', CHALLENGE) }
}
