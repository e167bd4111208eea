import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { NullableInteger, NullableText } from '../http/nullable.ts'
import { callerOf } from '../http/caller.ts'
import type { By } from '../audit/events.ts'
import { listQuery, pageSchema, readCursor, toPage } from '../http/lists.ts'
import { problems } from '../http/problem-details.ts'
import type { DeliveryRow } from '../webhooks/delivery-repository.ts'
import type { Endpoint } from '../webhooks/endpoint-repository.ts'
import { WEBHOOK_TYPES } from '../audit/outbox.ts'
import type { WebhookService } from '../webhooks/service.ts'
import { ADMINISTRATION } from './guard.ts'

const TAGS = ['Webhooks']
const security = [{ bearer: [] }]
const Time = Type.String({ format: 'date-time' })
const Url = Type.String({ minLength: 1, maxLength: 2000, description: 'https; http only to a private address, where that is allowed.' })
const Types = Type.Array(Type.Union(WEBHOOK_TYPES.map((type) => Type.Literal(type))), { minItems: 1, uniqueItems: true, description: 'What it is told of.' })
const Secret = Type.String({ description: '`whsec_...`. Not shown again.' })

const Described = { url: Type.String(), types: Type.Array(Type.String()), enabled: Type.Boolean() }
const EndpointSchema = Type.Object({ id: Type.String({ format: 'uuid' }), ...Described, createdAt: Time, updatedAt: Time }, { title: 'WebhookEndpoint' })
const DeliverySchema = Type.Object({
  id: Type.String({ format: 'uuid', description: 'The `webhook-id`, at every attempt.' }),
  type: Type.String(),
  userId: Type.String({ format: 'uuid' }),
  status: Type.Union([Type.Literal('pending'), Type.Literal('delivered'), Type.Literal('failed')]),
  attempts: Type.Integer(),
  lastAttemptAt: NullableText({ format: 'date-time' }),
  lastStatusCode: NullableInteger(),
  lastError: NullableText({ description: 'Why there was no answer.' }),
  nextAttemptAt: NullableText({ format: 'date-time' }),
  createdAt: Time
}, { title: 'WebhookDelivery' })

const Params = Type.Object({ id: Type.String({ format: 'uuid' }) })
const DeliveryParams = Type.Object({ id: Type.String({ format: 'uuid' }), deliveryId: Type.String({ format: 'uuid' }) })
const BODY = ['validation_failed', 'payload_too_large', 'unsupported_media_type'] as const

