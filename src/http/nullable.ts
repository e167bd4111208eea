import { Type, type TUnsafe } from 'typebox'

/**
 * A string or null, as `type: ['string', 'null']`. For a union fast-json-stringify would make ajv try the members one
 * by one, for each value of each response.
 */
export function NullableText (options: { format?: string, description?: string } = {}): TUnsafe<string | null> {
  return Type.Unsafe<string | null>({ type: ['string', 'null'], ...options })
}

export function NullableInteger (options: { description?: string } = {}): TUnsafe<number | null> {
  return Type.Unsafe<number | null>({ type: ['integer', 'null'], ...options })
}
