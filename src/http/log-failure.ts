import type { FastifyRequest } from 'fastify'
import { OAuthError, Problem } from './errors.ts'
import { originOf } from './failure-origin.ts'

export interface Failure {
  /** The code of the problem, or of the OAuth error. */
  code?: string
  status: number
}

const logged = new WeakSet<FastifyRequest>()

/**
 * Logs why a request failed: one line a request, by whichever handler has the error first. It has the request id, codes
 * and statuses, and nothing that the client or a provider wrote but the provider's `error` word. A mistake of the
 * request is `info`, a provider or a database that fails is `warn`, and what was not expected `error`.
 */
export function logFailure (request: FastifyRequest, { code, status }: Failure, error?: unknown): void {
  if (logged.has(request)) return
  logged.add(request)
  const { method, routeOptions: { url: route } } = request
  const origin = originOf(error)
  const isExpected = error === undefined || error instanceof Problem || error instanceof OAuthError || status < 500
  const line = { code, status, method, route, ...origin, ...isExpected ? {} : { err: error } }
  const level = status === 500 ? 'error' : status > 500 ? 'warn' : 'info'
  const isLogin = origin.mode !== undefined || origin.provider !== undefined
  request.log[level](line, isLogin ? 'login failed' : 'request failed')
}
