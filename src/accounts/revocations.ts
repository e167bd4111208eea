import type { PoolClient } from 'pg'
import { parseJson } from '../http/json.ts'
import type { JobRunner } from '../jobs/job-runner.ts'
import type { Providers } from '../providers/registry.ts'
import type { StoredTokens } from './provider-tokens.ts'
import type { Sealer } from '../vault/sealing.ts'

export interface Revocations {
  /** Has a grant taken back at its provider, if the transaction commits: in the background, tried again for three days. */
  request: (grant: { provider: string, tokens: StoredTokens }, transaction: PoolClient) => Promise<void>
}

const REVOCATION_TIMEOUT_MS = 10_000

export function createRevocations (jobs: JobRunner, providers: Providers, sealer: Sealer): Revocations {
  jobs.work('revoke-grant', async (data) => {
    const { provider: id, sealedTokens } = data as { provider: string, sealedTokens: string }
    const provider = providers.get(id)
    const opened = sealer.open(sealedTokens, id)
    // A provider that is no longer enabled, or a key that is gone: there is nobody to ask, or nothing to say.
    if (!provider?.revoke || opened === undefined) return
    const { accessToken, refreshToken } = parseJson(opened) as StoredTokens
    await provider.revoke({ accessToken, refreshToken: refreshToken ?? undefined }, AbortSignal.timeout(REVOCATION_TIMEOUT_MS))
  })

  return {
    request: async ({ provider, tokens }, transaction) => {
      await jobs.add('revoke-grant', { provider, sealedTokens: sealer.seal(JSON.stringify(tokens), provider) }, transaction)
    }
  }
}
