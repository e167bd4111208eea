import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { AuditEventSchema, toOwnAuditEvent } from '../audit/audit-event.ts'
import type { AuditRepository } from '../audit/repository.ts'
import { listQuery, pageSchema, readCursor, toPage } from '../http/lists.ts'
import { problems } from '../http/problem-details.ts'
import { SESSION_ERRORS } from '../sessions/signed-in.ts'

export interface ActivityOptions { audit: Pick<AuditRepository, 'ofUser'> }

export const activityRoutes: FastifyPluginAsyncTypebox<ActivityOptions> = async (app, { audit }) => {
  app.get('/me/activity', {
    schema: {
      summary: "List the signed-in user's audit events",
      description: "Newest first. The address and device are left out of an administrator's events.",
      tags: ['User'],
      security: [{ bearer: [] }],
      querystring: Type.Object(listQuery, { additionalProperties: false }),
      response: { 200: pageSchema(AuditEventSchema), ...problems('validation_failed', ...SESSION_ERRORS) }
    }
  }, async ({ bearer, query: { limit, cursor } }) => {
    const events = await audit.ofUser(bearer.sub, readCursor(cursor), limit + 1)
    const position = ({ createdAt, id }: { createdAt: Date, id: string }) => ({ time: createdAt, id })
    return toPage(events, limit, position, (event) => toOwnAuditEvent(event, bearer.sub))
  })
}
