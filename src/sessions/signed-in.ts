import type { FastifyInstance } from 'fastify'
import type { SessionService } from './service.ts'
import { badBearer } from '../http/bearer.ts'

/** What every such route may answer. */
export const SIGNED_IN = ['unauthorized', 'invalid_token', 'token_expired', 'service_unavailable'] as const

/**
 * What holds for every route of a scope below /me: a bearer whose session the database says is alive, so many writes a
 * minute for one user, and answers that nobody keeps.
 */
export function forSignedInUsers (app: FastifyInstance, sessions: Pick<SessionService, 'isAlive'>): void {
  app.addHook('onRequest', app.requireBearer)
  app.addHook('onRequest', async ({ method, bearer }, reply) => {
    reply.header('cache-control', 'no-store')
    if (method !== 'GET' && method !== 'HEAD') await app.limits.userWrites.count(bearer.sub)
    if (!await sessions.isAlive(bearer.sid)) throw sessionEnded()
  })
}

export function sessionEnded () {
  return badBearer('invalid_token', 'The session of this access token has ended.')
}
