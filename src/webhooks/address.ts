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
  const range = ipaddr.process(address).range()
  if (range === 'unicast') return protocol === 'https:'
  return allowPrivate && PRIVATE.includes(range) && ['https:', 'http:'].includes(protocol)
}
