import t from 'tap'
import { MACHINE, PERSONAL, PERSONAL_TOKEN, serve, WEB, type Results } from './endpoints.ts'

const soon = () => Math.floor(Date.now() / 1000) + 60

t.test('only confidential clients may introspect tokens (RFC 7662 section 2.1)', async (t) => {
  const { post } = await serve(t, { claims: { sid: 's', exp: soon() }, roles: [] })
  for (const body of [{}, { client_id: 'spa' }, { client_id: 'web' }, { client_id: 'nobody' }]) {
    t.match(await post('introspect', { token: 'x', ...body }), { status: 401, body: { error: 'invalid_client' } })
  }
  t.match(await post('introspect', WEB), { status: 400, body: { error: 'invalid_request' } })
})

t.test('an access token is active while it has not expired and its session is alive', async (t) => {
  const claims = { sid: 's', sub: 'u', exp: soon(), roles: ['then'] }
  const introspect = async (results: Results) => {
    const { post, calls } = await serve(t, results)
    const { status, body, headers } = await post('introspect', { token: 'x', ...WEB })
    t.equal(status, 200)
    t.match(headers, { 'cache-control': 'no-store', pragma: 'no-cache' })
    return { body, calls }
  }
  const active = await introspect({ claims, roles: ['now'] })
  t.strictSame(active.body, { active: true, token_type: 'Bearer', ...claims, roles: ['now'] })
  t.same(active.calls, [['rolesBySession', 's', 'u']])
  t.strictSame((await introspect({ claims })).body, { active: false })
  const expired = await introspect({ claims: { ...claims, exp: soon() - 60 }, roles: [] })
  t.strictSame(expired, { body: { active: false }, calls: [] }, 'the session of an expired token does not matter')
})

t.test('a refresh token is active while it is valid', async (t) => {
  const live = {
    userId: 'u',
    clientId: 'spa',
    scope: 'openid',
    createdAt: new Date(1_700_000_000_999),
    expiresAt: new Date(1_700_000_900_001)
  }
  const { post } = await serve(t, { live })
  t.strictSame((await post('introspect', { token: 'rt', ...WEB })).body, {
    active: true,
    iss: 'https://id',
    sub: 'u',
    client_id: 'spa',
    scope: 'openid',
    iat: 1_700_000_000,
    exp: 1_700_000_900
  })
  t.strictSame((await (await serve(t)).post('introspect', { token: 'rt', ...WEB })).body, { active: false })
})

t.test('the token of a client itself is active while the client may have it and it was not revoked', async (t) => {
  const claims = { sub: 'machine', client_id: 'machine', exp: soon(), jti: 'j' }
  const introspect = async (results: Results) => {
    const { post, calls } = await serve(t, results)
    return { body: (await post('introspect', { token: 'x', ...WEB })).body, calls }
  }
  const active = await introspect({ claims })
  t.strictSame(active.body, { active: true, token_type: 'Bearer', ...claims })
  t.same(active.calls, [['isRevoked', claims]])
  const bound = { ...claims, cnf: { jkt: 'j' } }
  t.strictSame((await introspect({ claims: bound })).body, { active: true, token_type: 'DPoP', ...bound })
  const expired = { ...claims, exp: soon() - 60 }
  const ofWeb = { ...claims, sub: 'web', client_id: 'web' }
  const ofNone = { ...claims, sub: 'gone', client_id: 'gone' }
  t.strictSame((await introspect({ claims, isRevoked: true })).body, { active: false })
  for (const claims of [expired, ofWeb, ofNone]) {
    t.strictSame(await introspect({ claims }), { body: { active: false }, calls: [] })
  }
})

t.test('a token says how it must be sent, and a third party learns no roles', async (t) => {
  const claims = { sid: 's', sub: 'u', exp: soon(), roles: ['then'], client_id: 'agent', cnf: { jkt: 'j' } }
  const { post } = await serve(t, { claims, roles: ['now'] })
  const { body } = await post('introspect', { token: 'x', ...MACHINE })
  t.strictSame(body, { active: true, token_type: 'DPoP', ...claims, roles: [] })
})

t.test('a personal token is active while it works', async (t) => {
  const time = new Date(1_700_000_000_000)
  const personal = { userId: 'u', clientId: 'signet', scope: '', createdAt: time, expiresAt: time }
  const { post, calls } = await serve(t, { personal })
  t.match((await post('introspect', { token: PERSONAL_TOKEN, ...WEB })).body, { active: true, sub: 'u' })
  t.same(calls, [['inspectPersonal', PERSONAL]])
  const unknown = await serve(t, { live: personal })
  t.strictSame((await unknown.post('introspect', { token: PERSONAL_TOKEN, ...WEB })).body, { active: false })
})

t.test('each parameter has a maximum length', async (t) => {
  const { post } = await serve(t)
  for (const [name, length] of Object.entries({ token: 8192, token_type_hint: 100, client_id: 200 })) {
    const body = { token: 'x', ...WEB, [name]: 'x'.repeat(length + 1) }
    t.match(await post('introspect', body), { status: 400, body: { error: 'invalid_request' } }, name)
  }
  const longest = { ...WEB, token: 'x'.repeat(8192), token_type_hint: 'x'.repeat(100) }
  t.match(await post('introspect', longest), { status: 200 })
})
