import type { AllowedOrigins } from '../http/allowed-origins.ts'
import type { ClientSettings } from './client-settings.ts'
import { originsOf, type ClientRepository } from './repository.ts'

export interface OriginSettings { allowedOrigins: string[], clients: ClientSettings[] }

/** Allows ALLOWED_ORIGINS, the origins of the CLIENTS setting, and those of registered clients. */
export function createAllowedOrigins (settings: OriginSettings, clients: Pick<ClientRepository, 'hasOrigin'>): AllowedOrigins {
  const configured = new Set([...settings.allowedOrigins, ...settings.clients.flatMap((client) => originsOf(client.redirect_uris))])
  return { has: async (origin) => configured.has(origin) || (/^https?:\/\/[\x21-\x7e]{1,250}$/.test(origin) && await clients.hasOrigin(origin)) }
}
