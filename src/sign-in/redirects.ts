import type { FastifyReply } from 'fastify'
import { OAuthError, toErrorDescription } from '../http/errors.ts'
import { html, sendPage } from '../http/pages.ts'
import { toProblem } from '../http/problem-details.ts'

/** Where an authorization response goes: a redirect URI that was checked, and what the client wants back. */
export interface ReturnAddress {
  redirectUri: string
  state: string | undefined
  responseMode?: 'form_post' | undefined
  issuerUrl: string
}

/** The only script of the page; a button does the same where scripts are off. */
const SUBMIT = 'document.forms[0].submit()'

/** RFC 6749 section 4.1.2, with the `iss` of RFC 9207. Always 302: a 307 would repeat a form somewhere else. */
export function redirectBack (
  reply: FastifyReply,
  { redirectUri, state, responseMode, issuerUrl }: ReturnAddress,
  parameters: Record<string, string>
): FastifyReply {
  const all = { ...parameters, ...(state === undefined ? {} : { state }), iss: issuerUrl }
  if (responseMode === 'form_post') return postBack(reply, redirectUri, all)
  const url = new URL(redirectUri)
  for (const [name, value] of Object.entries(all)) url.searchParams.set(name, value)
  return reply.header('cache-control', 'no-store').redirect(url.href, 302)
}

/** OAuth 2.0 Form Post Response Mode section 2: a page whose form posts itself to the client. */
function postBack (reply: FastifyReply, redirectUri: string, parameters: Record<string, string>): FastifyReply {
  const fields = Object.entries(parameters)
    .map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)
  reply.code(200).header('cache-control', 'no-store')
  return sendPage(reply, 'Going on ...', html`<form method="post" action="${redirectUri}">${fields}
    <noscript><ul><li><button class="button primary">Continue</button></li></ul></noscript>
  </form>`, { formTarget: redirectUri, script: SUBMIT })
}

/** Any error as the client gets to see it. Faults of ours keep their words to themselves. */
export function redirectWithError (reply: FastifyReply, back: ReturnAddress, error: unknown): FastifyReply {
  const [code, description] = error instanceof OAuthError ? [error.error, error.message] : redirectCode(error)
  return redirectBack(reply, back, { error: code, error_description: toErrorDescription(description) })
}

/** Our own codes, and those of RFC 6749 section 4.1.2.1 for what travels in a redirect. */
export function redirectCode (error: unknown): [string, string] {
  const problem = toProblem(error)
  if (problem.code === 'provider_timeout' || problem.code === 'service_unavailable') {
    return ['temporarily_unavailable', problem.message]
  }
  if (problem.status >= 500) {
    return ['server_error', problem.code === 'internal_error' ? 'Something went wrong here.' : problem.message]
  }
  return [problem.code, problem.message]
}
