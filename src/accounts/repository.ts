import { v7 as uuidv7 } from 'uuid'
import { recordEvents, type By } from '../audit/events.ts'
import { retryingConflicts } from '../database/conflicts.ts'
import type { Database } from '../database/database.ts'
import type { Transaction } from '../database/transaction.ts'
import type { Caller } from '../http/caller.ts'
import type { Profile } from '../providers/provider.ts'
import { isEmailAllowed, provenEmail, type AdmissionPolicy } from '../users/admission.ts'
import { isLastAdmin } from '../users/last-admin.ts'
import { lockUser, lockUserForDeletion } from '../database/lock-user.ts'
import { updatedAfter } from '../users/updated-at.ts'
import { toAccount, type Account } from '../users/user.ts'
import { deleteUserData } from './delete-user-data.ts'
import { removeAccount } from './end-account.ts'
import type { RevokeGrant } from './grant-revocation.ts'
import { hashIdentity } from './identity.ts'
import { WITH_TOKENS, type SealedTokens } from './provider-tokens.ts'

export interface AccountRepository {
  /**
   * Adds an account to a user, all or nothing. `taken` when another user has the account; `no-user` when the user was
   * deleted; `email-not-allowed` when neither the user nor the account has an address of an allowed domain.
   */
  link: (
    userId: string, profile: Profile, tokens: SealedTokens, caller: Caller
  ) => Promise<Account | 'taken' | 'no-user' | 'email-not-allowed'>
  /**
   * Removes an account, but never the last one: revokes its grant, ends the sessions that were opened through it, and
   * keeps its identity from joining this user by email again.
   */
  unlink: (userId: string, accountId: string, caller: Caller) => Promise<'unlinked' | 'last' | 'not-found'>
  /**
   * Deletes a user and everything stored about the user, all or nothing, and revokes the grants. By an administrator,
   * never the last administrator; by the users themselves, with `actorId` null, also that one.
   */
  deleteUser: (userId: string, by: By) => Promise<'deleted' | 'last-admin' | 'not-found'>
}

export function createAccountRepository (
  { prisma, clock }: Database, revokeGrant: RevokeGrant, policy: Pick<AdmissionPolicy, 'allowedEmailDomains'>
): AccountRepository {
  const inTransaction = <Result>(work: (tx: Transaction) => Promise<Result>) =>
    retryingConflicts(() => prisma.$transaction(work))

  /** Gives a user without an email the address that a new account proves, unless another user has it. */
  async function adoptEmail (tx: Transaction, userId: string, { email, emailVerified }: Profile): Promise<boolean> {
    if (!emailVerified || email === null) return false
    const user = await tx.user.findUniqueOrThrow({ where: { id: userId }, select: { email: true, updatedAt: true } })
    if (user.email !== null || await tx.user.findUnique({ where: { email }, select: { id: true } })) return false
    const data = { email, updatedAt: updatedAfter(user.updatedAt, clock.now()) }
    await tx.user.update({ where: { id: userId }, data, select: { id: true } })
    return true
  }

  return {
    link: (userId, profile, tokens, caller) => inTransaction(async (tx) => {
      if (!await lockUser(tx, userId)) return 'no-user'
      const { provider, issuer, subject } = profile
      const where = { provider_issuer_subject: { provider, issuer, subject } }
      const known = await tx.account.findUnique({ where, select: { id: true, userId: true } })
      if (known && known.userId !== userId) return 'taken'
      if (known) return toAccount(await tx.account.update({ where, data: changesOf(profile, tokens) }))
      const user = await tx.user.findUniqueOrThrow({ where: { id: userId }, select: { email: true } })
      if (!isEmailAllowed(policy, user.email, provenEmail(profile))) return 'email-not-allowed'

      const account = await tx.account.create({ data: { id: uuidv7(), userId, ...profile, ...tokens } })
      await tx.unlinkedIdentity.deleteMany({ where: { userId, identityHash: hashIdentity(profile) } })
      const hasNewEmail = await adoptEmail(tx, userId, profile)
      const by = { userId, actorId: userId, provider }
      await recordEvents(tx, [
        { type: 'account.linked', ...by, details: { accountId: account.id, sessionId: caller.sessionId } },
        ...hasNewEmail ? [{ type: 'user.updated' as const, ...by, details: { fields: ['email'] } }] : []
      ], caller)
      return toAccount(account)
    }),

    unlink: (userId, accountId, caller) => inTransaction(async (tx) => {
      // A concurrent unlink waits here, and then counts the accounts that are left.
      await lockUser(tx, userId)
      const accounts = await tx.account.findMany({ where: { userId }, select: WITH_TOKENS })
      const account = accounts.find(({ id }) => id === accountId)
      if (!account) return 'not-found'
      if (accounts.length === 1) return 'last'
      await removeAccount(tx, { ...account, userId }, clock.now(), { actorId: userId, caller })
      await revokeGrant(account, tx)
      return 'unlinked'
    }),

    deleteUser: (userId, by) => inTransaction(async (tx) => {
      if (by.actorId !== null && await isLastAdmin(tx, userId)) return 'last-admin'
      if (!await lockUserForDeletion(tx, userId)) return 'not-found'
      const accounts = await tx.account.findMany({ where: { userId }, select: WITH_TOKENS })
      for (const account of accounts) await revokeGrant(account, tx)
      await deleteUserData(tx, userId)
      const { actorId, caller } = by.actorId === userId ? { ...by, actorId: null } : by
      const event = { type: 'user.deleted' as const, deletedUserId: userId, actorId }
      await recordEvents(tx, [event], actorId === null ? onlyRequestId(caller) : caller)
      return 'deleted'
    })
  }
}

/** A provider leaves out a name (Apple) or a refresh token after the first time: those stay. */
function changesOf ({ name, ...profile }: Profile, { sealedTokens, sealedRefreshToken }: SealedTokens) {
  return {
    ...profile,
    sealedTokens,
    ...name === null ? {} : { name },
    ...sealedRefreshToken === null ? {} : { sealedRefreshToken }
  }
}

/** The address and the device of a request are those of the user who is being deleted. */
function onlyRequestId ({ requestId }: Partial<Caller>): Partial<Caller> {
  return requestId === undefined ? {} : { requestId }
}
