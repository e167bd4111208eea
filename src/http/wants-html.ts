import type { FastifyRequest } from 'fastify'

/** True when the client accepts text/html by name, as browsers do; a wildcard does not count. */
export function wantsHtml (request: FastifyRequest): boolean {
  return /\btext\/html\b/i.test(request.headers.accept ?? '')
}
