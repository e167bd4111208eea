import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { callerOf } from '../http/caller.ts'
import { Problem } from '../http/errors.ts'
import { evaluatePreconditions, sendNotModified } from '../http/preconditions.ts'
import { problems } from '../http/problem-details.ts'
import { SESSION_ERRORS, sessionEnded } from '../sessions/signed-in.ts'
import { mergePatch } from './merge-patch.ts'
import { PreferencesSchema, checkContent, checkSize, etagOf, type Preferences } from './preferences.ts'
import type { UserRepository } from './repository.ts'

export interface PreferenceOptions { users: UserRepository }

const COMMON = { tags: ['User'], security: [{ bearer: [] }] }

const READ_RESPONSES = {
  200: PreferencesSchema,
  304: Type.Null({ description: 'Not modified.' }),
  ...problems('precondition_failed', ...SESSION_ERRORS)
}

const WRITE_ERRORS = [
  'validation_failed', 'precondition_failed', 'payload_too_large', 'unsupported_media_type', 'rate_limited'
] as const

const WRITE_RESPONSES = { 200: PreferencesSchema, ...problems(...WRITE_ERRORS, ...SESSION_ERRORS) }

export const preferenceRoutes: FastifyPluginAsyncTypebox<PreferenceOptions> = async (app, { users }) => {
  /** Of two changes at the same time, the second sees what the first wrote. */
  async function change (
    request: FastifyRequest, reply: FastifyReply, make: (current: Preferences) => Preferences
  ): Promise<Preferences> {
    const changed = await users.changePreferences(request.bearer.sub, (current) => {
      const wanted = make(current)
      checkSize(wanted)
      if (evaluatePreconditions(request, etagOf(current)) !== 'met') throw preconditionFailed()
      return wanted
    }, callerOf(request))
    if (!changed) throw sessionEnded()
    reply.header('etag', etagOf(changed))
    return changed
  }

  app.get('/me/preferences', {
    schema: {
      ...COMMON,
      summary: 'Read the preferences',
      description: 'A JSON object that clients define. It has a strong `ETag`; `If-None-Match` with it gets a 304.',
      response: READ_RESPONSES
    }
  }, async (request, reply) => {
    const preferences = await users.preferences(request.bearer.sub)
    if (!preferences) throw sessionEnded()
    const etag = etagOf(preferences)
    const precondition = evaluatePreconditions(request, etag)
    if (precondition === 'failed') throw preconditionFailed()
    reply.header('etag', etag)
    return precondition === 'not-modified' ? sendNotModified(reply) : preferences
  })

  app.put('/me/preferences', {
    schema: {
      ...COMMON,
      summary: 'Replace the preferences',
      description: '16 KiB of JSON at most. With `If-Match`, only if the ETag still matches.',
      body: PreferencesSchema,
      response: WRITE_RESPONSES
    }
  }, async (request, reply) => {
    checkContent(request.body)
    return await change(request, reply, () => request.body)
  })

  await app.register(async (scope) => {
    const parseJson = scope.getDefaultJsonParser('error', 'error')
    scope.addContentTypeParser('application/merge-patch+json', { parseAs: 'string' }, parseJson)

    scope.patch('/me/preferences', {
      schema: {
        ...COMMON,
        summary: 'Change the preferences',
        description: 'By a JSON Merge Patch (RFC 7396): null removes a member. Concurrent patches are all applied.',
        consumes: ['application/merge-patch+json', 'application/json'],
        body: PreferencesSchema,
        response: WRITE_RESPONSES
      }
    }, async (request, reply) => {
      const patch = request.body as Preferences
      checkContent(patch)
      return await change(request, reply, (current) => mergePatch(current, patch))
    })
  })
}

const preconditionFailed = () => new Problem('precondition_failed', 'The ETag does not match the current preferences.')
