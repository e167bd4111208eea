import type { FastifyRequest } from 'fastify'
import type { Settings } from '../settings.ts'

/** The web origins that may use the refresh cookie, be returned to and read answers: ALLOWED_ORIGINS and those of the clients. */
export function allowedOrigins (settings: Pick<Settings, 'allowedOrigins' | 'clients'>): ReadonlySet<string> {
  const ofClients = settings.clients.flatMap((client) => client.redirect_uris).map((uri) => new URL(uri)).filter(({ protocol }) => /^https?:$/.test(protocol))
  return new Set([...settings.allowedOrigins, ...ofClients.map(({ origin }) => origin)])
}

/**
 * True when the page that sent this request is an allowed one. Asked of every request that a cookie authenticates and
 * that changes something: a browser always says where a POST comes from (SEC-70).
 */
export function comesFromAllowedOrigin (request: FastifyRequest, origins: ReadonlySet<string>): boolean {
  const { origin } = request.headers
  return origin !== undefined && origins.has(origin)
}
