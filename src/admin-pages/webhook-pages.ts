import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import type { AdminDelivery, AdminWebhook } from '../admin/webhook-routes.ts'
import { WEBHOOK_TYPES } from '../audit/outbox.ts'
import type { Page } from '../http/lists.ts'
import type { RefusedByApi } from '../page-sessions/api.ts'
import { button, choices, confirmationForm, field, oneButtonForm, readLines, submit } from '../page-sessions/forms.ts'
import { facts, list, nextPage, timeOf } from '../page-sessions/markup.ts'
import { IdParams, ListQuery, formSchema, pageSchema } from '../page-sessions/page-schema.ts'
import { cursorQuery } from '../page-sessions/query.ts'
import { html, type Markup } from '../pages/markup.ts'
import { TAG, type AdminPages } from './context.ts'
import { sendSecretPage } from './secret-page.ts'

const DeliveryParams = Type.Object({ ...IdParams.properties, deliveryId: Type.String({ format: 'uuid' }) })
const WebhookFormSchema = Type.Object({
  url: Type.String({ maxLength: 4000 }),
  types: Type.Optional(Type.Union([
    Type.String({ maxLength: 50 }), Type.Array(Type.String({ maxLength: 50 }), { maxItems: 50 })
  ])),
  enabled: Type.Optional(Type.Literal('yes'))
}, { additionalProperties: false })
type WebhookForm = Static<typeof WebhookFormSchema>
interface Again { values: WebhookForm, refusal: RefusedByApi }

