import { html, type Markup } from '../pages/markup.ts'
import { hiddenFields, responseTo, returnUrl, type ReturnAddress } from './redirects.ts'

const CANCELLED = { error: 'access_denied', error_description: 'The person cancelled the sign-in.' }

/** Leads back to the app that asked for the sign-in, which gets `access_denied` (RFC 6749 section 4.1.2.1). */
export function cancelCode (text: string, back: ReturnAddress): Markup {
  if (back.responseMode !== 'form_post') return html`<p><a href="${returnUrl(back, CANCELLED)}">${text}</a></p>`
  return html`<form method="post" action="${back.redirectUri}">${hiddenFields(responseTo(back, CANCELLED))}
    <p><button class="link">${text}</button></p></form>`
}

/** The same in cookie mode. */
export function cancelCookie (text: string, returnTo: string): Markup {
  const url = new URL(returnTo)
  for (const [name, value] of Object.entries(CANCELLED)) url.searchParams.set(name, value)
  return html`<p><a href="${url.href}">${text}</a></p>`
}
