import type { FastifyRequest } from 'fastify'
import { html, type Markup } from '../pages/markup.ts'
import { languageOf, type Texts } from '../texts/texts.ts'

/** A time in the language of the page, in UTC, as the server does not know where the person is. */
export function timeOf (request: FastifyRequest, time: string): Markup {
  const options = { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' } as const
  const format = new Intl.DateTimeFormat(languageOf(request), options)
  return html`<time datetime="${time}">${format.format(new Date(time))} UTC</time>`
}

/** Names and values; those without a value are left out. A text keeps its own direction. */
export function facts (entries: [name: string, value: string | Markup | null | undefined][]): Markup {
  const shown = entries.flatMap(([name, value]) =>
    value === null || value === undefined || value === '' ? [] : [html`<dt>${name}</dt><dd>${isolate(value)}</dd>`])
  return html`<dl>${shown}</dl>`
}

const isolate = (value: string | Markup) => typeof value === 'string' ? html`<bdi>${value}</bdi>` : value

/** A list of items, or a sentence that says that there is none. */
export function list (items: Markup[], none: string): Markup {
  if (items.length === 0) return html`<p>${none}</p>`
  return html`<ul class="items">${items.map((item) => html`<li>${item}</li>`)}</ul>`
}

/** The link to the next page of a list. */
export function nextPage (
  { account }: Texts, path: string, query: Record<string, string | undefined>, nextCursor: string | null
): Markup {
  if (nextCursor === null) return html``
  const kept = Object.entries(query).filter((entry): entry is [string, string] =>
    entry[1] !== undefined && entry[1] !== '' && entry[0] !== 'done')
  const search = new URLSearchParams([...kept.filter(([name]) => name !== 'cursor'), ['cursor', nextCursor]])
  return html`<p><a class="button" href="${`${path}?${search}`}">${account.nextPage}</a></p>`
}
