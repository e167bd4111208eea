import type { PoolTransaction } from '../database/transaction.ts'

/** @deprecated Use `isLastAdmin` of last-admin.ts. */
export async function isLastAdmin (transaction: PoolTransaction, userId: string): Promise<boolean> {
  await transaction.query('SELECT pg_advisory_xact_lock($1)', [7_463_010_257])
  const text = "SELECT id FROM users WHERE 'admin' = ANY(roles) AND disabled_at IS NULL LIMIT 2"
  const { rows } = await transaction.query<{ id: string }>(text)
  return rows.length === 1 && rows[0]?.id === userId
}
