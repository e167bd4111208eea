import type { Database } from '../database/database.ts'
import { Prisma } from '../database/generated/client.ts'

export interface PurgeDatabase { prisma: Pick<Database['prisma'], '$executeRaw'> }
export interface PurgeOptions { auditRetentionSeconds: number }

/** Rows of a table that may be deleted so long after the time in `column`, which has an index. */
interface Expiry { table: string, key: string, column: string, keepFor: string }

const EXPIRIES: Expiry[] = [
  { table: 'spent_states', key: 'hash', column: 'expires_at', keepFor: '0' },
  // The replay of a code is detected by its row.
  { table: 'authorization_codes', key: 'hash', column: 'expires_at', keepFor: '1 day' },
  { table: 'link_codes', key: 'hash', column: 'expires_at', keepFor: '0' },
  { table: 'device_grants', key: 'device_code_hash', column: 'expires_at', keepFor: '1 hour' },
  { table: 'deletion_requests', key: 'code', column: 'expires_at', keepFor: '0' },
  { table: 'revocations', key: 'id', column: 'expires_at', keepFor: '0' },
  { table: 'webhook_deliveries', key: 'id', column: 'expires_at', keepFor: '0' },
  { table: 'logout_deliveries', key: 'id', column: 'expires_at', keepFor: '0' },
  { table: 'dynamic_clients', key: 'client_id', column: 'last_used_at', keepFor: '30 days' },
  // The theft of a refresh token is detected by its session's row.
  { table: 'sessions', key: 'id', column: 'expires_at', keepFor: '30 days' },
  { table: 'sessions', key: 'id', column: 'revoked_at', keepFor: '30 days' }
]

/** Small, so that a slow disk deletes a batch well within the time that a statement may take. */
const BATCH = 250
/** Limits a run of each table to 100,000 rows, so that it ends before the next one begins. */
const MAX_BATCHES = 400

/**
 * Deletes expired rows in batches, until none is left or the run is long enough. Each batch is a transaction of its own
 * and skips rows that another transaction has locked, so that several instances may purge at once.
 */
export async function purgeExpired ({ prisma }: PurgeDatabase, { auditRetentionSeconds }: PurgeOptions): Promise<void> {
  const audit = { table: 'audit_events', key: 'id', column: 'created_at', keepFor: `${auditRetentionSeconds} seconds` }
  for (const expiry of [...EXPIRIES, audit]) {
    const statement = deleteBatch(expiry)
    for (let batch = 0; batch < MAX_BATCHES; batch++) {
      if (await prisma.$executeRaw(statement) < BATCH) break
    }
  }
}

function deleteBatch (expiry: Expiry): Prisma.Sql {
  const [table, key, column] = [expiry.table, expiry.key, expiry.column].map((name) => Prisma.raw(name))
  // With ARRAY the rows are found by their key, whatever the planner knows of the table.
  return Prisma.sql`
    DELETE FROM ${table} WHERE ${key} = ANY (ARRAY(
      SELECT ${key} FROM ${table} WHERE ${column} < now() - ${expiry.keepFor}::interval
      ORDER BY ${column} LIMIT ${BATCH} FOR UPDATE SKIP LOCKED))`
}
