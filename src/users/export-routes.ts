import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { TSchema } from 'typebox'
import { streamJson } from '../http/json-stream.ts'
import { problems } from '../http/problem-details.ts'
import { SESSION_ERRORS, sessionEnded } from '../sessions/signed-in.ts'
import type { ExportRepository } from './export-repository.ts'
import { ExportSchema, toExportHead, toExportLists } from './export.ts'

export interface ExportOptions { exports: ExportRepository }

export const exportRoutes: FastifyPluginAsyncTypebox<ExportOptions> = async (app, { exports }) => {
  const { turns, limits } = app

  app.get('/me/export', {
    schema: {
      summary: 'Export everything stored about the signed-in user',
      description: 'One JSON document to save as a file, without secrets. It is sent while it is read: a connection ' +
        'that ends before the document does leaves it incomplete. One at a time and five an hour for a user.',
      tags: ['User'],
      security: [{ bearer: [] }],
      // Without its type: what is sent is a stream of the document's text.
      response: { 200: ExportSchema as TSchema, ...problems('rate_limited', ...SESSION_ERRORS) }
    }
  }, async ({ bearer: { sub: userId } }, reply) => {
    const endTurn = await turns.exports.begin(userId)
    const document = await begin(userId).catch(async (error) => {
      await endTurn()
      throw error
    })
    document.once('close', endTurn)
    endAfter(document, turns.exports.maxSeconds - 10)
    reply.header('content-disposition', 'attachment; filename="signet-export.json"')
    // Fastify reads on as fast as the client does, and destroys the stream with the connection and the other way round.
    return reply.type('application/json; charset=utf-8').send(document)
  })

  async function begin (userId: string): Promise<Readable> {
    await limits.exports.count(userId)
    const user = await exports.readUser(userId)
    if (!user) throw sessionEnded()
    const lists = toExportLists(userId, exports.sessions(userId), exports.events(userId))
    return Readable.from(streamJson(toExportHead(user), lists), { objectMode: false })
  }
}

/** Destroys a stream whose client reads it too slowly. */
function endAfter (stream: Readable, seconds: number): void {
  const timer = setTimeout(() => stream.destroy(new Error('The client reads too slowly.')), seconds * 1000)
  stream.once('close', () => clearTimeout(timer))
}
