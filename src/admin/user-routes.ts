import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { AccountService } from '../accounts/service.ts'
import { callerOf } from '../http/caller.ts'
import { Problem } from '../http/errors.ts'
import { listQuery, pageSchema, readCursor, toPage } from '../http/lists.ts'
import { problems } from '../http/problem-details.ts'
import { UserSchema } from '../users/user.ts'
import { ADMINISTRATION } from './guard.ts'
import type { AdminUserRepository } from './user-repository.ts'

export interface AdminUserOptions { adminUsers: AdminUserRepository, accounts: Pick<AccountService, 'deleteUser'> }

const TAGS = ['Administration']
const security = [{ bearer: [] }]
const Status = Type.Union([Type.Literal('active'), Type.Literal('disabled')])
const AdminUserSchema = Type.Object({ ...UserSchema.properties, status: Status }, { title: 'AdminUser' })
const Params = Type.Object({ id: Type.String({ format: 'uuid' }) })
const Roles = Type.Array(Type.String({ pattern: '^[a-z][a-z0-9_.:-]{0,49}$' }), { maxItems: 20, uniqueItems: true })

export const adminUserRoutes: FastifyPluginAsyncTypebox<AdminUserOptions> = async (app, { adminUsers, accounts }) => {
  async function find (userId: string) {
    const user = await adminUsers.find(userId)
    if (!user) throw notFound()
    return user
  }

  app.get('/admin/users', {
    schema: {
      summary: 'Users',
      description: 'Newest first.',
      tags: TAGS,
      security,
      querystring: Type.Object({
        ...listQuery,
        query: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'Beginnings of words of the name or the email; all of them.' })),
        status: Type.Optional(Status),
        provider: Type.Optional(Type.String({ pattern: '^[a-z0-9_-]{1,50}$', description: 'Who has an account there.' }))
      }, { additionalProperties: false }),
      response: { 200: pageSchema(AdminUserSchema), ...problems('validation_failed', ...ADMINISTRATION) }
    }
  }, async ({ query: { limit, cursor, ...filter } }) => {
    const users = await adminUsers.list(filter, readCursor(cursor), limit + 1)
    return toPage(users, limit, ({ createdAt, id }) => ({ time: new Date(createdAt), id }), (user) => user)
  })

  app.get('/admin/users/:id', {
    schema: {
      summary: 'A user',
      tags: TAGS,
      security,
      params: Params,
      response: { 200: AdminUserSchema, ...problems('validation_failed', 'not_found', ...ADMINISTRATION) }
    }
  }, ({ params }) => find(params.id))

  app.patch('/admin/users/:id', {
    schema: {
      summary: 'Disable or enable a user, or set their roles',
      description: 'All sessions of a user who is disabled end at once. The last administrator stays one.',
      tags: TAGS,
      security,
      params: Params,
      body: Type.Object({ status: Type.Optional(Status), roles: Type.Optional(Roles) }, { additionalProperties: false }),
      response: {
        200: AdminUserSchema,
        ...problems('validation_failed', 'not_found', 'last_admin', 'payload_too_large', 'unsupported_media_type', ...ADMINISTRATION)
      }
    }
  }, async (request) => {
    const { params: { id }, body, bearer } = request
    const outcome = await adminUsers.change(id, body, { actorId: bearer.sub, caller: callerOf(request) })
    if (outcome === 'last-admin') throw new Problem('last_admin')
    if (outcome === 'not-found') throw notFound()
    return await find(id)
  })

  app.delete('/admin/users/:id', {
    schema: {
      summary: 'Delete a user',
      description: 'And all that hangs on it; grants are taken back at the providers, in the background. The last administrator stays.',
      tags: TAGS,
      security,
      params: Params,
      response: { 204: Type.Null(), ...problems('validation_failed', 'not_found', 'last_admin', ...ADMINISTRATION) }
    }
  }, async (request, reply) => {
    if (!await accounts.deleteUser(request.params.id, { actorId: request.bearer.sub, caller: callerOf(request) })) throw notFound()
    return reply.code(204).send(null)
  })

  app.post('/admin/users/:id/logout', {
    schema: {
      summary: 'Log a user out everywhere',
      tags: TAGS,
      security,
      params: Params,
      response: { 204: Type.Null(), ...problems('validation_failed', 'not_found', ...ADMINISTRATION) }
    }
  }, async (request, reply) => {
    if (!await adminUsers.endSessions(request.params.id, { actorId: request.bearer.sub, caller: callerOf(request) })) throw notFound()
    return reply.code(204).send(null)
  })
}

const notFound = () => new Problem('not_found', 'There is no such user.')
