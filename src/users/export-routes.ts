import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problems } from '../http/problem-details.ts'
import { SESSION_ERRORS, sessionEnded } from '../sessions/signed-in.ts'
import type { ExportRepository } from './export-repository.ts'
import { ExportSchema, toExport } from './export.ts'

export interface ExportOptions { exports: ExportRepository }

export const exportRoutes: FastifyPluginAsyncTypebox<ExportOptions> = async (app, { exports }) => {
  app.get('/me/export', {
    schema: {
      summary: 'Export everything stored about the signed-in user',
      description: 'One JSON document to save as a file, without secrets. Rate limits count it as a write.',
      tags: ['User'],
      security: [{ bearer: [] }],
      response: { 200: ExportSchema, ...problems('rate_limited', ...SESSION_ERRORS) }
    }
  }, async ({ bearer }, reply) => {
    await app.limits.userWrites.count(bearer.sub)
    const user = await exports.read(bearer.sub)
    if (!user) throw sessionEnded()
    reply.header('content-disposition', 'attachment; filename="signet-export.json"')
    // Indented, since people read it.
    reply.type('application/json; charset=utf-8').serializer((document: object) => JSON.stringify(document, null, 2))
    return toExport(user)
  })
}
