import type { FastifyRequest } from 'fastify'

interface Loggable { name?: string, message?: string, code?: unknown, stack?: string, cause?: unknown }

/**
 * What of a request and of an error gets into the log: no query string, no header, no cookie, no body. Those hold codes,
 * states and tokens; an error's own members may hold what a provider answered (SEC-84).
 */
export const serializers = {
  req: (request: FastifyRequest) => ({ method: request.method, path: request.url?.split('?')[0], remoteAddress: request.ip }),

  err: (error: Loggable): object => ({
    type: error.name,
    message: error.message,
    ...typeof error.code === 'string' ? { code: error.code } : {},
    stack: error.stack,
    ...error.cause instanceof Error ? { cause: serializers.err(error.cause) } : {}
  })
}
