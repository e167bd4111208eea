import dns from 'node:dns'
import http from 'node:http'
import https from 'node:https'
import { isIP, type LookupFunction } from 'node:net'

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

/** `body` is undefined when it is longer than 64 KiB or did not end in time; the status counts all the same. */
export interface PostResponse { status: number, body: string | undefined }

export class AddressRefusedError extends Error {
  readonly code = 'ADDRESS_REFUSED'
}

const MAX_BODY_BYTES = 64 * 1024

/** Sends a POST request over a connection of its own; follows no redirects. Throws when there is no response. */
export async function post (
  target: string, { headers, body, signal, mayReach }: PostOptions, lookUp: typeof dns.lookup = dns.lookup
): Promise<PostResponse> {
  const url = new URL(target)
  // Node does not call `lookup` for a literal address.
  const literal = url.hostname.replace(/^\[|\]$/g, '')
  if (isIP(literal) && !mayReach(literal)) throw new AddressRefusedError()

  const lookup: LookupFunction = (hostname, options, callback) => {
    lookUp(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? []
      if (error || !first) callback(error ?? new Error('The name has no address.'), '')
      else if (!addresses.every(({ address }) => mayReach(address))) callback(new AddressRefusedError(), '')
      else if (options.all) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
  }

  return await new Promise((resolve, reject) => {
    const { request } = url.protocol === 'https:' ? https : http
    const outgoing = request(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(body), 'user-agent': 'signet' },
      agent: false,
      lookup,
      signal
    })
    outgoing.once('error', reject)
    outgoing.once('response', (response) => {
      const finish = (body: string | undefined) => { resolve({ status: response.statusCode ?? 0, body }) }
      outgoing.off('error', reject).on('error', () => finish(undefined))
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        chunks.push(chunk)
        if (length > MAX_BODY_BYTES) response.destroy()
      })
      response.on('end', () => finish(length > MAX_BODY_BYTES ? undefined : Buffer.concat(chunks).toString()))
      response.on('error', () => finish(undefined))
      response.on('close', () => finish(undefined))
    })
    outgoing.end(body)
  })
}
