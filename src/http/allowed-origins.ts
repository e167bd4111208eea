import type { FastifyRequest } from 'fastify'

/** The web origins that may use the refresh cookie, receive a redirect and read responses. */
export interface AllowedOrigins { has: (origin: string) => boolean | Promise<boolean> }

/**
 * True when a page of an allowed origin, on the same site, sent this request. Required of every change that a cookie
 * authenticates (SEC-70). Browsers send Origin with every POST, and newer ones Fetch Metadata too; no page can forge
 * either. The cookie is `SameSite=Strict`: on a cross-site request it is forged.
 */
export async function comesFromAllowedOrigin (request: FastifyRequest, origins: AllowedOrigins): Promise<boolean> {
  const { origin, 'sec-fetch-site': site } = request.headers
  return origin !== undefined && site !== 'cross-site' && await origins.has(origin)
}
