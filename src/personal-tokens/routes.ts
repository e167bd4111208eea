import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import { callerOf } from '../http/caller.ts'
import { Problem } from '../http/errors.ts'
import { listQuery, pageSchema, readCursor, toPage } from '../http/lists.ts'
import { NullableText } from '../http/nullable.ts'
import { problems } from '../http/problem-details.ts'
import type { SessionService } from '../sessions/service.ts'
import { SESSION_ERRORS, requireActiveSession, requireRecentSignIn, sessionEnded } from '../sessions/signed-in.ts'
import { ResourceParameter, readResources, type ResourceGrant, type Resources } from '../tokens/resources.ts'
import { PERSONAL_TOKEN_SCOPES, SCOPES, hasScope } from '../tokens/scope.ts'
import { MAX_PERSONAL_TOKENS, type PersonalTokenRepository, type PersonalTokenRow } from './repository.ts'
import type { PersonalTokens } from './service.ts'

export interface PersonalTokenRouteOptions {
  repository: Pick<PersonalTokenRepository, 'list' | 'end'>
  personalTokens: Pick<PersonalTokens, 'create'>
  sessions: Pick<SessionService, 'isActive'>
  resources: Resources
}

const COMMON = { tags: ['Personal tokens'], security: [{ bearer: [] }] }
const Time = Type.String({ format: 'date-time' })

export type PersonalToken = Static<typeof PersonalTokenSchema>

const PersonalTokenSchema = Type.Object({
  id: Type.String({ format: 'uuid', description: 'Also the id of its session, the `sid` of its access tokens.' }),
  name: Type.String(),
  scope: Type.String(),
  resource: Type.Array(Type.String(), { description: 'What its access tokens are for; empty for this service.' }),
  createdAt: Time,
  lastUsedAt: NullableText({ format: 'date-time', description: 'To the minute. Null before the first use.' }),
  expiresAt: Time
}, { title: 'PersonalToken' })

/** The personal tokens of the signed-in user, for scripts. Another user's is a 404. */
export const personalTokenRoutes: FastifyPluginAsyncTypebox<PersonalTokenRouteOptions> = async (app, options) => {
  const { repository, personalTokens, sessions, resources } = options
  requireActiveSession(app, sessions)

  app.get('/me/tokens', {
    schema: {
      ...COMMON,
      summary: 'List the personal tokens',
      description: 'Those that work, newest first.',
      querystring: Type.Object(listQuery, { additionalProperties: false }),
      response: { 200: pageSchema(PersonalTokenSchema), ...problems('validation_failed', ...SESSION_ERRORS) }
    }
  }, async ({ bearer, query: { limit, cursor } }) => {
    const rows = await repository.list(bearer.sub, readCursor(cursor), limit + 1)
    return toPage(rows, limit, ({ createdAt, id }) => ({ time: createdAt, id }), toPersonalToken)
  })

  app.post('/me/tokens', {
    onRequest: requireRecentSignIn,
    schema: {
      ...COMMON,
      summary: 'Make a personal token',
      description: 'A refresh token that does not rotate: `grant_type=refresh_token` with it brings an access token. ' +
        'Needs a sign-in within the last ten minutes, and no personal token makes another.',
      body: Type.Object({
        name: Type.String({ minLength: 1, maxLength: 100, pattern: '^[^\\p{Cc}\\p{Cs}]+$' }),
        scope: Type.Optional(Type.String({
          maxLength: 1000, description: `Any of ${PERSONAL_TOKEN_SCOPES.join(', ')}; none unless given.`
        })),
        resource: ResourceParameter,
        expiresInDays: Type.Integer({ minimum: 1, maximum: 365 })
      }, { additionalProperties: false }),
      response: {
        201: Type.Object({
          ...PersonalTokenSchema.properties, refreshToken: Type.String({ description: 'Not shown again.' })
        }),
        ...problems('validation_failed', 'payload_too_large', 'unsupported_media_type', 'rate_limited',
          'reauthentication_required', 'too_many_tokens', ...SESSION_ERRORS)
      }
    }
  }, async (request, reply) => {
    const { bearer, body: { name, scope = '', resource, expiresInDays } } = request
    const by = { userId: bearer.sub, sessionId: bearer.sid }
    const grant = readGrant(resources, scope, readResources(resource))
    const created = await personalTokens.create(by, { ...grant, name, expiresInDays }, callerOf(request))
    if (!created) throw sessionEnded()
    if (created === 'too-many') {
      throw new Problem('too_many_tokens', `You have ${MAX_PERSONAL_TOKENS} personal tokens. Take one back first.`)
    }
    return reply.code(201).send({ ...toPersonalToken(created.row), refreshToken: created.refreshToken })
  })

  app.delete('/me/tokens/:id', {
    schema: {
      ...COMMON,
      summary: 'Take a personal token back',
      description: 'Its access tokens are refused at once wherever the database is asked.',
      params: Type.Object({ id: Type.String({ format: 'uuid' }) }),
      response: { 204: Type.Null(), ...problems('validation_failed', 'not_found', 'rate_limited', ...SESSION_ERRORS) }
    }
  }, async (request, reply) => {
    const ended = await repository.end(request.bearer.sub, request.params.id, callerOf(request))
    if (!ended) throw new Problem('not_found', 'You have no such personal token, or it has ended.')
    return reply.code(204).send(null)
  })
}

/** A name that a personal token cannot have is an error, as no person would notice later that it is missing. */
function readGrant (resources: Resources, scope: string, requested: string[] | undefined): ResourceGrant {
  if (!requested?.every(resources.has) && requested !== undefined) {
    throw new Problem('validation_failed', 'There is no such resource here.')
  }
  const granted = resources.grant({ scope, resources: requested, registered: undefined })
  const isPossible = (name: string) =>
    hasScope(granted.scope, name) && (PERSONAL_TOKEN_SCOPES.includes(name) || !SCOPES.includes(name))
  if (scope.split(' ').every((name) => name === '' || isPossible(name))) return granted
  throw new Problem('validation_failed', requested === undefined
    ? `The scope must be of ${PERSONAL_TOKEN_SCOPES.join(', ')}.`
    : `The scope must be of ${PERSONAL_TOKEN_SCOPES.join(', ')}, and of the resource.`)
}

function toPersonalToken (row: PersonalTokenRow): Static<typeof PersonalTokenSchema> {
  const { id, personalToken, scope, resources, createdAt, lastUsedAt, expiresAt } = row
  return {
    id,
    name: personalToken ?? '',
    scope,
    resource: resources,
    createdAt: createdAt.toISOString(),
    lastUsedAt: lastUsedAt > createdAt ? lastUsedAt.toISOString() : null,
    expiresAt: expiresAt.toISOString()
  }
}
