import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { toOwnAuditEvent } from '../audit/audit-event.ts'
import { problems } from '../http/problem-details.ts'
import { SIGNED_IN, sessionEnded } from '../sessions/signed-in.ts'
import { ExportSchema } from './export.ts'
import type { ExportRepository } from './export-repository.ts'

export interface ExportOptions { exports: ExportRepository }

export const exportRoutes: FastifyPluginAsyncTypebox<ExportOptions> = async (app, { exports }) => {
  app.get('/me/export', {
    schema: {
      summary: 'Everything held about the signed-in user',
      description: 'One JSON document, to keep as a file: all but secrets. Counts as a change where rates are limited.',
      tags: ['User'],
      security: [{ bearer: [] }],
      response: { 200: ExportSchema, ...problems('rate_limited', ...SIGNED_IN) }
    }
  }, async ({ bearer: { sub } }, reply) => {
    await app.limits.userWrites.count(sub)
    const held = await exports.everythingOf(sub)
    if (!held) throw sessionEnded()
    const { user: { preferences, ...user }, accounts, sessions, events } = held
    const activity = events.map((event) => toOwnAuditEvent(event, sub))
    reply.header('content-disposition', 'attachment; filename="signet-export.json"')
    // For people to read; times become text as JSON has them.
    reply.type('application/json; charset=utf-8').serializer((document: object) => JSON.stringify(document, null, 2))
    return { exportedAt: new Date().toISOString(), user, preferences, accounts, sessions, activity } as never
  })
}
