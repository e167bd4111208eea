import type pg from 'pg'
import type { Database } from '../database/database.ts'

/** What is of use for a time only: its key, the column (with an index) that says when, and how much longer it is kept. */
const SHORT_LIVED = [
  { table: 'spent_states', key: 'hash', column: 'expires_at', keptFor: '0' },
  // A replayed code must still be known.
  { table: 'authorization_codes', key: 'hash', column: 'expires_at', keptFor: '1 day' },
  { table: 'link_codes', key: 'hash', column: 'expires_at', keptFor: '0' },
  { table: 'device_grants', key: 'device_code_hash', column: 'expires_at', keptFor: '1 hour' },
  { table: 'revocations', key: 'id', column: 'expires_at', keptFor: '0' },
  { table: 'webhook_deliveries', key: 'id', column: 'expires_at', keptFor: '0' },
  // Whoever presents a stolen token of it is still known for what they are.
  { table: 'sessions', key: 'id', column: 'expires_at', keptFor: '30 days' },
  { table: 'sessions', key: 'id', column: 'revoked_at', keptFor: '30 days' }
]

const BATCH = 1000
/** A run has an end, so that it does not meet the next one: what is left then is for that. */
const MAX_BATCHES = 100
/** No client waits for it. */
const BATCH_WAIT_MS = 10_000

/**
 * Deletes what is over, a thousand rows at a time, until there is no more or the run is long enough. Each batch is a
 * transaction of its own, and passes over the rows that somebody else has locked.
 */
export async function purgeExpired ({ pool }: Pick<Database, 'pool'>, { auditRetentionSeconds }: { auditRetentionSeconds: number }): Promise<void> {
  const audit = { table: 'audit_events', key: 'id', column: 'created_at', keptFor: `${auditRetentionSeconds} seconds` }
  for (const { table, key, column, keptFor } of [...SHORT_LIVED, audit]) {
    // As an array, so that the rows are found by their key whatever the planner thinks of the table.
    const text = `DELETE FROM ${table} WHERE ${key} = ANY (ARRAY(
      SELECT ${key} FROM ${table} WHERE ${column} < now() - interval '${keptFor}' ORDER BY ${column} LIMIT ${BATCH} FOR UPDATE SKIP LOCKED))`
    for (let batch = 0; batch < MAX_BATCHES; batch++) {
      const { rowCount } = await pool.query({ text, query_timeout: BATCH_WAIT_MS } as pg.QueryConfig)
      if ((rowCount ?? 0) < BATCH) break
    }
  }
}
