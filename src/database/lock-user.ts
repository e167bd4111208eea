import type { Transaction } from './transaction.ts'

/**
 * Locks a user's row until the transaction ends: of two concurrent changes, the second reads what the first wrote.
 * False when there is no such user.
 */
export async function lockUser (tx: Transaction, userId: string): Promise<boolean> {
  const rows = await tx.$queryRaw<{ id: string }[]>`SELECT id FROM users WHERE id = ${userId}::uuid FOR NO KEY UPDATE`
  return rows.length === 1
}

/** Also keeps sign-ins from opening a session or adding an account of the user, which is about to be deleted. */
export async function lockUserForDeletion (tx: Transaction, userId: string): Promise<boolean> {
  const rows = await tx.$queryRaw<{ id: string }[]>`SELECT id FROM users WHERE id = ${userId}::uuid FOR UPDATE`
  return rows.length === 1
}
