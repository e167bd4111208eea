import type { FastifyRequest } from 'fastify'
import { Problem } from './errors.ts'

const CHALLENGE = 'Bearer realm="signet"'

/** True when the request has an access token, valid or not: by the scheme Bearer, or DPoP for one bound to a key. */
export function hasBearer (request: FastifyRequest): boolean {
  return /^(?:Bearer|DPoP) +\S/i.test(request.headers.authorization ?? '')
}

/** For a request without a token: the challenge has no error code (RFC 6750 section 3). */
export function unauthorized (): Problem {
  return new Problem('unauthorized', 'Send an access token: Authorization: Bearer <access_token>.', {
    headers: { 'www-authenticate': CHALLENGE }
  })
}

/** For a token that is not valid, or whose session or user the database no longer has (RFC 6750 section 3.1). */
export function badBearer (code: 'invalid_token' | 'token_expired', detail: string): Problem {
  return new Problem(code, detail, {
    headers: { 'www-authenticate': `${CHALLENGE}, error="invalid_token", error_description="${detail}"` }
  })
}

/** For a valid token of a third-party client, which is for the APIs that its user consented to. */
export function thirdPartyRefused (): Problem {
  const detail = 'The token of this client is for the APIs that its user allowed, and opens nothing here.'
  const error = `error="insufficient_scope", error_description="${detail}"`
  return new Problem('insufficient_scope', detail, { headers: { 'www-authenticate': `${CHALLENGE}, ${error}` } })
}

/** For a valid token without the scope (RFC 6750 section 3.1). */
export function insufficientScope (scope: string): Problem {
  const detail = `This needs the scope ${scope}.`
  const error = `error="insufficient_scope", error_description="${detail}", scope="${scope}"`
  return new Problem('insufficient_scope', detail, { headers: { 'www-authenticate': `${CHALLENGE}, ${error}` } })
}
