import type { IncomingHttpHeaders } from 'node:http'

/** What a conditional request comes to: do it, answer 304, or answer 412. */
export type Precondition = 'met' | 'not-modified' | 'failed'

/**
 * Weighs If-Match and If-None-Match against the entity tag of something that is there (RFC 9110 section 13.2.2). A weak
 * tag never satisfies If-Match (section 8.8.3.2); nor does one that is written without its quotes.
 */
export function weighPreconditions ({ method, headers }: { method: string, headers: IncomingHttpHeaders }, etag: string): Precondition {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers
  if (ifMatch !== undefined && !isNamed(etag, ifMatch, false)) return 'failed'
  if (ifNoneMatch === undefined || !isNamed(etag, ifNoneMatch, true)) return 'met'
  return method === 'GET' || method === 'HEAD' ? 'not-modified' : 'failed'
}

function isNamed (etag: string, list: string, weakly: boolean): boolean {
  if (list.trim() === '*') return true
  return [...list.matchAll(/(W\/)?("[^"]*")/g)].some(([, weak, tag]) => tag === etag && (weakly || weak === undefined))
}
