import t, { type Test } from 'tap'
import { createBrowser } from '../../fakes/browser.ts'
import { eventually, race, sharing } from '../../helper.ts'
import { slow } from '../../slow.ts'
import { sessionOf, signedIn } from '../signed-in.ts'
import { withAdministrator } from './world.ts'

const signet = sharing(t, signedIn)
const administration = async (t: Test, environment?: Record<string, string>) =>
  await withAdministrator(await signet(t, environment))

t.test('the role in the database decides, not the one in the token', async (t) => {
  const { url, call, admin, octocat, sql, login } = await administration(t)
  t.match(await call('GET', '/admin/users', octocat.access_token), { status: 403, body: { code: 'forbidden' } })
  const refused = await fetch(`${url}/admin/users`, { headers: { authorization: `Bearer ${octocat.access_token}` } })
  t.match(refused.headers.get('www-authenticate'), /^Bearer realm="signet", error="insufficient_scope"/)
  t.equal((await fetch(`${url}/admin/users`)).headers.get('www-authenticate'), 'Bearer realm="signet"')
  const allowed = await call('GET', '/admin/users', admin.access_token)
  t.equal(allowed.status, 200, 'the token was made before the role was given')
  t.equal(allowed.headers.get('cache-control'), 'no-store')

  const withRole = await login('acme')
  t.same(JSON.parse(Buffer.from(withRole.access_token.split('.')[1], 'base64url').toString()).roles, ['admin'])
  await sql.query("UPDATE users SET roles = '{}'")
  t.equal((await call('GET', '/admin/users', withRole.access_token)).status, 403, 'nor does a role in the token help')
})

t.test('users are listed, newest first, page by page, and found', async (t) => {
  const { ask, readAll, admin, octocat, sql, url } = await administration(t)
  await sql.query(`
    INSERT INTO users (id, name, email, created_at)
    SELECT gen_random_uuid(), 'Person ' || n, 'p' || n || '@example.org', now() - n * interval '1 minute'
    FROM generate_series(1, 45) n`)
  const all = await readAll('/admin/users', admin.access_token, 10)
  t.equal(all.length, 47)
  t.same(
    all.map(({ createdAt }) => createdAt),
    all
      .map(({ createdAt }) => createdAt)
      .sort()
      .reverse()
  )
  t.equal(new Set(all.map(({ id }) => id)).size, 47)
  const { body: me } = await ask('GET', '/me')
  t.same((await ask('GET', `/admin/users/${admin.user.id}`)).body, { ...me, status: 'active' })

  const found = async (query: string) =>
    (await ask('GET', `/admin/users?${new URLSearchParams({ query })}`)).body.items.map(
      ({ email }: { email: string }) => email
    )
  t.same(await found('person 12'), ['p12@example.org'])
  t.same(await found('pers 12'), ['p12@example.org'], 'words by how they begin')
  t.same(await found('P12@EXAMPLE.org'), ['p12@example.org'])
  t.same(await found('the octo'), ['octocat@github.com'])
  t.same(await found('nobody'), [])
  await sql.query(
    "INSERT INTO users (id, name, created_at) SELECT gen_random_uuid(), 'Filler', now() FROM generate_series(1, 1500)"
  )
  t.same(await found('pers 12'), ['p12@example.org'], 'behind more than are looked at one by one')
  await sql.query("DELETE FROM users WHERE name = 'Filler'")
  for (const odd of ["'", '&', '!', ':*', '%', '\\', '( )', 'a & b', '\u0000x', "x'); DROP TABLE users; --"]) {
    t.equal((await ask('GET', `/admin/users?${new URLSearchParams({ query: odd })}`)).status, 200, odd)
  }
  await sql.query('UPDATE users SET name = $1 WHERE id = $2', ['Jörg Müller-Lüdenscheidt', octocat.user.id])
  t.same(await found('jör lüd'), ['octocat@github.com'])

  t.same(
    (await ask('GET', '/admin/users?provider=github')).body.items.map(({ id }: { id: string }) => id),
    [octocat.user.id]
  )
  await sql.query("UPDATE users SET disabled_at = now() WHERE email = 'p3@example.org'")
  t.same(
    (await ask('GET', '/admin/users?status=disabled')).body.items.map(
      ({ email, status }: { email: string, status: string }) => [email, status]
    ),
    [['p3@example.org', 'disabled']]
  )
  t.equal((await ask('GET', '/admin/users?status=active&limit=100')).body.items.length, 46)
  for (const query of ['limit=0', 'limit=101', 'cursor=x', 'status=gone', 'provider=A', 'query=', 'other=1']) {
    t.match(await ask('GET', `/admin/users?${query}`), { status: 400, body: { code: 'validation_failed' } }, query)
  }
  t.match(await ask('GET', '/admin/users/00000000-0000-7000-8000-000000000000'), {
    status: 404,
    body: { code: 'not_found' }
  })
  t.equal((await ask('GET', '/admin/users/x')).status, 400)
  t.ok(url)
})

