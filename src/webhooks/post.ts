import dns from 'node:dns'
import http from 'node:http'
import https from 'node:https'
import { isIP, type LookupFunction } from 'node:net'

export interface Posting {
  headers: Record<string, string>
  body: string
  /** Ends it, whatever it is at. */
  signal: AbortSignal
  /** Whether it may go to an address. Asked of what the name resolves to for this very connection, so that no name can turn round afterwards. */
  mayReach: (address: string) => boolean
}

/** `body` is undefined where it is longer than 64 KiB, or does not end in time: by then the status is known. */
export interface Answer { status: number, body: string | undefined }

export class RefusedAddress extends Error {
  readonly code = 'ADDRESS_REFUSED'
}

const MAX_BODY_BYTES = 64 * 1024

/** POSTs over a connection of its own. Redirects are not followed. Throws when no answer comes. */
export async function post (target: string, { headers, body, signal, mayReach }: Posting, resolve: typeof dns.lookup = dns.lookup): Promise<Answer> {
  const url = new URL(target)
  // Node looks names up, and not addresses.
  const literal = url.hostname.replace(/^\[|\]$/g, '')
  if (isIP(literal) && !mayReach(literal)) throw new RefusedAddress()

  const lookup: LookupFunction = (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? []
      if (error || !first) callback(error ?? new Error('The name has no address.'), '')
      else if (!addresses.every(({ address }) => mayReach(address))) callback(new RefusedAddress(), '')
      else if (options.all) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
  }

  return await new Promise((resolve, reject) => {
    const { request } = url.protocol === 'https:' ? https : http
    const sent = request(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(body), 'user-agent': 'signet' },
      agent: false,
      lookup,
      signal
    })
    sent.once('error', reject)
    sent.once('response', (response) => {
      const answer = (body: string | undefined) => { resolve({ status: response.statusCode ?? 0, body }) }
      sent.off('error', reject).on('error', () => answer(undefined))
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        chunks.push(chunk)
        if (length > MAX_BODY_BYTES) response.destroy()
      })
      response.on('end', () => answer(length > MAX_BODY_BYTES ? undefined : Buffer.concat(chunks).toString()))
      response.on('error', () => answer(undefined))
      response.on('close', () => answer(undefined))
    })
    sent.end(body)
  })
}
