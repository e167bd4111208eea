import type { Database } from '../plugins/database.ts'

/** What is of use only while it lives, its key, and how long it is kept after that: a replayed code must still be known. */
const SHORT_LIVED = [
  { table: 'spent_states', key: 'hash', keptFor: '0' },
  { table: 'authorization_codes', key: 'hash', keptFor: '1 day' },
  { table: 'link_codes', key: 'hash', keptFor: '0' },
  { table: 'device_grants', key: 'device_code_hash', keptFor: '1 hour' },
  { table: 'revocations', key: 'id', keptFor: '0' },
  { table: 'webhook_deliveries', key: 'id', keptFor: '0' }
]

/** Deletes what has expired, a thousand rows a table at a time. Instances that purge at once pass over each other's rows. */
export async function purgeExpired ({ pool }: Database): Promise<void> {
  for (const { table, key, keptFor } of SHORT_LIVED) {
    await pool.query(`DELETE FROM ${table} WHERE ${key} IN (
      SELECT ${key} FROM ${table} WHERE expires_at < now() - interval '${keptFor}' ORDER BY expires_at LIMIT 1000 FOR UPDATE SKIP LOCKED)`)
  }
}
