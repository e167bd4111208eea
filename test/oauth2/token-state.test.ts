import t from 'tap'
import { serve, WEB, type Told } from './endpoints.ts'

const soon = () => Math.floor(Date.now() / 1000) + 60
const live = { userId: 'u', clientId: 'spa', scope: 'openid', createdAt: new Date(1_700_000_000_999), expiresAt: new Date(1_700_000_900_001) }

t.test('a token that is revoked ends its session, whoever holds it', async (t) => {
  const { post, calls } = await serve(t, { claims: { sid: 's', client_id: 'spa' } })
  const caller = { ipAddress: '127.0.0.1', userAgent: 'a browser', requestId: 'req', clientId: null }
  t.match(await post('revoke', { token: 'at' }, { 'user-agent': 'a browser' }), { status: 200, body: {} })
  t.same(calls, [['end', 's', 'revoked', caller]], 'an access token, without asking what refresh token it might be')
  t.match(await post('revoke', { token: 'at', client_id: 'spa' }), { status: 200 })
  t.match(await post('revoke', { token: 'at', client_id: 'signet' }), { status: 200 }, "Signet's own client need not prove itself")

  const other = await serve(t, { live })
  t.match(await other.post('revoke', { token: 'rt', client_id: 'spa' }), { status: 200 })
  t.match(other.calls, [['inspect', 'rt'], ['endByRefreshToken', 'rt', 'revoked', { ipAddress: '127.0.0.1' }]])
  const unknown = await serve(t)
  t.match(await unknown.post('revoke', { token: 'rubbish', ...WEB }), { status: 200, body: {} }, 'RFC 7009 section 2.2')
})

t.test('a client revokes its own tokens only', async (t) => {
  for (const told of [{ claims: { sid: 's', client_id: 'spa' } }, { live }]) {
    const { post, calls } = await serve(t, told)
    t.match(await post('revoke', { token: 'x', ...WEB }), { status: 400, body: { error: 'invalid_grant', error_description: 'The token belongs to another client.' } })
    t.notOk(calls.some(([name]) => String(name).startsWith('end')))
    t.match(await post('revoke', { token: 'x', client_id: 'web' }), { status: 401, body: { error: 'invalid_client' } })
    t.match(await post('revoke', {}), { status: 400, body: { error: 'invalid_request', error_description: 'token is missing.' } })
    t.match(await post('revoke', { token: '' }), { status: 400, body: { error: 'invalid_request' } }, 'what has no value counts as absent')
  }
})

t.test('what is asked about a token is told to confidential clients', async (t) => {
  const { post } = await serve(t, { claims: { sid: 's', exp: soon() }, isAlive: true })
  for (const body of [{}, { client_id: 'spa' }, { client_id: 'web' }, { client_id: 'nobody' }]) {
    t.match(await post('introspect', { token: 'x', ...body }), { status: 401, body: { error: 'invalid_client' } })
  }
  t.match(await post('introspect', WEB), { status: 400, body: { error: 'invalid_request' } })
})

t.test('an access token is active while it has not expired and its session lives', async (t) => {
  const claims = { sid: 's', sub: 'u', exp: soon() }
  const ask = async (told: Told) => {
    const { post, calls } = await serve(t, told)
    const { status, body, headers } = await post('introspect', { token: 'x', ...WEB })
    t.equal(status, 200)
    t.match(headers, { 'cache-control': 'no-store', pragma: 'no-cache' })
    return { body, calls }
  }
  const good = await ask({ claims, isAlive: true })
  t.strictSame(good.body, { active: true, token_type: 'Bearer', ...claims })
  t.same(good.calls, [['isAlive', 's']])
  t.strictSame((await ask({ claims })).body, { active: false })
  const over = await ask({ claims: { ...claims, exp: soon() - 60 }, isAlive: true })
  t.strictSame(over, { body: { active: false }, calls: [] }, 'nobody has to be asked about one that has expired')
})

t.test('a refresh token is active when it is the live one of its session', async (t) => {
  const { post } = await serve(t, { live })
  t.strictSame((await post('introspect', { token: 'rt', ...WEB })).body, {
    active: true, iss: 'https://id', sub: 'u', client_id: 'spa', scope: 'openid', iat: 1_700_000_000, exp: 1_700_000_900
  })
  t.strictSame((await (await serve(t)).post('introspect', { token: 'rt', ...WEB })).body, { active: false })
})

t.test('the claims of whoever is signed in, by GET and by POST with any body', async (t) => {
  const user = { email: 'e@x', name: 'Name', avatarUrl: null }
  const bearer = { sid: 's', sub: 'u', scope: 'openid email' }
  const { app, calls } = await serve(t, { bearer, user })
  const claims = { sub: 'u', email: 'e@x', email_verified: true }
  t.strictSame((await app.inject('/oauth2/userinfo')).json(), claims)
  t.same(calls, [['bySession', 's', 'u']])
  for (const [type, payload] of [['text/plain', 'x'], ['application/json', '{'], ['application/x-www-form-urlencoded', 'a=b']] as const) {
    t.strictSame((await app.inject({ method: 'POST', url: '/oauth2/userinfo', payload, headers: { 'content-type': type } })).json(), claims)
  }
  t.strictSame((await app.inject({ method: 'POST', url: '/oauth2/userinfo' })).json(), claims)

  const narrow = await serve(t, { bearer: { ...bearer, scope: 'email' }, user })
  const refused = await narrow.app.inject('/oauth2/userinfo')
  t.equal(refused.statusCode, 403)
  t.equal(refused.headers['www-authenticate'],
    'Bearer realm="signet", error="insufficient_scope", error_description="This needs the scope openid.", scope="openid"')
  t.strictSame(refused.json(), { error: 'insufficient_scope', error_description: 'This needs the scope openid.' })
  t.same(narrow.calls, [])

  const ended = await (await serve(t, { bearer })).app.inject('/oauth2/userinfo')
  t.match(ended.json(), { error: 'invalid_token', error_description: 'The session of this access token has ended.' })
  t.equal(ended.statusCode, 401)
  t.equal(ended.headers['www-authenticate'], 'Bearer realm="signet", error="invalid_token", error_description="The session of this access token has ended."')
})

t.test('errors are told as RFC 6749 section 5.2 has them', async (t) => {
  const { post } = await serve(t, { error: new Error('a secret') })
  const broken = await post('revoke', { token: 'rt' })
  t.match(broken, { status: 500, body: { error: 'server_error' } })
  t.match(broken.headers, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', pragma: 'no-cache' })
  t.notMatch(JSON.stringify(broken.body), 'secret')
  t.notOk('www-authenticate' in broken.headers)
  const basic = { authorization: `Basic ${Buffer.from('web:wrong').toString('base64')}` }
  t.equal((await post('introspect', { token: 'x' }, basic)).headers['www-authenticate'], 'Basic realm="signet"')
  t.notOk('www-authenticate' in (await post('introspect', { token: 'x', client_id: 'web' })).headers)
})
