import t from 'tap'
import { serve } from './endpoints.ts'

const user = { email: 'e@x', name: 'Name', avatarUrl: null, accounts: [], roles: [] }
const bearer = { sid: 's', sub: 'u', scope: 'openid email' }

t.test('userinfo returns the claims that the scope opens, by GET and by POST with any body', async (t) => {
  const { app, calls } = await serve(t, { bearer, user })
  const claims = { sub: 'u', email: 'e@x', email_verified: true }
  t.strictSame((await app.inject('/oauth2/userinfo')).json(), claims)
  t.same(calls, [['bySession', 's', 'u']])
  const bodies = [['text/plain', 'x'], ['application/json', '{'], ['application/x-www-form-urlencoded', 'a=b']] as const
  for (const [type, payload] of bodies) {
    const request = { method: 'POST', url: '/oauth2/userinfo', payload, headers: { 'content-type': type } } as const
    t.strictSame((await app.inject(request)).json(), claims)
  }
  t.strictSame((await app.inject({ method: 'POST', url: '/oauth2/userinfo' })).json(), claims)
})

t.test('a token without the scope openid is refused (RFC 6750 section 3.1)', async (t) => {
  const { app, calls } = await serve(t, { bearer: { ...bearer, scope: 'email' }, user })
  const refused = await app.inject('/oauth2/userinfo')
  t.equal(refused.statusCode, 403)
  t.equal(refused.headers['www-authenticate'], 'Bearer realm="signet", error="insufficient_scope", ' +
    'error_description="This needs the scope openid.", scope="openid"')
  t.strictSame(refused.json(), { error: 'insufficient_scope', error_description: 'This needs the scope openid.' })
  t.same(calls, [])
})

t.test('a token whose session has ended is refused', async (t) => {
  const { app } = await serve(t, { bearer })
  const refused = await app.inject('/oauth2/userinfo')
  const description = 'The session of this access token has ended.'
  t.strictSame(refused.json(), { error: 'invalid_token', error_description: description })
  t.equal(refused.statusCode, 401)
  t.equal(refused.headers['www-authenticate'],
    `Bearer realm="signet", error="invalid_token", error_description="${description}"`)
})

t.test('it has the claims of ID_TOKEN_CLAIMS, which a third party does not get', async (t) => {
  const persons: object[] = []
  const ownClaims = (person: object) => {
    persons.push(person)
    return { tenant: 't', sub: 'forged' }
  }
  const of = async (clientId: string) => {
    const { app } = await serve(t, { bearer: { ...bearer, client_id: clientId }, user, ownClaims })
    return (await app.inject('/oauth2/userinfo')).json()
  }
  t.strictSame(await of('spa'), { tenant: 't', sub: 'u', email: 'e@x', email_verified: true })
  t.strictSame(persons, [{ ...user, userId: 'u', clientId: 'spa', sessionId: 's' }])
  t.strictSame(await of('agent'), { sub: 'u', email: 'e@x', email_verified: true })
})
