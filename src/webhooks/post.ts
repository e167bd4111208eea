import type { LookupAddress } from 'node:dns'
import { lookup as lookUpName } from 'node:dns/promises'
import http, { type IncomingHttpHeaders } from 'node:http'
import https from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { proxyFor } from '../http/forward-proxy.ts'
import { tunnelAgents } from '../http/tunnel.ts'

export interface PostOptions {
  headers: Record<string, string>
  body: string
  /** Aborts the look-up, the connection and the response. */
  signal: AbortSignal
  /**
   * Whether a connection to an address is allowed. Called with the addresses that this very connection may use, so that
   * a name which resolves differently a moment later (DNS rebinding) gains nothing.
   */
  mayReach: (address: string) => boolean
}

/** A GET has no body. */
export interface SendOptions extends Omit<PostOptions, 'body'> {
  method: 'GET' | 'POST'
  body?: string
  /** The longest response that is read: 64 KiB unless given. */
  maxBytes?: number
}

/** `body` is undefined when it is too long or did not end in time; the status counts all the same. */
export interface PostResponse { status: number, headers: IncomingHttpHeaders, body: string | undefined }

/** All addresses of a name. Rejects when there is none. */
export type LookUp = (name: string) => Promise<LookupAddress[]>

const lookUpAll: LookUp = async (name) => await lookUpName(name, { all: true })

export class AddressRefusedError extends Error {
  readonly code = 'ADDRESS_REFUSED'
}

const MAX_BYTES = 64 * 1024

/** How long a forward proxy may take to connect. */
const PROXY_TIMEOUT_MS = 5_000

/** Sends a POST request, as `send`. */
export async function post (target: string, options: PostOptions, lookUp?: LookUp): Promise<PostResponse> {
  return await send(target, { method: 'POST', ...options }, lookUp)
}

/**
 * Sends a request over a connection of its own; follows no redirects. Throws when there is no response. A forward
 * proxy is told the address that was checked, not the name, which it might find somewhere else: the name must resolve
 * here too.
 */
export async function send (
  target: string,
  { method, headers, body, signal, mayReach, maxBytes = MAX_BYTES }: SendOptions,
  lookUp = lookUpAll
): Promise<PostResponse> {
  const url = new URL(target)
  // Node does not call `lookup` for a literal address.
  const literal = url.hostname.replace(/^\[|\]$/g, '')
  if (isIP(literal) && !mayReach(literal)) throw new AddressRefusedError()

  const lookup: LookupFunction = (hostname, options, callback) => {
    lookUp(hostname).then((addresses) => {
      const [first] = addresses
      if (!first) callback(new Error('The name has no address.'), '')
      else if (!addresses.every(({ address }) => mayReach(address))) callback(new AddressRefusedError(), '')
      else if (options.all) callback(null, addresses)
      else callback(null, first.address, first.family)
    }, (error: NodeJS.ErrnoException) => callback(error, ''))
  }

  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
  const proxied = await throughProxy(url, literal, lookup)
  return await new Promise((resolve, reject) => {
    const { request } = url.protocol === 'https:' ? https : http
    const outgoing = request(url, {
      method,
      headers: { ...headers, host: url.host, ...length, 'user-agent': 'signet' },
      ...proxied ?? { agent: false, lookup },
      signal
    })
    outgoing.once('error', reject)
    outgoing.once('response', (response) => {
      const { statusCode: status = 0, headers } = response
      const finish = (body: string | undefined) => { resolve({ status, headers, body }) }
      outgoing.off('error', reject).on('error', () => finish(undefined))
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        chunks.push(chunk)
        if (length > maxBytes) response.destroy()
      })
      response.on('end', () => finish(length > maxBytes ? undefined : Buffer.concat(chunks).toString()))
      response.on('error', () => finish(undefined))
      response.on('close', () => finish(undefined))
    })
    outgoing.end(body)
  })
}

/** What makes a request go through the forward proxy of its URL, to an allowed address. Undefined without a proxy. */
async function throughProxy (
  url: URL, literal: string, lookup: LookupFunction
): Promise<{ agent: http.Agent, host: string, hostname: string } | undefined> {
  const proxy = proxyFor(url)
  if (!proxy) return undefined
  const address = isIP(literal) ? literal : await firstAddress(literal, lookup)
  const Agent = tunnelAgents(proxy, () => PROXY_TIMEOUT_MS)[url.protocol === 'https:' ? 'https' : 'http']
  return { agent: new Agent({ keepAlive: false }), host: address, hostname: address }
}

/** IPv4 first: more proxies reach it. */
async function firstAddress (hostname: string, lookup: LookupFunction): Promise<string> {
  return await new Promise((resolve, reject) => {
    lookup(hostname, { all: true }, (error, addresses) => {
      if (error || typeof addresses === 'string') return reject(error)
      const [first] = addresses.toSorted((one, other) => one.family - other.family)
      resolve(first?.address ?? '')
    })
  })
}
