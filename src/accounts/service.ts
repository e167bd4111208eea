import { createHash, randomBytes } from 'node:crypto'
import type { By } from '../audit/events.ts'
import type { Caller } from '../http/caller.ts'
import { Problem } from '../http/errors.ts'
import { parseJson } from '../http/json.ts'
import { providerTimeout } from '../providers/failure.ts'
import type { Profile, TokenSet } from '../providers/provider.ts'
import type { Providers } from '../providers/registry.ts'
import type { Account } from '../users/user.ts'
import type { Sealer } from '../vault/sealing.ts'
import { createBulkhead } from './bulkhead.ts'
import type { LinkCode, LinkCodeRepository } from './link-code-repository.ts'
import type { LockedAccount, ProviderTokenRepository } from './provider-token-repository.ts'
import { toStoredTokens, type ProviderTokens, type StoredTokens } from './provider-tokens.ts'
import type { AccountRepository } from './repository.ts'

/** What a link code is bound to. */
export type LinkRequest = Omit<LinkCode, 'hash'>

export interface LentToken { accessToken: string, expiresAt: string | null, scope: string }

export interface AccountService {
  /** Stores an identity that was proven at its provider. Returns the code that adds it to a user. */
  createLinkCode: (profile: Profile, tokens: TokenSet, request: LinkRequest) => Promise<string>
  /**
   * Adds the identity behind a code to a user. Undefined when the user was deleted. Throws `invalid_grant` for a code
   * that is not valid, `account_taken` when another user has the account, `email_not_allowed`.
   */
  link: (userId: string, code: string, request: LinkRequest, caller: Caller) => Promise<Account | undefined>
  /** Removes an account and revokes its grant at the provider. Throws `not_found`, or `last_account`. */
  unlink: (userId: string, accountId: string, caller: Caller) => Promise<void>
  /**
   * Deletes a user and everything stored about the user, and revokes the grants at the providers. False when there is
   * no such user. Throws `last_admin`.
   */
  deleteUser: (userId: string, by: By) => Promise<boolean>
  /**
   * An access token of the provider that is valid for at least a minute. Refreshed when necessary: once for all
   * concurrent calls, on any instance. Throws `not_found`, `reauthorization_required`, or the error of the provider.
   */
  providerToken: (userId: string, accountId: string) => Promise<LentToken>
}

export interface AccountServiceOptions {
  accounts: AccountRepository
  linkCodes: LinkCodeRepository
  providerTokens: ProviderTokenRepository
  providers: Providers
  tokens: ProviderTokens
  linkSealer: Sealer
  /** The number of database connections. */
  poolSize: number
}

export const LINK_CODE_SECONDS = 60
/** A token is lent while it is valid for at least this long. */
const LENT_FOR_MS = 60_000
const REFRESH_TIMEOUT_MS = 8_000

