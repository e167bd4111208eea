import { html, type Markup } from './markup.ts'

/** Whose page it is: this service's, or the app's that a person signs in to. */
export interface Brand {
  name: string
  /** Of an image. The page may load it from its origin. */
  logoUrl?: string | undefined
  privacyUrl?: string | undefined
  termsUrl?: string | undefined
}

declare module 'fastify' {
  interface FastifyInstance { brand: Brand & { iconUrl: string } }
}

export function brandHeader ({ name, logoUrl }: Brand): Markup {
  const logo = logoUrl === undefined ? [] : html`<img src="${logoUrl}" alt="" height="40">`
  return html`<header>${logo}<span>${name}</span></header>`
}

/** The links that belong below a sign-in. */
export function brandFooter ({ privacyUrl, termsUrl }: Brand, texts: { privacy: string, terms: string }): Markup {
  const links = [{ href: privacyUrl, text: texts.privacy }, { href: termsUrl, text: texts.terms }]
    .flatMap(({ href, text }) => href === undefined ? [] : [html`<a href="${href}">${text}</a> `])
  return links.length === 0 ? html`` : html`<p class="legal">${links}</p>`
}
