import type { FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'

/**
 * The key that rate limits count a client's address under. An IPv6 address counts as its /64, since one customer gets
 * all of it (CVE-2026-45364); an IPv4-mapped one counts as IPv4.
 */
export function addressOf ({ ip }: Pick<FastifyRequest, 'ip'>): string {
  if (!ipaddr.isValid(ip)) return ip
  const address = ipaddr.process(ip)
  if (!(address instanceof ipaddr.IPv6)) return address.toString()
  const network = address.parts.slice(0, 4).map((part) => part.toString(16)).join(':')
  return `${network}::/64`
}
