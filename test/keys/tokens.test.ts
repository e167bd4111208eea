import { createHash } from 'node:crypto'
import t from 'tap'
import { createAccessTokens } from '../../src/tokens/access-tokens.ts'
import { createIdTokens, identityClaims } from '../../src/tokens/id-tokens.ts'
import type { KeyService } from '../../src/keys/service.ts'
import { inThePast } from '../helper.ts'

/** Signs nothing: a token is what would have been signed. */
const keys = { sign: (type: string, claims: object) => JSON.stringify({ type, ...claims }) } as unknown as KeyService
const grant = {
  sessionId: 's',
  userId: 'u',
  clientId: 'c',
  scope: 'openid profile email',
  roles: ['admin'],
  authTime: 1_700_000_000,
  nonce: 'n',
  email: 'e@x',
  name: 'Name',
  avatarUrl: 'https://x/1'
}
const seconds = () => Math.floor(Date.now() / 1000)

t.test('the claims of an access token', async (t) => {
  const tokens = createAccessTokens(keys, { issuer: 'https://i', audience: 'https://a', lifetimeSeconds: 900 })
  t.equal(tokens.lifetimeSeconds, 900)
  const { jti, iat, exp, ...claims } = JSON.parse(tokens.issue(grant))
  t.same(claims, {
    type: 'at+jwt', iss: 'https://i', sub: 'u', aud: 'https://a', client_id: 'c', sid: 's', scope: grant.scope, roles: ['admin'], auth_time: 1_700_000_000
  })
  t.match(jti, /^[\da-f-]{36}$/)
  t.ok(iat <= seconds() && iat > seconds() - 5)
  t.equal(exp, iat + 900)
  t.ok(await inThePast(1000, async () => JSON.parse(tokens.issue(grant)).exp) < seconds())
})

t.test('the claims of an ID token', async (t) => {
  const idToken = createIdTokens(keys, { issuer: 'https://i', lifetimeSeconds: 600, algorithm: 'ES256' })
  const { iat, exp, at_hash: hash, ...claims } = JSON.parse(idToken(grant, 'access') ?? '')
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
    picture: 'https://x/1'
  })
  t.ok(iat <= seconds() && iat > seconds() - 5)
  t.equal(exp, iat + 600)
  t.equal(hash, createHash('sha256').update('access').digest().subarray(0, 16).toString('base64url'))
  t.notOk('nonce' in JSON.parse(idToken({ ...grant, nonce: null }, 'access') ?? ''))
  t.equal(idToken({ ...grant, scope: 'profile email' }, 'access'), undefined, 'nobody asked for one')
  const ed = createIdTokens(keys, { issuer: 'https://i', lifetimeSeconds: 600, algorithm: 'EdDSA' })
  t.equal(JSON.parse(ed(grant, 'access') ?? '').at_hash, createHash('sha512').update('access').digest().subarray(0, 32).toString('base64url'))
})

t.test('a scope opens its claims, where there is something to tell', async (t) => {
  t.same(identityClaims('openid', grant), {})
  t.same(identityClaims('openid email', grant), { email: 'e@x', email_verified: true })
  t.same(identityClaims('openid profile', grant), { name: 'Name', picture: 'https://x/1' })
  t.same(identityClaims('openid profile email', { email: null, name: null, avatarUrl: null }), {})
  t.same(identityClaims('profile', { email: null, name: 'Name', avatarUrl: null }), { name: 'Name' })
  t.same(identityClaims('profile', { email: null, name: null, avatarUrl: 'https://x/1' }), { picture: 'https://x/1' })
})
