import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import { callerOf } from '../http/caller.ts'
import { Problem } from '../http/errors.ts'
import { listQuery, pageSchema, readCursor, toPage } from '../http/lists.ts'
import { NullableText } from '../http/nullable.ts'
import { problems } from '../http/problem-details.ts'
import type { SessionService } from '../sessions/service.ts'
import { SESSION_ERRORS, requireActiveSession } from '../sessions/signed-in.ts'
import type { Resources } from '../tokens/resources.ts'
import type { ConsentRepository, Grant } from './repository.ts'

export interface GrantOptions {
  consents: Pick<ConsentRepository, 'list' | 'revoke'>
  sessions: Pick<SessionService, 'isActive'>
  resources: Pick<Resources, 'find'>
}

const GrantSchema = Type.Object({
  id: Type.String({ format: 'uuid' }),
  clientId: Type.String(),
  clientName: Type.String({ description: 'As the client called itself when the user was asked.' }),
  clientHost: NullableText({ description: 'The host of its metadata document; null for one that registered itself.' }),
  resource: Type.String(),
  resourceName: NullableText({ description: 'Null for a resource that is no longer in RESOURCES.' }),
  scope: Type.String({ description: 'Names, separated by spaces.' }),
  createdAt: Type.String({ format: 'date-time' }),
  updatedAt: Type.String({ format: 'date-time' })
}, { title: 'Grant', description: 'What a user has allowed a third-party client to do at one resource.' })

export type ConsentGrant = Static<typeof GrantSchema>

const COMMON = { tags: ['Grants'], security: [{ bearer: [] }] }

/** What the signed-in user has allowed third-party clients, one entry for each client and resource. */
export const grantRoutes: FastifyPluginAsyncTypebox<GrantOptions> = async (app, { consents, sessions, resources }) => {
  requireActiveSession(app, sessions)

  app.get('/me/grants', {
    schema: {
      ...COMMON,
      summary: 'List what third-party clients are allowed',
      description: 'One entry for each client and resource, the newest first.',
      querystring: Type.Object(listQuery, { additionalProperties: false }),
      response: { 200: pageSchema(GrantSchema), ...problems('validation_failed', ...SESSION_ERRORS) }
    }
  }, async ({ bearer, query: { limit, cursor } }) => {
    const rows = await consents.list(bearer.sub, readCursor(cursor), limit + 1)
    return toPage(rows, limit, ({ createdAt, id }) => ({ time: createdAt, id }), toGrant)
  })

  app.delete('/me/grants/:clientId', {
    schema: {
      ...COMMON,
      summary: 'Take back what a third-party client is allowed',
      description: 'At all resources. Ends its sessions: its refresh tokens are refused at once, its access tokens ' +
        'within the delay of `GET /revocations`. A client id that is a URL is percent-encoded.',
      params: Type.Object({ clientId: Type.String({ minLength: 1, maxLength: 200, pattern: '^[\\x21-\\x7e]+$' }) }),
      response: { 204: Type.Null(), ...problems('validation_failed', 'not_found', 'rate_limited', ...SESSION_ERRORS) }
    }
  }, async (request, reply) => {
    const isRevoked = await consents.revoke(request.bearer.sub, request.params.clientId, callerOf(request))
    if (!isRevoked) throw new Problem('not_found', 'You have allowed this client nothing.')
    return reply.code(204).send(null)
  })

  function toGrant ({ scopes, createdAt, updatedAt, ...grant }: Grant): ConsentGrant {
    return {
      ...grant,
      resourceName: resources.find(grant.resource)?.name ?? null,
      scope: scopes.join(' '),
      createdAt: createdAt.toISOString(),
      updatedAt: updatedAt.toISOString()
    }
  }
}
