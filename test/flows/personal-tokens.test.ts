import Fastify from 'fastify'
import { decodeJwt } from 'jose'
import t from 'tap'
import { createVerifier } from '../../packages/verify/src/index.ts'
import { failure } from '../clients/world.ts'
import { eventually, race, readJson } from '../helper.ts'
import { slow } from '../slow.ts'
import { AS_WEB, WEB } from './setup-with-clients.ts'
import { signedIn } from './signed-in.ts'

const running = await signedIn(t, { CLIENTS: JSON.stringify([WEB]), MAX_SESSIONS_PER_USER: '3' })
const { url, sql, call, login, another, log } = running

async function post (path: string, form: Record<string, string>, at = url) {
  const response = await fetch(at + path, { method: 'POST', body: new URLSearchParams(form) })
  return { status: response.status, body: await readJson(response) }
}

/** What a script does: `curl $ISSUER/oauth2/token -d grant_type=refresh_token -d refresh_token=...` */
const redeem = (refreshToken: string, more: Record<string, string> = {}, at = url) =>
  post('/oauth2/token', { grant_type: 'refresh_token', refresh_token: refreshToken, ...more }, at)
const introspect = async (token: string) => (await post('/oauth2/introspect', { token, ...AS_WEB })).body
const BODY = { name: 'a script', scope: 'openid email', expiresInDays: 30 }
const REFUSED = { status: 400, body: { error: 'invalid_grant' } }

/** A person who has just signed in, a personal token of theirs, and an access token that it brought. */
async function make (body: object = BODY) {
  const { access_token: token, user } = await login()
  const { status, body: personal } = await call('POST', '/me/tokens', token, { body })
  if (status !== 201) throw new Error(JSON.stringify(personal))
  const { body: access } = await redeem(personal.refreshToken)
  return { token, userId: user.id as string, personal, accessToken: access.access_token as string }
}

t.beforeEach(() => sql.query('DELETE FROM users; DELETE FROM audit_events'))

t.test('a person makes one, and a script gets access tokens with it, for as long as it lives', async (t) => {
  const { access_token: token, user } = await login()
  const made = await call('POST', '/me/tokens', token, { body: BODY })
  t.equal(made.status, 201)
  t.equal(made.headers.get('cache-control'), 'no-store')
  const { refreshToken, ...shown } = made.body
  t.match(refreshToken, /^signet_pt_[\w-]{64}$/)
  const { id, createdAt, expiresAt, ...rest } = shown
  t.strictSame(rest, { name: 'a script', scope: 'openid email', resource: [], lastUsedAt: null })
  t.equal(Math.round((Date.parse(expiresAt) - Date.parse(createdAt)) / 86_400_000), 30)
  t.strictSame((await call('GET', '/me/tokens', token)).body, { items: [shown], nextCursor: null })

  for (let times = 0; times < 3; times++) {
    const { status, body } = await redeem(refreshToken)
    t.equal(status, 200)
    t.strictSame({ ...body, access_token: '' }, {
      access_token: '', token_type: 'Bearer', expires_in: 900, scope: 'openid email'
    }, 'it does not rotate, and nobody has signed in')
    t.match(decodeJwt(body.access_token), {
      sub: user.id,
      sid: id,
      client_id: 'signet',
      scope: 'openid email',
      amr: ['personal_token'],
      auth_time: decodeJwt(token)['auth_time'] as number
    })
    t.equal((await call('GET', '/me', body.access_token)).status, 200)
    t.match((await call('GET', '/oauth2/userinfo', body.access_token)).body, { email: 'octocat@github.com' })
  }
  const narrowed = await redeem(refreshToken, { client_id: 'signet', scope: 'email' })
  t.match(narrowed, { status: 200, body: { scope: 'email' } })
  t.match(await redeem(refreshToken, { scope: 'profile' }), { status: 400, body: { error: 'invalid_scope' } })
  t.match(await redeem(refreshToken, AS_WEB), REFUSED, 'another client')

  await sql.query("UPDATE sessions SET last_used_at = last_used_at - interval '2 minutes' WHERE id = $1", [id])
  await redeem(refreshToken)
  t.match((await call('GET', '/me/tokens', token)).body.items, [{ lastUsedAt: /^20/ }])
  await sql.query('UPDATE sessions SET expires_at = now(), idle_expires_at = now() WHERE id = $1', [id])
  t.match(await redeem(refreshToken), REFUSED, 'it has expired')
  t.same((await call('GET', '/me/tokens', token)).body.items, [])
})

