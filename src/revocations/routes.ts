import { createHash } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { addressOf } from '../http/client-address.ts'
import { OAuthError, Problem } from '../http/errors.ts'
import { authenticateClient, type Clients } from '../clients/clients.ts'
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
    sessionId: Type.String({ format: 'uuid', description: 'The `sid` of the tokens that are refused.' }),
    revokedAt: Time
  }),
  Type.Object({
    userId: Type.String({ format: 'uuid', description: 'The `sub` of the tokens that are refused.' }),
    notBefore: Type.String({ format: 'date-time', description: 'Only tokens with an earlier `iat` are refused.' })
  })
], { title: 'Revocation' })

/** Lists revoked access tokens for services that verify access tokens by themselves. */
export const revocationRoutes: FastifyPluginAsyncTypebox<RevocationOptions> = async (app, options) => {
  const { revocations, clients, accessTokenSeconds } = options
  const keepSeconds = accessTokenSeconds + MARGIN_SECONDS

  app.get('/revocations', {
    schema: {
      summary: 'Access tokens that are revoked before they expire',
      description: 'For services that verify access tokens by themselves; they authenticate as confidential clients ' +
        '(HTTP Basic). Lists sessions that have ended, and users who were disabled, deleted (by their sessions) or ' +
        'given other roles. Poll every few seconds with `nextCursor` and `ETag` of the previous response. No item is ' +
        'missed; some come twice.',
      tags: ['Service'],
      security: [{ client: [] }],
      querystring: Type.Object({
        since: Type.Optional(Type.String({
          pattern: '^[0-9]{1,18}$', description: 'The `nextCursor` of a previous response. Without it, the whole list.'
        }))
      }, { additionalProperties: false }),
      response: {
        200: Type.Object({
          items: Type.Array(RevocationSchema),
          nextCursor: Type.String(),
          keepSeconds: Type.Integer({ description: 'How long to keep an item: its tokens have expired by then.' })
        }),
        304: Type.Null({ description: 'Not modified since the response that `If-None-Match` names.' }),
        ...problems('validation_failed', 'invalid_client', 'rate_limited', 'service_unavailable')
      }
    }
  }, async (request, reply) => {
    const address = addressOf(request)
    await app.limits.failedTokenCalls.check(address)
    const clientId = await confidentialClient(clients, request).catch(async (error: unknown) => {
      if (error instanceof Problem && error.code === 'invalid_client') await app.limits.failedTokenCalls.count(address)
      throw error
    })
    await app.limits.revocations.count(clientId)
    const list = { ...await revocations.list(request.query.since, keepSeconds), keepSeconds }
    const etag = `"${createHash('sha256').update(JSON.stringify(list)).digest('base64url')}"`
    reply.header('etag', etag).header('cache-control', `private, max-age=${CACHE_SECONDS}`)
    return evaluatePreconditions(request, etag) === 'not-modified' ? sendNotModified(reply) : list
  })
}

const CHALLENGE = { 'www-authenticate': 'Basic realm="signet"' }

/** Throws `invalid_client` as a problem, since this is no OAuth endpoint, with the challenge that a 401 needs. */
async function confidentialClient (clients: Clients, request: FastifyRequest): Promise<string> {
  const invalidClient = (detail: string) => new Problem('invalid_client', detail, { headers: CHALLENGE })
  const client = await authenticateClient(clients, request, {}).catch((error: unknown) => {
    throw error instanceof OAuthError ? invalidClient(error.message) : error
  })
  if (!client?.secretHash) throw invalidClient('Authenticate as a confidential client, by HTTP Basic.')
  return client.clientId
}
