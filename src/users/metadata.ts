import { Type } from 'typebox'
import { checkContent, checkSize } from './preferences.ts'

export type Metadata = Record<string, unknown>

export const MetadataSchema = Type.Unsafe<Metadata>({
  type: 'object',
  additionalProperties: true,
  title: 'Metadata',
  description: "The operator's own JSON object about the user, which the user can only read."
})

/**
 * Throws `validation_failed` for JSON that cannot be stored, `payload_too_large` for more than 16 KiB of it (as for
 * preferences).
 */
export function checkMetadata (metadata: Metadata): void {
  checkContent(metadata, 'Metadata')
  checkSize(metadata, 'Metadata')
}
