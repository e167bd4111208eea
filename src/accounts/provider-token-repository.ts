import type { Database } from '../database/database.ts'
import { sqlStateOf } from '../database/sql-state.ts'
import { WITH_TOKENS, type AccountWithTokens, type SealedTokens } from './provider-tokens.ts'

/** `store` writes in the transaction that holds the lock. */
export interface LockedAccount { account: AccountWithTokens, store: (tokens: SealedTokens) => Promise<void> }

export interface ProviderTokenRepository {
  find: (userId: string, accountId: string) => Promise<AccountWithTokens | undefined>
  /**
   * Runs `work` while the account's row is locked. Undefined when there is no such account. Waits for the lock until
   * `signal` aborts, and then throws its reason.
   */
  withLock: <Result>(
    accountId: string, signal: AbortSignal, work: (locked: LockedAccount) => Promise<Result>
  ) => Promise<Result | undefined>
}

/** Longer than a provider may take to answer: the row is locked meanwhile. */
const TRANSACTION_MS = 12_000
/** PostgreSQL's code for a lock that was not granted within `lock_timeout`. */
const LOCK_NOT_AVAILABLE = '55P03'

export function createProviderTokenRepository ({ prisma }: Pick<Database, 'prisma'>): ProviderTokenRepository {
  return {
    async find (userId, accountId) {
      return await prisma.account.findFirst({ where: { id: accountId, userId }, select: WITH_TOKENS }) ?? undefined
    },

    withLock: (id, signal, work) => retryingWhileLocked(signal, () => prisma.$transaction(async (tx) => {
      // No statement waits longer than the pool waits for its result.
      await tx.$executeRaw`SET LOCAL lock_timeout = '1s'`
      const rows = await tx.$queryRaw<{ id: string }[]>`
        SELECT id FROM accounts WHERE id = ${id}::uuid FOR NO KEY UPDATE`
      if (rows.length === 0) return undefined
      const account = await tx.account.findUniqueOrThrow({ where: { id }, select: WITH_TOKENS })
      const store = async (data: SealedTokens) => {
        await tx.account.update({ where: { id }, data, select: { id: true } })
      }
      return await work({ account, store })
    }, { timeout: TRANSACTION_MS }))
  }
}

async function retryingWhileLocked<Result> (signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
  while (true) {
    try {
      return await work()
    } catch (error) {
      if (sqlStateOf(error) !== LOCK_NOT_AVAILABLE) throw error
      signal.throwIfAborted()
    }
  }
}
