import { parseUrl } from '../http/url.ts'

/**
 * Readers of profiles. None trusts a type: `false` may come as "false", an id as a number, an avatar as a javascript:
 * URL.
 */

/** A member of any value; undefined where it has none. Own members only, so that a polluted prototype adds none. */
export function member (object: unknown, name: string): unknown {
  const hasMember = typeof object === 'object' && object !== null && Object.hasOwn(object, name)
  return hasMember ? (object as Record<string, unknown>)[name] : undefined
}

/**
 * The stable id of a person, as text; a number and its digits are the same id. Undefined for values that several people
 * could share by accident: missing, empty, 0, "null" or an object (GHSA-5hvv-9cqv-894r).
 */
export function subject (value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value > 0 ? String(value) : undefined
  if (typeof value !== 'string') return undefined
  const isUsable = value.length > 0 && value.length <= 255 && value.trim() === value && !hasControls(value)
  return isUsable && !['0', 'null', 'undefined', 'NaN'].includes(value) ? value : undefined
}

/**
 * One line of text, without control characters and cut to `maximum`; null when nothing visible is left. Joiners and
 * directional marks stay: Persian, Indic scripts and emoji families are written with them.
 */
export function text (value: unknown, maximum = 200): string | null {
  if (typeof value !== 'string') return null
  const keepJoiners = (control: string) => JOINERS.test(control) ? control : ' '
  const clean = value.toWellFormed().replace(CONTROLS, keepJoiners).trim().slice(0, maximum).toWellFormed()
  return clean.split(JOINERS).join('').trim() === '' ? null : clean
}

/** Joins texts; values that are no text are left out. Null when nothing is left. */
export function joinTexts (values: unknown[], separator = ' ', maximum?: number): string | null {
  return text(values.filter((value) => typeof value === 'string').join(separator), maximum)
}

/**
 * An email address, in lower case. Null when it is not one, is longer than 254 characters, or is not in NFKC:
 * full-width letters or a long s would name another mailbox than the one that the provider verified
 * (GHSA-7rqj-j65f-68wh).
 */
export function email (value: unknown): string | null {
  if (typeof value !== 'string' || value.split('@').length !== 2 || value.normalize('NFKC') !== value) return null
  const address = value.toLowerCase()
  return address.length <= 254 && EMAIL.test(address) && !hasControls(address) ? address : null
}

const EMAIL = /^[^\s@<>"(),:;\\[\]]{1,64}@[^\s@.<>"(),:;\\[\]]+(\.[^\s@.<>"(),:;\\[\]]+)*$/

/** The claim `auth_time`: when the person signed in at the provider, never later than now. Undefined for no time. */
export function authTime (value: unknown): Date | undefined {
  return typeof value === 'number' && value > 0 ? new Date(Math.min(value * 1000, Date.now())) : undefined
}

/** The URL of a picture, https only. Stored as data, never fetched (SEC-34). */
export function avatarUrl (value: unknown): string | null {
  if (typeof value !== 'string' || value.length > 2000) return null
  const url = parseUrl(value)
  return url?.protocol === 'https:' ? url.href : null
}

/** U+200C and U+200D join or separate letters, U+200E and U+200F mark the direction of the text around them. */
const JOINERS = /[\u200c-\u200f]/

// Control and format characters and lone surrogates: they hide text, reverse it, or break a log line or a database.
const CONTROLS = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu

function hasControls (value: string): boolean {
  return value.search(CONTROLS) !== -1
}
