import type { FastifyReply, FastifyRequest } from 'fastify'
import { OAuthError, toErrorDescription } from '../http/errors.ts'
import { originOf } from '../http/failure-origin.ts'
import { logFailure } from '../http/log-failure.ts'
import { toProblem } from '../http/problem-details.ts'

/** Where an authorization response goes: a redirect URI that was checked, and what the client wants back. */
export interface ReturnAddress {
  redirectUri: string
  state: string | undefined
  issuerUrl: string
  /** Named in the description of an error. */
  requestId?: string
}

/** RFC 6749 section 4.1.2, with the `iss` of RFC 9207. Always 302: a 307 would repeat a form somewhere else. */
export function redirectBack (
  reply: FastifyReply,
  { redirectUri, state, issuerUrl }: ReturnAddress,
  parameters: Record<string, string>
): FastifyReply {
  const url = new URL(redirectUri)
  const all = { ...parameters, ...(state === undefined ? {} : { state }), iss: issuerUrl }
  for (const [name, value] of Object.entries(all)) url.searchParams.set(name, value)
  return reply.header('cache-control', 'no-store').redirect(url.href, 302)
}

/** An error as the client gets to see it. */
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
