import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import type { AccountService } from '../accounts/service.ts'
import { Problem } from '../http/errors.ts'
import { listQuery, pageSchema, readCursor, toPage } from '../http/lists.ts'
import { problems } from '../http/problem-details.ts'
import { MetadataSchema, checkMetadata } from '../users/metadata.ts'
import { UserSchema } from '../users/user.ts'
import { ADMIN_ERRORS, BODY_ERRORS, byAdmin } from './guard.ts'
import type { AdminUserRepository } from './user-repository.ts'

export interface AdminUserOptions { adminUsers: AdminUserRepository, accounts: Pick<AccountService, 'deleteUser'> }

const TAGS = ['Administration']
const security = [{ bearer: [] }]
const Status = Type.Union([Type.Literal('active'), Type.Literal('disabled')])
const AdminUserSchema = Type.Object({ ...UserSchema.properties, status: Status }, { title: 'AdminUser' })
export type AdminUser = Static<typeof AdminUserSchema>
const Params = Type.Object({ id: Type.String({ format: 'uuid' }) })
const Roles = Type.Array(Type.String({ pattern: '^[a-z][a-z0-9_.:-]{0,49}$' }), { maxItems: 20, uniqueItems: true })

export const adminUserRoutes: FastifyPluginAsyncTypebox<AdminUserOptions> = async (app, { adminUsers, accounts }) => {
  app.get('/admin/users', {
    schema: {
      summary: 'Users',
      description: 'Newest first.',
      tags: TAGS,
      security,
      querystring: Type.Object({
        ...listQuery,
        query: Type.Optional(Type.String({
          minLength: 1, maxLength: 200, description: 'Words of the name or email, by their beginnings. All must match.'
        })),
        status: Type.Optional(Status),
        provider: Type.Optional(Type.String({
          pattern: '^[a-z0-9_-]{1,50}$', description: 'Users who have an account at this provider.'
        }))
      }, { additionalProperties: false }),
      response: { 200: pageSchema(AdminUserSchema), ...problems('validation_failed', ...ADMIN_ERRORS) }
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
      response: { 200: AdminUserSchema, ...problems('validation_failed', 'not_found', ...ADMIN_ERRORS) }
    }
  }, ({ params }) => find(params.id))

  app.patch('/admin/users/:id', {
    schema: {
      summary: 'Disable or enable a user, or set their roles or metadata',
      description: 'Ends all sessions of a user who is disabled. The last administrator cannot be removed. ' +
        '`metadata` is a JSON object of at most 16 KiB, which replaces the previous one.',
      tags: TAGS,
      security,
      params: Params,
      body: Type.Object({
        status: Type.Optional(Status), roles: Type.Optional(Roles), metadata: Type.Optional(MetadataSchema)
      }, { additionalProperties: false }),
      response: {
        200: AdminUserSchema,
        ...problems('not_found', 'last_admin', 'payload_too_large', ...BODY_ERRORS, ...ADMIN_ERRORS)
      }
    }
  }, async (request) => {
    const { params: { id }, body } = request
    if (body.metadata) checkMetadata(body.metadata)
    const outcome = await adminUsers.change(id, body, byAdmin(request))
    if (outcome === 'last-admin') throw new Problem('last_admin')
    if (outcome === 'not-found') throw notFound()
    return await find(id)
  })

  app.delete('/admin/users/:id', {
    schema: {
      summary: 'Delete a user',
      description: 'With everything that belongs to the user. Grants at the providers are revoked in the background. ' +
        'The last administrator cannot be removed.',
      tags: TAGS,
      security,
      params: Params,
      response: { 204: Type.Null(), ...problems('validation_failed', 'not_found', 'last_admin', ...ADMIN_ERRORS) }
    }
  }, async (request, reply) => {
    if (!await accounts.deleteUser(request.params.id, byAdmin(request))) throw notFound()
    return reply.code(204).send(null)
  })

  app.post('/admin/users/:id/logout', {
    schema: {
      summary: 'End all sessions of a user',
      tags: TAGS,
      security,
      params: Params,
      response: { 204: Type.Null(), ...problems('validation_failed', 'not_found', ...ADMIN_ERRORS) }
    }
  }, async (request, reply) => {
    if (!await adminUsers.endSessions(request.params.id, byAdmin(request))) throw notFound()
    return reply.code(204).send(null)
  })

  async function find (userId: string) {
    const user = await adminUsers.find(userId)
    if (!user) throw notFound()
    return user
  }
}

const notFound = () => new Problem('not_found', 'There is no such user.')
