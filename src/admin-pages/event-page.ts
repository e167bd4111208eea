import { Type } from 'typebox'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { Page } from '../http/lists.ts'
import { button, field } from '../page-sessions/forms.ts'
import { facts, list, nextPage, timeOf } from '../page-sessions/markup.ts'
import { deviceName } from '../page-sessions/device-name.ts'
import { ListQuery, pageSchema } from '../page-sessions/page-schema.ts'
import { apiQuery } from '../page-sessions/query.ts'
import { html } from '../pages/markup.ts'
import { TAG, type AdminPages } from './context.ts'

/** A day as a person writes it, which is the start of that day in UTC; any other time as it is. */
const toTime = (text: string | undefined) => /^\d{4}-\d\d-\d\d$/.test(text ?? '') ? `${text}T00:00:00Z` : text

/** The audit trail. */
export const eventPage: AdminPages = async (app, { issuerUrl, providers, sendPersonPage }) => {
  app.get('/admin/pages/events', {
    schema: {
      ...pageSchema(TAG, 'Audit events, as a page'),
      querystring: Type.Object({
        ...ListQuery.properties,
        type: Type.Optional(Type.String({ maxLength: 50 })),
        userId: Type.Optional(Type.String({ maxLength: 50 })),
        from: Type.Optional(Type.String({ maxLength: 50 })),
        to: Type.Optional(Type.String({ maxLength: 50 }))
      })
    }
  }, async (request, reply) => {
    const { pageTexts: texts, query, visit: { api } } = request
    const { events, search, none } = texts.admin
    const asked = { ...query, from: toTime(query.from), to: toTime(query.to) }
    const { items, nextCursor } = await api.get<Page<AuditEvent>>(`/admin/audit-events${apiQuery(asked)}`)
    const userLink = (id: string | null) =>
      id && html`<a href="${issuerUrl}/admin/pages/users/${id}"><code>${id}</code></a>`
    const entries = items.map((event) => html`<h2><code>${event.type}</code></h2>
      ${facts([
        [events.time, timeOf(request, event.createdAt)],
        [events.user, userLink(event.userId)],
        [events.actor, event.actorId === event.userId ? null : userLink(event.actorId)],
        [events.client, event.clientId],
        [events.provider, event.provider && (providers.get(event.provider)?.name ?? event.provider)],
        [events.address, event.ipAddress],
        [events.device, deviceName(request, event.userAgent)],
        [events.request, event.requestId],
        [events.details, Object.keys(event.details).length === 0
          ? null
          : html`<code>${JSON.stringify(event.details)}</code>`]
      ])}`)
    return sendPersonPage(request, reply, {
      title: events.title,
      content: html`<form method="get" action="${issuerUrl}/admin/pages/events" role="search">
          ${field('type', { label: events.type, hint: events.typeHint, value: query.type })}
          ${field('userId', { label: events.userId, value: query.userId })}
          ${field('from', { label: events.from, hint: events.dayHint, value: query.from })}
          ${field('to', { label: events.to, hint: events.dayHint, value: query.to })}
          ${button(search, 'primary')}</form>
        ${list(entries, none)}
        ${nextPage(texts, `${issuerUrl}/admin/pages/events`, query, nextCursor)}`
    })
  })
}
