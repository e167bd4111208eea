import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { isDatabaseUnavailable } from '../database/unavailable.ts'
import { OAuthError, PROBLEMS, Problem, toErrorDescription, type ProblemCode } from './errors.ts'

/** RFC 9457. `errors` is there on validation failures, `checks` on a failed readiness. */
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
export const OAuthErrorSchema = Type.Object({ error: Type.String(), error_description: Type.String() }, { title: 'OAuthError' })

/** How long a client should wait before it tries again what failed for want of the database. */
export const RETRY_AFTER_SECONDS = 5

/** Response schemas of the problems that a route may answer with. */
export function problems (...codes: ProblemCode[]) {
  const byStatus: Record<number, ProblemCode[]> = {}
  for (const code of codes) (byStatus[PROBLEMS[code].status] ??= []).push(code)
  return Object.fromEntries(Object.entries(byStatus).map(([status, list]) =>
    [status, { description: list.map((code) => `\`${code}\``).join(', '), content: { 'application/problem+json': { schema: ProblemSchema } } }]))
}

/** Answers with a problem, also where no plugin has been: at a URL that the router could not read. */
export function sendProblem (issuerUrl: string, request: FastifyRequest, reply: FastifyReply, problem: Problem, extra: object = {}): FastifyReply {
  const { status, code, message: detail } = problem
  const body = { type: `${issuerUrl}/problems/${code}`, title: PROBLEMS[code].title, status, detail, code, requestId: request.id, ...extra }
  reply.code(status).headers(problem.headers).header('cache-control', 'no-store').type('application/problem+json; charset=utf-8')
  // Serialised here: an error may come from a route that declares no such answer.
  return reply.header('x-request-id', request.id).serializer(JSON.stringify).send(body)
}

/** What any error is to the client. */
export function toProblem (error: unknown): Problem {
  if (error instanceof Problem) return error
  const { statusCode, code, validation } = error as Partial<FastifyError>
  if (validation) return new Problem('validation_failed', 'The request does not fit its schema; see errors.')
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE' || statusCode === 415) return new Problem('unsupported_media_type')
  if (statusCode === 413) return new Problem('payload_too_large')
  if (statusCode === 400) return new Problem('validation_failed', 'The request could not be read.')
  if (isDatabaseUnavailable(error)) {
    return new Problem('service_unavailable', 'The database is not available right now.', { headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } })
  }
  return new Problem('internal_error')
}

/** For the pages below /oauth2/ that people's browsers call: the members of RFC 6749 section 5.2, beside those of the problem. */
export function asOAuthMembers (problem: Problem): { error: string, error_description: string } {
  const { error, message } = toOAuthError(problem)
  return { error, error_description: toErrorDescription(message) }
}

/** What any error is to an OAuth client. */
export function toOAuthError (error: unknown): OAuthError {
  if (error instanceof OAuthError) return error
  const problem = toProblem(error)
  if (problem.status === 503 || problem.status === 429) return new OAuthError('temporarily_unavailable', problem.message, problem.status)
  if (problem.status >= 500) return new OAuthError('server_error', 'Something went wrong here.', problem.status)
  if (problem.status === 401) return new OAuthError('invalid_token', problem.message, 401)
  return new OAuthError('invalid_request', problem.message, problem.status)
}
