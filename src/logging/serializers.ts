import type { FastifyRequest } from 'fastify'

interface Loggable { name?: string, message?: string, code?: unknown, stack?: string, cause?: unknown }

/**
 * Logs neither query strings, headers, cookies nor bodies: they contain codes, states and tokens. Nor an error's own
 * members, which may contain what a provider answered (SEC-84).
 */
export const serializers = {
  req: (request: FastifyRequest) => ({
    method: request.method,
    path: request.url?.split('?')[0],
    remoteAddress: request.ip
  }),

  err: (error: Loggable): object => ({
    type: error.name,
    message: error.message,
    ...typeof error.code === 'string' ? { code: error.code } : {},
    stack: error.stack,
    ...error.cause instanceof Error ? { cause: serializers.err(error.cause) } : {}
  })
}
