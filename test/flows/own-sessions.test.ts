import t from 'tap'
import { race, sharing } from '../helper.ts'
import { slow } from '../slow.ts'
import { AS_WEB, setupWithClients } from './setup-with-clients.ts'
import { sessionOf, signedIn } from './signed-in.ts'

const world = sharing(t, signedIn)

const WINDOWS =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36'

t.test('a user sees where they are signed in', async (t) => {
  const { login, call, refresh, sql } = await world(t)
  const first = await login('github', WINDOWS)
  const second = await login('github', 'curl/8.5.0')
  await login('acme')
  const [id, otherId] = [second, first].map(({ access_token: token }) => sessionOf(token))

  const { status, body, headers } = await call('GET', '/me/sessions', second.access_token)
  t.equal(status, 200)
  t.equal(headers.get('cache-control'), 'no-store')
  const [one, other] = body.items
  t.strictSame(body, { items: [one, other], nextCursor: null }, "not another user's")
  const { createdAt, lastUsedAt, expiresAt, ...rest } = one
  t.strictSame(rest, {
    id,
    current: true,
    personalToken: null,
    clientId: 'signet',
    provider: 'github',
    device: 'curl',
    ipAddress: '127.0.0.1',
    userAgent: 'curl/8.5.0'
  })
  t.match(other, { id: otherId, current: false, device: 'Chrome on Windows', userAgent: WINDOWS })
  for (const time of [createdAt, lastUsedAt, expiresAt]) t.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  t.equal(Date.parse(expiresAt) - Date.parse(lastUsedAt), 30 * 24 * 3600 * 1000, 'when it ends if it is not used')

  const age = (minutes: number) => sql.query('UPDATE sessions SET created_at = created_at - interval ' +
    `'${minutes} minutes', last_used_at = last_used_at - interval '${minutes} minutes'`)
  await age(60)
  t.equal(await refresh(first.refresh_token), 200)
  await age(2)
  const used = (await call('GET', '/me/sessions', second.access_token)).body.items
  t.ok(used[1].lastUsedAt > used[0].lastUsedAt, 'a refresh is a use')

  for (const column of ['revoked_at', 'idle_expires_at', 'expires_at']) {
    await sql.query(`UPDATE sessions SET ${column} = now() WHERE id = $1`, [sessionOf((await login()).access_token)])
  }
  t.equal((await call('GET', '/me/sessions', second.access_token)).body.items.length, 2, 'what has ended is not there')
})

t.test('the list goes on page by page', async (t) => {
  const { login, readAll, sql } = await world(t)
  const { access_token: token, user } = await login()
  await sql.query(
    `INSERT INTO sessions (id, user_id, client_id, provider, scope, secret_hash, authenticated_at, created_at,
      idle_expires_at, expires_at)
    SELECT gen_random_uuid(), $1, 'signet', 'github', '', '', now(), now() - (n / 4) * interval '1 minute',
      now() + interval '1 day', now() + interval '1 day'
    FROM generate_series(1, 30) n`,
    [user.id]
  )
  const all = (await sql.query('SELECT id FROM sessions ORDER BY created_at DESC, id DESC')).rows.map(({ id }) => id)
  for (const limit of [1, 4, 31]) {
    t.same(
      (await readAll('/me/sessions', token, limit)).map(({ id }) => id),
      all
    )
  }
})

t.test('a session ended here is over at once, everywhere, and written down', async (t) => {
  const { login, call, refresh, events } = await world(t)
  const { access_token: token, user } = await login()
  const other = await login('github', WINDOWS)
  const id = sessionOf(other.access_token)

  t.equal((await call('DELETE', `/me/sessions/${id}`, token)).status, 204)
  t.equal((await call('GET', '/me', other.access_token)).status, 401)
  t.equal((await call('GET', '/me/sessions', other.access_token)).status, 401)
  t.equal(await refresh(other.refresh_token), 400)
  t.same(await events('session.revoked'), [
    { userId: user.id, actorId: user.id, ipAddress: '127.0.0.1', details: { sessionId: id, reason: 'ended_by_user' } }
  ])

  t.match(
    await call('DELETE', `/me/sessions/${id.toUpperCase()}`, token),
    { status: 404, body: { code: 'not_found' } },
    'once'
  )
  t.equal((await call('GET', '/me', token)).status, 200)
  t.equal((await call('DELETE', `/me/sessions/${sessionOf(token)}`, token)).status, 204, 'this one too')
  t.equal((await call('GET', '/me', token)).status, 401)
})

