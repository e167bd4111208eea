import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { By } from '../audit/events.ts'
import { callerOf } from '../http/caller.ts'
import { Problem } from '../http/errors.ts'
import { sessionEnded } from '../sessions/signed-in.ts'
import type { UserRepository } from '../users/repository.ts'

/** Error codes of every route below /admin. */
export const ADMIN_ERRORS = [
  'unauthorized', 'invalid_token', 'token_expired', 'forbidden', 'rate_limited', 'service_unavailable'
] as const

/** Further error codes of a route with a body. */
export const BODY_ERRORS = ['validation_failed', 'payload_too_large', 'unsupported_media_type'] as const

const DESCRIPTION = 'This needs the role admin.'
/** RFC 6750 section 3.1. */
const CHALLENGE = `Bearer realm="signet", error="insufficient_scope", error_description="${DESCRIPTION}"`

/**
 * Rejects every request to a route of this scope with 401 unless it carries a valid access token of an active session,
 * and with 403 unless its user has the role `admin`. The role is read from the database at each call, whatever the
 * token says (SEC-105).
 */
export function requireAdmin (app: FastifyInstance, users: Pick<UserRepository, 'rolesBySession'>): void {
  app.addHook('onRequest', app.requireBearer)
  app.addHook('onRequest', async ({ bearer }, reply) => {
    reply.header('cache-control', 'no-store')
    await app.limits.admin.count(bearer.sub)
    const roles = await users.rolesBySession(bearer.sid, bearer.sub)
    if (!roles) throw sessionEnded()
    if (!roles.includes('admin')) {
      throw new Problem('forbidden', DESCRIPTION, { headers: { 'www-authenticate': CHALLENGE } })
    }
  })
}

/** The administrator who sent a request, for the audit trail. */
export function byAdmin (request: FastifyRequest): By {
  return { actorId: request.bearer.sub, caller: callerOf(request) }
}
