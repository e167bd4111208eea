import type { PoolTransaction as Transaction } from '../database/transaction.ts'

const ADMINS_LOCK = 7_463_010_257

/**
 * Whether nobody would be left to administer if this user were not there. Whoever else takes an administrator away waits
 * until the transaction is over, so that two cannot take away each other.
 */
export async function isLastAdmin (transaction: Transaction, userId: string): Promise<boolean> {
  await transaction.query('SELECT pg_advisory_xact_lock($1)', [ADMINS_LOCK])
  const { rows } = await transaction.query("SELECT id FROM users WHERE 'admin' = ANY(roles) AND disabled_at IS NULL LIMIT 2")
  return rows.length === 1 && rows[0].id === userId
}