export function createAccountService (options: AccountServiceOptions): AccountService {
  const { accounts, linkCodes, providerTokens, providers, tokens, linkSealer } = options
  const refreshing = new Map<string, Promise<StoredTokens | undefined>>()

  // A refresh locks its row, and so keeps a connection: a provider that hangs must not take all of them (SEC-87).
  const inBulkhead = createBulkhead({
    maxTotal: Math.max(1, Math.floor(options.poolSize / 2)),
    maxPerKey: Math.max(1, Math.floor(options.poolSize / 4))
  })

  /** Concurrent calls share one refresh: on this instance by the map, on all instances by the lock. */
  async function refreshOnce (accountId: string, provider: string): Promise<StoredTokens | undefined> {
    const running = refreshing.get(accountId) ?? refresh(accountId, provider)
    refreshing.set(accountId, running)
    return await running.finally(() => refreshing.delete(accountId))
  }

  async function refresh (accountId: string, providerId: string): Promise<StoredTokens | undefined> {
    const signal = AbortSignal.timeout(REFRESH_TIMEOUT_MS)
    const work = (locked: LockedAccount) => refreshLocked(locked, signal)
    try {
      return await inBulkhead(providerId, signal, () => providerTokens.withLock(accountId, signal, work))
    } catch (error) {
      if (error !== signal.reason) throw error
      throw providerTimeout(providers.get(providerId)?.name ?? providerId, 'token refresh')
    }
  }

  async function refreshLocked (
    { account, store }: LockedAccount, signal: AbortSignal
  ): Promise<StoredTokens | undefined> {
    const provider = providers.get(account.provider)
    const stored = tokens.open(account)
    if (!stored || isLendable(stored)) return stored
    // Tokens of an app are kept to be revoked: only the app may refresh them.
    if (stored.refreshToken === null || stored.clientId !== undefined || !provider) return undefined
    try {
      const fresh = toStoredTokens(await provider.refresh(stored.refreshToken, stored.scope, signal))
      const kept = { ...fresh, refreshToken: fresh.refreshToken ?? stored.refreshToken }
      await store(tokens.seal(account, kept))
      return kept
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'reauthorization_required') throw error
      // The grant has ended: the provider is not asked again.
      await store(tokens.seal(account, { ...stored, refreshToken: null }))
      return undefined
    }
  }

  return {
    async createLinkCode (profile, tokenSet, request) {
      const code = randomBytes(32).toString('base64url')
      const hash = hashCode(code)
      const identity = JSON.stringify({ profile, tokens: toStoredTokens(tokenSet) })
      const sealed = linkSealer.seal(identity, hash.toString('base64url'))
      await linkCodes.create({ ...request, hash }, sealed, LINK_CODE_SECONDS)
      return code
    },

    async link (userId, code, request, caller) {
      const hash = hashCode(code)
      const sealed = await linkCodes.spend({ ...request, hash })
      const opened = sealed === undefined ? undefined : linkSealer.open(sealed, hash.toString('base64url'))
      if (opened === undefined) throw invalidLinkCode()
      const { profile, tokens: stored } = parseJson(opened) as { profile: Profile, tokens: StoredTokens }
      const linked = await accounts.link(userId, profile, tokens.seal(profile, stored), caller)
      if (linked === 'taken') throw new Problem('account_taken', 'This account belongs to another user.')
      if (linked === 'email-not-allowed') throw new Problem('email_not_allowed')
      return linked === 'no-user' ? undefined : linked
    },

    async unlink (userId, accountId, caller) {
      const outcome = await accounts.unlink(userId, accountId, caller)
      if (outcome === 'last') throw new Problem('last_account')
      if (outcome === 'not-found') throw noSuchAccount()
    },

    async deleteUser (userId, by) {
      const outcome = await accounts.deleteUser(userId, by)
      if (outcome === 'last-admin') throw new Problem('last_admin')
      return outcome === 'deleted'
    },

    async providerToken (userId, accountId) {
      const account = await providerTokens.find(userId, accountId)
      if (!account) throw noSuchAccount()
      const stored = tokens.open(account)
      const lendable = stored && !isLendable(stored) ? await refreshOnce(accountId, account.provider) : stored
      if (!lendable) throw reauthorizationRequired()
      const { accessToken, expiresAt, scope } = lendable
      return { accessToken, expiresAt, scope }
    }
  }
}

/** A token without an expiry counts as valid. */
function isLendable ({ expiresAt }: StoredTokens): boolean {
  return expiresAt === null || Date.parse(expiresAt) > Date.now() + LENT_FOR_MS
}

function hashCode (code: string): NonSharedBuffer {
  return createHash('sha256').update(`link:${code}`).digest()
}

const noSuchAccount = () => new Problem('not_found', 'You have no such account.')

const invalidLinkCode = () => new Problem('invalid_grant',
  'The code is unknown, used or older than a minute, or was not issued for these parameters with intent=link.')

const reauthorizationRequired = () => new Problem('reauthorization_required',
  'The provider accepts no token of this account any more: send the user through its login again.')
