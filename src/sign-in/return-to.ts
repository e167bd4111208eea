import type { AllowedOrigins } from '../http/allowed-origins.ts'
import { parseUrl, webOrigin } from '../http/url.ts'
import { isOwnPage } from '../page-sessions/own-pages.ts'

/**
 * A `return_to` is good when its origin is one of the allowed ones, exactly (RFC 9700 section 4.11.1). It is taken
 * apart by the same parser that browsers have, and what goes out again is that parser's own spelling, so that there is
 * no second reading of it. Returns undefined for anything else.
 */
export async function allowedReturnTo (returnTo: unknown, allowedOrigins: AllowedOrigins): Promise<string | undefined> {
  const url = readReturnTo(returnTo)
  const origin = url && webOrigin(url)
  return url && origin !== undefined && await allowedOrigins.has(origin) ? url.href : undefined
}

/** A `return_to` that is one of Signet's own pages, read in the same way. Undefined for anything else. */
export function ownReturnTo (returnTo: unknown, issuerUrl: string): string | undefined {
  const url = readReturnTo(returnTo)
  return url && isOwnPage(issuerUrl, url.href) ? url.href : undefined
}

function readReturnTo (returnTo: unknown): URL | undefined {
  if (typeof returnTo !== 'string' || returnTo.length > 2000) return undefined
  // Browsers drop these from a URL, or read a backslash as a slash, so that it names another host.
  if (/[\s\\\p{Cc}]/u.test(returnTo) || !/^[a-z]+:\/\/[^/]/i.test(returnTo)) return undefined
  const url = parseUrl(returnTo)
  return url === null || url.username !== '' || url.password !== '' ? undefined : url
}
