import type { FastifyReply, FastifyRequest } from 'fastify'
import { OAuthError, Problem, toErrorDescription } from '../http/errors.ts'
import { noteOrigin, originOf } from '../http/failure-origin.ts'
import { logFailure } from '../http/log-failure.ts'
import { html, type Markup } from '../pages/markup.ts'
import { sendPage } from '../pages/page.ts'
import { textsOf } from '../texts/texts.ts'
import { toProblem } from '../http/problem-details.ts'
import { isLoopback } from '../http/url.ts'
import { wantsHtml } from '../http/wants-html.ts'

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
export async function redirectBack (
  reply: FastifyReply,
  back: ReturnAddress,
  parameters: Record<string, string>
): Promise<FastifyReply> {
  if (back.responseMode === 'form_post') return await postBack(reply, back.redirectUri, responseTo(back, parameters))
  return reply.header('cache-control', 'no-store').redirect(returnUrl(back, parameters), 302)
}

/** The response in the query of the redirect URI. */
export function returnUrl (back: ReturnAddress, parameters: Record<string, string>): string {
  const url = new URL(back.redirectUri)
  for (const [name, value] of Object.entries(responseTo(back, parameters))) url.searchParams.set(name, value)
  return url.href
}

/** The parameters of a response, with the state of the request and the issuer. */
export function responseTo ({ state, issuerUrl }: ReturnAddress, parameters: Record<string, string>) {
  return { ...parameters, ...(state === undefined ? {} : { state }), iss: issuerUrl }
}

/** OAuth 2.0 Form Post Response Mode section 2: a page whose form posts itself to the client. */
async function postBack (
  reply: FastifyReply, redirectUri: string, parameters: Record<string, string>
): Promise<FastifyReply> {
  const { signIn, common } = await textsOf(reply.request)
  reply.code(200).header('cache-control', 'no-store')
  return sendPage(reply, signIn.returning, html`<form method="post" action="${redirectUri}">${hiddenFields(parameters)}
    <noscript><ul><li><button class="button primary">${common.continue}</button></li></ul></noscript>
  </form>`, { formTarget: redirectUri, script: SUBMIT })
}

export function hiddenFields (parameters: Record<string, string>): Markup[] {
  return Object.entries(parameters).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)
}

/** Any error as the client gets to see it. Faults of ours keep their words to themselves. */
export async function redirectWithError (
  reply: FastifyReply, back: ReturnAddress, error: unknown
): Promise<FastifyReply> {
  const [code, description] = redirectCode(error, back.requestId)
  return await redirectBack(reply, back, { error: code, error_description: toErrorDescription(description) })
}

/**
 * Whether an error must not lead a browser to a third party by itself: anybody can make the link that ends in it, and
 * register the site (RFC 9700 section 4.11.2). An app on the person's own computer is no such site.
 */
export function needsClick (request: FastifyRequest, redirectUri: string): boolean {
  return wantsHtml(request) && !isLoopback(new URL(redirectUri))
}

/** The error as a page shows it, with a link that takes it back to the client. A fault of ours stays as it is. */
export function withWayBack (error: unknown, back: ReturnAddress): unknown {
  if (!(error instanceof OAuthError || error instanceof Problem)) return error
  const [code, description] = redirectCode(error, back.requestId)
  const url = returnUrl(back, { error: code, error_description: toErrorDescription(description) })
  const backTo = { name: new URL(back.redirectUri).host, url }
  const problem = error instanceof OAuthError
    ? new Problem('invalid_request', error.message, { backTo })
    : new Problem(error.code, error.message, { headers: error.headers, status: error.status, backTo })
  return noteOrigin(problem, originOf(error))
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
