import type { FastifyRequest } from 'fastify'
import type { Settings } from '../settings.ts'
import { originsOf, type ClientRepository } from './client-repository.ts'

/** The web origins that may use the refresh cookie, be returned to and read answers: ALLOWED_ORIGINS and those of the clients. */
export interface AllowedOrigins { has: (origin: string) => boolean | Promise<boolean> }

export function createAllowedOrigins (settings: Pick<Settings, 'allowedOrigins' | 'clients'>, clients: Pick<ClientRepository, 'hasOrigin'>): AllowedOrigins {
  const configured = new Set([...settings.allowedOrigins, ...settings.clients.flatMap((client) => originsOf(client.redirect_uris))])
  return { has: async (origin) => configured.has(origin) || (/^https?:\/\/[\x21-\x7e]{1,250}$/.test(origin) && await clients.hasOrigin(origin)) }
}

/**
 * True when the page that sent this request is an allowed one. Asked of every request that a cookie authenticates and
 * that changes something: a browser always says where a POST comes from (SEC-70).
 */
export async function comesFromAllowedOrigin (request: FastifyRequest, origins: AllowedOrigins): Promise<boolean> {
  const { origin } = request.headers
  return origin !== undefined && await origins.has(origin)
}
