import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import { WEBHOOK_TYPES } from '../audit/outbox.ts'
import { listQuery, pageSchema, readCursor, toPage } from '../http/lists.ts'
import { NullableInteger, NullableText } from '../http/nullable.ts'
import { problems } from '../http/problem-details.ts'
import { readTime } from '../http/time.ts'
import type { DeliveryRow } from '../webhooks/delivery-repository.ts'
import type { Endpoint } from '../webhooks/endpoint-repository.ts'
import type { WebhookService } from '../webhooks/service.ts'
import { ADMIN_ERRORS, BODY_ERRORS, byAdmin } from './guard.ts'

const TAGS = ['Webhooks']
const security = [{ bearer: [] }]
const Time = Type.String({ format: 'date-time' })
const Url = Type.String({
  minLength: 1, maxLength: 2000, description: 'An https URL; http for private addresses only, where those are allowed.'
})
const Types = Type.Array(Type.Union(WEBHOOK_TYPES.map((type) => Type.Literal(type))), {
  minItems: 1, uniqueItems: true, description: 'The types of event that the endpoint receives.'
})
const Secret = Type.String({ description: '`whsec_...`. Not shown again.' })
const NoResponse = NullableText({ description: 'Why there was no response.' })

const EndpointSchema = Type.Object({
  id: Type.String({ format: 'uuid' }),
  url: Type.String(),
  types: Type.Array(Type.String()),
  enabled: Type.Boolean(),
  createdAt: Time,
  updatedAt: Time
}, { title: 'WebhookEndpoint' })

const DeliverySchema = Type.Object({
  id: Type.String({ format: 'uuid', description: 'The `webhook-id` of every attempt.' }),
  type: Type.String(),
  userId: Type.String({ format: 'uuid' }),
  status: Type.Union([Type.Literal('pending'), Type.Literal('delivered'), Type.Literal('failed')]),
  attempts: Type.Integer(),
  lastAttemptAt: NullableText({ format: 'date-time' }),
  lastStatusCode: NullableInteger(),
  lastError: NoResponse,
  nextAttemptAt: NullableText({ format: 'date-time' }),
  createdAt: Time
}, { title: 'WebhookDelivery' })

export type AdminWebhook = Static<typeof EndpointSchema>
export type AdminDelivery = Static<typeof DeliverySchema>

const Params = Type.Object({ id: Type.String({ format: 'uuid' }) })
const DeliveryParams = Type.Object({ id: Type.String({ format: 'uuid' }), deliveryId: Type.String({ format: 'uuid' }) })

