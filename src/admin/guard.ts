import type { FastifyInstance } from 'fastify'
import { Problem } from '../http/errors.ts'
import { sessionEnded } from '../sessions/signed-in.ts'
import type { UserRepository } from '../users/repository.ts'

/** What every route below /admin may answer. */
export const ADMINISTRATION = ['unauthorized', 'invalid_token', 'token_expired', 'forbidden', 'rate_limited', 'service_unavailable'] as const

/** RFC 6750 section 3.1. */
const CHALLENGE = { 'www-authenticate': 'Bearer realm="signet", error="insufficient_scope", error_description="This needs the role admin."' }

/** What holds for every route below /admin: the role is read from the database at each call, whatever the token says (SEC-105). */
export function forAdministrators (app: FastifyInstance, users: Pick<UserRepository, 'rolesBySession'>): void {
  app.addHook('onRequest', app.requireBearer)
  app.addHook('onRequest', async ({ bearer }, reply) => {
    reply.header('cache-control', 'no-store')
    await app.limits.admin.count(bearer.sub)
    const roles = await users.rolesBySession(bearer.sid, bearer.sub)
    if (!roles) throw sessionEnded()
    if (!roles.includes('admin')) throw new Problem('forbidden', 'This needs the role admin.', { headers: CHALLENGE })
  })
}
