import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { callerOf } from '../http/caller.ts'
import { Problem } from '../http/errors.ts'
import { listQuery, pageSchema, readCursor, toPage } from '../http/lists.ts'
import { problems } from '../http/problem-details.ts'
import type { OwnSessionRepository } from './own-repository.ts'
import type { SessionService } from './service.ts'
import { SessionSchema, toSession } from './session.ts'
import { SESSION_ERRORS, requireActiveSession } from './signed-in.ts'

export interface SessionOptions { ownSessions: OwnSessionRepository, sessions: Pick<SessionService, 'isActive'> }

const COMMON = { tags: ['Sessions'], security: [{ bearer: [] }] }

/** The sessions of the signed-in user. Another user's session is a 404. */
export const sessionRoutes: FastifyPluginAsyncTypebox<SessionOptions> = async (app, { ownSessions, sessions }) => {
  requireActiveSession(app, sessions)

  app.get('/me/sessions', {
    schema: {
      ...COMMON,
      summary: 'List the active sessions',
      description: 'Ordered by sign-in, newest first.',
      querystring: Type.Object(listQuery, { additionalProperties: false }),
      response: { 200: pageSchema(SessionSchema), ...problems('validation_failed', ...SESSION_ERRORS) }
    }
  }, async ({ bearer, query: { limit, cursor } }) => {
    const rows = await ownSessions.list(bearer.sub, readCursor(cursor), limit + 1)
    return toPage(rows, limit, ({ createdAt, id }) => ({ time: createdAt, id }), (row) => toSession(row, bearer.sid))
  })

  app.delete('/me/sessions/:id', {
    schema: {
      ...COMMON,
      summary: 'End a session',
      description: 'Its tokens are refused at once wherever the database is asked. May be the session of this request.',
      params: Type.Object({ id: Type.String({ format: 'uuid' }) }),
      response: { 204: Type.Null(), ...problems('validation_failed', 'not_found', 'rate_limited', ...SESSION_ERRORS) }
    }
  }, async (request, reply) => {
    const ended = await ownSessions.end(request.bearer.sub, request.params.id, callerOf(request))
    if (!ended) throw new Problem('not_found', 'You have no such session, or it has ended.')
    return reply.code(204).send(null)
  })

  app.delete('/me/sessions', {
    schema: {
      ...COMMON,
      summary: 'End all other sessions',
      response: { 204: Type.Null(), ...problems('rate_limited', ...SESSION_ERRORS) }
    }
  }, async (request, reply) => {
    await ownSessions.endOthers(request.bearer.sub, request.bearer.sid, callerOf(request))
    return reply.code(204).send(null)
  })
}
