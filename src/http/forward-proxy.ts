import ipaddr from 'ipaddr.js'
import { isLoopback, parseUrl } from './url.ts'

/** HTTPS_PROXY, HTTP_PROXY and NO_PROXY. */
export interface ForwardProxySettings {
  httpsProxy?: string | undefined
  httpProxy?: string | undefined
  noProxy?: string | undefined
}

/** The proxy that calls to a URL go through; undefined for none. */
export type ChooseProxy = (url: URL) => URL | undefined

export const PROXY_RULE = 'must be the URL of an HTTP proxy, such as http://proxy.example.com:3128'

/** A proxy of the settings; without a scheme it is http, as curl reads it. Null for what is none. */
export function parseProxy (text: string): URL | null {
  const url = parseUrl(text.includes('://') ? text : `http://${text}`)
  const isProxy = url && ['http:', 'https:'].includes(url.protocol) && url.pathname === '/' && url.search === ''
  return isProxy ? url : null
}

/**
 * The proxy of a URL's scheme, unless NO_PROXY has the host. Entries are separated by commas or spaces: a name, which
 * stands for its subdomains too and may begin with `.` or `*.`; an address or range (10.0.0.0/8); either with a port;
 * or `*` for all. Others have no effect. This machine is always called directly.
 */
export function createProxyChoice ({ httpsProxy, httpProxy, noProxy = '' }: ForwardProxySettings): ChooseProxy {
  const proxies = { 'https:': httpsProxy, 'http:': httpProxy }
  const exceptions = noProxy.toLowerCase().split(/[\s,]+/).filter(Boolean)
  return (url) => {
    const proxy = proxies[url.protocol as keyof typeof proxies]
    if (proxy === undefined || isLoopback(url) || exceptions.some((entry) => isException(entry, url))) return undefined
    return parseProxy(proxy) ?? undefined
  }
}

function isException (entry: string, url: URL): boolean {
  if (entry === '*') return true
  // An IPv6 address without brackets has no port.
  const [, host = '', port] = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(entry) ?? [entry, entry]
  const ownPort = url.port === '' ? { 'https:': '443', 'http:': '80' }[url.protocol] : url.port
  if (port !== undefined && port !== ownPort) return false
  const hostname = unbracket(url.hostname)
  if (ipaddr.isValid(hostname)) return isInRange(hostname, unbracket(host))
  const name = host.replace(/^\*?\./, '')
  return hostname === name || hostname.endsWith(`.${name}`)
}

function isInRange (address: string, range: string): boolean {
  const parsed = ipaddr.process(address)
  if (ipaddr.isValid(range)) return ipaddr.process(range).toNormalizedString() === parsed.toNormalizedString()
  if (!ipaddr.isValidCIDR(range)) return false
  const [network, bits] = ipaddr.parseCIDR(range)
  return network.kind() === parsed.kind() && parsed.match(network, bits)
}

function unbracket (host: string): string {
  return host.replace(/^\[|\]$/g, '')
}

let chosen: ChooseProxy = () => undefined

/** Sets the proxies of this process: its calls to providers, webhooks and hooks go through them from now on. */
export function useForwardProxy (settings: ForwardProxySettings): void {
  chosen = createProxyChoice(settings)
}

export const proxyFor: ChooseProxy = (url) => chosen(url)