t.test('a disabled user is signed out at once, and may sign in again when enabled', async (t) => {
  const { ask, me, refresh, octocat, admin, login, url, events } = await administration(t)
  const other = await login('github')
  const path = `/admin/users/${octocat.user.id}`
  t.match(await ask('PATCH', path, { status: 'disabled' }), {
    status: 200,
    body: { id: octocat.user.id, status: 'disabled' }
  })
  t.same(
    [await me(octocat), await me(other), await refresh(octocat.refresh_token), await refresh(other.refresh_token)],
    [401, 401, 400, 400]
  )
  t.match((await createBrowser(url).login('/login/github')).json(), { status: 403, code: 'account_disabled' })
  t.match(await ask('PATCH', path, { status: 'active' }), { status: 200, body: { status: 'active' } })
  t.same([await me(octocat), await refresh(octocat.refresh_token)], [401, 400], 'what has ended has ended')
  t.equal(await me(await login('github')), 200)

  const by = { userId: octocat.user.id, actorId: admin.user.id }
  t.match(await events('user.disabled'), [by])
  t.match(await events('user.enabled'), [by])
  t.same(
    (await events('session.revoked')).map(({ actorId, details }) => [actorId, details]),
    [octocat, other].map(({ access_token: token }) => [
      admin.user.id,
      { sessionId: sessionOf(token), reason: 'user_disabled' }
    ])
  )
})

t.test('roles are set, and the next token has them', async (t) => {
  const { ask, call, octocat, admin, events, login } = await administration(t)
  const path = `/admin/users/${octocat.user.id}`
  t.match(await ask('PATCH', path, { roles: ['editor', 'admin'] }), {
    status: 200,
    body: { roles: ['editor', 'admin'] }
  })
  t.equal((await call('GET', '/admin/users', octocat.access_token)).status, 200)
  t.same(JSON.parse(Buffer.from((await login('github')).access_token.split('.')[1], 'base64url').toString()).roles, [
    'editor',
    'admin'
  ])
  t.equal((await ask('PATCH', path, { roles: ['editor'] })).status, 200)
  t.equal((await call('GET', '/admin/users', octocat.access_token)).status, 403, 'at the next call')
  t.equal((await ask('PATCH', path, { roles: ['editor'] })).status, 200)
  t.match(await events('user.roles_changed'), [
    { actorId: admin.user.id, details: { before: [], roles: ['editor', 'admin'] } },
    { details: { before: ['editor', 'admin'], roles: ['editor'] } }
  ])
  t.equal((await events('user.roles_changed')).length, 2, 'what changes nothing is no event')
  for (const body of [
    { roles: ['Admin'] },
    { roles: [''] },
    { roles: 'admin' },
    { roles: ['a', 'a'] },
    { status: 'gone' },
    { email: 'x@example.com' },
    [],
    null
  ]) {
    t.equal((await ask('PATCH', path, body)).status, 400, JSON.stringify(body))
  }
})

t.test('a role that an administrator took away does not come back by ADMIN_EMAILS', async (t) => {
  const { ask, login, octocat } = await administration(t, { ADMIN_EMAILS: 'octocat@github.com' })
  const path = `/admin/users/${octocat.user.id}`
  t.same((await ask('GET', path)).body.roles, ['admin'])
  t.match(await ask('PATCH', path, { roles: [] }), { status: 200, body: { roles: [] } })
  await login('github')
  t.same((await ask('GET', path)).body.roles, [])
})

