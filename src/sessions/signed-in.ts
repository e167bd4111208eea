import type { FastifyInstance } from 'fastify'
import { badBearer } from '../http/bearer.ts'
import type { SessionService } from './service.ts'

/** Error codes of every route below /me. */
export const SESSION_ERRORS = ['unauthorized', 'invalid_token', 'token_expired', 'service_unavailable'] as const

/**
 * Rejects every request to a route of this scope with 401 unless it carries a valid access token of an active session,
 * which the database is asked for. Counts each write against the user's limit, and forbids caching.
 */
export function requireActiveSession (app: FastifyInstance, sessions: Pick<SessionService, 'isActive'>): void {
  app.addHook('onRequest', app.requireBearer)
  app.addHook('onRequest', async ({ method, bearer }, reply) => {
    reply.header('cache-control', 'no-store')
    if (method !== 'GET' && method !== 'HEAD') await app.limits.userWrites.count(bearer.sub)
    if (!await sessions.isActive(bearer.sid)) throw sessionEnded()
  })
}

export function sessionEnded () {
  return badBearer('invalid_token', 'The session of this access token has ended.')
}
