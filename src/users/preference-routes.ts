import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { callerOf } from '../http/caller.ts'
import { Problem } from '../http/errors.ts'
import { problems } from '../http/problem-details.ts'
import { SIGNED_IN, sessionEnded } from '../sessions/signed-in.ts'
import { weighPreconditions } from '../http/preconditions.ts'
import { mergePatch } from './merge-patch.ts'
import { PreferencesSchema, checkContent, checkSize, etagOf, type Preferences } from './preferences.ts'
import type { UserRepository } from './repository.ts'

export interface PreferenceOptions { users: UserRepository }

const COMMON = { tags: ['User'], security: [{ bearer: [] }] }
const CHANGE_ANSWERS = {
  200: PreferencesSchema,
  ...problems('validation_failed', 'precondition_failed', 'payload_too_large', 'unsupported_media_type', 'rate_limited', ...SIGNED_IN)
}

export const preferenceRoutes: FastifyPluginAsyncTypebox<PreferenceOptions> = async (app, { users }) => {
  /** Reads, changes and writes with the row locked: of two changes at once the second is made on what the first left. */
  async function change (request: FastifyRequest, reply: FastifyReply, make: (current: Preferences) => Preferences): Promise<Preferences> {
    const changed = await users.changePreferences(request.bearer.sub, (current) => {
      const wanted = make(current)
      checkSize(wanted)
      if (weighPreconditions(request, etagOf(current)) !== 'met') throw new Problem('precondition_failed', 'The preferences are no longer those of this ETag.')
      return wanted
    }, callerOf(request))
    if (!changed) throw sessionEnded()
    reply.header('etag', etagOf(changed))
    return changed
  }

  app.get('/me/preferences', {
    schema: {
      ...COMMON,
      summary: 'The preferences',
      description: 'A JSON object of the client\'s own. Every answer has a strong `ETag`; `If-None-Match` with it brings a 304.',
      response: { 200: PreferencesSchema, 304: Type.Null({ description: 'Not modified.' }), ...problems('precondition_failed', ...SIGNED_IN) }
    }
  }, async (request, reply) => {
    const preferences = await users.preferences(request.bearer.sub)
    if (!preferences) throw sessionEnded()
    const etag = etagOf(preferences)
    const precondition = weighPreconditions(request, etag)
    if (precondition === 'failed') throw new Problem('precondition_failed', 'The preferences are no longer those of this ETag.')
    reply.header('etag', etag)
    return precondition === 'not-modified' ? reply.code(304).send(null) : preferences
  })

  app.put('/me/preferences', {
    schema: {
      ...COMMON,
      summary: 'Replace the preferences',
      description: '16 KiB of JSON at most. With `If-Match` only if they are still those of the ETag.',
      body: PreferencesSchema,
      response: CHANGE_ANSWERS
    }
  }, async (request, reply) => {
    checkContent(request.body)
    return await change(request, reply, () => request.body)
  })

  await app.register(async (scope) => {
    scope.addContentTypeParser('application/merge-patch+json', { parseAs: 'string' }, scope.getDefaultJsonParser('error', 'error'))

    scope.patch('/me/preferences', {
      schema: {
        ...COMMON,
        summary: 'Change the preferences',
        description: 'By a JSON Merge Patch (RFC 7396): null takes a member away. Changes made at once are all kept.',
        consumes: ['application/merge-patch+json', 'application/json'],
        body: PreferencesSchema,
        response: CHANGE_ANSWERS
      }
    }, async (request, reply) => {
      const patch = request.body as Preferences
      checkContent(patch)
      return await change(request, reply, (current) => mergePatch(current, patch))
    })
  })
}
