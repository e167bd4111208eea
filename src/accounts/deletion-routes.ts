import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { callerOf } from '../http/caller.ts'
import { problems } from '../http/problem-details.ts'
import type { SessionService } from '../sessions/service.ts'
import { SESSION_ERRORS, requireActiveSession, requireRecentSignIn } from '../sessions/signed-in.ts'
import type { AccountService } from './service.ts'

export interface DeletionOptions {
  accounts: Pick<AccountService, 'deleteUser'>
  sessions: Pick<SessionService, 'isActive'>
}

export const deletionRoutes: FastifyPluginAsyncTypebox<DeletionOptions> = async (app, { accounts, sessions }) => {
  requireActiveSession(app, sessions)

  app.delete('/me', {
    onRequest: requireRecentSignIn,
    schema: {
      summary: 'Delete the signed-in user',
      description: 'With accounts, sessions and audit events. The grants are revoked at the providers, in the ' +
        'background. Requires a sign-in within the last ten minutes.',
      tags: ['User'],
      security: [{ bearer: [] }],
      response: { 204: Type.Null(), ...problems('reauthentication_required', 'rate_limited', ...SESSION_ERRORS) }
    }
  }, async (request, reply) => {
    await accounts.deleteUser(request.bearer.sub, { actorId: null, caller: callerOf(request) })
    return reply.code(204).send(null)
  })
}
