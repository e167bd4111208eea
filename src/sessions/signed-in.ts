import type { FastifyInstance, FastifyRequest } from 'fastify'
import { badBearer, insufficientScope } from '../http/bearer.ts'
import { Problem } from '../http/errors.ts'
import { isByPersonalToken, type AccessTokenClaims } from '../tokens/access-tokens.ts'
import { hasScope } from '../tokens/scope.ts'
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

const RECENT_SECONDS = 10 * 60

/**
 * An `onRequest` hook after `requireActiveSession`: rejects the request with 403 unless the person signed in within the
 * last ten minutes. A refresh is no sign-in, so an access token in other hands does not suffice for long; neither is a
 * personal token, however young.
 */
export async function requireRecentSignIn (
  { bearer }: { bearer: Pick<AccessTokenClaims, 'auth_time' | 'amr'> }
): Promise<void> {
  if (isByPersonalToken(bearer)) {
    throw new Problem('reauthentication_required', 'A personal token does not do for this: sign in.')
  }
  if (Date.now() / 1000 - bearer.auth_time <= RECENT_SECONDS) return
  throw new Problem('reauthentication_required',
    'The sign-in is older than ten minutes. Sign in again, with max_age=600 or prompt=login.')
}

/** An `onRequest` hook after `requireActiveSession`: rejects the request with 403 unless the token has the scope. */
export function requireScope (scope: string) {
  return async ({ bearer }: FastifyRequest): Promise<void> => {
    if (!hasScope(bearer.scope, scope)) throw insufficientScope(scope)
  }
}

export function sessionEnded () {
  return badBearer('invalid_token', 'The session of this access token has ended.')
}
