import type { ErrorPage } from '../http/error-page.ts'
import { html } from '../http/pages.ts'

/** The error page of a sign-in for a device. It leads back to the page that asks for the code. */
export function deviceErrorPage (issuerUrl: string): ErrorPage {
  return { title: 'That did not work', content: html`<p><a href="${issuerUrl}/device">Type the code again</a></p>` }
}
