import type { AllowedOrigins } from '../http/allowed-origins.ts'
import type { ClientSettings } from './client-settings.ts'
import { originsOf, type ClientRepository } from './repository.ts'

export interface OriginSettings { allowedOrigins: string[], clients: ClientSettings[] }

/** Allows ALLOWED_ORIGINS, and the origins of all clients: those of the CLIENTS setting and those of the database. */
export function createAllowedOrigins (
  { allowedOrigins, clients }: OriginSettings, repository: Pick<ClientRepository, 'hasOrigin'>
): AllowedOrigins {
  const configured = new Set([...allowedOrigins, ...clients.flatMap((client) => originsOf(client.redirect_uris))])
  const isOrigin = (text: string) => /^[a-z]{3,10}:\/\/[\x21-\x7e]{1,250}$/.test(text)
  return { has: async (origin) => configured.has(origin) || (isOrigin(origin) && await repository.hasOrigin(origin)) }
}
