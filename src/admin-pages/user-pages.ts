import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { AdminUser } from '../admin/user-routes.ts'
import type { Page } from '../http/lists.ts'
import type { RefusedByApi } from '../page-sessions/api.ts'
import { button, confirmationForm, field, oneButtonForm, readLines, submit } from '../page-sessions/forms.ts'
import { facts, list, nextPage, timeOf } from '../page-sessions/markup.ts'
import { DoneQuery, IdParams, ListQuery, formSchema, pageSchema } from '../page-sessions/page-schema.ts'
import { apiQuery } from '../page-sessions/query.ts'
import { html, type Markup } from '../pages/markup.ts'
import { TAG, type AdminPages } from './context.ts'
import { parseObject } from './json-field.ts'
import { select } from './select.ts'

/** The users: to find them, and what can be done with one. */
export const userPages: AdminPages = async (app, { issuerUrl, providers, sendPersonPage }) => {
  const pathOf = (id: string) => `${issuerUrl}/admin/pages/users/${id}`

  app.get('/admin', {
    schema: {
      ...pageSchema(TAG, 'Users, as a page'),
      querystring: Type.Object({
        ...ListQuery.properties,
        query: Type.Optional(Type.String({ maxLength: 200 })),
        status: Type.Optional(Type.String({ maxLength: 20 })),
        provider: Type.Optional(Type.String({ maxLength: 50 }))
      })
    }
  }, async (request, reply) => {
    const { pageTexts: texts, query, visit: { api } } = request
    const { users, any, search } = texts.admin
    const { items, nextCursor } = await api.get<Page<AdminUser>>(`/admin/users${apiQuery(query)}`)
    return sendPersonPage(request, reply, {
      title: users.title,
      content: html`<form method="get" action="${issuerUrl}/admin" role="search">
          ${field('query', { label: users.query, hint: users.queryHint, value: query.query })}
          ${select('status', users.status, query.status, [
            ['', any], ['active', users.active], ['disabled', users.disabled]
          ])}
          ${select('provider', users.provider, query.provider, [
            ['', any], ...[...providers.values()].map(({ id, name }): [string, string] => [id, name])
          ])}
          ${button(search, 'primary')}</form>
        ${list(items.map((user) => summary(request, user)), texts.admin.none)}
        ${nextPage(texts, `${issuerUrl}/admin`, query, nextCursor)}`
    })
  })

  const nameOf = ({ name, email, id }: AdminUser) => name ?? email ?? id

  function summary (request: FastifyRequest, user: AdminUser): Markup {
    const { users } = request.pageTexts.admin
    return html`<h2><a href="${pathOf(user.id)}">${nameOf(user)}</a></h2>
      ${facts([
        [users.email, user.email],
        [users.status, user.status === 'disabled' ? users.disabled : null],
        [users.roles, user.roles.join(', ')],
        [users.lastSignIn, user.lastLoginAt && timeOf(request, user.lastLoginAt)]
      ])}`
  }

  app.get('/admin/pages/users/:id', {
    schema: { ...pageSchema(TAG, 'A user, as a page'), params: IdParams, querystring: DoneQuery }
  }, async (request, reply) => await sendUser(request, reply, request.params.id))

  async function sendUser (
    request: FastifyRequest, reply: FastifyReply, id: string,
    again?: { values: { roles?: string, metadata?: string }, refusal: RefusedByApi }
  ): Promise<FastifyReply> {
    const { pageTexts: { admin: { users, save } }, visit: { api } } = request
    const user = await api.get<AdminUser>(`/admin/users/${id}`)
    const path = pathOf(id)
    const { roles = user.roles.join('\n'), metadata = JSON.stringify(user.metadata, null, 2) } = again?.values ?? {}
    const accounts = user.accounts.map(({ provider, username, email, subject }) =>
      html`${providers.get(provider)?.name ?? provider}: ${username ?? email ?? subject}<br>`)
    return sendPersonPage(request, reply, {
      title: nameOf(user),
      refusal: again?.refusal,
      content: html`
        ${facts([
          [users.email, user.email],
          [users.status, user.status === 'disabled' ? users.disabled : users.active],
          [users.accounts, accounts.length === 0 ? null : html`${accounts}`],
          [users.since, timeOf(request, user.createdAt)],
          [users.lastSignIn, user.lastLoginAt && timeOf(request, user.lastLoginAt)],
          [users.id, html`<code>${id}</code>`]
        ])}
        <p><a href="${issuerUrl}/admin/pages/events?userId=${id}">${users.events}</a></p>
        <ul class="actions">
          <li>${user.status === 'disabled'
            ? oneButtonForm(`${path}/enable`, users.enable)
            : html`<a class="button" href="${path}/disable">${users.disable}</a>`}</li>
          <li><a class="button" href="${path}/logout">${users.signOut}</a></li>
          <li><a class="button danger" href="${path}/delete">${users.delete}</a></li>
        </ul>
        <form method="post" action="${path}/roles">
          ${field('roles', { label: users.roles, hint: users.rolesHint, value: roles, type: 'lines' }, again?.refusal)}
          ${button(save)}</form>
        <form method="post" action="${path}/metadata">
          ${field('metadata', {
            label: users.metadata, hint: users.metadataHint, value: metadata, type: 'lines'
          }, again?.refusal)}
          ${button(save)}</form>`
    })
  }

  app.post('/admin/pages/users/:id/roles', {
    schema: {
      ...formSchema(TAG, 'Set the roles of a user, by a form'),
      params: IdParams,
      body: Type.Object({ roles: Type.String({ maxLength: 2000 }) }, { additionalProperties: false })
    }
  }, async (request, reply) => await change(request, reply, () => ({ roles: readLines(request.body.roles) })))

  app.post('/admin/pages/users/:id/metadata', {
    schema: {
      ...formSchema(TAG, 'Set the metadata of a user, by a form'),
      params: IdParams,
      body: Type.Object({ metadata: Type.String({ maxLength: 40_000 }) }, { additionalProperties: false })
    }
  }, async (request, reply) =>
    await change(request, reply, () => ({ metadata: parseObject('metadata', request.body.metadata) })))

  async function change (
    request: FastifyRequest, reply: FastifyReply, read: () => object
  ): Promise<FastifyReply> {
    const { id } = request.params as { id: string }
    return await submit(async () => {
      await request.visit.api.send('PATCH', `/admin/users/${id}`, read())
      return reply.redirect(`${pathOf(id)}?done=user`, 303)
    }, (refusal) => sendUser(request, reply, id, { values: request.body as object, refusal }))
  }

  app.post('/admin/pages/users/:id/enable', {
    schema: { ...formSchema(TAG, 'Enable a user, by a form'), params: IdParams }
  }, async (request, reply) => await change(request, reply, () => ({ status: 'active' })))

  for (const action of ['disable', 'logout', 'delete'] as const) {
    const path = `/admin/pages/users/:id/${action}`

    app.get(path, {
      schema: { ...pageSchema(TAG, `The question before: ${action} a user`), params: IdParams }
    }, async (request, reply) => {
      const { params: { id }, pageTexts: { account: { cancel }, admin: { users } }, visit: { api } } = request
      const user = await api.get<AdminUser>(`/admin/users/${id}`)
      const { question, what, label } = users.confirm[action]
      return sendPersonPage(request, reply, {
        title: question(nameOf(user)),
        content: html`<p>${what}</p>
          ${confirmationForm(`${pathOf(id)}/${action}`, { label, cancel, back: pathOf(id) })}`
      })
    })

    app.post(path, {
      schema: { ...formSchema(TAG, `${action} a user, by a form`), params: IdParams }
    }, async ({ params: { id }, visit: { api } }, reply) => {
      if (action === 'disable') await api.send('PATCH', `/admin/users/${id}`, { status: 'disabled' })
      if (action === 'logout') await api.send('POST', `/admin/users/${id}/logout`)
      if (action === 'delete') await api.send('DELETE', `/admin/users/${id}`)
      const [to, done] = action === 'delete'
        ? [`${issuerUrl}/admin`, 'userDeleted']
        : [pathOf(id), action === 'logout' ? 'userSignedOut' : 'user']
      return reply.redirect(`${to}?done=${done}`, 303)
    })
  }
}
