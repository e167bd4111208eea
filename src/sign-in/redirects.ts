import type { FastifyReply, FastifyRequest } from 'fastify'
import { OAuthError, toErrorDescription } from '../http/errors.ts'
import { originOf } from '../http/failure-origin.ts'
import { logFailure } from '../http/log-failure.ts'
import { html, sendPage } from '../http/pages.ts'
import { toProblem } from '../http/problem-details.ts'

/** Where an authorization response goes: a redirect URI that was checked, and what the client wants back. */
export interface ReturnAddress {
  redirectUri: string
  state: string | undefined
  responseMode?: 'form_post' | undefined
  issuerUrl: string
  /** Named in the description of an error. */
  requestId?: string
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
  return sendPage(reply, 'Returning to the app', html`<form method="post" action="${redirectUri}">${fields}
    <noscript><ul><li><button class="button primary">Continue</button></li></ul></noscript>
  </form>`, { formTarget: redirectUri, script: SUBMIT })
}

/** Any error as the client gets to see it. Faults of ours keep their words to themselves. */
export function redirectWithError (reply: FastifyReply, back: ReturnAddress, error: unknown): FastifyReply {
  const [code, description] = redirectCode(error, back.requestId)
  return redirectBack(reply, back, { error: code, error_description: toErrorDescription(description) })
}

/** Logs an error before it travels in a redirect. */
export function logRedirectedError (request: FastifyRequest, error: unknown): void {
  const failure = error instanceof OAuthError ? { code: error.error, status: error.status } : toProblem(error)
  logFailure(request, failure, error)
}

/**
 * Our own codes, and those of RFC 6749 section 4.1.2.1 for what travels in a redirect. Faults of ours keep their words
 * to themselves; with `requestId` the description of what is no fault of the client leads to the line in the log.
 */
export function redirectCode (error: unknown, requestId?: string): [string, string] {
  if (error instanceof OAuthError) return [error.error, error.message]
  const { code, status, message } = toProblem(error)
  if (REFUSALS.includes(code)) return ['access_denied', message]
  if (status < 500) return [code, message]
  const words = code === 'internal_error' ? 'Something went wrong here.' : message
  const description = requestId === undefined ? words : `${words} Request ${requestId}`
  const isTemporary = TEMPORARY.includes(code) || originOf(error).providerError === 'temporarily_unavailable'
  return [isTemporary ? 'temporarily_unavailable' : 'server_error', description]
}

const REFUSALS = ['sign_up_closed', 'email_not_allowed']
const TEMPORARY = ['provider_timeout', 'service_unavailable']
