import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { AuditEventSchema, toAuditEvent } from '../audit/audit-event.ts'
import type { AuditRepository } from '../audit/repository.ts'
import { listQuery, pageSchema, readCursor, toPage } from '../http/lists.ts'
import { problems } from '../http/problem-details.ts'
import { ADMINISTRATION } from './guard.ts'

const Time = Type.String({ format: 'date-time' })

export const adminAuditRoutes: FastifyPluginAsyncTypebox<{ audit: Pick<AuditRepository, 'list'> }> = async (app, { audit }) => {
  app.get('/admin/audit-events', {
    schema: {
      summary: 'What happened',
      description: 'Newest first.',
      tags: ['Administration'],
      security: [{ bearer: [] }],
      querystring: Type.Object({
        ...listQuery,
        type: Type.Optional(Type.String({ pattern: '^[a-z_.]{1,50}$' })),
        userId: Type.Optional(Type.String({ format: 'uuid', description: 'Whom it happened to.' })),
        from: Type.Optional(Time),
        to: Type.Optional(Type.String({ format: 'date-time', description: 'Before this.' }))
      }, { additionalProperties: false }),
      response: { 200: pageSchema(AuditEventSchema), ...problems('validation_failed', ...ADMINISTRATION) }
    }
  }, async ({ query: { limit, cursor, type, userId, from, to } }) => {
    const filter = { type, userId, from: from === undefined ? undefined : new Date(from), to: to === undefined ? undefined : new Date(to) }
    const events = await audit.list(filter, readCursor(cursor), limit + 1)
    return toPage(events, limit, ({ createdAt, id }) => ({ time: createdAt, id }), toAuditEvent)
  })
}
