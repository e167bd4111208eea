import { revokeAccessTokens } from '../audit/revoke-access-tokens.ts'
import type { Transaction } from '../database/transaction.ts'
import { addLogouts } from '../sessions/logout-outbox.ts'

/**
 * Deletes a user with accounts and sessions, and everything recorded about the user. What the user did to others stays,
 * without the user's id, address and device. The access tokens are revoked by session: only what clients and webhooks
 * have yet to learn names the user.
 */
export async function deleteUserData (tx: Transaction, userId: string): Promise<void> {
  const select = { id: true, userId: true, clientId: true }
  const sessions = await tx.session.findMany({ where: { userId, revokedAt: null }, select })
  await tx.revocation.deleteMany({ where: { userId } })
  await revokeAccessTokens(tx, sessions.map(({ id }) => ({ sessionId: id })))
  await addLogouts(tx, sessions)
  await tx.user.delete({ where: { id: userId }, select: { id: true } })
  await deleteSentWebhooks(tx, userId)
  await tx.auditEvent.deleteMany({ where: { userId } })
  // The condition of the partial index audit_events_actor_id_idx, which a typed query cannot spell.
  await tx.$executeRaw`
    UPDATE audit_events SET actor_id = NULL, ip_address = NULL, user_agent = NULL
    WHERE actor_id = ${userId}::uuid AND actor_id IS DISTINCT FROM user_id`
}

/** Pending deliveries stay: endpoints must learn of the deletion. */
async function deleteSentWebhooks (tx: Transaction, userId: string): Promise<void> {
  const endpoints = await tx.webhookEndpoint.findMany({ select: { id: true } })
  const endpointId = { in: endpoints.map(({ id }) => id) }
  await tx.webhookDelivery.deleteMany({ where: { status: { in: ['delivered', 'failed'] }, endpointId, userId } })
}
