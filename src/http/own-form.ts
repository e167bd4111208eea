import type { FastifyRequest } from 'fastify'

/**
 * Whether a POST comes from a page of this service. Browsers send Origin with every POST, and no other site can forge
 * it: none may answer for the person (SEC-70).
 */
export function isOwnForm ({ headers: { origin } }: FastifyRequest, issuerUrl: string): boolean {
  return origin === new URL(issuerUrl).origin
}
