import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createProviderTokens, toStoredTokens } from '../../src/accounts/provider-tokens.ts'
import { createSealer } from '../../src/vault/sealing.ts'

const sealer = createSealer([{ id: 'k', key: randomBytes(32) }], 'provider-tokens')
const tokens = createProviderTokens(sealer)
const identity = { provider: 'github', issuer: 'https://github.com', subject: '1' }
const stored = { accessToken: 'a', refreshToken: 'r', expiresAt: '2026-01-01T00:00:00.000Z', scope: 'repo' }

t.test('tokens open for the account that they were sealed for, and for no other', async (t) => {
  const sealed = tokens.seal(identity, stored)
  t.notMatch(JSON.stringify(sealed), 'repo')
  t.same(tokens.open({ id: '1', ...identity, ...sealed }), stored)
  for (const other of [{ provider: 'gitlab' }, { issuer: 'https://github.example' }, { subject: '2' }]) {
    t.equal(tokens.open({ id: '1', ...identity, ...other, ...sealed }), undefined, JSON.stringify(other))
  }
  const without = { id: '1', ...identity, sealedTokens: null, sealedRefreshToken: null }
  t.equal(tokens.open(without), undefined, 'an account without tokens')
})

t.test('a refresh token has a column of its own, and stays when the other changes', async (t) => {
  const { sealedRefreshToken } = tokens.seal(identity, stored)
  const later = tokens.seal(identity, { ...stored, accessToken: 'later', refreshToken: null })
  t.equal(later.sealedRefreshToken, null)
  t.same(tokens.open({ id: '1', ...identity, ...later, sealedRefreshToken }), { ...stored, accessToken: 'later' })
})

t.test('tokens that version 0.1 sealed still open', async (t) => {
  const sealedTokens = sealer.seal(JSON.stringify(stored), 'account 1')
  t.same(tokens.open({ id: 'account 1', ...identity, sealedTokens, sealedRefreshToken: null }), stored)
  t.equal(tokens.open({ id: 'account 2', ...identity, sealedTokens, sealedRefreshToken: null }), undefined)
})

t.test('a token set is stored with null for what the provider did not say', async (t) => {
  const unsaid = { refreshToken: undefined, idToken: undefined, expiresAt: undefined }
  const tokenSet = { accessToken: 'a', scope: 'all', answer: {}, ...unsaid }
  t.same(toStoredTokens(tokenSet), { accessToken: 'a', refreshToken: null, expiresAt: null, scope: 'all' })
  const expiresAt = new Date('2026-02-01T00:00:00Z')
  t.same(toStoredTokens({ ...tokenSet, refreshToken: 'r', expiresAt }),
    { accessToken: 'a', refreshToken: 'r', expiresAt: '2026-02-01T00:00:00.000Z', scope: 'all' })
})
