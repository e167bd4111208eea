import { recordEvents, type By } from '../audit/events.ts'
import type { Prisma } from '../database/generated/client.ts'
import type { Transaction } from '../database/transaction.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import { hashIdentity, type AccountIdentity } from './identity.ts'

export type EndedAccount = AccountIdentity & { id: string, userId: string }

/** The sessions that were opened through an account. Those of version 0.1 know only the provider. */
export function sessionsThrough (
  { id, userId, provider }: Pick<EndedAccount, 'id' | 'userId' | 'provider'>
): Prisma.SessionWhereInput {
  return { userId, OR: [{ accountId: id }, { accountId: null, provider }] }
}

/**
 * Removes an account: ends the sessions that were opened through it, and keeps its identity from joining this user by
 * email again, since it may have been taken over. The caller holds the user's lock. `now` is the database's time.
 */
export async function removeAccount (tx: Transaction, account: EndedAccount, now: Date, by: By): Promise<void> {
  const { id, userId, provider } = account
  await tx.account.delete({ where: { id }, select: { id: true } })
  const identityHash = hashIdentity(account)
  await tx.unlinkedIdentity.createMany({ data: [{ userId, identityHash }], skipDuplicates: true })
  const details = { ...by.details, accountId: id, sessionId: by.caller.sessionId }
  const event = { type: 'account.unlinked' as const, userId, actorId: by.actorId, provider, details }
  await recordEvents(tx, [event], by.caller)
  await endSessions(tx, { where: sessionsThrough(account), reason: 'account_unlinked', now }, by)
}
