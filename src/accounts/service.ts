import { createHash, randomBytes } from 'node:crypto'
import type { Caller } from '../http/caller.ts'
import type { By } from '../audit/events.ts'
import type { PoolTransaction as Transaction } from '../database/transaction.ts'
import { Problem } from '../http/errors.ts'
import { parseJson } from '../http/json.ts'
import { providerTimeout } from '../providers/failure.ts'
import type { Profile, TokenSet } from '../providers/provider.ts'
import type { Providers } from '../providers/registry.ts'
import type { Account } from '../users/user.ts'
import { toStoredTokens, type ProviderTokens, type StoredTokens } from './provider-tokens.ts'
import type { Sealer } from '../vault/sealing.ts'
import type { AccountRepository, LinkCode, UnlinkedAccount } from './repository.ts'
import type { Revocations } from './revocations.ts'
import { createBulkhead } from './bulkhead.ts'

export interface AccountService {
  /** Keeps an identity that has just been proven at its provider, and returns the code under which a client adds it to a user. */
  holdForLink: (profile: Profile, tokens: TokenSet, client: Omit<LinkCode, 'hash'>) => Promise<string>
  /**
   * Adds the identity behind a code to a user. Undefined when the user is gone. Throws `invalid_grant` for a code that is not good, `account_taken` when
   * another user has it.
   */
  link: (userId: string, code: string, client: Omit<LinkCode, 'hash'>, caller: Caller) => Promise<Account | undefined>
  /** Takes an account away, and its grant back at the provider. Throws `not_found`, or `last_account`. */
  unlink: (userId: string, accountId: string, caller: Caller) => Promise<void>
  /** Deletes a user and all that hangs on it, and has the grants taken back at the providers. False when there is none. Throws `last_admin`. */
  deleteUser: (userId: string, by: By) => Promise<boolean>
  /**
   * An access token of the provider that works for a minute or more, refreshed when it has to be: once, however many
   * ask. Throws `not_found`, `reauthorization_required`, or what the provider's failure calls for.
   */
  providerToken: (userId: string, accountId: string) => Promise<{ accessToken: string, expiresAt: string | null, scope: string }>
}

export interface AccountServiceOptions {
  repository: AccountRepository
  providers: Providers
  tokens: ProviderTokens
  linkSealer: Sealer
  revocations: Revocations
  /** Of connections to the database. */
  poolSize: number
}

export const LINK_CODE_SECONDS = 60
/** A token that ends sooner is no use to whoever has to call with it. */
const USEFUL_MS = 60_000
const REFRESH_TIMEOUT_MS = 8_000

export function createAccountService (options: AccountServiceOptions): AccountService {
  const { repository, providers, tokens, linkSealer, revocations } = options
  const refreshing = new Map<string, Promise<StoredTokens | undefined>>()

  // A refresh locks its row, and so keeps a connection: a provider that hangs must not take all of them (SEC-87).
  const inBulkhead = createBulkhead({
    maxTotal: Math.max(1, Math.floor(options.poolSize / 2)),
    maxPerKey: Math.max(1, Math.floor(options.poolSize / 4))
  })

  /** One caller of this instance goes to the database, one of all instances to the provider: the row is locked meanwhile. */
  async function refreshOnce (accountId: string, provider: string): Promise<StoredTokens | undefined> {
    const running = refreshing.get(accountId) ?? refresh(accountId, provider).finally(() => refreshing.delete(accountId))
    refreshing.set(accountId, running)
    return await running
  }

  async function refresh (accountId: string, providerId: string): Promise<StoredTokens | undefined> {
    const provider = providers.get(providerId)
    const signal = AbortSignal.timeout(REFRESH_TIMEOUT_MS)
    const outcome = await inBulkhead(providerId, signal, () => repository.withLockedTokens(accountId, async ({ account, store }) => {
      const stored = tokens.open(account)
      if (!stored || isUseful(stored)) return { stored }
      if (stored.refreshToken === null || !provider) return { stored: undefined }
      try {
        const fresh = toStoredTokens(await provider.refresh(stored.refreshToken, signal))
        const kept = { ...fresh, refreshToken: fresh.refreshToken ?? stored.refreshToken }
        await store(tokens.seal(account, kept))
        return { stored: kept }
      } catch (error) {
        // The grant is over: nobody needs to ask again.
        if (!(error instanceof Problem) || error.code !== 'reauthorization_required') throw error
        await store(tokens.seal(account, { ...stored, refreshToken: null }))
        return { stored: undefined }
      }
    })).catch((error) => {
      throw error === signal.reason ? providerTimeout(provider?.name ?? providerId, 'token refresh') : error
    })
    return outcome?.stored
  }

  async function revoke (account: UnlinkedAccount, transaction: Transaction): Promise<void> {
    const stored = tokens.open(account)
    if (stored && providers.get(account.provider)?.revoke) await revocations.request({ provider: account.provider, tokens: stored }, transaction)
  }

  return {
    async holdForLink (profile, tokenSet, client) {
      const code = randomBytes(32).toString('base64url')
      const hash = hashCode(code)
      const sealed = linkSealer.seal(JSON.stringify({ profile, tokens: toStoredTokens(tokenSet) }), hash.toString('base64url'))
      await repository.holdForLink({ ...client, hash }, sealed, LINK_CODE_SECONDS)
      return code
    },

    async link (userId, code, client, caller) {
      const hash = hashCode(code)
      const sealed = await repository.spendLinkCode({ ...client, hash })
      const opened = sealed === undefined ? undefined : linkSealer.open(sealed, hash.toString('base64url'))
      if (opened === undefined) throw new Problem('invalid_grant', 'The code is unknown, used, older than a minute, or was not made for these parameters and intent=link.')
      const { profile, tokens: fresh } = parseJson(opened) as { profile: Profile, tokens: StoredTokens }
      const linked = await repository.link(userId, profile, tokens.seal(profile, fresh), caller)
      if (linked === 'taken') throw new Problem('account_taken', 'This account belongs to another user.')
      return linked === 'no-user' ? undefined : linked
    },

    async unlink (userId, accountId, caller) {
      const outcome = await repository.unlink(userId, accountId, caller, revoke)
      if (outcome === 'last') throw new Problem('last_account')
      if (outcome === 'not-found') throw new Problem('not_found', 'There is no such account.')
    },

    async deleteUser (userId, by) {
      const outcome = await repository.deleteUser(userId, by, revoke)
      if (outcome === 'last-admin') throw new Problem('last_admin')
      return outcome === 'deleted'
    },

    async providerToken (userId, accountId) {
      const account = await repository.find(userId, accountId)
      if (!account) throw new Problem('not_found', 'There is no such account.')
      const stored = tokens.open(account)
      const useful = stored && isUseful(stored) ? stored : stored && await refreshOnce(accountId, account.provider)
      if (!useful) throw new Problem('reauthorization_required', 'There is no working token of this provider any more: send the person through its login again.')
      const { accessToken, expiresAt, scope } = useful
      return { accessToken, expiresAt, scope }
    }
  }
}

/** A token of which nobody knows the end is taken at its word. */
function isUseful ({ expiresAt }: StoredTokens): boolean {
  return expiresAt === null || Date.parse(expiresAt) > Date.now() + USEFUL_MS
}

function hashCode (code: string): Buffer {
  return createHash('sha256').update(`link:${code}`).digest()
}
