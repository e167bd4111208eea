import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { inSchemeOf } from './dpop.ts'
import { OAuthError, toErrorDescription } from './errors.ts'
import { logFailure } from './log-failure.ts'
import { toOAuthError, toProblem } from './problem-details.ts'

/** Sends any error as RFC 6749 section 5.2 describes. Never cached (section 5.1). */
export function sendOAuthError (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const failure = toOAuthError(error)
  logFailure(request, { code: failure.error, status: failure.status }, error)
  if (!(error instanceof OAuthError)) reply.headers(inSchemeOf(request, toProblem(error).headers))
  else if (failure.error === 'invalid_client' && request.headers.authorization !== undefined) {
    reply.header('www-authenticate', 'Basic realm="signet"')
  }
  return reply
    .code(failure.status)
    .header('cache-control', 'no-store')
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send({ error: failure.error, error_description: toErrorDescription(mistakeIn(error) ?? failure.message) })
}

/** The parameter that breaks the schema, and how: an OAuth error has no list of mistakes. */
function mistakeIn (error: unknown): string | undefined {
  const [mistake] = (error as Partial<FastifyError>).validation ?? []
  const name = mistake?.instancePath.slice(1)
  return name ? `${name} ${mistake?.message}.` : undefined
}
