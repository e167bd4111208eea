import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import type { AdminClient } from '../admin/client-routes.ts'
import type { Page } from '../http/lists.ts'
import type { RefusedByApi } from '../page-sessions/api.ts'
import { button, choices, confirmationForm, field, readLines, submit } from '../page-sessions/forms.ts'
import { facts, list, nextPage, timeOf } from '../page-sessions/markup.ts'
import { DoneQuery, ListQuery, formSchema, pageSchema } from '../page-sessions/page-schema.ts'
import { cursorQuery } from '../page-sessions/query.ts'
import { html, type Markup } from '../pages/markup.ts'
import { TAG, type AdminPages } from './context.ts'
import { parseObject } from './json-field.ts'
import { sendSecretPage } from './secret-page.ts'

const Params = Type.Object({ id: Type.String({ pattern: '^[\\x21-\\x7e]{1,200}$' }) })
const ClientFormSchema = Type.Object({
  name: Type.String({ maxLength: 500 }),
  type: Type.Optional(Type.Union([Type.Literal('public'), Type.Literal('confidential')])),
  redirectUris: Type.String({ maxLength: 20_000 }),
  postLogoutRedirectUris: Type.String({ maxLength: 20_000 }),
  more: Type.String({ maxLength: 30_000 })
}, { additionalProperties: false })
type ClientForm = Static<typeof ClientFormSchema>
interface Again { values: ClientForm, refusal: RefusedByApi }

const EMPTY: ClientForm = { name: '', redirectUris: '', postLogoutRedirectUris: '', more: '{}' }

