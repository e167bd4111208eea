import ipaddr from 'ipaddr.js'

/**
 * Where clouds give credentials to every process that asks: all link-local addresses (AWS, Google, Azure and most
 * others), AWS and Google over IPv6, Oracle over IPv6, Alibaba, Oracle's older one, and Azure's WireServer.
 */
const RANGES = [
  '169.254.0.0/16', '100.100.100.200/32', '192.0.0.192/32', '168.63.129.16/32',
  'fe80::/10', 'fd00:ec2::/32', 'fd20:ce::/32', 'fd00:c1::/32'
].map((range) => ipaddr.parseCIDR(range))

const NAMES = ['metadata', 'metadata.google.internal', 'metadata.goog', 'instance-data', 'instance-data.ec2.internal']

/** IPv6 ranges that carry an IPv4 address, and the first of the two groups that hold it. */
const EMBEDDED: [range: [ipaddr.IPv6, number], group: number][] = [
  [ipaddr.IPv6.parseCIDR('::/96'), 6], // RFC 4291 section 2.5.5.1
  [ipaddr.IPv6.parseCIDR('::ffff:0:0/96'), 6], // mapped, RFC 4291 section 2.5.5.2
  [ipaddr.IPv6.parseCIDR('64:ff9b::/96'), 6], // NAT64, RFC 6052
  [ipaddr.IPv6.parseCIDR('64:ff9b:1::/48'), 6], // NAT64 of a site, RFC 8215
  [ipaddr.IPv6.parseCIDR('2002::/16'), 1] // 6to4, RFC 3056
]

/** True for the address of a cloud's metadata service, also where IPv6 carries it as an IPv4 address. */
export function isMetadataAddress (text: string): boolean {
  if (!ipaddr.isValid(text)) return false
  const address = ipaddr.parse(text)
  return [address, ...embeddedIn(address)].some((one) =>
    RANGES.some((range) => range[0].kind() === one.kind() && one.match(range)))
}

/** The same for the host of a URL, which may also be a name. What other names resolve to is not known here. */
export function isMetadataHost (host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '').replace(/\.$/, '')
  return NAMES.includes(name) || isMetadataAddress(name)
}

function embeddedIn (address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4[] {
  if (!(address instanceof ipaddr.IPv6)) return []
  return EMBEDDED.filter(([range]) => address.match(range)).map(([, group]) => {
    const bytes = address.parts.slice(group, group + 2).flatMap((part) => [part >> 8, part & 255])
    return new ipaddr.IPv4(bytes)
  })
}
