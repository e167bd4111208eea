import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createProviderTokens, keepTokens } from '../../src/accounts/provider-tokens.ts'
import { createSealer } from '../../src/vault/sealing.ts'

const tokens = createProviderTokens(createSealer([{ id: 'k', key: randomBytes(32) }], 'provider-tokens'))
const stored = { accessToken: 'a', refreshToken: 'r', expiresAt: '2026-01-01T00:00:00.000Z', scope: 'repo' }

t.test('tokens open for the account that they were sealed for, and for no other', async (t) => {
  const sealed = tokens.seal('account 1', stored)
  t.notMatch(sealed, 'repo')
  t.same(tokens.open('account 1', sealed), stored)
  t.equal(tokens.open('account 2', sealed), undefined)
  t.equal(tokens.open('account 1', null), undefined, 'an account without')
})

t.test('a refresh token that the provider gave once is kept until it gives another', async (t) => {
  const fresh = { accessToken: 'new', refreshToken: undefined, expiresAt: undefined, scope: 'all' }
  t.same(keepTokens(fresh as never, stored), { accessToken: 'new', refreshToken: 'r', expiresAt: null, scope: 'all' })
  t.same(keepTokens(fresh as never, undefined), { accessToken: 'new', refreshToken: null, expiresAt: null, scope: 'all' })
  const expiresAt = new Date('2026-02-01T00:00:00Z')
  t.same(keepTokens({ ...fresh, refreshToken: 'r2', expiresAt } as never, stored),
    { accessToken: 'new', refreshToken: 'r2', expiresAt: '2026-02-01T00:00:00.000Z', scope: 'all' })
})