/** The clients: apps that people sign in to. Those of the CLIENTS setting can be looked at only. */
export const clientPages: AdminPages = async (app, { issuerUrl, sendPersonPage }) => {
  const path = `${issuerUrl}/admin/pages/clients`
  const pathOf = (id: string) => `${path}/${encodeURIComponent(id)}`
  const apiPathOf = (id: string) => `/admin/clients/${encodeURIComponent(id)}`

  app.get('/admin/pages/clients', {
    schema: { ...pageSchema(TAG, 'Clients, as a page'), querystring: ListQuery }
  }, async (request, reply) => {
    const { pageTexts: texts, query, visit: { api } } = request
    const { clients, none } = texts.admin
    const { items, nextCursor } = await api.get<Page<AdminClient>>(`/admin/clients${cursorQuery(query)}`)
    const entries = items.map((client) => html`<h2><a href="${pathOf(client.clientId)}">${client.name}</a></h2>
      ${describe(request, client)}`)
    return sendPersonPage(request, reply, {
      title: clients.title,
      content: html`<p><a class="button" href="${path}/new">${clients.create}</a></p>${list(entries, none)}
        ${nextPage(texts, path, query, nextCursor)}`
    })
  })

  function describe (request: FastifyRequest, { clientId, type, createdAt }: AdminClient): Markup {
    const { clients } = request.pageTexts.admin
    return facts([
      [clients.id, html`<code>${clientId}</code>`],
      [clients.type, clients.types[type]],
      [clients.since, createdAt === null ? clients.fromSettings : timeOf(request, createdAt)]
    ])
  }

  app.get('/admin/pages/clients/new', {
    schema: { ...pageSchema(TAG, 'The form of a new client'), querystring: DoneQuery }
  }, async (request, reply) => sendNew(request, reply))

  app.post('/admin/pages/clients/new', {
    schema: { ...formSchema(TAG, 'Register a client, by a form'), body: ClientFormSchema }
  }, async (request, reply) => await submit(async () => {
    const { body: { type = 'public' }, visit: { api } } = request
    const client = await api.send<AdminClient & { clientSecret?: string }>(
      'POST', '/admin/clients', { ...toApi(request.body), type })
    const back = pathOf(client.clientId)
    if (client.clientSecret === undefined) return reply.redirect(`${back}?done=client`, 303)
    return sendSecretPage(sendPersonPage, request, reply, { secret: client.clientSecret, back })
  }, (refusal) => sendNew(request, reply, { values: request.body, refusal })))

  function sendNew (request: FastifyRequest, reply: FastifyReply, again?: Again): FastifyReply {
    const { clients } = request.pageTexts.admin
    const { type = 'public', ...values } = again?.values ?? EMPTY
    const types = (['public', 'confidential'] as const).map((value) =>
      ({ name: 'type', value, label: clients.types[value], checked: type === value }))
    return sendPersonPage(request, reply, {
      title: clients.create,
      refusal: again?.refusal,
      content: html`<form method="post" action="${path}/new">${choices('radio', clients.type, types)}
        ${fields(request, values, again?.refusal)}${button(clients.create, 'primary')}</form>`
    })
  }

  function fields (request: FastifyRequest, values: ClientForm, refusal?: RefusedByApi): Markup {
    const { clients } = request.pageTexts.admin
    const { name, redirectUris, postLogoutRedirectUris, more } = values
    return html`
      ${field('name', { label: clients.name, value: name, required: true }, refusal)}
      ${field('redirectUris', {
        label: clients.redirectUris, hint: clients.onePerLine, value: redirectUris, type: 'lines'
      }, refusal)}
      ${field('postLogoutRedirectUris', {
        label: clients.postLogoutRedirectUris, hint: clients.onePerLine, value: postLogoutRedirectUris, type: 'lines'
      }, refusal)}
      ${field('more', { label: clients.more, hint: clients.moreHint, value: more, type: 'lines' }, refusal)}`
  }

  app.get('/admin/pages/clients/:id', {
    schema: { ...pageSchema(TAG, 'A client, as a page'), params: Params, querystring: DoneQuery }
  }, async (request, reply) => await sendClient(request, reply, request.params.id))

  app.post('/admin/pages/clients/:id', {
    schema: { ...formSchema(TAG, 'Change a client, by a form'), params: Params, body: ClientFormSchema }
  }, async (request, reply) => await submit(async () => {
    const { params: { id }, body, visit: { api } } = request
    await api.send('PATCH', apiPathOf(id), toApi(body))
    return reply.redirect(`${pathOf(id)}?done=client`, 303)
  }, (refusal) => sendClient(request, reply, request.params.id, { values: request.body, refusal })))

  async function sendClient (
    request: FastifyRequest, reply: FastifyReply, id: string, again?: Again
  ): Promise<FastifyReply> {
    const { pageTexts: { admin: { clients, save } }, visit: { api } } = request
    const client = await api.get<AdminClient>(apiPathOf(id))
    const isFixed = client.createdAt === null
    return sendPersonPage(request, reply, {
      title: client.name,
      refusal: again?.refusal,
      content: html`${describe(request, client)}
        ${isFixed
? readOnly(request, client)
: html`
          <ul class="actions">
            ${client.type === 'confidential'
              ? html`<li><a class="button" href="${pathOf(id)}/secret">${clients.newSecret}</a></li>`
              : ''}
            <li><a class="button danger" href="${pathOf(id)}/delete">${clients.delete}</a></li>
          </ul>
          <form method="post" action="${pathOf(id)}">
            ${fields(request, again?.values ?? toForm(client), again?.refusal)}${button(save, 'primary')}</form>`}`
    })
  }

  function readOnly (request: FastifyRequest, client: AdminClient): Markup {
    const { clients } = request.pageTexts.admin
    const { redirectUris, postLogoutRedirectUris, more } = toForm(client)
    const lines = (text: string) => html`<code class="lines">${text}</code>`
    return html`<p>${clients.fromSettingsWhat}</p>${facts([
      [clients.redirectUris, lines(redirectUris)],
      [clients.postLogoutRedirectUris, postLogoutRedirectUris && lines(postLogoutRedirectUris)],
      [clients.more, more === '{}' ? null : lines(more)]
    ])}`
  }

  for (const action of ['secret', 'delete'] as const) {
    app.get(`/admin/pages/clients/:id/${action}`, {
      schema: { ...pageSchema(TAG, `The question before: ${action} of a client`), params: Params }
    }, async (request, reply) => {
      const { params: { id }, pageTexts: { account: { cancel }, admin: { clients } }, visit: { api } } = request
      const { name } = await api.get<AdminClient>(apiPathOf(id))
      const { question, what, label } = clients.confirm[action]
      return sendPersonPage(request, reply, {
        title: question(name),
        content: html`<p>${what}</p>
          ${confirmationForm(`${pathOf(id)}/${action}`, { label, cancel, back: pathOf(id) })}`
      })
    })
  }

  app.post('/admin/pages/clients/:id/secret', {
    schema: { ...formSchema(TAG, 'Replace the secret of a client, by a form'), params: Params }
  }, async (request, reply) => {
    const { params: { id }, visit: { api } } = request
    const { clientSecret: secret } = await api.send<{ clientSecret: string }>('POST', `${apiPathOf(id)}/secret`)
    return sendSecretPage(sendPersonPage, request, reply, { secret, back: pathOf(id) })
  })

  app.post('/admin/pages/clients/:id/delete', {
    schema: { ...formSchema(TAG, 'Remove a client, by a form'), params: Params }
  }, async ({ params: { id }, visit: { api } }, reply) => {
    await api.send('DELETE', apiPathOf(id))
    return reply.redirect(`${path}?done=clientDeleted`, 303)
  })
}

function toApi ({ name, redirectUris, postLogoutRedirectUris, more }: ClientForm): object {
  return {
    ...parseObject('more', more),
    name: name.trim(),
    redirectUris: readLines(redirectUris),
    postLogoutRedirectUris: readLines(postLogoutRedirectUris)
  }
}

function toForm (client: AdminClient): ClientForm {
  const { name, redirectUris, postLogoutRedirectUris, ...rest } = client
  const { clientId: _id, type: _type, createdAt: _createdAt, ...more } = rest
  return {
    name,
    redirectUris: redirectUris.join('\n'),
    postLogoutRedirectUris: postLogoutRedirectUris.join('\n'),
    more: JSON.stringify(more, null, 2)
  }
}
