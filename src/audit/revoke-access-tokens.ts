import type { Transaction } from '../database/transaction.ts'
import type { NewEvent } from './new-event.ts'

/** The access tokens of a session, or those that a user was issued before now. */
export type RevokedTokens = { sessionId: string } | { userId: string }

/**
 * Lists access tokens at `GET /revocations` until the last of them has expired. Times and the transaction's id are the
 * database's, by the defaults of the columns.
 */
export async function revokeAccessTokens (tx: Transaction, revoked: RevokedTokens[]): Promise<void> {
  if (revoked.length > 0) await tx.revocation.createMany({ data: revoked })
}

/**
 * The access tokens that an event revokes. A change of roles that names a session comes from that session's own
 * sign-in, which only adds a role: its access token has it already.
 */
export function revokedBy ({ type, userId, details = {} }: NewEvent): RevokedTokens[] {
  const { sessionId } = details
  if (type === 'session.revoked' || type === 'token.reuse_detected') {
    return typeof sessionId === 'string' ? [{ sessionId }] : []
  }
  const revokesUser = type === 'user.disabled' || (type === 'user.roles_changed' && sessionId === undefined)
  return revokesUser && userId ? [{ userId }] : []
}
