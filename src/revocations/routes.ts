import { createHash } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { addressOf } from '../http/client-address.ts'
import { OAuthError, Problem } from '../http/errors.ts'
import { authenticateClient, type Clients } from '../clients/clients.ts'
import { problems } from '../http/problem-details.ts'
import { evaluatePreconditions } from '../http/preconditions.ts'
import type { RevocationRepository } from './repository.ts'

export interface RevocationOptions { revocations: RevocationRepository, clients: Clients, accessTokenSeconds: number }

/** Clocks differ; the revocation of a token that is just over is of no harm. */
const MARGIN_SECONDS = 5 * 60
const CACHE_SECONDS = 1

const Time = Type.String({ format: 'date-time' })

const RevocationSchema = Type.Union([
  Type.Object({ sessionId: Type.String({ format: 'uuid', description: 'The `sid` of the tokens that are refused.' }), revokedAt: Time }),
  Type.Object({
    userId: Type.String({ format: 'uuid', description: 'The `sub` of the tokens that are refused,' }),
    notBefore: Type.String({ format: 'date-time', description: 'when their `iat` is before this; from this time on, so that a new token is a good one.' })
  })
], { title: 'Revocation' })

/** For services that verify access tokens by themselves: which of them are no longer good. */
export const revocationRoutes: FastifyPluginAsyncTypebox<RevocationOptions> = async (app, { revocations, clients, accessTokenSeconds }) => {
  const keepSeconds = accessTokenSeconds + MARGIN_SECONDS

  app.get('/revocations', {
    schema: {
      summary: 'Access tokens that are refused before they expire',
      description: 'For services that verify tokens by themselves, as confidential clients (HTTP Basic): sessions that have ended, and users who were disabled, ' +
        'deleted (by their sessions) or given other roles. Poll every few seconds with the `nextCursor` of the answer before and its `ETag`. None is missed; ' +
        'some come again.',
      tags: ['Service'],
      security: [{ client: [] }],
      querystring: Type.Object({
        since: Type.Optional(Type.String({ pattern: '^[0-9]{1,18}$', description: 'The `nextCursor` of an answer. Without it: all that is still of use.' }))
      }, { additionalProperties: false }),
      response: {
        200: Type.Object({
          items: Type.Array(RevocationSchema),
          nextCursor: Type.String(),
          keepSeconds: Type.Integer({ description: 'How long an item is of use: then the tokens are over.' })
        }),
        304: Type.Null({ description: 'Nothing new: as `If-None-Match` says.' }),
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
    return evaluatePreconditions(request, etag) === 'not-modified' ? await reply.code(304).send(null) : list
  })
}

/** A problem, as everywhere outside /oauth2/ (this is no OAuth message), with the challenge that a 401 must have. */
async function confidentialClient (clients: Clients, request: FastifyRequest): Promise<string> {
  const refused = (detail: string) => new Problem('invalid_client', detail, { headers: { 'www-authenticate': 'Basic realm="signet"' } })
  const client = await authenticateClient(clients, request, {}).catch((error: unknown) => {
    throw error instanceof OAuthError ? refused(error.message) : error
  })
  if (!client?.secretHash) throw refused('Only a confidential client may ask, with its id and secret by HTTP Basic.')
  return client.clientId
}
