import ipaddr from 'ipaddr.js'
import { isMetadataAddress } from '../http/metadata-services.ts'

/** Where the operator's own services may be. */
const PRIVATE = ['loopback', 'private', 'uniqueLocal']

export interface ReachOptions { protocol: string, allowPrivate: boolean }

/**
 * Whether a webhook may be sent to an address: a public one over https; a private one over https or http, where that
 * is allowed. Refuses every other range (link-local, multicast, shared, tunnelled, reserved), and the metadata services
 * of clouds wherever they are. An IPv4 address that is mapped into IPv6 counts as IPv4.
 */
export function mayReach (address: string, { protocol, allowPrivate }: ReachOptions): boolean {
  if (!ipaddr.isValid(address) || isMetadataAddress(address)) return false
  const parsed = ipaddr.process(address)
  const range = parsed.range()
  if (range === 'unicast') return isGlobal(parsed) && protocol === 'https:'
  return allowPrivate && PRIVATE.includes(range) && ['https:', 'http:'].includes(protocol)
}

/** RFC 4291 section 2.4. Other "unicast" IPv6 is unassigned, or an old spelling of IPv4 (`::7f00:1`). */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

function isGlobal (address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return address.kind() === 'ipv4' || address.match(GLOBAL_UNICAST)
}
