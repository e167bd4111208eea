import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { badBearer } from '../plugins/access-token.ts'
import { problems } from '../plugins/problem-details.ts'
import type { UserRepository } from './repository.ts'
import { UserSchema } from './user.ts'

export const userRoutes: FastifyPluginAsyncTypebox<{ users: UserRepository }> = async (app, { users }) => {
  app.addHook('onRequest', app.requireBearer)

  app.get('/me', {
    schema: {
      summary: 'The signed-in user',
      description: 'Reads the database: a session ended or a user disabled a moment ago is 401 here.',
      tags: ['User'],
      security: [{ bearer: [] }],
      response: { 200: UserSchema, ...problems('unauthorized', 'invalid_token', 'token_expired', 'service_unavailable') }
    }
  }, async (request, reply) => {
    const { sid, sub } = request.bearer
    const user = await users.bySession(sid, sub)
    if (!user) throw badBearer('invalid_token', 'The session of this access token has ended.')
    reply.header('cache-control', 'no-store')
    return user
  })
}
