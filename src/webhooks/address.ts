import ipaddr from 'ipaddr.js'

/** Where the operator's own services may be. Link-local addresses are not: clouds keep their credentials there. */
const PRIVATE = ['loopback', 'private', 'uniqueLocal']

/**
 * Whether a webhook may go to an address: over https to a public one; over https or http to a private one where that is allowed. An IPv4
 * address within an IPv6 one counts as what it is; all that is neither public nor private (link-local, multicast, shared, mapped,
 * tunnelled, reserved) is refused.
 */
export function mayReach (address: string, { protocol, allowPrivate }: { protocol: string, allowPrivate: boolean }): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  const range = parsed.range()
  if (range === 'unicast') return isGlobal(parsed) && protocol === 'https:'
  return allowPrivate && PRIVATE.includes(range) && ['https:', 'http:'].includes(protocol)
}

/** Of IPv6, what is neither special nor of this block is an old way to write IPv4 (`::7f00:1`), or given to nobody. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

function isGlobal (address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return address.kind() === 'ipv4' || address.match(GLOBAL_UNICAST)
}
