import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { AuditEventSchema, toOwnAuditEvent } from '../audit/audit-event.ts'
import type { AuditRepository } from '../audit/repository.ts'
import { listQuery, pageSchema, readCursor, toPage } from '../http/lists.ts'
import { problems } from '../http/problem-details.ts'
import { SIGNED_IN } from '../sessions/signed-in.ts'

export interface ActivityOptions { audit: Pick<AuditRepository, 'ofUser'> }

export const activityRoutes: FastifyPluginAsyncTypebox<ActivityOptions> = async (app, { audit }) => {
  app.get('/me/activity', {
    schema: {
      summary: 'What happened to the signed-in user',
      description: 'Their own audit trail, newest first. Where an administrator sat who did something is not told.',
      tags: ['User'],
      security: [{ bearer: [] }],
      querystring: Type.Object(listQuery, { additionalProperties: false }),
      response: { 200: pageSchema(AuditEventSchema), ...problems('validation_failed', ...SIGNED_IN) }
    }
  }, async ({ bearer, query: { limit, cursor } }) => {
    const events = await audit.ofUser(bearer.sub, readCursor(cursor), limit + 1)
    return toPage(events, limit, ({ createdAt, id }) => ({ time: createdAt, id }), (event) => toOwnAuditEvent(event, bearer.sub))
  })
}
