import { createHash } from 'node:crypto'
import formbody from '@fastify/formbody'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { addressOf } from '../http/client-address.ts'
import { OAuthError, Problem } from '../http/errors.ts'
import {
  CREDENTIAL_PARAMETERS, authenticateClient, isConfidential, type BodyCredentials, type Clients
} from '../clients/clients.ts'
import { problems } from '../http/problem-details.ts'
import { evaluatePreconditions, sendNotModified } from '../http/preconditions.ts'
import type { RevocationRepository } from './repository.ts'

export interface RevocationOptions { revocations: RevocationRepository, clients: Clients, accessTokenSeconds: number }

/** Allows for differing clocks: a token that has just expired may stay on the list. */
const MARGIN_SECONDS = 5 * 60
const CACHE_SECONDS = 1

const Time = Type.String({ format: 'date-time' })

const RevocationSchema = Type.Union([
  Type.Object({
    sessionId: Type.String({
      format: 'uuid',
      description: 'The `sid` of the tokens that are refused; of a client\'s own token, which has none, the `jti`.'
    }),
    revokedAt: Time
  }),
  Type.Object({
    userId: Type.String({
      format: 'uuid', description: 'The `sub` of the tokens that are refused: a user, or a client with its own tokens.'
    }),
    notBefore: Type.String({ format: 'date-time', description: 'Only tokens with an earlier `iat` are refused.' })
  })
], { title: 'Revocation' })

const RevocationListSchema = Type.Object({
  items: Type.Array(RevocationSchema),
  nextCursor: Type.String(),
  keepSeconds: Type.Integer({ description: 'How long to keep an item: its tokens have expired by then.' })
})

const Since = Type.Optional(Type.String({
  pattern: '^[0-9]{1,18}$', description: 'The `nextCursor` of a previous response. Without it, the whole list.'
}))

/** Lists revoked access tokens for services that verify access tokens by themselves. */
export const revocationRoutes: FastifyPluginAsyncTypebox<RevocationOptions> = async (app, options) => {
  const { revocations, clients, accessTokenSeconds } = options
  const keepSeconds = accessTokenSeconds + MARGIN_SECONDS

  const errors = problems('validation_failed', 'invalid_client', 'rate_limited', 'service_unavailable')
  app.get('/revocations', {
    schema: {
      summary: 'Access tokens that are revoked before they expire',
      description: 'For services that verify access tokens by themselves; they authenticate as confidential clients ' +
        '(HTTP Basic; by POST in another way). Lists sessions that have ended, users who were disabled, deleted (by ' +
        'their sessions) or given other roles, and clients\' own tokens. Poll every few seconds with `nextCursor` ' +
        'and `ETag` of the previous response. No item is missed; some come twice.',
      tags: ['Service'],
      security: [{ client: [] }],
      querystring: Type.Object({ since: Since }, { additionalProperties: false }),
      response: {
        200: RevocationListSchema,
        304: Type.Null({ description: 'Not modified since the response that `If-None-Match` names.' }),
        ...errors
      }
    }
  }, async (request, reply) => {
    const list = await listTo(request, {}, request.query.since)
    const etag = `"${createHash('sha256').update(JSON.stringify(list)).digest('base64url')}"`
    reply.header('etag', etag).header('cache-control', `private, max-age=${CACHE_SECONDS}`)
    return evaluatePreconditions(request, etag) === 'not-modified' ? sendNotModified(reply) : list
  })

  await app.register(formbody)
  app.post('/revocations', {
    schema: {
      summary: 'The same list, for a client that authenticates in the body',
      description: 'As at /oauth2/token: by a client assertion (`private_key_jwt`) or a secret. A form or JSON.',
      tags: ['Service'],
      body: Type.Object({ since: Since, ...CREDENTIAL_PARAMETERS }),
      response: { 200: RevocationListSchema, ...errors }
    }
  }, async (request, reply) => {
    reply.header('cache-control', 'no-store')
    return await listTo(request, request.body, request.body.since)
  })

  async function listTo (request: FastifyRequest, body: BodyCredentials, since: string | undefined) {
    const address = addressOf(request)
    await app.limits.failedTokenCalls.check(address)
    const clientId = await confidentialClient(clients, request, body).catch(async (error: unknown) => {
      if (error instanceof Problem && error.code === 'invalid_client') await app.limits.failedTokenCalls.count(address)
      throw error
    })
    await app.limits.revocations.count(clientId)
    return { ...await revocations.list(since, keepSeconds), keepSeconds }
  }
}

const CHALLENGE = { 'www-authenticate': 'Basic realm="signet"' }

/** Throws `invalid_client` as a problem, since this is no OAuth endpoint, with the challenge that a 401 needs. */
async function confidentialClient (clients: Clients, request: FastifyRequest, body: BodyCredentials): Promise<string> {
  const invalidClient = (detail: string) => new Problem('invalid_client', detail, { headers: CHALLENGE })
  const client = await authenticateClient(clients, request, body).catch((error: unknown) => {
    if (error instanceof OAuthError && error.status === 503) throw new Problem('service_unavailable', error.message)
    throw error instanceof OAuthError ? invalidClient(error.message) : error
  })
  if (!client || !isConfidential(client)) throw invalidClient('Authenticate as a confidential client, by HTTP Basic.')
  return client.clientId
}
