import { createHash } from 'node:crypto'
import t from 'tap'
import { createIdTokens, ID_TOKEN_CLAIMS, identityClaims } from '../../src/tokens/id-tokens.ts'
import { grant, keys, nowSeconds } from './grant.ts'

const options = { issuer: 'https://i', lifetimeSeconds: 600, algorithm: 'ES256' } as const

t.test('an ID token has the claims of OpenID Connect Core section 2', async (t) => {
  const issue = createIdTokens(keys, options)
  const token = JSON.parse(await issue({ ...grant, scope: `${grant.scope} roles` }, 'access') ?? '')
  const { iat, exp, at_hash: hash, ...claims } = token
  t.same(claims, {
    type: 'JWT',
    iss: 'https://i',
    sub: 'u',
    aud: 'c',
    sid: 's',
    nonce: 'n',
    auth_time: 1_700_000_000,
    email: 'e@x',
    email_verified: true,
    name: 'Name',
    picture: 'https://x/1',
    preferred_username: 'user',
    roles: ['admin']
  })
  t.ok(iat <= nowSeconds() && iat > nowSeconds() - 5)
  t.equal(exp, iat + 600)
  t.equal(hash, createHash('sha256').update('access').digest().subarray(0, 16).toString('base64url'))
  t.notOk('nonce' in JSON.parse(await issue({ ...grant, nonce: null }, 'access') ?? ''))
  t.same(['type', ...ID_TOKEN_CLAIMS].sort(), Object.keys(token).sort(), 'the metadata names all of them')
})

t.test('at_hash is made with SHA-512 for EdDSA', async (t) => {
  const issue = createIdTokens(keys, { ...options, algorithm: 'EdDSA' })
  const hash = createHash('sha512').update('access').digest().subarray(0, 32).toString('base64url')
  t.equal(JSON.parse(await issue(grant, 'access') ?? '').at_hash, hash)
})

t.test('only a grant with the scope openid has an ID token', async (t) => {
  t.equal(await createIdTokens(keys, options)({ ...grant, scope: 'profile email' }, 'access'), undefined)
})

t.test('a scope opens its claims, if they have a value', async (t) => {
  t.same(identityClaims('openid', grant), {})
  t.same(identityClaims('openid email', grant), { email: 'e@x', email_verified: true })
  const nobody = { email: null, name: null, avatarUrl: null, username: null, roles: [] }
  const profile = { name: 'Name', picture: 'https://x/1', preferred_username: 'user' }
  t.same(identityClaims('openid profile', grant), profile)
  t.same(identityClaims('openid profile email', nobody), {})
  t.same(identityClaims('profile', { ...nobody, name: 'Name' }), { name: 'Name' })
  t.same(identityClaims('profile', { ...nobody, avatarUrl: 'https://x/1' }), { picture: 'https://x/1' })
  t.same(identityClaims('profile', { ...nobody, username: 'user' }), { preferred_username: 'user' })
  t.same(identityClaims('roles', grant), { roles: ['admin'] })
  t.same(identityClaims('roles', nobody), { roles: [] })
})