t.test('it is seen where sessions are, and in the audit trail and the export', async (t) => {
  const { token, personal, accessToken } = await make()
  const { body: { items } } = await call('GET', '/me/sessions', token)
  const session = items.find((one: { id: string }) => one.id === personal.id)
  t.match(session, { personalToken: 'a script', clientId: 'signet', provider: 'github', expiresAt: personal.expiresAt })
  t.match(items.find((one: { current: boolean }) => one.current), { personalToken: null })
  const { body: activity } = await call('GET', '/me/activity', token)
  t.match(activity.items.find((one: { type: string }) => one.type === 'personal_token.created'), {
    details: { sessionId: personal.id, name: 'a script', scope: 'openid email' }
  })
  const { body: document } = await call('GET', '/me/export', accessToken)
  t.ok(document.sessions.some((one: { personalToken: string }) => one.personalToken === 'a script'))
  const everything = JSON.stringify(document) + log() +
    JSON.stringify((await sql.query('SELECT s::text FROM sessions s')).rows)
  t.notMatch(everything, personal.refreshToken)
  t.notMatch(everything, personal.refreshToken.slice(40))
})

t.test('whoever holds one cannot make another, nor do what needs a sign-in', async (t) => {
  const { token, personal, accessToken, userId } = await make()
  const refused = { status: 403, body: { code: 'reauthentication_required' } }
  t.match(await call('POST', '/me/tokens', accessToken, { body: BODY }), refused)
  t.match(await call('DELETE', '/me', accessToken), refused)
  const { body: { items: [account] } } = await call('GET', '/me/accounts', accessToken)
  t.match(await call('DELETE', `/me/accounts/${account.id}`, accessToken), refused)
  const link = { code: 'x', code_verifier: 'v'.repeat(43), redirect_uri: 'https://x.example/', client_id: 'web' }
  t.match(await call('POST', '/me/accounts', accessToken, { body: link }), refused)
  t.match(await call('POST', `/me/accounts/${account.id}/token`, accessToken), { status: 403 })
  t.equal((await sql.query('SELECT 1 FROM users WHERE id = $1', [userId])).rowCount, 1)

  // A service's own rule of a recent sign-in (RFC 9470).
  // Its types beside Signet's own would name `requireBearer` twice.
  const { signet } = await import(new URL('../../packages/verify/src/fastify.ts', import.meta.url).href)
  const service = Fastify()
  t.teardown(() => service.close())
  await service.register(signet, { issuer: url })
  const { requireRecent } = service as unknown as { requireRecent: (rule: { maxAge: number }) => never }
  service.get('/', { onRequest: requireRecent({ maxAge: 600 }) }, async () => ({}))
  const ask = async (bearer: string) =>
    await service.inject({ url: '/', headers: { authorization: `Bearer ${bearer}` } })
  t.equal((await ask(token)).statusCode, 200)
  t.match(await ask(accessToken), { statusCode: 401, headers: { 'www-authenticate': /max_age="600"/ } })

  for (const scope of ['provider_token', 'offline_access', 'notes:write', 'openid admin']) {
    const answer = await call('POST', '/me/tokens', token, { body: { ...BODY, scope } })
    t.match(answer, { status: 400, body: { code: 'validation_failed' } }, scope)
  }
  const wrong = [
    {}, { name: '', expiresInDays: 1 }, { name: 'x' }, { name: 'x', expiresInDays: 0 },
    { name: 'x', expiresInDays: 366 }, { name: 'x', expiresInDays: 1.5 }, { name: 'a\u0000b', expiresInDays: 1 },
    { name: 'x'.repeat(101), expiresInDays: 1 }, { name: 'x', expiresInDays: 1, userId }
  ]
  for (const body of wrong) t.equal((await call('POST', '/me/tokens', token, { body })).status, 400)

  await sql.query("UPDATE sessions SET authenticated_at = now() - interval '11 minutes' WHERE personal_token IS NULL")
  const { body: { access_token: stale } } = await post('/oauth2/token', {
    grant_type: 'refresh_token', refresh_token: (await login()).refresh_token
  })
  t.equal((await call('POST', '/me/tokens', stale, { body: BODY })).status, 201, 'a new sign-in may')
  t.equal((await redeem(personal.refreshToken)).status, 200)
})

