import type pg from 'pg'
import { createSealer, type EncryptionKey } from './sealing.ts'

/** The identity of an account, as src/accounts/provider-tokens.ts spells it. */
const ACCOUNT = "provider || ' ' || issuer || ' ' || subject"

/** Where sealed values lie, what they were sealed for, and the column that they are bound to. */
const SEALED = [
  { table: 'signing_keys', column: 'sealed_private_key', key: 'kid', purpose: 'signing-key' },
  { table: 'accounts', column: 'sealed_tokens', key: 'id', purpose: 'provider-tokens', context: ACCOUNT },
  { table: 'accounts', column: 'sealed_refresh_token', key: 'id', purpose: 'provider-tokens', context: ACCOUNT },
  { table: 'webhook_endpoints', column: 'sealed_secret', key: 'id', purpose: 'webhook-secret' },
  { table: 'webhook_endpoints', column: 'sealed_previous_secret', key: 'id', purpose: 'webhook-secret' }
]
const BATCH = 500

export interface Rekeyed { table: string, sealedAnew: number, unreadable: number }

/**
 * Seals all that an older of the ENCRYPTION_KEYS had sealed under the first one, a batch at a time, while the API serves:
 * a value that changes meanwhile is left as it is, since whoever changed it sealed it under the first key. May be
 * stopped and run again. What no key opens stays, and is counted.
 */
export async function rekey (pool: pg.Pool, keys: EncryptionKey[], onProgress: (line: string) => void = () => {}): Promise<Rekeyed[]> {
  const results = []
  for (const { table, column, key, purpose, context = `${key}::text` } of SEALED) {
    const sealer = createSealer(keys, purpose)
    const result = { table, sealedAnew: 0, unreadable: 0 }
    let last = ''
    while (true) {
      const { rows } = await pool.query<{ key: string, context: string, sealed: string }>(`
        SELECT ${key}::text AS key, ${context} AS context, ${column} AS sealed FROM ${table}
        WHERE ${key}::text > $1 AND ${column} IS NOT NULL AND NOT starts_with(${column}, $2) ORDER BY ${key}::text LIMIT ${BATCH}`,
      [last, `${keys[0]?.id}.`])
      for (const row of rows) {
        const opened = sealer.open(row.sealed, row.context) ?? sealer.open(row.sealed, row.key)
        if (opened === undefined) {
          result.unreadable++
        } else {
          const text = `UPDATE ${table} SET ${column} = $3 WHERE ${key}::text = $1 AND ${column} = $2`
          result.sealedAnew += (await pool.query(text, [row.key, row.sealed, sealer.seal(opened, row.context)])).rowCount ?? 0
        }
      }
      last = rows.at(-1)?.key ?? last
      if (rows.length > 0) onProgress(`${table}: ${result.sealedAnew} sealed anew`)
      if (rows.length < BATCH) break
    }
    results.push(result)
  }
  return results
}
