import type { IncomingHttpHeaders } from 'node:http'

/** Long enough for a person to sign in, whatever the headers say. */
const MIN_SECONDS = 60
const USUAL_SECONDS = 10 * 60
const MAX_SECONDS = 24 * 60 * 60

/**
 * How many seconds a response stays fresh (RFC 9111 section 4.2.1): by `max-age`, or else by `Expires`; ten minutes
 * where it has neither. At least a minute, and at most a day.
 */
export function freshSeconds (headers: IncomingHttpHeaders, now = Date.now()): number {
  return Math.min(Math.max(statedSeconds(headers, now), MIN_SECONDS), MAX_SECONDS)
}

function statedSeconds (
  { 'cache-control': control = '', age = '0', expires }: IncomingHttpHeaders, now: number
): number {
  const directives = control.toLowerCase().split(',').map((directive) => directive.trim())
  if (directives.includes('no-store') || directives.includes('no-cache')) return 0
  const [, maxAge] = directives.map((directive) => /^max-age="?(\d+)"?$/.exec(directive)).find((match) => match) ?? []
  if (maxAge !== undefined) return Number(maxAge) - (/^\d+$/.test(age) ? Number(age) : 0)
  if (expires === undefined) return USUAL_SECONDS
  const expiresAt = Date.parse(expires)
  return Number.isNaN(expiresAt) ? 0 : (expiresAt - now) / 1000
}
