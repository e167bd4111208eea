import t from 'tap'
import { sessionOf, signedIn } from './signed-in.ts'

t.test("a user's own audit trail, newest first, page by page", async (t) => {
  const { url, login, call, readAll, sql } = await signedIn(t)
  const { access_token: token, user } = await login()
  await login('acme')
  await call('PATCH', '/me', token, { body: { name: 'Mona' } })
  await fetch(`${url}/logout`, { method: 'POST', headers: { authorization: `Bearer ${(await login()).access_token}` } })

  const { status, body, headers } = await call('GET', '/me/activity', token)
  t.equal(status, 200)
  t.equal(headers.get('cache-control'), 'no-store')
  t.equal(body.nextCursor, null)
  t.same(
    body.items.slice(0, 3).map(({ type }: { type: string }) => type),
    ['session.revoked', 'login.succeeded', 'user.updated']
  )
  t.same(
    body.items
      .slice(3)
      .map(({ type }: { type: string }) => type)
      .sort(),
    ['login.succeeded', 'user.created'],
    "not another user's"
  )
  const edit = body.items[2]
  const { id, createdAt, requestId, ...rest } = edit
  t.strictSame(rest, {
    type: 'user.updated',
    userId: user.id,
    actorId: user.id,
    clientId: 'signet',
    provider: null,
    ipAddress: '127.0.0.1',
    userAgent: 'node',
    details: { fields: ['name'] }
  })
  t.ok(id && requestId)
  t.match(createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  t.match(body.items.at(-1), { clientId: 'signet', provider: 'github', details: { sessionId: sessionOf(token) } })

  // Many at the very same time, as one statement writes them.
  await sql.query(
    `INSERT INTO audit_events (id, type, user_id, created_at)
    SELECT gen_random_uuid(), 'login.succeeded', $1, now() - (n / 10) * interval '1 day'
    FROM generate_series(10, 49) n`,
    [user.id]
  )
  const all = (
    await sql.query('SELECT id FROM audit_events WHERE user_id = $1 ORDER BY created_at DESC, id DESC', [user.id])
  ).rows.map(({ id }) => id)
  t.equal(all.length, 45)
  for (const limit of [1, 7, 45, 100]) {
    t.same(
      (await readAll('/me/activity', token, limit)).map(({ id }) => id),
      all,
      `each once, in order, ${limit} at a time`
    )
  }
  t.equal((await call('GET', '/me/activity', token)).body.items.length, 20)
})

t.test('a limit or a cursor that is none is refused', async (t) => {
  const { login, call } = await signedIn(t)
  const { access_token: token } = await login()
  for (const query of [
    'limit=0',
    'limit=101',
    'limit=x',
    'limit=1.5',
    'limit=',
    'limit=1&limit=2',
    'cursor=',
    'cursor=x',
    'cursor=%00',
    `cursor=${'A'.repeat(201)}`,
    'page=2',
    `cursor=${Buffer.from('1 not-a-uuid').toString('base64url')}`
  ]) {
    t.match(
      await call('GET', `/me/activity?${query}`, token),
      { status: 400, body: { code: 'validation_failed' } },
      query
    )
  }
})

t.test("an administrator's address and device are not shown to the user", async (t) => {
  const { login, call, sql } = await signedIn(t)
  const { access_token: token, user } = await login()
  const { user: admin } = await login('acme')
  await sql.query(
    `INSERT INTO audit_events (id, type, user_id, actor_id, ip_address, user_agent, request_id)
    VALUES (gen_random_uuid(), 'user.roles_changed', $1, $2, '192.0.2.1', 'an admin', 'r')`,
    [user.id, admin.id]
  )
  t.match((await call('GET', '/me/activity?limit=1', token)).body.items, [
    { type: 'user.roles_changed', actorId: admin.id, ipAddress: null, userAgent: null, requestId: null }
  ])
})
