import { Type, type TUnsafe } from 'typebox'

interface Text { format?: string, description?: string }

/**
 * A text or null, as one type of two: of a union fast-json-stringify has ajv try the members one by one, for each value of each
 * answer.
 */
export function NullableText (options: Text = {}): TUnsafe<string | null> {
  return Type.Unsafe<string | null>({ type: ['string', 'null'], ...options })
}

export function NullableInteger (options: { description?: string } = {}): TUnsafe<number | null> {
  return Type.Unsafe<number | null>({ type: ['integer', 'null'], ...options })
}
