import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { isDatabaseUnavailable } from '../database/unavailable.ts'
import { inSchemeOf } from './dpop.ts'
import { OAuthError, Problem, toErrorDescription } from './errors.ts'
import { logFailure } from './log-failure.ts'
import { PROBLEMS, type ProblemCode } from './problem-catalogue.ts'

/** RFC 9457. Failed validations have `errors`, a failed readiness has `checks`. */
export const ProblemSchema = Type.Object({
  type: Type.String({ format: 'uri' }),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  code: Type.String(),
  requestId: Type.String(),
  errors: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
  checks: Type.Optional(Type.Record(Type.String(), Type.String()))
}, { title: 'Problem', description: 'RFC 9457 problem details.' })

/** RFC 6749 section 5.2. */
export const OAuthErrorSchema = Type.Object({
  error: Type.String(),
  error_description: Type.String()
}, { title: 'OAuthError' })

/** Retry-After of what failed because the database was unavailable. */
export const RETRY_AFTER_SECONDS = 5

/** The response schemas of the problems that a route documents. */
export function problems (...codes: ProblemCode[]) {
  const codesByStatus: Record<number, ProblemCode[]> = {}
  for (const code of codes) (codesByStatus[PROBLEMS[code].status] ??= []).push(code)
  return Object.fromEntries(Object.entries(codesByStatus).map(([status, ofStatus]) => [status, {
    description: ofStatus.map((code) => `\`${code}\``).join(', '),
    content: { 'application/problem+json': { schema: ProblemSchema } }
  }]))
}

/** Sends a problem. Needs no plugin, so that it works for a URL that the router cannot parse. `extra` adds members. */
export function sendProblem (
  issuerUrl: string, request: FastifyRequest, reply: FastifyReply, problem: Problem, extra: object = {}
): FastifyReply {
  logFailure(request, problem)
  const { status, code, message: detail, headers } = problem
  const type = `${issuerUrl}/problems/${code}`
  const body = { type, title: PROBLEMS[code].title, status, detail, code, requestId: request.id, ...extra }
  reply.code(status).headers(inSchemeOf(request, headers))
  reply.header('cache-control', 'no-store').header('x-request-id', request.id)
  // Not by the serializer of the route, which may document no such response.
  return reply.type('application/problem+json; charset=utf-8').serializer(JSON.stringify).send(body)
}

/** The problem that a client sees for any error. */
export function toProblem (error: unknown): Problem {
  if (error instanceof Problem) return error
  const { statusCode, code, validation } = error as Partial<FastifyError>
  if (validation) return new Problem('validation_failed', 'The request does not match its schema; see errors.')
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE' || statusCode === 415) return new Problem('unsupported_media_type')
  if (statusCode === 413) return new Problem('payload_too_large')
  if (statusCode === 400) return new Problem('validation_failed', 'The request could not be read.')
  const headers = { 'retry-after': String(RETRY_AFTER_SECONDS) }
  // A page that asks the API while the server closes.
  if (code === 'FST_ERR_REOPENED_CLOSE_SERVER') return new Problem('service_unavailable', undefined, { headers })
  if (isDatabaseUnavailable(error)) {
    return new Problem('service_unavailable', 'The database is not available.', { headers })
  }
  return new Problem('internal_error')
}

/** The OAuth error that a client sees for any error. */
export function toOAuthError (error: unknown): OAuthError {
  if (error instanceof OAuthError) return error
  const problem = toProblem(error)
  const { status, message } = problem
  if (status === 503 || status === 429) return new OAuthError('temporarily_unavailable', message, status)
  if (status >= 500) return new OAuthError('server_error', 'Internal server error.', status)
  if (status === 401) return new OAuthError('invalid_token', message, 401)
  return new OAuthError('invalid_request', message, status)
}

/** The members of RFC 6749 section 5.2, for the problems of those OAuth endpoints that browsers visit. */
export function asOAuthMembers (problem: Problem): { error: string, error_description: string } {
  const { error, message } = toOAuthError(problem)
  return { error, error_description: toErrorDescription(message) }
}
