import t from 'tap'
import type { AccessTokenClaims } from '../../src/tokens/access-tokens.ts'
import { createVerifiedTokens } from '../../src/tokens/verified-tokens.ts'
import { nowSeconds } from './grant.ts'

const claimsOf = (sub: string, exp = nowSeconds() + 900): AccessTokenClaims => ({
  iss: 'https://i',
  sub,
  aud: 'https://a',
  exp,
  iat: exp - 900,
  jti: 'j',
  client_id: 'c',
  sid: 's',
  scope: '',
  roles: ['admin'],
  auth_time: exp - 900
})

/** Keys of which some can be removed. */
function createKeys (...kids: string[]) {
  const known = new Set(kids)
  const verificationKey = async (kid: string) => known.has(kid) ? { alg: 'ES256', publicPem: kid } : undefined
  return { verificationKey, remove: (kid: string) => known.delete(kid) }
}

t.test('a token that was verified is found by its whole header', async (t) => {
  const tokens = createVerifiedTokens(createKeys('k'))
  tokens.add('Bearer a', 'k', claimsOf('one'))
  tokens.add('Bearer b', 'k', claimsOf('two'))
  t.equal((await tokens.find('Bearer a'))?.sub, 'one')
  t.equal((await tokens.find('Bearer b'))?.sub, 'two')
  for (const other of ['Bearer ab', 'Bearer', 'Bearer A', 'bearer a', ' Bearer a', '']) {
    t.equal(await tokens.find(other), undefined, other)
  }
})

t.test('a token is not found once it has expired', async (t) => {
  const tokens = createVerifiedTokens(createKeys('k'))
  const exp = nowSeconds() + 60
  tokens.add('Bearer a', 'k', claimsOf('one', exp))
  const realNow = Date.now
  t.teardown(() => { Date.now = realNow })
  Date.now = () => exp * 1000 - 1
  t.ok(await tokens.find('Bearer a'))
  Date.now = () => exp * 1000
  t.equal(await tokens.find('Bearer a'), undefined)
})

t.test('a token is not found once its key has been removed', async (t) => {
  const keys = createKeys('removed', 'kept')
  const tokens = createVerifiedTokens(keys)
  tokens.add('Bearer a', 'removed', claimsOf('one'))
  tokens.add('Bearer b', 'kept', claimsOf('two'))
  keys.remove('removed')
  t.equal(await tokens.find('Bearer a'), undefined)
  t.equal((await tokens.find('Bearer b'))?.sub, 'two')
})

t.test('the oldest token is forgotten when the memory is full', async (t) => {
  const tokens = createVerifiedTokens(createKeys('k'), 2)
  for (const name of ['a', 'b', 'c']) tokens.add(`Bearer ${name}`, 'k', claimsOf(name))
  t.equal(await tokens.find('Bearer a'), undefined)
  t.ok(await tokens.find('Bearer b'))
  t.ok(await tokens.find('Bearer c'))
})

t.test('no request can change the claims that the next one gets', async (t) => {
  const tokens = createVerifiedTokens(createKeys('k'))
  tokens.add('Bearer a', 'k', claimsOf('one'))
  const claims = await tokens.find('Bearer a') as AccessTokenClaims
  t.throws(() => { claims.sub = 'other' }, TypeError)
  t.throws(() => { claims.roles.push('root') }, TypeError)
})
