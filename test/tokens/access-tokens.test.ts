import t from 'tap'
import { createAccessTokens } from '../../src/tokens/access-tokens.ts'
import { inThePast } from '../helper.ts'
import { grant, keys, nowSeconds } from './grant.ts'

t.test('an access token has the claims of RFC 9068 section 2.2, and no email or name', async (t) => {
  const tokens = createAccessTokens(keys, { issuer: 'https://i', audience: ['https://a'], lifetimeSeconds: 900 })
  t.equal(tokens.lifetimeSeconds, 900)
  const { jti, iat, exp, ...claims } = JSON.parse(tokens.issue(grant))
  t.same(claims, {
    type: 'at+jwt',
    iss: 'https://i',
    sub: 'u',
    aud: 'https://a',
    client_id: 'c',
    sid: 's',
    scope: grant.scope,
    roles: ['admin'],
    auth_time: 1_700_000_000
  })
  t.match(jti, /^[\da-f-]{36}$/)
  t.not(JSON.parse(tokens.issue(grant)).jti, jti)
  t.ok(iat <= nowSeconds() && iat > nowSeconds() - 5)
  t.equal(exp, iat + 900)
  t.ok(await inThePast(1000, async () => JSON.parse(tokens.issue(grant)).exp) < nowSeconds())
})
