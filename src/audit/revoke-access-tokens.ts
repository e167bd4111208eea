import type { Transaction } from '../database/transaction.ts'
import type { NewEvent } from './new-event.ts'

/**
 * The access tokens of a session, or those that a user was issued before now. A client's own tokens have no session:
 * one is named by its `jti` as the `sessionId`, and all of a client by its id as the `userId`, which is their `sub`.
 */
export type RevokedTokens = { sessionId: string } | { userId: string }

/**
 * Lists access tokens at `GET /revocations` until the last of them has expired. Times and the transaction's id are the
 * database's, by the defaults of the columns.
 */
export async function revokeAccessTokens (tx: Transaction, revoked: RevokedTokens[]): Promise<void> {
  if (revoked.length > 0) await tx.revocation.createMany({ data: revoked })
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** True for the id of a registered client. One of the CLIENTS setting may have another, and changes with a restart. */
export const isListable = (clientId: string) => UUID.test(clientId)

const REVOKES_CLIENT: NewEvent['type'][] = ['client.deleted', 'client.secret_rotated']

/** The detail of a `client.updated` that replaced what the client authenticates by, or took a grant from it. */
export const REVOKES_CLIENT_TOKENS = 'revokesTokens'

/**
 * The access tokens that an event revokes. A change of roles that names a session comes from that session's own
 * sign-in, which only adds a role: its access token has it already.
 */
export function revokedBy ({ type, userId, clientId, details = {} }: NewEvent): RevokedTokens[] {
  const { sessionId } = details
  if (REVOKES_CLIENT.includes(type) || details[REVOKES_CLIENT_TOKENS] === true) {
    return clientId && isListable(clientId) ? [{ userId: clientId }] : []
  }
  if (type === 'session.revoked' || type === 'token.reuse_detected') {
    return typeof sessionId === 'string' ? [{ sessionId }] : []
  }
  const revokesUser = type === 'user.disabled' || (type === 'user.roles_changed' && sessionId === undefined)
  return revokesUser && userId ? [{ userId }] : []
}