export const webhookRoutes: FastifyPluginAsyncTypebox<{ webhooks: WebhookService }> = async (app, { webhooks }) => {
  app.get('/admin/webhooks', {
    schema: {
      summary: 'Webhook endpoints',
      description: 'Newest first.',
      tags: TAGS,
      security,
      querystring: Type.Object(listQuery, { additionalProperties: false }),
      response: { 200: pageSchema(EndpointSchema), ...problems('validation_failed', ...ADMIN_ERRORS) }
    }
  }, async ({ query: { limit, cursor } }) => {
    return toPage(await webhooks.list(readCursor(cursor), limit + 1), limit, positionOf, toEndpoint)
  })

  app.post('/admin/webhooks', {
    schema: {
      summary: 'Add a webhook endpoint',
      description: 'Messages are signed as in the Standard Webhooks specification, with the secret of this response.',
      tags: TAGS,
      security,
      body: Type.Object({
        url: Url, types: Types, enabled: Type.Boolean({ default: true })
      }, { additionalProperties: false }),
      response: {
        201: Type.Object({ ...EndpointSchema.properties, secret: Secret }), ...problems(...BODY_ERRORS, ...ADMIN_ERRORS)
      }
    }
  }, async (request, reply) => {
    const { endpoint, secret } = await webhooks.create(request.body, byAdmin(request))
    return reply.code(201).send({ ...toEndpoint(endpoint), secret })
  })

  app.get('/admin/webhooks/:id', {
    schema: {
      summary: 'A webhook endpoint',
      tags: TAGS,
      security,
      params: Params,
      response: { 200: EndpointSchema, ...problems('validation_failed', 'not_found', ...ADMIN_ERRORS) }
    }
  }, async ({ params }) => toEndpoint(await webhooks.find(params.id)))

  app.patch('/admin/webhooks/:id', {
    schema: {
      summary: 'Change a webhook endpoint',
      description: 'No new deliveries are added while it is disabled. Pending ones wait until it is enabled again, ' +
        'for at most thirty days.',
      tags: TAGS,
      security,
      params: Params,
      body: Type.Object({
        url: Type.Optional(Url), types: Type.Optional(Types), enabled: Type.Optional(Type.Boolean())
      }, { additionalProperties: false }),
      response: { 200: EndpointSchema, ...problems('not_found', ...BODY_ERRORS, ...ADMIN_ERRORS) }
    }
  }, async (request) => toEndpoint(await webhooks.change(request.params.id, request.body, byAdmin(request))))

  app.delete('/admin/webhooks/:id', {
    schema: {
      summary: 'Remove a webhook endpoint',
      description: 'Its pending deliveries are removed too.',
      tags: TAGS,
      security,
      params: Params,
      response: { 204: Type.Null(), ...problems('validation_failed', 'not_found', ...ADMIN_ERRORS) }
    }
  }, async (request, reply) => {
    await webhooks.remove(request.params.id, byAdmin(request))
    return reply.code(204).send(null)
  })

  app.post('/admin/webhooks/:id/secret', {
    schema: {
      summary: 'Replace the secret of a webhook endpoint',
      description: 'For 24 hours messages are signed with the previous secret as well.',
      tags: TAGS,
      security,
      params: Params,
      response: { 200: Type.Object({ secret: Secret }), ...problems('validation_failed', 'not_found', ...ADMIN_ERRORS) }
    }
  }, async (request) => ({ secret: await webhooks.rotateSecret(request.params.id, byAdmin(request)) }))

  app.post('/admin/webhooks/:id/test', {
    schema: {
      summary: 'Send a webhook.test message, now and once',
      tags: TAGS,
      security,
      params: Params,
      response: {
        200: Type.Object({ statusCode: NullableInteger(), error: NoResponse }),
        ...problems('validation_failed', 'not_found', ...ADMIN_ERRORS)
      }
    }
  }, ({ params }) => webhooks.test(params.id))

  app.get('/admin/webhooks/:id/deliveries', {
    schema: {
      summary: 'Deliveries to a webhook endpoint',
      description: 'Newest first; kept for thirty days.',
      tags: TAGS,
      security,
      params: Params,
      querystring: Type.Object(listQuery, { additionalProperties: false }),
      response: { 200: pageSchema(DeliverySchema), ...problems('validation_failed', 'not_found', ...ADMIN_ERRORS) }
    }
  }, async ({ params: { id }, query: { limit, cursor } }) => {
    return toPage(await webhooks.deliveries(id, readCursor(cursor), limit + 1), limit, positionOf, toDelivery)
  })

  app.post('/admin/webhooks/:id/deliveries/:deliveryId/replay', {
    schema: {
      summary: 'Send a delivery again',
      description: 'With the same id, and the user as they are now.',
      tags: TAGS,
      security,
      params: DeliveryParams,
      response: { 202: DeliverySchema, ...problems('validation_failed', 'not_found', ...ADMIN_ERRORS) }
    }
  }, async ({ params }, reply) => reply.code(202).send(toDelivery(await webhooks.replay(params.id, params.deliveryId))))

  app.post('/admin/webhooks/:id/replay', {
    schema: {
      summary: 'Send the deliveries of all events since then again',
      tags: TAGS,
      security,
      params: Params,
      body: Type.Object({ since: Time }, { additionalProperties: false }),
      response: {
        202: Type.Object({ replayed: Type.Integer() }),
        ...problems('not_found', ...BODY_ERRORS, ...ADMIN_ERRORS)
      }
    }
  }, async ({ params: { id }, body }, reply) => {
    return reply.code(202).send({ replayed: await webhooks.replaySince(id, readTime(body.since)) })
  })
}

const positionOf = ({ createdAt, id }: { createdAt: Date, id: string }) => ({ time: createdAt, id })

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
