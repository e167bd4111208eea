import type { FastifyRequest } from 'fastify'
import { Problem } from './errors.ts'

const REALM = 'Bearer realm="signet"'

/** True when a token came, good or bad. */
export function hasBearer (request: FastifyRequest): boolean {
  return /^Bearer +\S/i.test(request.headers.authorization ?? '')
}

/** RFC 6750 section 3: no error code when no token came. */
export function unauthorized (): Problem {
  return new Problem('unauthorized', 'This needs an access token: Authorization: Bearer <access_token>.', { headers: { 'www-authenticate': REALM } })
}

/** Also thrown by routes whose database knows more than the token: a session that has ended, a user who is gone. */
export function badBearer (code: 'invalid_token' | 'token_expired', detail: string): Problem {
  return new Problem(code, detail, { headers: { 'www-authenticate': `${REALM}, error="invalid_token", error_description="${detail}"` } })
}
