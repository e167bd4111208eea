import { createHash } from 'node:crypto'

/**
 * A UUIDv7 that is always the same for the same name: the time of `createdAt` (or the epoch), and a hash where others
 * have random bits (RFC 9562 section 5.7). So a second run finds what the first one wrote, whatever became of it.
 */
export function stableId (createdAt: Date | undefined, ...name: string[]): string {
  const bytes = createHash('sha256').update(JSON.stringify(name)).digest().subarray(0, 16)
  bytes.writeUIntBE(createdAt?.getTime() ?? 0, 0, 6)
  bytes[6] = 0x70 | (bytes[6]! & 0x0f)
  bytes[8] = 0x80 | (bytes[8]! & 0x3f)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
