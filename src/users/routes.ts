import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { callerOf } from '../http/caller.ts'
import { problems } from '../http/problem-details.ts'
import type { SessionService } from '../sessions/service.ts'
import { SESSION_ERRORS, requireActiveSession, sessionEnded } from '../sessions/signed-in.ts'
import { activityRoutes, type ActivityOptions } from './activity-routes.ts'
import { exportRoutes, type ExportOptions } from './export-routes.ts'
import { preferenceRoutes } from './preference-routes.ts'
import { ProfilePatchSchema, cleanProfile } from './profile.ts'
import type { UserRepository } from './repository.ts'
import { UserSchema } from './user.ts'

export interface UserOptions extends ActivityOptions, ExportOptions {
  users: UserRepository
  sessions: Pick<SessionService, 'isActive'>
}

export const userRoutes: FastifyPluginAsyncTypebox<UserOptions> = async (app, options) => {
  await app.register(readRoutes, options)
  await app.register(async (scope) => {
    requireActiveSession(scope, options.sessions)
    await scope.register(writeRoutes, options)
    await scope.register(preferenceRoutes, options)
    await scope.register(activityRoutes, options)
    await scope.register(exportRoutes, options)
  })
}

/** One statement checks the session and reads the user: without requireActiveSession, which asks the database first. */
const readRoutes: FastifyPluginAsyncTypebox<UserOptions> = async (app, { users }) => {
  app.addHook('onRequest', app.requireBearer)

  app.get('/me', {
    schema: {
      summary: 'The signed-in user',
      description: 'Asks the database: 401 as soon as the session has ended or the user is disabled.',
      tags: ['User'],
      security: [{ bearer: [] }],
      response: { 200: UserSchema, ...problems(...SESSION_ERRORS) }
    }
  }, async (request, reply) => {
    const { sid, sub } = request.bearer
    const user = await users.bySession(sid, sub)
    if (!user) throw sessionEnded()
    reply.header('cache-control', 'no-store')
    return user
  })
}

const WRITE_ERRORS = ['validation_failed', 'payload_too_large', 'unsupported_media_type', 'rate_limited'] as const

const writeRoutes: FastifyPluginAsyncTypebox<UserOptions> = async (app, { users }) => {
  app.patch('/me', {
    schema: {
      summary: 'Edit the profile of the signed-in user',
      description: 'A field that was set here, null too, stays at the next login. The others follow the provider.',
      tags: ['User'],
      security: [{ bearer: [] }],
      body: ProfilePatchSchema,
      response: {
        200: UserSchema,
        ...problems(...WRITE_ERRORS, ...SESSION_ERRORS)
      }
    }
  }, async (request) => {
    const { sid, sub } = request.bearer
    await users.edit(sub, cleanProfile(request.body), callerOf(request))
    const user = await users.bySession(sid, sub)
    if (!user) throw sessionEnded()
    return user
  })
}
