import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { callerOf } from '../http/caller.ts'
import { Problem } from '../http/errors.ts'
import { problems } from '../http/problem-details.ts'
import type { SessionService } from '../sessions/service.ts'
import { SIGNED_IN, forSignedInUsers } from '../sessions/signed-in.ts'
import type { AccountService } from './service.ts'

export interface DeletionOptions { accounts: Pick<AccountService, 'deleteUser'>, sessions: Pick<SessionService, 'isAlive'> }

/** The longest time since the sign-in that a deletion accepts. */
const RECENT_SECONDS = 10 * 60

/** Deletes the signed-in user with everything that belongs to it, and has the grants at the providers revoked. */
export const deletionRoutes: FastifyPluginAsyncTypebox<DeletionOptions> = async (app, { accounts, sessions }) => {
  forSignedInUsers(app, sessions)

  app.delete('/me', {
    schema: {
      summary: 'Delete the signed-in user',
      description: 'And all that hangs on it. The grants are taken back at the providers, in the background. Needs a sign-in of the last ten minutes.',
      tags: ['User'],
      security: [{ bearer: [] }],
      response: { 204: Type.Null(), ...problems('reauthentication_required', 'rate_limited', ...SIGNED_IN) }
    }
  }, async (request, reply) => {
    const { sub, auth_time: authenticatedAt } = request.bearer
    if (Date.now() / 1000 - authenticatedAt > RECENT_SECONDS) throw new Problem('reauthentication_required', 'The sign-in behind this token is older than ten minutes. Sign in again.')
    await accounts.deleteUser(sub, { actorId: null, caller: callerOf(request) })
    return reply.code(204).send(null)
  })
}
