import type { FastifyRequest } from 'fastify'

/** The web origins that may use the refresh cookie, be returned to and read answers: ALLOWED_ORIGINS and those of the clients. */
export interface AllowedOrigins { has: (origin: string) => boolean | Promise<boolean> }

/**
 * True when the page that sent this request is an allowed one, and of this site. Asked of every request that a cookie
 * authenticates and that changes something: a browser always says where a POST comes from (SEC-70), and newer ones also
 * how near that is (Fetch Metadata), which no page can write. The cookie is `SameSite=Strict`: of another site it is forged.
 */
export async function comesFromAllowedOrigin (request: FastifyRequest, origins: AllowedOrigins): Promise<boolean> {
  const { origin, 'sec-fetch-site': site } = request.headers
  return origin !== undefined && site !== 'cross-site' && await origins.has(origin)
}
