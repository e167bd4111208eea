import type pg from 'pg'
import { v7 as uuidv7 } from 'uuid'
import type { Caller } from '../http/caller.ts'
import { recordEvents, type By } from '../audit/old-events.ts'
import { retryingConflicts } from '../database/conflicts.ts'
import { inTransaction, type PoolTransaction as Transaction } from '../database/transaction.ts'
import type { Database } from '../database/database.ts'
import type { Profile } from '../providers/provider.ts'
import { CUT_OFF_DELETED_USER } from '../audit/old-revoke-access-tokens.ts'
import type { AccountIdentity } from './identity.ts'
import type { SealedTokens } from './provider-tokens.ts'
import { isLastAdmin } from '../users/last-admin.ts'
import { toAccount, type Account } from '../users/user.ts'
import { UPDATED } from '../users/user-row.ts'

export interface LinkCode { hash: Buffer, clientId: string, redirectUri: string, codeChallenge: string }

export type AccountWithTokens = AccountIdentity & SealedTokens & { id: string }
export type UnlinkedAccount = AccountWithTokens

/** An account's tokens, held so that nobody else changes them meanwhile. */
export interface LockedTokens { account: AccountWithTokens, store: (sealed: SealedTokens) => Promise<void> }

export interface AccountRepository {
  /** Keeps who signed in at the provider until the client comes with the code. */
  holdForLink: (code: LinkCode, sealedIdentity: string, lifetimeSeconds: number) => Promise<void>
  /** Spends a code; of many that present it at once, one gets the identity. */
  spendLinkCode: (code: LinkCode) => Promise<string | undefined>
  /**
   * Adds an account to a user: all or nothing. `taken` when another user has it; `no-user` when the user is gone.
   */
  link: (userId: string, profile: Profile, tokens: SealedTokens, caller: Caller) => Promise<Account | 'taken' | 'no-user'>
  /** Takes an account away, never the last. `afterwards` runs in the same transaction. */
  unlink: (userId: string, accountId: string, caller: Caller, afterwards: (account: UnlinkedAccount, transaction: Transaction) => Promise<void>)
  => Promise<'unlinked' | 'last' | 'not-found'>
  /**
   * Deletes a user and all that hangs on it, all or nothing. With an actor, an administrator: any but the last of those;
   * without, the user themself. Who is deleted is named nowhere. `afterwards` runs in the same transaction.
   */
  deleteUser: (userId: string, by: By, afterwards: (account: UnlinkedAccount, transaction: Transaction) => Promise<void>)
  => Promise<'deleted' | 'last-admin' | 'not-found'>
  find: (userId: string, accountId: string) => Promise<AccountWithTokens | undefined>
  /** Runs `work` while the account's row is locked; undefined when the account is gone. */
  withLockedTokens: <Result>(accountId: string, work: (tokens: LockedTokens) => Promise<Result>) => Promise<Result | undefined>
}

const WITH_TOKENS = 'id, provider, issuer, subject, sealed_tokens AS "sealedTokens", sealed_refresh_token AS "sealedRefreshToken"'

/** A little longer than a provider may take to answer. */
const HOLD_MS = 12_000

const HOLD = `INSERT INTO link_codes (hash, client_id, redirect_uri, code_challenge, sealed_identity, expires_at)
  VALUES ($1, $2, $3, $4, $5, now() + $6 * interval '1 second')`

const SPEND = `UPDATE link_codes SET spent_at = now()
  WHERE hash = $1 AND client_id = $2 AND redirect_uri = $3 AND code_challenge = $4 AND spent_at IS NULL AND expires_at > now()
  RETURNING sealed_identity`

/** Somebody without an email gets the one that a new account proves, when nobody holds it. */
const ADOPT_EMAIL = `UPDATE users SET email = $2, ${UPDATED} WHERE id = $1::uuid AND email IS NULL AND NOT EXISTS (SELECT 1 FROM users WHERE email = $2)`

/** What was written down of the user goes too, what endpoints were told as well, and what they did to others no longer names them. */
const FORGET = [
  ...CUT_OFF_DELETED_USER,
  'DELETE FROM users WHERE id = $1',
  "DELETE FROM webhook_deliveries WHERE status IN ('delivered', 'failed') AND endpoint_id IN (SELECT id FROM webhook_endpoints) AND user_id = $1",
  'DELETE FROM audit_events WHERE user_id = $1',
  'UPDATE audit_events SET actor_id = NULL, ip_address = NULL, user_agent = NULL WHERE actor_id = $1'
]

