import type { AdminKey } from '../admin/key-routes.ts'
import type { Page } from '../http/lists.ts'
import { confirmationForm } from '../page-sessions/forms.ts'
import { facts, list, nextPage, timeOf } from '../page-sessions/markup.ts'
import { ListQuery, formSchema, pageSchema } from '../page-sessions/page-schema.ts'
import { cursorQuery } from '../page-sessions/query.ts'
import { html } from '../pages/markup.ts'
import { TAG, type AdminPages } from './context.ts'

/** The signing keys. */
export const keyPages: AdminPages = async (app, { issuerUrl, sendPersonPage }) => {
  const path = `${issuerUrl}/admin/pages/keys`

  app.get('/admin/pages/keys', {
    schema: { ...pageSchema(TAG, 'The signing keys, as a page'), querystring: ListQuery }
  }, async (request, reply) => {
    const { pageTexts: texts, query, visit: { api } } = request
    const { keys } = texts.admin
    const { items, nextCursor } = await api.get<Page<AdminKey>>(`/admin/keys${cursorQuery(query)}`)
    const entries = items.map(({ kid, alg, status, createdAt, activatedAt, retiredAt }) => html`
      <h2><code>${kid}</code></h2>
      ${facts([
        [keys.status, keys.statuses[status]],
        [keys.algorithm, alg],
        [keys.since, timeOf(request, createdAt)],
        [keys.activated, activatedAt && timeOf(request, activatedAt)],
        [keys.retired, retiredAt && timeOf(request, retiredAt)]
      ])}`)
    return sendPersonPage(request, reply, {
      title: keys.title,
      content: html`<p>${keys.what}</p>${list(entries, texts.admin.none)}
        ${nextPage(texts, path, query, nextCursor)}
        <p><a class="button" href="${path}/rotate">${keys.rotate}</a></p>`
    })
  })

  app.get('/admin/pages/keys/rotate', {
    schema: pageSchema(TAG, 'The question before the signing keys are rotated')
  }, async (request, reply) => {
    const { account: { cancel }, admin: { keys } } = request.pageTexts
    return sendPersonPage(request, reply, {
      title: keys.rotateQuestion,
      content: html`<p>${keys.rotateWhat}</p>
        ${confirmationForm(`${path}/rotate`, { label: keys.rotate, cancel, back: path })}`
    })
  })

  app.post('/admin/pages/keys/rotate', {
    schema: formSchema(TAG, 'Rotate the signing keys, by a form')
  }, async ({ visit: { api } }, reply) => {
    await api.send('POST', '/admin/keys/rotate')
    return reply.redirect(`${path}?done=keys`, 303)
  })
}
