import { createHash } from 'node:crypto'
import { deleteUserData } from '../accounts/delete-user-data.ts'
import { removeAccount, sessionsThrough, type EndedAccount } from '../accounts/end-account.ts'
import { recordEvents } from '../audit/events.ts'
import { Conflict, retryingConflicts } from '../database/conflicts.ts'
import type { Database } from '../database/database.ts'
import type { Transaction } from '../database/transaction.ts'
import type { Caller } from '../http/caller.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import { lockUserForDeletion } from '../database/lock-user.ts'
import type { EventMessage, ProviderEvent } from './event.ts'

/** What became of an event, as its audit event has it. */
export type EventOutcome =
  'user_deleted' | 'account_removed' | 'sessions_ended' | 'noted' | 'ignored' | 'unknown_account'

/** How far a deletion is, for the person who asked for it. */
export type DeletionOutcome = 'deleted' | 'signed_out' | 'nothing_stored'
export interface Deletion { outcome: DeletionOutcome, requestedAt: Date }

export interface ProviderEventRepository {
  /** Applies all that a message reports, in one transaction, once: a repeated one changes nothing, on any instance. */
  apply: (message: EventMessage, caller: Caller) => Promise<void>
  findDeletion: (provider: string, code: string) => Promise<Deletion | undefined>
}

export interface ProviderEventOptions {
  /** `keep`: a deletion at the provider ends sessions only. */
  deletions: 'delete' | 'keep'
}

export function createProviderEventRepository (
  { prisma, clock }: Database, { deletions }: ProviderEventOptions
): ProviderEventRepository {
  /** False for a message that was applied before. A concurrent repetition waits for what becomes of the first one. */
  async function spend (tx: Transaction, { provider, id, rememberSeconds }: EventMessage): Promise<boolean> {
    const hash = createHash('sha256').update(`event:${provider}:${id}`).digest()
    const data = [{ hash, expiresAt: clock.inSeconds(rememberSeconds) }]
    return (await tx.spentState.createMany({ data, skipDuplicates: true })).count === 1
  }

  /** The account and its user, locked until the transaction ends. */
  async function lockAccount (tx: Transaction, provider: string, { identity }: ProviderEvent) {
    if (!identity) return undefined
    const where = { provider_issuer_subject: { provider, ...identity } }
    const select = { id: true, userId: true, provider: true, issuer: true, subject: true } as const
    const account: EndedAccount | null = await tx.account.findUnique({ where, select })
    if (!account) return undefined
    await lockUserForDeletion(tx, account.userId)
    const { userId } = account
    const user = await tx.user.findUnique({
      where: { id: userId }, select: { disabledAt: true, accounts: { select: { id: true } } }
    })
    // Unlinked or deleted meanwhile.
    if (!user?.accounts.some(({ id }) => id === account.id)) throw new Conflict()
    return { ...account, isOnly: user.accounts.length === 1, isUserDisabled: user.disabledAt !== null }
  }

  async function applyEvent (
    tx: Transaction, provider: string, event: ProviderEvent, caller: Caller
  ): Promise<EventOutcome> {
    const account = await lockAccount(tx, provider, event)
    const outcome = account ? await applyTo(tx, account, event, caller) : event.identity ? 'unknown_account' : 'ignored'
    // What is recorded must not name a user who is gone.
    const isGone = !account || outcome === 'user_deleted'
    await recordEvents(tx, [{
      type: 'provider.event',
      userId: isGone ? null : account.userId,
      provider,
      details: { event: event.type, outcome, ...isGone ? {} : { accountId: account.id } }
    }], caller)
    return outcome
  }

  async function applyTo (
    tx: Transaction,
    account: EndedAccount & { isOnly: boolean, isUserDisabled: boolean },
    { effect: { ends, note } }: ProviderEvent,
    caller: Caller
  ): Promise<EventOutcome> {
    const { id, userId, provider, isOnly, isUserDisabled } = account
    const now = clock.now()
    // A user whom an administrator disabled does not come back by deleting the account.
    if (ends === 'account' && deletions === 'delete' && !isUserDisabled) {
      if (isOnly) {
        await deleteUserData(tx, userId)
        await recordEvents(tx, [{ type: 'user.deleted', deletedUserId: userId, provider }], caller)
        return 'user_deleted'
      }
      await removeAccount(tx, account, now, { actorId: null, caller, details: { reason: 'deleted_at_provider' } })
      return 'account_removed'
    }
    if (ends) {
      const where = sessionsThrough(account)
      await endSessions(tx, { where, reason: 'ended_by_provider', now }, { actorId: null, caller })
    }
    const forgotten = ends ? { sealedTokens: null, sealedRefreshToken: null } : {}
    const noted = note ? toColumns(note, now) : {}
    if (ends || note) await tx.account.update({ where: { id }, data: { ...forgotten, ...noted }, select: { id: true } })
    return ends ? 'sessions_ended' : note ? 'noted' : 'ignored'
  }

  return {
    apply: (message, caller) => retryingConflicts(() => prisma.$transaction(async (tx) => {
      if (!await spend(tx, message)) return
      const { provider, events, confirmationCode: code } = message
      const outcomes: EventOutcome[] = []
      for (const event of events) outcomes.push(await applyEvent(tx, provider, event, caller))
      if (code === undefined) return
      await tx.deletionRequest.create({
        data: { code, provider, outcome: toDeletionOutcome(outcomes) }, select: { code: true }
      })
    })),

    async findDeletion (provider, code) {
      const request = await prisma.deletionRequest.findFirst({ where: { code, provider } })
      return request ? { outcome: request.outcome as DeletionOutcome, requestedAt: request.createdAt } : undefined
    }
  }
}

function toColumns (note: NonNullable<ProviderEvent['effect']['note']>, now: Date) {
  return 'disabled' in note
    ? { disabledByProviderAt: note.disabled ? now : null }
    : { emailDisabledAt: note.emailDisabled ? now : null }
}

function toDeletionOutcome (outcomes: EventOutcome[]): DeletionOutcome {
  if (outcomes.includes('unknown_account')) return 'nothing_stored'
  return outcomes.includes('sessions_ended') ? 'signed_out' : 'deleted'
}
