import type { FastifyReply } from 'fastify'
import { OAuthError, toErrorDescription } from '../http/errors.ts'
import { toProblem } from '../http/problem-details.ts'

/** Where an authorization response goes: a redirect URI that was checked, and what the client wants back. */
export interface ReturnAddress {
  redirectUri: string
  state: string | undefined
  issuerUrl: string
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
  if (problem.code === 'sign_up_closed' || problem.code === 'email_not_allowed') {
    return ['access_denied', problem.message]
  }
  if (problem.status >= 500) {
    return ['server_error', problem.code === 'internal_error' ? 'Something went wrong here.' : problem.message]
  }
  return [problem.code, problem.message]
}
