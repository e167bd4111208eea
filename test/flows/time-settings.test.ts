import { decodeJwt } from 'jose'
import t from 'tap'
import { eventually } from '../helper.ts'
import { signedIn } from './signed-in.ts'

const DAY = 24 * 60 * 60

/** None is a default, and none is like another. */
const ODD = {
  ACCESS_TOKEN_TTL: '613',
  REFRESH_TOKEN_TTL: '70003',
  SESSION_TTL: '90007',
  SIGNING_KEY_ROTATION: '50021',
  AUDIT_RETENTION: '40009'
}

t.test('each time is the one of its setting', async (t) => {
  const { login, sql, call, another } = await signedIn(t, ODD)
  const { access_token: token, expires_in: expiresIn, user } = await login()

  await t.test('ACCESS_TOKEN_TTL', async (t) => {
    const { exp, iat } = decodeJwt(token)
    t.strictSame([expiresIn, exp! - iat!], [613, 613])
  })

  await t.test('REFRESH_TOKEN_TTL and SESSION_TTL', async (t) => {
    const { rows: [session] } = await sql.query(`
      SELECT extract(epoch FROM idle_expires_at - created_at)::float AS idle,
        extract(epoch FROM expires_at - created_at)::float AS whole FROM sessions`)
    t.ok(Math.abs(session.idle - 70_003) < 1, String(session.idle))
    t.ok(Math.abs(session.whole - 90_007) < 1, String(session.whole))
    const { body } = await call('GET', '/me/sessions', token)
    const { expiresAt, lastUsedAt } = body.items[0]
    t.equal((Date.parse(expiresAt) - Date.parse(lastUsedAt)) / 1000, 70_003, 'and the user is told so')
  })

  await t.test('SIGNING_KEY_ROTATION', async (t) => {
    const current = async () =>
      (await sql.query("SELECT kid FROM signing_keys WHERE status = 'current'")).rows.map(({ kid }) => kid)
    const age = (seconds: number) => sql.query(`
      UPDATE signing_keys SET activated_at = clock_timestamp() - $1 * interval '1 s'
      WHERE status = 'current'`, [seconds])
    await sql.query("UPDATE signing_keys SET created_at = created_at - interval '11 minutes'") // Long enough in caches.
    const before = await current()
    await age(50_021 - 600)
    await another()
    t.strictSame(await current(), before, 'not a moment before')
    await age(50_021 + 1)
    await another()
    t.not((await current())[0], before[0])
  })

  await t.test('AUDIT_RETENTION', async (t) => {
    const types = async () => (await sql.query("SELECT type FROM audit_events WHERE type LIKE 'test.%'")).rows
    await sql.query(`
      INSERT INTO audit_events (id, type, user_id, created_at)
      SELECT gen_random_uuid(), type, $1, clock_timestamp() - seconds * interval '1 s'
      FROM (VALUES ('test.kept', 40009 - 600), ('test.purged', 40009 + 1)) v (type, seconds)`, [user.id])
    await sql.query("SELECT graphile_worker.add_job('purge', max_attempts := 1)")
    await eventually('the purge', async () => (await types()).length < 2)
    t.strictSame(await types(), [{ type: 'test.kept' }])
  })
})

t.test('a session cannot outlast SESSION_TTL by being used', async (t) => {
  const { login, sql } = await signedIn(t, { SESSION_TTL: String(DAY), REFRESH_TOKEN_TTL: String(30 * DAY) })
  await login()
  const { rows } = await sql.query('SELECT idle_expires_at <= expires_at AS within FROM sessions')
  t.strictSame(rows, [{ within: true }])
})
