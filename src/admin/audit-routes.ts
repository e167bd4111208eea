import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { AuditEventSchema, toAuditEvent } from '../audit/audit-event.ts'
import type { AuditRepository } from '../audit/repository.ts'
import { listQuery, pageSchema, readCursor, toPage } from '../http/lists.ts'
import { problems } from '../http/problem-details.ts'
import { readTime } from '../http/time.ts'
import { ADMIN_ERRORS } from './guard.ts'

const Time = (description: string) => Type.String({ format: 'date-time', description })

type Routes = FastifyPluginAsyncTypebox<{ audit: Pick<AuditRepository, 'list'> }>

export const adminAuditRoutes: Routes = async (app, { audit }) => {
  app.get('/admin/audit-events', {
    schema: {
      summary: 'Audit events',
      description: 'Newest first.',
      tags: ['Administration'],
      security: [{ bearer: [] }],
      querystring: Type.Object({
        ...listQuery,
        type: Type.Optional(Type.String({ pattern: '^[a-z_.]{1,50}$' })),
        userId: Type.Optional(Type.String({ format: 'uuid', description: 'The user whom the events are about.' })),
        from: Type.Optional(Time('The earliest time of an event.')),
        to: Type.Optional(Time('Events are earlier than this.'))
      }, { additionalProperties: false }),
      response: { 200: pageSchema(AuditEventSchema), ...problems('validation_failed', ...ADMIN_ERRORS) }
    }
  }, async ({ query: { limit, cursor, type, userId, from, to } }) => {
    const filter = { type, userId, from: toDate(from), to: toDate(to) }
    const events = await audit.list(filter, readCursor(cursor), limit + 1)
    return toPage(events, limit, ({ createdAt, id }) => ({ time: createdAt, id }), toAuditEvent)
  })
}

function toDate (time: string | undefined): Date | undefined {
  return time === undefined ? undefined : readTime(time)
}
