import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { Type } from 'typebox'
import { Problem } from '../http/errors.ts'

export type Preferences = Record<string, unknown>

export const PreferencesSchema = Type.Unsafe<Preferences>({
  type: 'object',
  additionalProperties: true,
  title: 'Preferences',
  description: 'Settings that clients store for the user.'
})

const MAX_BYTES = 16 * 1024
const MAX_DEPTH = 32

/** The strong entity tag of stored preferences: a hash of their JSON, the same on every instance. */
export function etagOf (preferences: Preferences): string {
  return `"${createHash('sha256').update(JSON.stringify(preferences)).digest('base64url')}"`
}

/** Whether storing `wanted` would leave the stored preferences as they are: the order of members does not count. */
export function isSameContent (stored: Preferences, wanted: Preferences): boolean {
  return isDeepStrictEqual(stored, JSON.parse(JSON.stringify(wanted)))
}

/** Throws `validation_failed` for JSON that PostgreSQL cannot store, or that would be read back altered. */
export function checkContent (value: unknown, subject = 'Preferences', depth = 0): void {
  const invalid = (reason: string) => new Problem('validation_failed', `${subject} ${reason}.`)
  if (typeof value === 'string') return checkText(value, invalid)
  // Too large for a double: it would be read back as null.
  if (typeof value === 'number' && !Number.isFinite(value)) throw invalid('contain a number that is too large')
  if (typeof value !== 'object' || value === null) return
  if (depth === MAX_DEPTH) throw invalid(`may be nested ${MAX_DEPTH} levels deep at most`)
  for (const [name, member] of Object.entries(value)) {
    checkText(name, invalid)
    checkContent(member, subject, depth + 1)
  }
}

function checkText (text: string, invalid: (reason: string) => Problem): void {
  if (text.includes('\0')) throw invalid('contain a NUL character')
  if (!text.isWellFormed()) throw invalid('contain half of a surrogate pair')
}

/** Throws `payload_too_large` for more than 16 KiB as JSON. */
export function checkSize (value: Record<string, unknown>, subject = 'Preferences'): void {
  if (Buffer.byteLength(JSON.stringify(value)) <= MAX_BYTES) return
  throw new Problem('payload_too_large', `${subject} may be 16 KiB of JSON at most.`)
}
