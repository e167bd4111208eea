import { list } from '../providers/comma-separated.ts'
import type { EncryptionKey } from '../vault/sealing.ts'
import type { Check } from './check.ts'

/** ENCRYPTION_KEYS: `id:base64`, comma-separated. No mistake quotes a key. */
export function readEncryptionKeys (text: string, production: boolean, check: Check): EncryptionKey[] {
  const keys = list(text).map((entry, index) => readKey(entry, `ENCRYPTION_KEYS: key ${index + 1}`, production, check))
  check(keys.length > 0, 'ENCRYPTION_KEYS must hold at least one key')
  check(new Set(keys.map(({ id }) => id)).size === keys.length, 'ENCRYPTION_KEYS: two keys have the same id')
  return keys
}

function readKey (entry: string, name: string, production: boolean, check: Check): EncryptionKey {
  const [, id, base64 = ''] = /^([A-Za-z0-9_-]{1,32}):([A-Za-z0-9+/_-]+={0,2})$/.exec(entry) ?? []
  check(id !== undefined, `${name} must be written id:base64`)
  if (id === undefined) return { id: entry, key: Buffer.alloc(0) }
  const key = Buffer.from(base64, 'base64')
  const isRandom = new Set(key).size >= 8
  check(key.length === 32, `${name} must be 32 bytes long, in base64; make one with: openssl rand -base64 32`)
  check(!production || isRandom, `${name} is not random (an example?); make one with: openssl rand -base64 32`)
  return { id, key }
}