t.test('the last administrator stays, whatever two of them do at once', async (t) => {
  const { ask, call, admin, octocat, sql, another } = await administration(t)
  const own = `/admin/users/${admin.user.id}`
  for (const [method, body] of [
    ['PATCH', { roles: [] }],
    ['PATCH', { status: 'disabled' }],
    ['DELETE', undefined]
  ] as const) {
    t.match(await ask(method, own, body), { status: 409, body: { code: 'last_admin' } })
  }
  const { address } = await another()
  for (let round = 0; round < 20; round++) {
    await sql.query("UPDATE users SET roles = '{admin}'")
    const answers = await race(2, async (index) =>
      index === 0
        ? (await ask('PATCH', `/admin/users/${octocat.user.id}`, { roles: [] })).status
        : (await call('PATCH', own, octocat.access_token, { body: { roles: [] }, at: address })).status
    )
    t.equal(
      (await sql.query("SELECT 1 FROM users WHERE 'admin' = ANY(roles)")).rowCount,
      1,
      `one is left: ${answers.join()}`
    )
  }
})

t.test('a user is logged out everywhere, and deleted', async (t) => {
  const { ask, me, refresh, octocat, admin, sql, events } = await administration(t)
  const path = `/admin/users/${octocat.user.id}`
  t.equal((await ask('POST', `${path}/logout`)).status, 204)
  t.same([await me(octocat), await refresh(octocat.refresh_token)], [401, 400])
  t.match(await events('session.revoked'), [
    { userId: octocat.user.id, actorId: admin.user.id, details: { reason: 'logged_out_everywhere' } }
  ])
  t.equal((await ask('DELETE', path)).status, 204)
  t.same(
    [
      (await ask('DELETE', path)).status,
      (await ask('GET', path)).status,
      (await ask('POST', `${path}/logout`)).status,
      (await ask('PATCH', path, {})).status
    ],
    [404, 404, 404, 404]
  )
  t.match(await events('user.deleted'), [{ userId: null, actorId: admin.user.id, details: {} }])
  t.equal(
    (await sql.query('SELECT 1 FROM audit_events WHERE user_id = $1 OR actor_id = $1', [octocat.user.id])).rowCount,
    0,
    'nothing names who is gone'
  )
})

t.test('a deadlock is not seen: disabling, logging out and deleting go on when the other is done', async (t) => {
  const { ask, octocat, login, sql, events } = await administration(t)
  const path = `/admin/users/${octocat.user.id}`
  const deeds: [method: string, path: string, body: object | undefined, status: number][] = [
    ['POST', `${path}/logout`, undefined, 204],
    ['PATCH', path, { status: 'disabled' }, 200],
    ['DELETE', path, undefined, 204]
  ]
  for (const [method, target, body, status] of deeds) {
    await sql.query('UPDATE users SET disabled_at = NULL')
    await login('github')
    await login('github')
    const { rows: sessions } = await sql.query('SELECT id FROM sessions WHERE user_id = $1 ORDER BY id', [
      octocat.user.id
    ])
    const other = await sql.connect()
    // The request that waited first fails: the one below.
    await other.query("SET deadlock_timeout = '1min'")
    await other.query('BEGIN')
    await other.query('UPDATE sessions SET last_used_at = now() WHERE id = $1', [sessions.at(-1).id])
    const asked = ask(method, target, body)
    await eventually(
      'it waits',
      async () =>
        (
          await sql.query(
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
          )
        ).rowCount === 1
    )
    await other.query('UPDATE sessions SET last_used_at = now() WHERE user_id = $1', [octocat.user.id])
    await other.query('COMMIT')
    other.release()
    t.equal((await asked).status, status, method)
  }
  t.equal((await events('user.deleted')).length, 1)
})

slow.test('the first to come is no administrator: a hundred at once, and none', async (t) => {
  const { acme, url, sql } = await administration(t)
  await sql.query('DELETE FROM users')
  const callbacks: (() => Promise<unknown>)[] = []
  for (let index = 0; index < 100; index++) {
    acme.person({ sub: `first${index}`, email: `first${index}@example.com`, email_verified: true })
    const browser = createBrowser(url)
    const callback = await browser.authorize(await browser.start('/login/acme'))
    callbacks.push(() => browser.callback(callback))
  }
  await race(100, (index) => callbacks[index]!())
  t.same(
    (
      await sql.query(
        "SELECT count(*)::int AS users, count(*) FILTER (WHERE roles <> '{}')::int AS privileged FROM users"
      )
    ).rows,
    [{ users: 100, privileged: 0 }]
  )
})
