import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'

/** Perform the method, respond with 304, or respond with 412. */
export type Precondition = 'met' | 'not-modified' | 'failed'

/**
 * Evaluates If-Match and If-None-Match for an existing resource (RFC 9110 section 13.2.2). A weak tag never matches If-
 * Match (section 8.8.3.2), and neither does a tag without quotes.
 */
export function evaluatePreconditions (
  { method, headers }: { method: string, headers: IncomingHttpHeaders }, etag: string
): Precondition {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers
  if (ifMatch !== undefined && !isListed(etag, ifMatch, 'strong')) return 'failed'
  if (ifNoneMatch === undefined || !isListed(etag, ifNoneMatch, 'weak')) return 'met'
  return method === 'GET' || method === 'HEAD' ? 'not-modified' : 'failed'
}

function isListed (etag: string, list: string, comparison: 'strong' | 'weak'): boolean {
  if (list.trim() === '*') return true
  const tags = [...list.matchAll(/(W\/)?("[^"]*")/g)]
  return tags.some(([, weak, tag]) => tag === etag && (comparison === 'weak' || weak === undefined))
}

/**
 * Responds with 304: no body, and no Content-Length, which would have to be that of the 200 (RFC 9110 section 8.6) and
 * which undici takes at its word.
 */
export function sendNotModified (reply: FastifyReply): FastifyReply {
  reply.code(304)
  // For HEAD, Fastify sends the length of what it gets, unless that is a stream.
  return reply.request.method === 'HEAD' ? reply.send(Readable.from([])) : reply.send()
}
