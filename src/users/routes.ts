import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { callerOf } from '../http/caller.ts'
import { problems } from '../http/problem-details.ts'
import { SIGNED_IN, forSignedInUsers, sessionEnded } from '../sessions/signed-in.ts'
import type { SessionService } from '../sessions/service.ts'
import { activityRoutes, type ActivityOptions } from './activity-routes.ts'
import { exportRoutes, type ExportOptions } from './export-routes.ts'
import { preferenceRoutes } from './preference-routes.ts'
import { ProfilePatchSchema, cleanProfile } from './profile.ts'
import type { UserRepository } from './repository.ts'
import { UserSchema } from './user.ts'

export interface UserOptions extends ActivityOptions, ExportOptions {
  users: UserRepository
  sessions: Pick<SessionService, 'isAlive'>
}

export const userRoutes: FastifyPluginAsyncTypebox<UserOptions> = async (app, options) => {
  await app.register(readRoutes, options)
  await app.register(async (scope) => {
    forSignedInUsers(scope, options.sessions)
    await scope.register(writeRoutes, options)
    await scope.register(preferenceRoutes, options)
    await scope.register(activityRoutes, options)
    await scope.register(exportRoutes, options)
  })
}

/** The hot path: one statement finds the session alive and reads the user. */
const readRoutes: FastifyPluginAsyncTypebox<UserOptions> = async (app, { users }) => {
  app.addHook('onRequest', app.requireBearer)

  app.get('/me', {
    schema: {
      summary: 'The signed-in user',
      description: 'Reads the database: a session ended or a user disabled a moment ago is 401 here.',
      tags: ['User'],
      security: [{ bearer: [] }],
      response: { 200: UserSchema, ...problems(...SIGNED_IN) }
    }
  }, async (request, reply) => {
    const { sid, sub } = request.bearer
    const user = await users.bySession(sid, sub)
    if (!user) throw sessionEnded()
    reply.header('cache-control', 'no-store')
    return user
  })
}

const writeRoutes: FastifyPluginAsyncTypebox<UserOptions> = async (app, { users }) => {
  app.patch('/me', {
    schema: {
      summary: 'Edit the profile of the signed-in user',
      description: 'What is set here, null too, survives the next login; what never was follows the provider.',
      tags: ['User'],
      security: [{ bearer: [] }],
      body: ProfilePatchSchema,
      response: { 200: UserSchema, ...problems('validation_failed', 'payload_too_large', 'unsupported_media_type', 'rate_limited', ...SIGNED_IN) }
    }
  }, async (request) => {
    const { sid, sub } = request.bearer
    await users.edit(sub, cleanProfile(request.body), callerOf(request))
    const user = await users.bySession(sid, sub)
    if (!user) throw sessionEnded()
    return user
  })
}