t.test("another's session is not there", async (t) => {
  const { login, call, events } = await world(t)
  const { access_token: token } = await login()
  const { access_token: others } = await login('acme')
  for (const id of [sessionOf(others), '01890000-0000-7000-8000-000000000000']) {
    t.match(await call('DELETE', `/me/sessions/${id}`, token), { status: 404, body: { code: 'not_found' } })
  }
  for (const id of ['x', `urn:uuid:${sessionOf(token)}`, '%00', `${sessionOf(token)}0`]) {
    t.match(await call('DELETE', `/me/sessions/${id}`, token), { status: 400, body: { code: 'validation_failed' } }, id)
    t.match(
      await call('POST', `/me/accounts/${id}/token`, token),
      { status: 400, body: { code: 'validation_failed' } },
      id
    )
  }
  t.equal((await call('DELETE', '/me/sessions', token)).status, 204)
  t.equal((await call('GET', '/me', others)).status, 200)
  t.equal((await events('session.revoked')).length, 0)
})

t.test('all but this one', async (t) => {
  const { login, call, refresh, events, sql } = await world(t)
  const kept = await login()
  const others = [await login(), await login(), await login()]
  await sql.query('UPDATE sessions SET revoked_at = now() WHERE id = $1', [sessionOf(others[0].access_token)])
  t.equal((await call('DELETE', '/me/sessions', kept.access_token)).status, 204)
  for (const { access_token: token, refresh_token: refreshToken } of others) {
    t.same([(await call('GET', '/me', token)).status, await refresh(refreshToken)], [401, 400])
  }
  t.same([(await call('GET', '/me', kept.access_token)).status, await refresh(kept.refresh_token)], [200, 200])
  t.same(
    (await events('session.revoked')).map(({ details }) => details.sessionId).sort(),
    others
      .slice(1)
      .map(({ access_token: token }) => sessionOf(token))
      .sort(),
    'an event for each that this ended'
  )
  t.equal((await call('DELETE', '/me/sessions', kept.access_token)).status, 204, 'and again')
  t.equal((await events('session.revoked')).length, 2)
})

t.test('introspection says so too', async (t) => {
  const { url, signIn, signInWeb, post } = await setupWithClients(t)
  const mine = await signIn()
  const web = await signInWeb()
  const active = async () =>
    await Promise.all(
      [web.access_token, web.refresh_token].map(
        async (token) => (await post('/oauth2/introspect', { token, ...AS_WEB })).body.active
      )
    )
  t.same(await active(), [true, true])
  const headers = { authorization: `Bearer ${mine.access_token}` }
  const { items } = (await (await fetch(`${url}/me/sessions`, { headers })).json()) as { items: { clientId: string }[] }
  t.same(
    items.map(({ clientId }) => clientId),
    ['web', 'spa']
  )
  t.equal((await fetch(`${url}/me/sessions/${sessionOf(web.access_token)}`, { method: 'DELETE', headers })).status, 204)
  t.same(await active(), [false, false])
})

slow.test('many end and refresh the same sessions at once: each ends once, without a 5xx', async (t) => {
  const { url, login, call, refresh, another, events } = await world(t)
  const { address } = await another()
  for (let round = 0; round < 4; round++) {
    const sessions = [await login(), await login(), await login(), await login()]
    const before = (await events('session.revoked')).length
    const statuses = await race(16, async (index) => {
      const { access_token: token, refresh_token: refreshToken } = sessions[index % 4]
      if (index % 3 === 0) return await refresh(refreshToken)
      const path =
        index % 3 === 1 ? '/me/sessions' : `/me/sessions/${sessionOf(sessions[(index + 1) % 4].access_token)}`
      return (await call('DELETE', path, token, { at: index % 2 ? url : address })).status
    })
    t.ok(
      statuses.every((status) => [200, 204, 400, 401, 404].includes(status)),
      statuses.join()
    )
    const ended = (await events('session.revoked')).slice(before).map(({ details }) => details.sessionId)
    t.equal(new Set(ended).size, ended.length)
    for (const { access_token: token } of sessions) {
      const { status } = await call('GET', '/me', token)
      t.equal(status, ended.includes(sessionOf(token)) ? 401 : 200)
      if (status === 200) await call('DELETE', `/me/sessions/${sessionOf(token)}`, token)
    }
  }
})
