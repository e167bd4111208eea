import { isIP, isIPv4 } from 'node:net'
import type { FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'

type Address = ipaddr.IPv4 | ipaddr.IPv6

/**
 * The address of the client, as text: the one that the outermost proxy of TRUST_PROXY reports. Where that is no
 * address, the nearest proxy that has one counts, so that no client chooses its own.
 */
export function clientAddress ({ ip, ips = [ip] }: Pick<FastifyRequest, 'ip' | 'ips'>): string {
  return plainIPv4(ips.at(-1)) ?? findAddress(ips)?.toString() ?? 'unknown'
}

/**
 * The key that rate limits count a client's address under. An IPv6 address counts as its /64, since one customer gets
 * all of it (CVE-2026-45364).
 */
export function addressOf ({ ip, ips = [ip] }: Pick<FastifyRequest, 'ip' | 'ips'>): string {
  const plain = plainIPv4(ips.at(-1))
  if (plain !== undefined) return plain
  const address = findAddress(ips)
  if (!(address instanceof ipaddr.IPv6)) return address?.toString() ?? 'unknown'
  const network = address.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')
  return `${network}::/64`
}

/** Fastify's `trustProxy`: whether an address is one of the proxies, with or without a port. */
export function createTrustProxy (ranges: string[]): (address: string | undefined) => boolean {
  const networks = ranges.map((range): [ipaddr.IPv6, number] => {
    const [text = '', length] = range.split('/')
    const address = ipaddr.parse(text)
    const fixedBits = address.kind() === 'ipv4' ? 96 : 0
    return [toIPv6(address), length === undefined ? 128 : Number(length) + fixedBits]
  })
  return (text) => {
    const address = parseAddress(text)
    return address !== undefined && networks.some((network) => toIPv6(address).match(network))
  }
}

function toIPv6 (address: Address): ipaddr.IPv6 {
  return address instanceof ipaddr.IPv4 ? address.toIPv4MappedAddress() : address
}

/** The address where it is IPv4, mapped or not, as most are: to parse it takes a hundredth of a refresh. */
function plainIPv4 (text = ''): string | undefined {
  const address = text.startsWith('::ffff:') ? text.slice('::ffff:'.length) : text
  return isIPv4(address) ? address : undefined
}

/** Of the socket's address and those in X-Forwarded-For, nearest first, the last one that is an address. */
function findAddress (addresses: (string | undefined)[]): Address | undefined {
  return addresses.map(parseAddress).findLast((address) => address !== undefined)
}

/**
 * Reads an address as proxies write it: also with a port (`192.0.2.1:50001` is Azure Application Gateway's, and
 * `[2001:db8::1]:443`) or a zone id. An IPv4-mapped address is its IPv4 address.
 */
function parseAddress (text = ''): Address | undefined {
  const [, ipv6, ipv4] = /^(?:\[([^\]]*)\](?::\d+)?|([\d.]+):\d+)$/.exec(text) ?? []
  const [address = ''] = (ipv6 ?? ipv4 ?? text).split('%')
  return isIP(address) === 0 ? undefined : ipaddr.process(address)
}