export function createAccountRepository ({ pool, prisma }: Database): AccountRepository {
  return {
    async holdForLink ({ hash, clientId, redirectUri, codeChallenge }, sealedIdentity, lifetimeSeconds) {
      await pool.query(HOLD, [hash, clientId, redirectUri, codeChallenge, sealedIdentity, lifetimeSeconds])
    },

    async spendLinkCode ({ hash, clientId, redirectUri, codeChallenge }) {
      return (await pool.query(SPEND, [hash, clientId, redirectUri, codeChallenge])).rows[0]?.sealed_identity
    },

    link: (userId, profile, { sealedTokens, sealedRefreshToken }, caller) => retryingConflicts(async () => await prisma.$transaction(async (tx) => {
      const { provider, issuer, subject, ...described } = profile
      // A deletion that is on its way comes before, or waits.
      const { length } = await tx.$queryRaw<unknown[]>`SELECT 1 FROM users WHERE id = ${userId}::uuid FOR KEY SHARE`
      if (length === 0) return 'no-user'
      const known = await tx.account.findUnique({ where: { provider_issuer_subject: { provider, issuer, subject } } })
      if (known && known.userId !== userId) return 'taken'
      if (known) {
        // Apple tells the name once: what is not said this time stays.
        const data = { ...described, name: described.name ?? known.name, sealedTokens, sealedRefreshToken: sealedRefreshToken ?? known.sealedRefreshToken }
        return toAccount(await tx.account.update({ where: { id: known.id }, data }))
      }
      const id = uuidv7()
      const account = await tx.account.create({ data: { id, userId, provider, issuer, subject, ...described, sealedTokens, sealedRefreshToken } })
      const adopted = profile.emailVerified ? await tx.$executeRawUnsafe(ADOPT_EMAIL, userId, profile.email) : 0
      const by = { userId, actorId: userId, provider }
      await recordEvents(tx, [
        { type: 'account.linked', ...by, details: { accountId: id } },
        ...adopted === 0 ? [] : [{ type: 'user.updated', ...by, details: { fields: ['email'] } } as const]
      ], caller)
      return toAccount(account)
    })),

    unlink: (userId, accountId, caller, afterwards) => inTransaction(pool, async (transaction) => {
      // Whoever else unlinks waits here, and then counts what is left.
      await transaction.query('SELECT 1 FROM users WHERE id = $1 FOR UPDATE', [userId])
      const { rows } = await transaction.query(`SELECT ${WITH_TOKENS} FROM accounts WHERE user_id = $1`, [userId])
      const account: UnlinkedAccount | undefined = rows.find(({ id }) => id === accountId)
      if (!account) return 'not-found'
      if (rows.length === 1) return 'last'
      await transaction.query('DELETE FROM accounts WHERE id = $1', [accountId])
      const event = { type: 'account.unlinked', userId, actorId: userId, provider: account.provider, details: { accountId } } as const
      await recordEvents(transaction, [event], caller)
      await afterwards(account, transaction)
      return 'unlinked'
    }),

    deleteUser: (userId, { actorId, caller }, afterwards) => retryingConflicts(() => inTransaction(pool, async (transaction) => {
      if (actorId !== null && await isLastAdmin(transaction, userId)) return 'last-admin'
      const { rowCount } = await transaction.query('SELECT 1 FROM users WHERE id = $1 FOR UPDATE', [userId])
      if (rowCount === 0) return 'not-found'
      const { rows } = await transaction.query<UnlinkedAccount>(`SELECT ${WITH_TOKENS} FROM accounts WHERE user_id = $1`, [userId])
      for (const account of rows) await afterwards(account, transaction)
      for (const statement of FORGET) await transaction.query(statement, [userId])
      const isNamed = actorId !== null && actorId !== userId
      await recordEvents(transaction, [{ type: 'user.deleted', deletedUserId: userId, actorId: isNamed ? actorId : null }], isNamed ? caller : { requestId: caller.requestId as string })
      return 'deleted'
    })),

    async find (userId, accountId) {
      const text = `SELECT ${WITH_TOKENS} FROM accounts WHERE id = $1 AND user_id = $2`
      return (await pool.query({ name: 'account-tokens', text, values: [accountId, userId] })).rows[0]
    },

    withLockedTokens: (accountId, work) => inTransaction(pool, async (transaction) => {
      // Who holds it is asking the provider: worth a longer wait than any other lock.
      await transaction.query(`SET LOCAL lock_timeout = ${HOLD_MS}; SET LOCAL statement_timeout = ${HOLD_MS}`)
      const text = `SELECT ${WITH_TOKENS} FROM accounts WHERE id = $1 FOR UPDATE`
      const { rows: [row] } = await transaction.query({ text, values: [accountId], query_timeout: HOLD_MS } as pg.QueryConfig)
      return row && await work({
        account: row,
        store: async ({ sealedTokens, sealedRefreshToken }) => {
          await transaction.query('UPDATE accounts SET sealed_tokens = $2, sealed_refresh_token = $3 WHERE id = $1', [accountId, sealedTokens, sealedRefreshToken])
        }
      })
    })
  }
}
