import type { FastifyReply, FastifyRequest } from 'fastify'
import { isLoopback, parseUrl } from './url.ts'

/**
 * An `onRequest` hook for where a login starts: sends a browser that calls this machine by another name (127.0.0.1 for
 * localhost) to the issuer's. What is kept in a cookie under one name would be missing when the provider leads back to
 * the other. At another port there is a proxy in between, which may name its target.
 */
export function toIssuersName (issuerUrl: string) {
  const issuer = new URL(issuerUrl)
  const isLocal = isLoopback(issuer)
  return async ({ headers: { host = '' }, url }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | void> => {
    if (!isLocal || !url.startsWith('/')) return
    const asked = parseUrl(`${issuer.protocol}//${host}`)
    if (asked && isLoopback(asked) && asked.port === issuer.port && asked.hostname !== issuer.hostname) {
      return reply.header('cache-control', 'no-store').redirect(issuerUrl + url, 302)
    }
  }
}
