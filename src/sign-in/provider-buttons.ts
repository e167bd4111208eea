import { html, type Markup } from '../pages/markup.ts'
import type { Texts } from '../texts/texts.ts'
import { providerMark } from './provider-mark.ts'

export interface ProviderLink { id: string, name: string, href: string }

/** A button for each provider, the one that was used last first. */
export function providerButtons ({ signIn }: Texts, links: ProviderLink[], usedLast: string | undefined): Markup {
  const sorted = [...links].sort((one, other) => Number(other.id === usedLast) - Number(one.id === usedLast))
  const items = sorted.map(({ id, name, href }) => html`<li>
    <a class="button" href="${href}">${providerMark({ id, name })}<span>${signIn.continueWith(name)}</span></a>
    ${id === usedLast && links.length > 1 ? html`<small>${signIn.usedLast}</small>` : []}</li>`)
  return html`<ul class="providers">${items}</ul>`
}
