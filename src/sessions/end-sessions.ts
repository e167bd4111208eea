import { recordEvents, type By } from '../audit/events.ts'
import type { AuditEventType } from '../audit/audit-event.ts'
import type { Prisma } from '../database/generated/client.ts'
import type { Transaction } from '../database/transaction.ts'
import { addLogouts } from './logout-outbox.ts'

export type EndReason = 'logout' | 'revoked' | 'code_replayed' | 'reuse_detected' | 'ended_by_user' | 'user_disabled'
  | 'logged_out_everywhere' | 'too_many_sessions' | 'account_unlinked' | 'ended_by_provider'
  | 'consent_denied' | 'consent_revoked'

export interface SessionEnd {
  where: Prisma.SessionWhereInput
  reason: EndReason
  /** `token.reuse_detected` for a stolen refresh token; else `session.revoked`. */
  eventType?: Extract<AuditEventType, 'session.revoked' | 'token.reuse_detected'>
  /** The database's time. */
  now: Date
}

/**
 * Ends sessions: the one place where that is written. Each leaves an event, revokes its access tokens and reaches the
 * webhooks and its client, in the caller's transaction. Of several calls at once, one ends a session; returns the
 * sessions that this call ended.
 */
export async function endSessions (tx: Transaction, { where, reason, eventType, now }: SessionEnd, by: By) {
  const ended = await tx.session.updateManyAndReturn({
    where: { ...where, revokedAt: null },
    data: { revokedAt: now, revocationReason: reason },
    select: { id: true, userId: true, clientId: true, provider: true }
  })
  await recordEvents(tx, ended.map(({ id, ...session }) => ({
    type: eventType ?? 'session.revoked',
    ...session,
    actorId: by.actorId,
    details: { ...by.details, sessionId: id, reason }
  })), by.caller)
  await addLogouts(tx, ended)
  return ended
}
