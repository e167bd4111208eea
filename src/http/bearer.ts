import type { FastifyRequest } from 'fastify'
import { Problem } from './errors.ts'

const REALM = 'Bearer realm="signet"'

/** True when the Authorization header carries a bearer token, valid or not. */
export function hasBearer (request: FastifyRequest): boolean {
  return /^Bearer +\S/i.test(request.headers.authorization ?? '')
}

/** No token was sent. Then the challenge has no error code (RFC 6750 section 3). */
export function unauthorized (): Problem {
  return new Problem('unauthorized', 'This needs an access token: Authorization: Bearer <access_token>.', {
    headers: { 'www-authenticate': REALM }
  })
}

/** The token is not valid (RFC 6750 section 3.1), or its session has ended. */
export function badBearer (code: 'invalid_token' | 'token_expired', detail: string): Problem {
  return new Problem(code, detail, {
    headers: { 'www-authenticate': `${REALM}, error="invalid_token", error_description="${detail}"` }
  })
}
