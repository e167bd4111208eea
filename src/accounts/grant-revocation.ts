import type { Transaction } from '../database/transaction.ts'
import { parseJson } from '../http/json.ts'
import type { JobRunner } from '../jobs/job-runner.ts'
import type { Providers } from '../providers/registry.ts'
import type { Sealer } from '../vault/sealing.ts'
import type { AccountWithTokens, ProviderTokens, StoredTokens } from './provider-tokens.ts'

/**
 * Revokes the grant behind an account at its provider, where the provider offers that: in the background, once the
 * transaction commits, retried for three days.
 */
export type RevokeGrant = (account: AccountWithTokens, tx: Transaction) => Promise<void>

export interface GrantRevocationOptions {
  jobs: JobRunner
  providers: Providers
  tokens: ProviderTokens
  sealer: Sealer
}

interface RevocationJob { provider: string, sealedTokens: string }

const REVOCATION_TIMEOUT_MS = 10_000
/** An access token that expires within this time may have expired when the provider reads it. */
const CALL_MS = 30_000

/** The account is gone when the job runs, so the job carries the tokens, sealed under a key of its own. */
export function createGrantRevocation ({ jobs, providers, tokens, sealer }: GrantRevocationOptions): RevokeGrant {
  jobs.work('revoke-grant', async (payload) => {
    const { provider: id, sealedTokens } = payload as RevocationJob
    const provider = providers.get(id)
    const opened = sealer.open(sealedTokens, id)
    // The provider is no longer configured, or the key was removed: then the grant cannot be revoked.
    if (!provider?.revoke || opened === undefined) return
    const { accessToken, refreshToken, clientId, expiresAt } = parseJson(opened) as StoredTokens
    const signal = AbortSignal.timeout(REVOCATION_TIMEOUT_MS)
    const isExpired = expiresAt !== null && Date.parse(expiresAt) <= Date.now() + CALL_MS
    await provider.revoke({ accessToken, refreshToken: refreshToken ?? undefined, clientId, isExpired }, signal)
  })

  return async (account, tx) => {
    const { provider } = account
    const stored = tokens.open(account)
    if (!stored || !providers.get(provider)?.revoke) return
    const job: RevocationJob = { provider, sealedTokens: sealer.seal(JSON.stringify(stored), provider) }
    await jobs.add('revoke-grant', job, tx)
  }
}