slow.test('what ends sessions ends it, and its access tokens, here and in services that verify', async (t) => {
  const verifier = createVerifier({
    issuer: url, clientId: WEB.client_id, clientSecret: WEB.client_secret, pollSeconds: 0.05
  })
  t.teardown(() => verifier.close())
  const { access_token: admin, user } = await login('acme')
  type Made = Awaited<ReturnType<typeof make>>
  const ends: Record<string, (made: Made) => Promise<unknown>> = {
    'DELETE /me/tokens/:id': ({ token, personal }) => call('DELETE', `/me/tokens/${personal.id}`, token),
    'DELETE /me/sessions/:id': ({ token, personal }) => call('DELETE', `/me/sessions/${personal.id}`, token),
    'logout everywhere': ({ token }) => call('DELETE', '/me/sessions', token),
    '/oauth2/revoke': ({ personal }) => post('/oauth2/revoke', { token: personal.refreshToken }),
    '/oauth2/revoke of the access token': ({ accessToken }) => post('/oauth2/revoke', { token: accessToken }),
    '/logout': ({ accessToken }) => call('POST', '/logout', accessToken),
    'logout by an administrator': ({ userId }) => call('POST', `/admin/users/${userId}/logout`, admin),
    'disabling the user': ({ userId }) =>
      call('PATCH', `/admin/users/${userId}`, admin, { body: { status: 'disabled' } }),
    'deleting the user': ({ token }) => call('DELETE', '/me', token)
  }
  for (const [name, end] of Object.entries(ends)) {
    await sql.query('DELETE FROM users WHERE id <> $1', [user.id])
    await sql.query("UPDATE users SET roles = '{admin}' WHERE id = $1", [user.id])
    const made = await make()
    t.equal((await call('GET', '/me', made.accessToken)).status, 200, name)
    t.match(await introspect(made.personal.refreshToken), { active: true, sub: made.userId, scope: 'openid email' })
    t.match(await introspect(made.accessToken), { active: true, sid: made.personal.id })
    t.match(await verifier.verify(made.accessToken), { sub: made.userId, amr: ['personal_token'] })
    await end(made)
    t.match(await redeem(made.personal.refreshToken), REFUSED, name)
    t.equal((await call('GET', '/me', made.accessToken)).status, 401, name)
    t.strictSame(await introspect(made.personal.refreshToken), { active: false }, name)
    t.strictSame(await introspect(made.accessToken), { active: false }, name)
    await eventually(name, async () => await failure(verifier.verify(made.accessToken)) !== undefined)
    t.match(await failure(verifier.verify(made.accessToken)), { code: 'revoked' }, name)
  }
})

t.test("another person's is not there, a session is none, and a limit of sessions does not count them", async (t) => {
  const { token, personal } = await make()
  const { access_token: other } = await login('acme')
  t.equal((await call('DELETE', `/me/tokens/${personal.id}`, other)).status, 404)
  t.same((await call('GET', '/me/tokens', other)).body.items, [])
  const sid = decodeJwt(token)['sid'] as string
  t.equal((await call('DELETE', `/me/tokens/${sid}`, token)).status, 404)
  for (let logins = 0; logins < 4; logins++) await login()
  t.equal((await redeem(personal.refreshToken)).status, 200, 'four later sign-ins')
  t.match(await post('/oauth2/revoke', { token: personal.refreshToken, ...AS_WEB }), REFUSED, 'another client')
  const wrong = [
    personal.refreshToken.slice(0, -1), `${personal.refreshToken}A`, personal.refreshToken.slice(10),
    personal.refreshToken.slice(0, -4) + 'AAAA', personal.refreshToken.toUpperCase()
  ]
  for (const value of wrong) t.match(await redeem(value), REFUSED, value)
  t.equal((await redeem(personal.refreshToken)).status, 200)
})

t.test('fifty at most, however many are made at once, on two instances', async (t) => {
  const { token, userId, personal } = await make()
  await sql.query(`INSERT INTO sessions (id, user_id, client_id, provider, scope, secret_hash, personal_token,
      authenticated_at, idle_expires_at, expires_at)
    SELECT gen_random_uuid(), $1, 'signet', 'github', '', '\\x00', 'more', now(), now() + interval '1 day',
      now() + interval '1 day' FROM generate_series(1, 47)`, [userId])
  const { address } = await another()
  const answers = await race(8, (index) =>
    call('POST', '/me/tokens', token, { body: BODY, at: index % 2 ? address : url }))
  t.equal(answers.filter(({ status }) => status === 201).length, 2)
  t.match(answers.find(({ status }) => status !== 201), { status: 409, body: { code: 'too_many_tokens' } })
  await call('DELETE', `/me/tokens/${personal.id}`, token)
  t.equal((await call('POST', '/me/tokens', token, { body: BODY })).status, 201)
})

slow.test('none that is made while all sessions end survives', async (t) => {
  const { address } = await another()
  for (let round = 0; round < 10; round++) {
    const [{ access_token: thief }, { access_token: owner }] = [await login(), await login()]
    const [made] = await Promise.all([
      call('POST', '/me/tokens', thief, { body: BODY, at: address }), call('DELETE', '/me/sessions', owner)
    ])
    if (made.status === 201) t.match(await redeem(made.body.refreshToken), REFUSED, `round ${round}`)
    else t.equal(made.status, 401)
  }
})
