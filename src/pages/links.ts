import { html, type Markup } from './markup.ts'

/** Where a person can go from a page. */
export interface Link { href: string, text: string }

/** Links in the dress of buttons, the first one emphasized. Nothing where there are none. */
export function linkList (links: Link[]): Markup {
  if (links.length === 0) return html``
  const items = links.map(({ href, text }, index) =>
    html`<li><a class="${index === 0 ? 'button primary' : 'button'}" href="${href}">${text}</a></li>`)
  return html`<ul>${items}</ul>`
}
