import type { FastifyRequest } from 'fastify'
import { html, type Markup } from '../pages/markup.ts'
import type { Page } from '../http/lists.ts'
import { confirmationForm, oneButtonForm } from '../page-sessions/forms.ts'
import { deviceName } from '../page-sessions/device-name.ts'
import { facts, list, nextPage, timeOf } from '../page-sessions/markup.ts'
import { DoneQuery, IdParams, ListQuery, formSchema, pageSchema } from '../page-sessions/page-schema.ts'
import { cursorQuery } from '../page-sessions/query.ts'
import type { Session } from '../sessions/session.ts'
import { OWN_CLIENT_ID } from '../tokens/grants.ts'
import { clientNames } from './client-names.ts'
import { TAG, type AccountPages } from './context.ts'

/** Where the person is signed in, and how to end it. */
export const sessionPages: AccountPages = async (app, { issuerUrl, providers, clients, sendPersonPage }) => {
  const path = `${issuerUrl}/account/sessions`

  app.get('/account/sessions', {
    schema: { ...pageSchema(TAG, 'The sessions, as a page'), querystring: ListQuery }
  }, async (request, reply) => {
    const { pageTexts: texts, query, visit: { api } } = request
    const { sessions } = texts.account
    const { items, nextCursor } = await api.get<Page<Session>>(`/me/sessions${cursorQuery(query)}`)
    const names = await clientNames(clients, api, items)
    return sendPersonPage(request, reply, {
      title: sessions.title,
      content: html`
        ${list(items.map((session) => describe(request, session, names)), sessions.none)}
        ${nextPage(texts, path, query, nextCursor)}
        <p><a class="button" href="${path}/end-others">${sessions.endOthers}</a></p>`
    })
  })

  function describe (request: FastifyRequest, session: Session, names: Map<string, string>): Markup {
    const { sessions } = request.pageTexts.account
    const device = session.personalToken === null
      ? deviceName(request, session.userAgent) ?? sessions.unknownDevice
      : sessions.personalToken(session.personalToken)
    return html`<h2>${device}</h2>${session.current ? html`<p><strong>${sessions.thisBrowser}</strong></p>` : ''}
      ${facts([
        [sessions.address, session.ipAddress],
        [sessions.app, session.clientId === OWN_CLIENT_ID ? null : names.get(session.clientId) ?? session.clientId],
        [sessions.by, providers.get(session.provider)?.name ?? session.provider],
        [sessions.since, timeOf(request, session.createdAt)],
        [sessions.lastUsed, timeOf(request, session.lastUsedAt)],
        [sessions.until, timeOf(request, session.expiresAt)]
      ])}
      ${session.current ? '' : oneButtonForm(`${path}/${session.id}/end`, sessions.end, device)}`
  }

  app.post('/account/sessions/:id/end', {
    schema: { ...formSchema(TAG, 'End a session, by a form'), params: IdParams }
  }, async ({ params, visit: { api } }, reply) => {
    await api.send('DELETE', `/me/sessions/${params.id}`)
    return reply.redirect(`${path}?done=session`, 303)
  })

  app.get('/account/sessions/end-others', {
    schema: { ...pageSchema(TAG, 'The question before all other sessions end'), querystring: DoneQuery }
  }, async (request, reply) => {
    const { account: { sessions, cancel } } = request.pageTexts
    return sendPersonPage(request, reply, {
      title: sessions.endOthersQuestion,
      content: html`<p>${sessions.endOthersWhat}</p>
        ${confirmationForm(`${path}/end-others`, { label: sessions.endOthers, cancel, back: path })}`
    })
  })

  app.post('/account/sessions/end-others', {
    schema: formSchema(TAG, 'End all other sessions, by a form')
  }, async ({ visit: { api } }, reply) => {
    await api.send('DELETE', '/me/sessions')
    return reply.redirect(`${path}?done=sessions`, 303)
  })
}
