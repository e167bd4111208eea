import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import t from 'tap'
import { inTransaction } from '../../src/database/transaction.ts'
import { migrate } from '../../src/database/migrations.ts'
import { createEmptyDatabase } from '../database.ts'
import { signedIn } from '../flows/signed-in.ts'
import { eventually, setup } from '../helper.ts'
import { startPgBouncer, withoutPgBouncer } from '../pgbouncer.ts'
import { startTcpProxy } from '../tcp-proxy.ts'

const prepared = 'SELECT count(*)::int AS statements FROM pg_prepared_statements WHERE from_sql = false'

t.test('directly at PostgreSQL, named statements are prepared and the session has limits', async (t) => {
  const { app: { database: { pool } } } = await setup(t)
  await inTransaction(pool, async (transaction) => {
    await transaction.query({ name: 'mine', text: 'SELECT 1' })
    t.equal((await transaction.query("SELECT 1 FROM pg_prepared_statements WHERE name = 'mine'")).rowCount, 1)
    const limits = "SELECT current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS statement"
    t.same((await transaction.query(limits)).rows, [{ lock: '1400ms', statement: '10s' }])
  })
})

t.test('a connection that is lost in the middle of a transaction ends that, and nothing else', async (t) => {
  const { app: { database: { pool } }, sql } = await setup(t)
  const lost = inTransaction(pool, async (transaction) => {
    const { rows: [{ pid }] } = await transaction.query('SELECT pg_backend_pid() AS pid')
    await sql.query('SELECT pg_terminate_backend($1)', [pid])
    await eventually('it is gone', async () => (await sql.query('SELECT 1 FROM pg_stat_activity WHERE pid = $1', [pid])).rowCount === 0)
    await transaction.query('SELECT 1')
  })
  await t.rejects(lost)
  t.equal((await pool.query('SELECT 1')).rowCount, 1)
})

t.test('whoever waits for a lock is told 503 within three seconds, and leaves nothing that goes on waiting', async (t) => {
  const { url, app, sql, login } = await signedIn(t)
  const { refresh_token: refreshToken } = await login()
  await inTransaction(sql, async (locker) => {
    await locker.query('LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE')
    const beganAt = performance.now()
    const answers = await Promise.all(Array.from({ length: 25 }, () => fetch(`${url}/oauth2/token`, {
      method: 'POST', body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken })
    })))
    t.same([...new Set(answers.map(({ status }) => status))], [503])
    t.ok(answers.every(({ headers }) => headers.has('retry-after')))
    const waited = performance.now() - beganAt
    t.ok(waited < 6_000, `${Math.round(waited)} ms`)
    t.equal((await locker.query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")).rowCount, 0)
  })
  t.equal((await app.inject('/readyz')).statusCode, 200)
})

t.test('a database that does not answer is a 503, also for a transaction, and is found again', async (t) => {
  const proxied = await createEmptyDatabase()
  t.teardown(proxied.drop)
  await migrate(proxied.url)
  const address = new URL(proxied.url)
  const proxy = await startTcpProxy(Number(address.port))
  t.teardown(() => proxy.close())
  address.port = String(proxy.port)
  const { url, app: { database: { pool } } } = await setup(t, { DATABASE_URL: address.href })
  await inTransaction(pool, async (transaction) => {
    proxy.swallow(true)
    const beganAt = performance.now()
    await t.rejects(transaction.query('SELECT 1'), { message: 'Query read timeout' })
    await t.rejects(transaction.query('ROLLBACK'), 'what is asked after that')
    const waited = performance.now() - beganAt
    t.ok(waited < 4_500, `does not wait as long again: ${Math.round(waited)} ms`)
  }).catch(() => {})
  t.equal((await fetch(`${url}/readyz`)).status, 503)
  t.equal((await fetch(`${url}/healthz`)).status, 200)
  proxy.swallow(false)
  await eventually('it is ready again', async () => (await fetch(`${url}/readyz`)).ok)
})

t.test('through PgBouncer in transaction mode nothing is prepared and nothing is set, and all of it works', { skip: withoutPgBouncer }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'signet-pgbouncer-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const behind = await createEmptyDatabase()
  t.teardown(behind.drop)
  const bouncer = await startPgBouncer(folder, behind.url)
  t.teardown(bouncer.stop)
  const applied = await Promise.all([migrate(bouncer.url), migrate(bouncer.url)])
  t.equal(applied.filter((count) => count > 0).length, 1, 'two that start at once migrate once')
  const direct = new pg.Pool({ connectionString: behind.url, max: 1 })
  t.teardown(() => direct.end())
  const locks = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
  t.equal((await direct.query(locks)).rowCount, 0, 'no lock is left on a connection of the pooler')

  const { app: { database: { pool }, jobs }, url } = await setup(t, { DATABASE_URL: bouncer.url })
  const named = () => inTransaction(pool, async (transaction) => {
    await transaction.query({ name: 'everywhere', text: 'SELECT 1' })
    return (await transaction.query(prepared)).rows[0].statements
  })
  for (let round = 0; round < 20; round++) t.same([...new Set(await Promise.all(Array.from({ length: 10 }, named)))], [0])
  t.equal((await pool.query("SELECT current_setting('lock_timeout') AS lock")).rows[0].lock, '0')
  t.equal((await fetch(`${url}/readyz`)).status, 200)
  await direct.query("SELECT graphile_worker.add_job('purge', max_attempts := 1)")
  await eventually('a job is done', async () => (await jobs.state()).waiting === 0)
})
