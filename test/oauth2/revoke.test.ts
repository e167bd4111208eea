import t from 'tap'
import { PERSONAL, PERSONAL_TOKEN, serve, WEB } from './endpoints.ts'

const live = { userId: 'u', clientId: 'spa', scope: 'openid', createdAt: new Date(), expiresAt: new Date() }

t.test('revoking a token ends its session, and having the token is enough (RFC 7009 section 2.1)', async (t) => {
  const { post, calls } = await serve(t, { claims: { sid: 's', client_id: 'spa' } })
  const caller = { ipAddress: '127.0.0.1', userAgent: 'a browser', requestId: 'req', clientId: null }
  t.match(await post('revoke', { token: 'at' }, { 'user-agent': 'a browser' }), { status: 200, body: {} })
  t.same(calls, [['end', 's', 'revoked', caller]], 'an access token is not looked up as a refresh token')
  t.match(await post('revoke', { token: 'at', client_id: 'spa' }), { status: 200 })
  t.match(await post('revoke', { token: 'at', client_id: 'signet' }), { status: 200 }, "Signet's own client is public")

  const other = await serve(t, { live })
  t.match(await other.post('revoke', { token: 'rt', client_id: 'spa' }), { status: 200 })
  t.match(other.calls, [['find', 'rt'], ['endByRefreshToken', 'rt', 'revoked', { ipAddress: '127.0.0.1' }]])
})

t.test('an unknown token is no error (RFC 7009 section 2.2)', async (t) => {
  const { post } = await serve(t)
  t.match(await post('revoke', { token: 'rubbish', ...WEB }), { status: 200, body: {} })
})

t.test('a client may revoke only its own tokens (RFC 7009 section 2.1)', async (t) => {
  for (const results of [{ claims: { sid: 's', client_id: 'spa' } }, { live }]) {
    const { post, calls } = await serve(t, results)
    t.match(await post('revoke', { token: 'x', ...WEB }), {
      status: 400, body: { error: 'invalid_grant', error_description: 'The token belongs to another client.' }
    })
    t.notOk(calls.some(([name]) => String(name).startsWith('end')))
    t.match(await post('revoke', { token: 'x', client_id: 'web' }), { status: 401, body: { error: 'invalid_client' } })
    t.match(await post('revoke', {}), {
      status: 400, body: { error: 'invalid_request', error_description: 'token is missing.' }
    })
    t.match(await post('revoke', { token: '' }), { status: 400, body: { error: 'invalid_request' } })
  }
})

t.test('errors follow RFC 6749 section 5.2 and say nothing about a failure of the server', async (t) => {
  const { post } = await serve(t, { error: new Error('a secret') })
  const broken = await post('revoke', { token: 'rt' })
  t.match(broken, { status: 500, body: { error: 'server_error' } })
  t.match(broken.headers, {
    'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', pragma: 'no-cache'
  })
  t.notMatch(JSON.stringify(broken.body), 'secret')
  t.notOk('www-authenticate' in broken.headers)
  const basic = { authorization: `Basic ${Buffer.from('web:wrong').toString('base64')}` }
  const wrongSecret = await post('introspect', { token: 'x' }, basic)
  t.equal(wrongSecret.headers['www-authenticate'], 'Basic realm="signet"')
  t.notOk('www-authenticate' in (await post('introspect', { token: 'x', client_id: 'web' })).headers)
})

t.test('the token of a client itself is revoked alone', async (t) => {
  const claims = { sub: 'web', client_id: 'web', jti: 'j' }
  const { post, calls } = await serve(t, { claims })
  t.match(await post('revoke', { token: 'at', ...WEB }), { status: 200 })
  t.same(calls, [['revokeClientToken', claims]])
})

t.test('a personal token ends, by whoever has it', async (t) => {
  const { post, calls } = await serve(t)
  const caller = { ipAddress: '127.0.0.1', userAgent: 'lightMyRequest', requestId: 'req', clientId: null }
  t.match(await post('revoke', { token: PERSONAL_TOKEN }), { status: 200 })
  t.match(await post('revoke', { token: PERSONAL_TOKEN, ...WEB }), { status: 400, body: { error: 'invalid_grant' } })
  t.same(calls.filter(([name]) => name !== 'count'), [['endPersonal', PERSONAL, caller]])
})

t.test('each parameter has a maximum length', async (t) => {
  const { post } = await serve(t)
  for (const [name, length] of Object.entries({ token: 8192, token_type_hint: 100, client_id: 200 })) {
    const body = { token: 'x', ...WEB, [name]: 'x'.repeat(length + 1) }
    t.match(await post('revoke', body), { status: 400, body: { error: 'invalid_request' } }, name)
  }
  const longest = { ...WEB, token: 'x'.repeat(8192), token_type_hint: 'x'.repeat(100) }
  t.match(await post('revoke', longest), { status: 200 })
})