/** Registered where `forAdministrators` holds. */
export const webhookRoutes: FastifyPluginAsyncTypebox<{ webhooks: WebhookService }> = async (app, { webhooks }) => {
  app.get('/admin/webhooks', {
    schema: {
      summary: 'Webhook endpoints',
      description: 'Newest first.',
      tags: TAGS,
      security,
      querystring: Type.Object(listQuery, { additionalProperties: false }),
      response: { 200: pageSchema(EndpointSchema), ...problems('validation_failed', ...ADMINISTRATION) }
    }
  }, async ({ query: { limit, cursor } }) => {
    return toPage(await webhooks.list(readCursor(cursor), limit + 1), limit, place, toEndpoint)
  })

  app.post('/admin/webhooks', {
    schema: {
      summary: 'Add a webhook endpoint',
      description: 'Messages are signed after the Standard Webhooks specification, with the secret of this answer.',
      tags: TAGS,
      security,
      body: Type.Object({ url: Url, types: Types, enabled: Type.Boolean({ default: true }) }, { additionalProperties: false }),
      response: { 201: Type.Object({ ...EndpointSchema.properties, secret: Secret }), ...problems(...BODY, ...ADMINISTRATION) }
    }
  }, async (request, reply) => {
    const { endpoint, secret } = await webhooks.create(request.body, by(request))
    return reply.code(201).send({ ...toEndpoint(endpoint), secret })
  })

  app.get('/admin/webhooks/:id', {
    schema: {
      summary: 'A webhook endpoint',
      tags: TAGS,
      security,
      params: Params,
      response: { 200: EndpointSchema, ...problems('validation_failed', 'not_found', ...ADMINISTRATION) }
    }
  }, async ({ params }) => toEndpoint(await webhooks.find(params.id)))

  app.patch('/admin/webhooks/:id', {
    schema: {
      summary: 'Change a webhook endpoint',
      description: 'While it is disabled, nothing new is kept for it; what it has not got waits, for thirty days at most, until it is enabled again.',
      tags: TAGS,
      security,
      params: Params,
      body: Type.Object({ url: Type.Optional(Url), types: Type.Optional(Types), enabled: Type.Optional(Type.Boolean()) }, { additionalProperties: false }),
      response: { 200: EndpointSchema, ...problems('not_found', ...BODY, ...ADMINISTRATION) }
    }
  }, async (request) => toEndpoint(await webhooks.change(request.params.id, request.body, by(request))))

  app.delete('/admin/webhooks/:id', {
    schema: {
      summary: 'Remove a webhook endpoint',
      description: 'And what it was not yet told.',
      tags: TAGS,
      security,
      params: Params,
      response: { 204: Type.Null(), ...problems('validation_failed', 'not_found', ...ADMINISTRATION) }
    }
  }, async (request, reply) => {
    await webhooks.remove(request.params.id, by(request))
    return reply.code(204).send(null)
  })

  app.post('/admin/webhooks/:id/secret', {
    schema: {
      summary: 'Give a webhook endpoint a new secret',
      description: 'For 24 hours more the secret before it signs too: messages then carry both signatures.',
      tags: TAGS,
      security,
      params: Params,
      response: { 200: Type.Object({ secret: Secret }), ...problems('validation_failed', 'not_found', ...ADMINISTRATION) }
    }
  }, async (request) => ({ secret: await webhooks.rotateSecret(request.params.id, by(request)) }))

  app.post('/admin/webhooks/:id/test', {
    schema: {
      summary: 'Send a message of the type webhook.test, now and once',
      tags: TAGS,
      security,
      params: Params,
      response: {
        200: Type.Object({
          statusCode: NullableInteger(),
          error: NullableText({ description: 'Why there was no answer.' })
        }),
        ...problems('validation_failed', 'not_found', ...ADMINISTRATION)
      }
    }
  }, ({ params }) => webhooks.test(params.id))

  app.get('/admin/webhooks/:id/deliveries', {
    schema: {
      summary: 'What a webhook endpoint was told, or is to be told',
      description: 'Newest first; kept for thirty days.',
      tags: TAGS,
      security,
      params: Params,
      querystring: Type.Object(listQuery, { additionalProperties: false }),
      response: { 200: pageSchema(DeliverySchema), ...problems('validation_failed', 'not_found', ...ADMINISTRATION) }
    }
  }, async ({ params: { id }, query: { limit, cursor } }) => {
    return toPage(await webhooks.deliveries(id, readCursor(cursor), limit + 1), limit, place, toDelivery)
  })

  app.post('/admin/webhooks/:id/deliveries/:deliveryId/replay', {
    schema: {
      summary: 'Send a delivery again',
      description: 'Under the same id, with the user as they are now.',
      tags: TAGS,
      security,
      params: DeliveryParams,
      response: { 202: DeliverySchema, ...problems('validation_failed', 'not_found', ...ADMINISTRATION) }
    }
  }, async ({ params: { id, deliveryId } }, reply) => reply.code(202).send(toDelivery(await webhooks.replay(id, deliveryId))))

  app.post('/admin/webhooks/:id/replay', {
    schema: {
      summary: 'Send again all that happened since',
      tags: TAGS,
      security,
      params: Params,
      body: Type.Object({ since: Time }, { additionalProperties: false }),
      response: { 202: Type.Object({ replayed: Type.Integer() }), ...problems('not_found', ...BODY, ...ADMINISTRATION) }
    }
  }, async ({ params: { id }, body }, reply) => reply.code(202).send({ replayed: await webhooks.replaySince(id, new Date(body.since)) }))
}

const place = ({ createdAt, id }: { createdAt: Date, id: string }) => ({ time: createdAt, id })

const by = (request: FastifyRequest): By => ({ actorId: request.bearer.sub, caller: callerOf(request) })

function toEndpoint ({ createdAt, updatedAt, ...endpoint }: Endpoint) {
  return { ...endpoint, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() }
}

function toDelivery ({ createdAt, lastAttemptAt, nextAttemptAt, ...delivery }: DeliveryRow) {
  return {
    ...delivery,
    lastAttemptAt: lastAttemptAt?.toISOString() ?? null,
    nextAttemptAt: delivery.status === 'pending' ? nextAttemptAt.toISOString() : null,
    createdAt: createdAt.toISOString()
  }
}
