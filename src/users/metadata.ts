import { Type } from 'typebox'
import { Problem } from '../http/errors.ts'
import { checkContent } from './preferences.ts'

export type Metadata = Record<string, unknown>

export const MetadataSchema = Type.Unsafe<Metadata>({
  type: 'object',
  additionalProperties: true,
  title: 'Metadata',
  description: "The operator's own JSON object about the user, which the user can only read."
})

const MAX_BYTES = 16 * 1024

/**
 * Throws `validation_failed` for JSON that cannot be stored, `payload_too_large` for more than 16 KiB of it (as for
 * preferences).
 */
export function checkMetadata (metadata: Metadata): void {
  checkContent(metadata, 'Metadata')
  if (Buffer.byteLength(JSON.stringify(metadata)) <= MAX_BYTES) return
  throw new Problem('payload_too_large', 'Metadata may be 16 KiB of JSON at most.')
}
