import t from 'tap'
import { decodeProtectedHeader } from 'jose'
import { slow } from '../../slow.ts'
import { administration } from './world.ts'

t.test('keys are listed and rotated, without their private halves', async (t) => {
  const { ask, login, octocat, me, events, admin, url } = await administration(t)
  const before = await ask('GET', '/admin/keys')
  t.match(before.body.items.map(({ status }: { status: string }) => status).sort(), ['current', 'next'])
  t.notMatch(JSON.stringify(before.body), /private|sealed|"d"/i)
  const { body: first } = await ask('GET', '/admin/keys?limit=1')
  t.same(
    [...first.items, ...(await ask('GET', `/admin/keys?cursor=${first.nextCursor}`)).body.items],
    before.body.items
  )
  t.equal((await ask('GET', '/admin/keys?limit=101')).status, 400)
  const next = before.body.items.find(({ status }: { status: string }) => status === 'next')

  const { status, body } = await ask('POST', '/admin/keys/rotate')
  t.equal(status, 200)
  t.equal(body.items.find(({ status }: { status: string }) => status === 'current').kid, next.kid)
  t.same(body.items.map(({ status }: { status: string }) => status).sort(), ['current', 'next', 'retired'])
  t.equal(decodeProtectedHeader((await login()).access_token).kid, next.kid, 'at once here')
  t.equal(await me(octocat), 200, 'and what the old one signed is good')
  t.equal(((await (await fetch(`${url}/.well-known/jwks.json`)).json()) as { keys: unknown[] }).keys.length, 3)
  t.match(await events('key.rotated'), [{ actorId: admin.user.id, details: { current: next.kid } }])
})

t.test('an automatic rotation is an event without an actor', async (t) => {
  const { sql, another, events } = await administration(t)
  await sql.query(
    "UPDATE signing_keys SET activated_at = now() - interval '91 days', created_at = now() - interval '91 days'"
  )
  await another()
  t.match(await events('key.rotated'), [{ actorId: null, details: { by: 'schedule' } }])
})

t.test('audit events are listed and filtered, page by page', async (t) => {
  const { ask, readAll, admin, octocat, sql } = await administration(t)
  await sql.query(
    `INSERT INTO audit_events (id, type, user_id, created_at)
    SELECT gen_random_uuid(), 'login.failed', NULL, '2026-01-01'::timestamptz + n * interval '1 day'
    FROM generate_series(1, 30) n`
  )
  const all = await readAll('/admin/audit-events', admin.access_token, 7)
  t.equal(all.length, (await sql.query('SELECT 1 FROM audit_events')).rowCount)
  t.same(
    all.map(({ createdAt }) => createdAt),
    all
      .map(({ createdAt }) => createdAt)
      .sort()
      .reverse()
  )
  t.match(
    all.find(({ type, userId }) => type === 'login.succeeded' && userId === octocat.user.id),
    {
      actorId: octocat.user.id,
      clientId: 'signet',
      provider: 'github',
      ipAddress: '127.0.0.1',
      userAgent: 'curl/8.5.0',
      requestId: String,
      details: { sessionId: String }
    }
  )
  const items = async (query: string) => (await ask('GET', `/admin/audit-events?limit=100&${query}`)).body.items
  t.equal((await items('type=login.failed')).length, 30)
  t.equal((await items('from=2026-01-11T00:00:00Z&to=2026-01-21T00:00:00Z')).length, 10)
  t.ok((await items(`userId=${octocat.user.id}`)).every(({ userId }: { userId: string }) => userId === octocat.user.id))
  for (const time of ['0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999999Z', '2026-01-01t00:00:00%2B23:59']) {
    t.equal((await ask('GET', `/admin/audit-events?from=${time}`)).status, 200, time)
  }
  t.equal((await items('from=0000-01-01T00:00:00Z')).length, all.length)
  t.same(await items('to=0000-01-01T00:00:00%2B23:59'), [])
  for (const query of [
    'type=A',
    'userId=1',
    'from=yesterday',
    'to=2026',
    'other=1',
    'from=2016-12-31T23:59:60Z',
    'to=2026-01-01T00:00:00%2B01',
    'from=2026-02-30T00:00:00Z'
  ]) { t.equal((await ask('GET', `/admin/audit-events?${query}`)).status, 400, query) }
})

slow.test('an administrator makes so many calls a minute', async (t) => {
  const { ask, octocat, call } = await administration(t, { RATE_LIMITS: 'on' })
  const statuses: number[] = []
  for (let index = 0; index < 301; index++) statuses.push((await ask('GET', '/admin/keys')).status)
  t.same([statuses.slice(0, 300).every((status) => status === 200), statuses[300]], [true, 429])
  t.equal((await call('GET', '/admin/keys', octocat.access_token)).status, 403, 'by user, not by address')
})
