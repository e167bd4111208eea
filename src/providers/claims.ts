import { parseUrl } from '../http/url.ts'

/**
 * Reads what a provider says about a person. Nothing here trusts a type: a provider's `false` may come as "false", an id
 * as a number, an avatar as a javascript: URL.
 */

/** A member of an object that may be anything. Own members only, so that a poisoned prototype says nothing. */
export function member (object: unknown, name: string): unknown {
  return typeof object === 'object' && object !== null && Object.hasOwn(object, name) ? (object as Record<string, unknown>)[name] : undefined
}

/**
 * The stable id of a person, as text; a number and its digits are the same id. `undefined` for anything that several
 * people could share by accident: missing, empty, 0, "null" or an object (GHSA-5hvv-9cqv-894r).
 */
export function subject (value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value > 0 ? String(value) : undefined
  if (typeof value !== 'string') return undefined
  const isUsable = value.length > 0 && value.length <= 255 && value.trim() === value && !hasControls(value)
  return isUsable && !['0', 'null', 'undefined', 'NaN'].includes(value) ? value : undefined
}

/** A line of text for people, cleaned of control characters and cut to `maximum`; null when there is none. */
export function text (value: unknown, maximum = 200): string | null {
  if (typeof value !== 'string') return null
  const clean = value.toWellFormed().replace(CONTROLS, ' ').trim().slice(0, maximum).toWellFormed()
  return clean === '' ? null : clean
}

/**
 * An email address in its one spelling: NFKC, then lower case. Null when it is none, is longer than 254 characters, or
 * has an at sign that only looks like one (GHSA-7rqj-j65f-68wh).
 */
export function email (value: unknown): string | null {
  if (typeof value !== 'string' || value.split('@').length !== 2) return null
  const address = value.normalize('NFKC').toLowerCase()
  const isAddress = address.length <= 254 && /^[^\s@<>"(),:;\\[\]]{1,64}@[^\s@.<>"(),:;\\[\]]+(\.[^\s@.<>"(),:;\\[\]]+)*$/.test(address)
  return isAddress && !hasControls(address) ? address : null
}

/** An address of a picture: kept as data, never fetched (SEC-34), and https only. */
export function avatarUrl (value: unknown): string | null {
  if (typeof value !== 'string' || value.length > 2000) return null
  const url = parseUrl(value)
  return url?.protocol === 'https:' ? url.href : null
}

// Control and format characters and halves of pairs: they hide text, turn it round, break a line of a log, or a database.
const CONTROLS = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu

function hasControls (value: string): boolean {
  return value.search(CONTROLS) !== -1
}
