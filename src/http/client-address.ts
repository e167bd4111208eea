import { normalizeIP } from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'

/** A client's address as limits count it: an IPv6 one by its /64, which is what one customer gets (CVE-2026-45364). */
export function addressOf (request: FastifyRequest): string {
  return normalizeIP(request.ip, 64)
}
