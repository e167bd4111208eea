import { member } from '../../../src/providers/claims.ts'
import { idOf } from '../person.ts'
import type { Source } from '../source.ts'

/**
 * OpenAuth (https://openauth.js.org/docs/storage/memory/) keeps no users and no accounts at providers: what a provider
 * said goes to the app's `success` callback and is not stored. Its key-value store has refresh tokens by subject
 * (`oauth:refresh, subject, token`), and of the password provider the addresses that it verified by a code
 * (`email, address, subject`). So people with a password come along by their address (`--by-email`); everyone else is
 * listed. Reads `[[key, { value }], ...]`, which is what MemoryStorage persists, or lines of `{"key", "value"}`.
 */
export const openauth: Source = {
  id: 'openauth',
  name: 'OpenAuth',
  format: 'json',

  async * people (records) {
    const seen = new Set<string>()
    for await (const record of records) {
      const [kind, name, what] = keyOf(record)
      const isAddress = kind === 'email' && what === 'subject'
      if (!isAddress && kind !== 'oauth:refresh') continue
      const id = idOf(isAddress ? valueOf(record) : name)
      if (seen.has(id) && !isAddress) continue
      seen.add(id)
      yield {
        id,
        email: isAddress ? name : undefined,
        emailVerified: isAddress,
        otherWays: isAddress ? ['password'] : [],
        identities: []
      }
    }
  }
}

/** Parts of a key are joined by U+001F. */
function keyOf (record: unknown): unknown[] {
  const key = Array.isArray(record) ? record[0] : member(record, 'key')
  if (typeof key === 'string') return key.split('\x1f')
  return Array.isArray(key) ? key : []
}

function valueOf (record: unknown): unknown {
  return Array.isArray(record) ? member(record[1], 'value') : member(record, 'value')
}
