import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { callerOf } from '../http/caller.ts'
import { Problem } from '../http/errors.ts'
import { listQuery, pageSchema, readCursor, toPage } from '../http/lists.ts'
import { problems } from '../http/problem-details.ts'
import { SIGNED_IN, forSignedInUsers } from './signed-in.ts'
import type { OwnSessionRepository } from './own-repository.ts'
import type { SessionService } from './service.ts'
import { SessionSchema, toSession } from './session.ts'

export interface SessionOptions { ownSessions: OwnSessionRepository, sessions: Pick<SessionService, 'isAlive'> }

const COMMON = { tags: ['Sessions'], security: [{ bearer: [] }] }

/** The sessions of the signed-in user. Another user's are as good as not there: 404. */
export const sessionRoutes: FastifyPluginAsyncTypebox<SessionOptions> = async (app, { ownSessions, sessions }) => {
  forSignedInUsers(app, sessions)

  app.get('/me/sessions', {
    schema: {
      ...COMMON,
      summary: 'Where the user is signed in',
      description: 'The sessions that are alive, by sign-in, the newest first.',
      querystring: Type.Object(listQuery, { additionalProperties: false }),
      response: { 200: pageSchema(SessionSchema), ...problems('validation_failed', ...SIGNED_IN) }
    }
  }, async ({ bearer, query: { limit, cursor } }) => {
    const rows = await ownSessions.list(bearer.sub, readCursor(cursor), limit + 1)
    return toPage(rows, limit, ({ createdAt, id }) => ({ time: createdAt, id }), (row) => toSession(row, bearer.sid))
  })

  app.delete('/me/sessions/:id', {
    schema: {
      ...COMMON,
      summary: 'End a session',
      description: 'At once: its tokens are refused wherever the database is asked. It may be this one.',
      params: Type.Object({ id: Type.String({ format: 'uuid' }) }),
      response: { 204: Type.Null(), ...problems('validation_failed', 'not_found', 'rate_limited', ...SIGNED_IN) }
    }
  }, async (request, reply) => {
    const ended = await ownSessions.end(request.bearer.sub, request.params.id, callerOf(request))
    if (!ended) throw new Problem('not_found', 'You have no such session, or it has ended.')
    return reply.code(204).send(null)
  })

  app.delete('/me/sessions', {
    schema: {
      ...COMMON,
      summary: 'End all sessions but this one',
      response: { 204: Type.Null(), ...problems('rate_limited', ...SIGNED_IN) }
    }
  }, async (request, reply) => {
    await ownSessions.endOthers(request.bearer.sub, request.bearer.sid, callerOf(request))
    return reply.code(204).send(null)
  })
}
