import type { AuditEvent } from '../audit/audit-event.ts'
import type { Page } from '../http/lists.ts'
import { html } from '../pages/markup.ts'
import { deviceName } from '../page-sessions/device-name.ts'
import { facts, list, nextPage, timeOf } from '../page-sessions/markup.ts'
import { ListQuery, pageSchema } from '../page-sessions/page-schema.ts'
import { cursorQuery } from '../page-sessions/query.ts'
import { TAG, type AccountPages } from './context.ts'

/** What happened to the person's account, in words. */
export const activityPage: AccountPages = async (app, { issuerUrl, providers, sendPersonPage }) => {
  app.get('/account/activity', {
    schema: { ...pageSchema(TAG, 'The activity, as a page'), querystring: ListQuery }
  }, async (request, reply) => {
    const { pageTexts: texts, query, visit: { api } } = request
    const { activity } = texts.account
    const { items, nextCursor } = await api.get<Page<AuditEvent>>(`/me/activity${cursorQuery(query)}`)
    const entries = items.map(({ type, createdAt, provider, ipAddress, userAgent }) => html`
      <h2>${eventName(activity.events, type)}</h2>
      ${facts([
        [activity.time, timeOf(request, createdAt)],
        [activity.at, provider && (providers.get(provider)?.name ?? provider)],
        [activity.device, deviceName(request, userAgent)],
        [activity.address, ipAddress]
      ])}`)
    return sendPersonPage(request, reply, {
      title: activity.title,
      content: html`${list(entries, activity.none)}
        ${nextPage(texts, `${issuerUrl}/account/activity`, query, nextCursor)}`
    })
  })
}

function eventName (names: Record<string, string>, type: string): string {
  return Object.hasOwn(names, type) ? names[type] as string : type
}
