import type { Transaction } from '../database/transaction.ts'

const ADMINS_LOCK = 7_463_010_257n

/**
 * True when this user is the only administrator who is not disabled. Until the transaction ends, every other call of
 * this function waits: so two administrators cannot remove each other.
 */
export async function isLastAdmin (tx: Transaction, userId: string): Promise<boolean> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(${ADMINS_LOCK})`
  // Typed, `has` would not use the partial index users_admins_idx.
  const admins = await tx.$queryRaw<{ id: string }[]>`
    SELECT id FROM users WHERE 'admin' = ANY(roles) AND disabled_at IS NULL LIMIT 2`
  return admins.length === 1 && admins[0]?.id === userId
}