/** The webhook endpoints, and what was sent to each. */
export const webhookPages: AdminPages = async (app, { issuerUrl, sendPersonPage }) => {
  const path = `${issuerUrl}/admin/pages/webhooks`

  app.get('/admin/pages/webhooks', {
    schema: { ...pageSchema(TAG, 'Webhook endpoints, as a page'), querystring: ListQuery }
  }, async (request, reply) => {
    const { pageTexts: texts, query, visit: { api } } = request
    const { webhooks, none } = texts.admin
    const { items, nextCursor } = await api.get<Page<AdminWebhook>>(`/admin/webhooks${cursorQuery(query)}`)
    const entries = items.map((webhook) => html`<h2><a href="${path}/${webhook.id}">${webhook.url}</a></h2>
      ${describe(request, webhook)}`)
    return sendPersonPage(request, reply, {
      title: webhooks.title,
      content: html`<p>${webhooks.what}</p><p><a class="button" href="${path}/new">${webhooks.create}</a></p>
        ${list(entries, none)}${nextPage(texts, path, query, nextCursor)}`
    })
  })

  function describe (request: FastifyRequest, { types, enabled, createdAt }: AdminWebhook): Markup {
    const { webhooks } = request.pageTexts.admin
    return facts([
      [webhooks.state, enabled ? webhooks.on : webhooks.off],
      [webhooks.types, types.join(', ')],
      [webhooks.since, timeOf(request, createdAt)]
    ])
  }

  app.get('/admin/pages/webhooks/new', {
    schema: pageSchema(TAG, 'The form of a new webhook endpoint')
  }, async (request, reply) => sendNew(request, reply))

  app.post('/admin/pages/webhooks/new', {
    schema: { ...formSchema(TAG, 'Add a webhook endpoint, by a form'), body: WebhookFormSchema }
  }, async (request, reply) => await submit(async () => {
    const { id, secret } = await request.visit.api.send<{ id: string, secret: string }>(
      'POST', '/admin/webhooks', toApi(request.body))
    return sendSecretPage(sendPersonPage, request, reply, { secret, back: `${path}/${id}` })
  }, (refusal) => sendNew(request, reply, { values: request.body, refusal })))

  function sendNew (request: FastifyRequest, reply: FastifyReply, again?: Again): FastifyReply {
    const { webhooks } = request.pageTexts.admin
    return sendPersonPage(request, reply, {
      title: webhooks.create,
      refusal: again?.refusal,
      content: html`<form method="post" action="${path}/new">
        ${fields(request, again?.values ?? { url: '', enabled: 'yes' }, again?.refusal)}
        ${button(webhooks.create, 'primary')}</form>`
    })
  }

  function fields (request: FastifyRequest, values: WebhookForm, refusal?: RefusedByApi): Markup {
    const { webhooks } = request.pageTexts.admin
    const chosen = readLines(values.types)
    const types = WEBHOOK_TYPES.map((type) =>
      ({ name: 'types', value: type, label: type, checked: chosen.includes(type) }))
    const enabled = { name: 'enabled', value: 'yes', label: webhooks.on, checked: values.enabled === 'yes' }
    return html`
      ${field('url', { label: webhooks.url, hint: webhooks.urlHint, value: values.url, required: true }, refusal)}
      ${choices('checkbox', webhooks.types, types)}${choices('checkbox', webhooks.state, [enabled])}`
  }

  app.get('/admin/pages/webhooks/:id', {
    schema: { ...pageSchema(TAG, 'A webhook endpoint, as a page'), params: IdParams, querystring: ListQuery }
  }, async (request, reply) => await sendWebhook(request, reply, request.params.id, request.query))

  app.post('/admin/pages/webhooks/:id', {
    schema: { ...formSchema(TAG, 'Change a webhook endpoint, by a form'), params: IdParams, body: WebhookFormSchema }
  }, async (request, reply) => await submit(async () => {
    const { params: { id }, body, visit: { api } } = request
    await api.send('PATCH', `/admin/webhooks/${id}`, toApi(body))
    return reply.redirect(`${path}/${id}?done=webhook`, 303)
  }, (refusal) => sendWebhook(request, reply, request.params.id, {}, { values: request.body, refusal })))

  async function sendWebhook (
    request: FastifyRequest, reply: FastifyReply, id: string, query: { cursor?: string }, again?: Again
  ): Promise<FastifyReply> {
    const { pageTexts: texts, visit: { api } } = request
    const { webhooks, save, none } = texts.admin
    const webhook = await api.get<AdminWebhook>(`/admin/webhooks/${id}`)
    const deliveries = await api.get<Page<AdminDelivery>>(`/admin/webhooks/${id}/deliveries${cursorQuery(query)}`)
    const { url, types, enabled } = webhook
    const values = again?.values ?? { url, types, ...enabled && { enabled: 'yes' as const } }
    const own = `${path}/${id}`
    return sendPersonPage(request, reply, {
      title: webhooks.one,
      refusal: again?.refusal,
      content: html`${describe(request, webhook)}
        <ul class="actions">
          <li>${oneButtonForm(`${own}/test`, webhooks.test)}</li>
          <li><a class="button" href="${own}/secret">${webhooks.newSecret}</a></li>
          <li><a class="button danger" href="${own}/delete">${webhooks.delete}</a></li>
        </ul>
        <form method="post" action="${own}">${fields(request, values, again?.refusal)}${button(save, 'primary')}</form>
        <h2>${webhooks.replayTitle}</h2>
        <form method="post" action="${own}/replay">
          ${field('since', { label: webhooks.since, hint: webhooks.sinceHint, required: true })}
          ${button(webhooks.replay)}</form>
        <h2>${webhooks.deliveries}</h2>
        ${list(deliveries.items.map((delivery) => describeDelivery(request, own, delivery)), none)}
        ${nextPage(texts, own, query, deliveries.nextCursor)}`
    })
  }

  function describeDelivery (request: FastifyRequest, own: string, delivery: AdminDelivery): Markup {
    const { webhooks } = request.pageTexts.admin
    const { id, type, userId, status, attempts, lastStatusCode, lastError, createdAt } = delivery
    return html`<h3><code>${type}</code></h3>
      ${facts([
        [webhooks.state, webhooks.statuses[status]],
        [webhooks.time, timeOf(request, createdAt)],
        [webhooks.user, html`<a href="${issuerUrl}/admin/pages/users/${userId}"><code>${userId}</code></a>`],
        [webhooks.attempts, String(attempts)],
        [webhooks.answer, lastStatusCode === null ? lastError : String(lastStatusCode)]
      ])}
      ${oneButtonForm(`${own}/deliveries/${id}/replay`, webhooks.replay, type)}`
  }

  for (const action of ['secret', 'delete'] as const) {
    app.get(`/admin/pages/webhooks/:id/${action}`, {
      schema: { ...pageSchema(TAG, `The question before: ${action} of a webhook endpoint`), params: IdParams }
    }, async (request, reply) => {
      const { params: { id }, pageTexts: { account: { cancel }, admin: { webhooks } }, visit: { api } } = request
      const { url } = await api.get<AdminWebhook>(`/admin/webhooks/${id}`)
      const { question, what, label } = webhooks.confirm[action]
      return sendPersonPage(request, reply, {
        title: question,
        content: html`<p><code>${url}</code></p><p>${what}</p>
          ${confirmationForm(`${path}/${id}/${action}`, { label, cancel, back: `${path}/${id}` })}`
      })
    })
  }

  app.post('/admin/pages/webhooks/:id/secret', {
    schema: { ...formSchema(TAG, 'Replace the secret of a webhook endpoint, by a form'), params: IdParams }
  }, async (request, reply) => {
    const { params: { id }, visit: { api } } = request
    const { secret } = await api.send<{ secret: string }>('POST', `/admin/webhooks/${id}/secret`)
    return sendSecretPage(sendPersonPage, request, reply, { secret, back: `${path}/${id}` })
  })

  app.post('/admin/pages/webhooks/:id/delete', {
    schema: { ...formSchema(TAG, 'Remove a webhook endpoint, by a form'), params: IdParams }
  }, async ({ params: { id }, visit: { api } }, reply) => {
    await api.send('DELETE', `/admin/webhooks/${id}`)
    return reply.redirect(`${path}?done=webhookDeleted`, 303)
  })

  app.post('/admin/pages/webhooks/:id/test', {
    schema: { ...formSchema(TAG, 'Send a test to a webhook endpoint, by a form'), params: IdParams }
  }, async (request, reply) => {
    const { params: { id }, pageTexts: { admin: { webhooks } }, visit: { api } } = request
    const { statusCode, error } = await api.send<{ statusCode: number | null, error: string | null }>(
      'POST', `/admin/webhooks/${id}/test`)
    return sendPersonPage(request, reply, {
      title: statusCode === null ? webhooks.notArrived : webhooks.tested,
      content: html`${facts([[webhooks.answer, statusCode === null ? error : String(statusCode)]])}
        <p><a class="button" href="${path}/${id}">${webhooks.back}</a></p>`
    })
  })

  app.post('/admin/pages/webhooks/:id/deliveries/:deliveryId/replay', {
    schema: { ...formSchema(TAG, 'Send a delivery again, by a form'), params: DeliveryParams }
  }, async ({ params: { id, deliveryId }, visit: { api } }, reply) => {
    await api.send('POST', `/admin/webhooks/${id}/deliveries/${deliveryId}/replay`)
    return reply.redirect(`${path}/${id}?done=replayed`, 303)
  })

  app.post('/admin/pages/webhooks/:id/replay', {
    schema: {
      ...formSchema(TAG, 'Send all deliveries since then again, by a form'),
      params: IdParams,
      body: Type.Object({ since: Type.String({ maxLength: 50 }) }, { additionalProperties: false })
    }
  }, async ({ params: { id }, body, visit: { api } }, reply) => {
    const since = /^\d{4}-\d\d-\d\d$/.test(body.since) ? `${body.since}T00:00:00Z` : body.since
    await api.send('POST', `/admin/webhooks/${id}/replay`, { since })
    return reply.redirect(`${path}/${id}?done=replayed`, 303)
  })
}

function toApi ({ url, types, enabled }: WebhookForm): object {
  return { url: url.trim(), types: readLines(types), enabled: enabled === 'yes' }
}
