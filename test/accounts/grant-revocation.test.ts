import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createGrantRevocation } from '../../src/accounts/grant-revocation.ts'
import { createProviderTokens } from '../../src/accounts/provider-tokens.ts'
import type { Transaction } from '../../src/database/transaction.ts'
import type { JobRunner } from '../../src/jobs/job-runner.ts'
import type { HeldTokens, Provider } from '../../src/providers/provider.ts'
import { createSealer } from '../../src/vault/sealing.ts'

const keys = [{ id: 'k', key: randomBytes(32) }]
const identity = { provider: 'kakao', issuer: 'https://kauth.kakao.com', subject: '1' }

t.test('a provider that revokes learns whether the access token has expired by then', async (t) => {
  const revoked: HeldTokens[] = []
  const provider = { revoke: async (held: HeldTokens) => { revoked.push(held) } } as Partial<Provider> as Provider
  let work: (payload: unknown) => Promise<void> = async () => {}
  const jobs = {
    work: (_task: string, does: typeof work) => { work = does },
    add: async (_task: string, payload: object) => await work(payload)
  } as Partial<JobRunner> as JobRunner
  const tokens = createProviderTokens(createSealer(keys, 'provider-tokens'))
  const sealer = createSealer(keys, 'revocation-jobs')
  const revoke = createGrantRevocation({ jobs, providers: new Map([['kakao', provider]]), tokens, sealer })

  const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString()
  for (const [expiresAt, isExpired] of [
    [inSeconds(-3600), true], [inSeconds(-1), true], [inSeconds(10), true], [inSeconds(120), false], [null, false]
  ] as const) {
    const sealed = tokens.seal(identity, { accessToken: 'a', refreshToken: 'r', expiresAt, scope: '' })
    await revoke({ id: '1', ...identity, ...sealed }, {} as Transaction)
    t.match(revoked.pop(), { accessToken: 'a', refreshToken: 'r', isExpired }, `${expiresAt}`)
  }
})
