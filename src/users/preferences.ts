import { createHash } from 'node:crypto'
import { Type } from 'typebox'
import { Problem } from '../http/errors.ts'

export type Preferences = Record<string, unknown>

export const PreferencesSchema = Type.Unsafe<Preferences>({ type: 'object', additionalProperties: true, title: 'Preferences', description: "The client's own settings." })

const MAX_BYTES = 16 * 1024
const MAX_DEPTH = 32

/** The strong entity tag of preferences as they are stored: a hash of their JSON, so that the same content has the same tag on any instance. */
export function etagOf (preferences: Preferences): string {
  return `"${createHash('sha256').update(JSON.stringify(preferences)).digest('base64url')}"`
}

/** Throws `validation_failed` for JSON that PostgreSQL cannot keep, or that would not come back as it was sent. */
export function checkContent (value: unknown, depth = 0): void {
  if (typeof value === 'string') return checkText(value)
  // Too large for a double, it would come back as null.
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Problem('validation_failed', 'Preferences hold a number that is too large.')
  if (typeof value !== 'object' || value === null) return
  if (depth === MAX_DEPTH) throw new Problem('validation_failed', `Preferences may be ${MAX_DEPTH} levels deep at most.`)
  for (const [name, member] of Object.entries(value)) {
    checkText(name)
    checkContent(member, depth + 1)
  }
}

function checkText (text: string): void {
  if (text.includes('\0') || !text.isWellFormed()) throw new Problem('validation_failed', 'Preferences hold a NUL character or half of a surrogate pair.')
}

/** Throws `payload_too_large` for what would be stored as more than 16 KiB of JSON. */
export function checkSize (preferences: Preferences): void {
  if (Buffer.byteLength(JSON.stringify(preferences)) > MAX_BYTES) throw new Problem('payload_too_large', 'Preferences may be 16 KiB of JSON at most.')
}
