import { v7 as uuidv7 } from 'uuid'
import type { Transaction } from '../database/transaction.ts'
import type { Caller } from '../http/caller.ts'
import type { By, NewEvent } from './new-event.ts'
import { addToOutbox } from './outbox.ts'
import { revokeAccessTokens, revokedBy } from './revoke-access-tokens.ts'

export type { By, NewEvent }

/**
 * Records events in the transaction that makes the change: the audit trail, the access tokens that the events revoke,
 * and the webhooks that report them are committed with the change or not at all.
 */
export async function recordEvents (tx: Transaction, events: NewEvent[], caller: Partial<Caller>): Promise<void> {
  const rows = events.map((event) => toRow(event, caller))
  // Prisma caches the plan of `create` and not that of `createMany`.
  if (rows.length === 1) await tx.auditEvent.create({ data: rows[0]!, select: { id: true } })
  else if (rows.length > 1) await tx.auditEvent.createMany({ data: rows })
  await revokeAccessTokens(tx, events.flatMap(revokedBy))
  await addToOutbox(tx, events)
}

function toRow (
  { type, userId = null, actorId = null, clientId, provider = null, details = {} }: NewEvent,
  caller: Partial<Caller>
) {
  const { ipAddress = null, userAgent = null, requestId = null } = caller
  return {
    id: uuidv7(),
    type,
    userId,
    actorId,
    clientId: clientId ?? caller.clientId ?? null,
    provider,
    ipAddress,
    userAgent,
    requestId,
    details
  }
}
