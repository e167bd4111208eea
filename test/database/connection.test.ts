import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import t from 'tap'
import { ConnectionPool } from '../../src/database/connection-pool.ts'
import { migrate } from '../../src/database/migrations.ts'
import { createDatabase, createEmptyDatabase } from '../database.ts'
import { signedIn } from '../flows/signed-in.ts'
import { eventually, setup } from '../helper.ts'
import { startPgBouncer, withoutPgBouncer } from '../pgbouncer.ts'
import { slow } from '../slow.ts'
import { startTcpProxy } from '../tcp-proxy.ts'

/** Runs `work` on one connection, between BEGIN and COMMIT. */
async function transaction<Result> (pool: pg.Pool, work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } finally {
    client.release(true)
  }
}

t.test('directly at PostgreSQL, named statements are prepared and the session has limits', async (t) => {
  const { app: { database: { pool } } } = await setup(t)
  await transaction(pool, async (client) => {
    await client.query({ name: 'mine', text: 'SELECT 1' })
    t.equal((await client.query("SELECT 1 FROM pg_prepared_statements WHERE name = 'mine'")).rowCount, 1)
    const limits = "SELECT current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS statement"
    t.same((await client.query(limits)).rows, [{ lock: '1400ms', statement: '10s' }])
  })
})

t.test('a named statement of the pool is prepared, and takes its values each time', async (t) => {
  const database = await createDatabase()
  const pool = new ConnectionPool(database.url, 1)
  t.teardown(async () => {
    await pool.end()
    await database.giveBack()
  })
  const divide = (by: number) => pool.query({ name: 'divide', text: 'SELECT 6 / $1::int AS result', values: [by] })
  t.same((await divide(2)).rows, [{ result: 3 }])
  t.same((await divide(3)).rows, [{ result: 2 }])
  t.equal((await pool.query("SELECT 1 FROM pg_prepared_statements WHERE name = 'divide'")).rowCount, 1)
  await t.rejects(divide(0), { code: '22012' })
})

t.test('a connection that is lost in the middle of a transaction ends that, and nothing else', async (t) => {
  const { app: { database: { prisma } }, sql } = await setup(t)
  const lost = prisma.$transaction(async (tx) => {
    const [{ pid }] = await tx.$queryRaw<[{ pid: number }]>`SELECT pg_backend_pid() AS pid`
    await sql.query('SELECT pg_terminate_backend($1)', [pid])
    const isGone = async () => (await sql.query('SELECT 1 FROM pg_stat_activity WHERE pid = $1', [pid])).rowCount === 0
    await eventually('it is gone', isGone)
    await tx.user.count()
  })
  await t.rejects(lost)
  t.equal(await prisma.user.count(), 0)
})

t.test('a request that waits for a lock is a 503, many as soon as one, and no statement goes on waiting', async (t) => {
  const { url, app, sql, login } = await signedIn(t)
  const { refresh_token: refreshToken } = await login()
  await transaction(sql, async (locker) => {
    await locker.query('LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE')
    const refreshes = async (count: number) => {
      const beganAt = performance.now()
      const answers = await Promise.all(Array.from({ length: count }, () => fetch(`${url}/oauth2/token`, {
        method: 'POST', body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken })
      })))
      return { answers, tookMs: performance.now() - beganAt }
    }
    const one = await refreshes(1)
    const { answers, tookMs } = await refreshes(25)
    t.same([...new Set(answers.map(({ status }) => status))], [503])
    t.ok(answers.every(({ headers }) => headers.has('retry-after')))
    t.ok(tookMs < 2.5 * one.tookMs, `the pool of 5 does not wait five times: ${tookMs} ms, one ${one.tookMs} ms`)
    const waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    t.equal((await locker.query(waiting)).rowCount, 0)
  })
  t.equal((await app.inject('/readyz')).statusCode, 200)
})

t.test('a database that does not answer is a 503, also for a transaction, and is found again', async (t) => {
  const proxied = await createEmptyDatabase()
  t.teardown(proxied.giveBack)
  await migrate(proxied.url)
  const address = new URL(proxied.url)
  const proxy = await startTcpProxy(Number(address.port))
  t.teardown(() => proxy.close())
  address.port = String(proxy.port)
  const { url, app: { database: { prisma } } } = await setup(t, { DATABASE_URL: address.href })
  let beganAt = 0
  let statementMs = 0
  await t.rejects(prisma.$transaction(async (tx) => {
    await tx.user.count()
    proxy.swallow(true)
    beganAt = performance.now()
    await tx.user.count().finally(() => { statementMs = performance.now() - beganAt })
  }), { message: /Query read timeout/ })
  const waited = performance.now() - beganAt
  t.ok(waited < 1.7 * statementMs, `the ROLLBACK does not wait as long again: ${waited} ms of ${statementMs} ms`)
  t.equal((await fetch(`${url}/readyz`)).status, 503)
  t.equal((await fetch(`${url}/healthz`)).status, 200)
  proxy.swallow(false)
  await eventually('it is ready again', async () => (await fetch(`${url}/readyz`)).ok)
})

t.test('a refused write drops the idle connections too: a new one may reach another server', async (t) => {
  const database = await createDatabase()
  const pool = new ConnectionPool(database.url, 3)
  pool.on('error', () => {})
  t.teardown(async () => {
    await pool.end()
    await database.giveBack()
  })
  const processes = async () => {
    const rows = await Promise.all([1, 2, 3].map(() => pool.query('SELECT pg_backend_pid() AS pid, pg_sleep(0.1)')))
    return rows.map(({ rows: [{ pid }] }) => pid as number)
  }
  const before = await processes()
  t.same((await processes()).sort(), before.sort(), 'they are kept as long as all is well')
  const refused = pool.query('BEGIN READ ONLY; DELETE FROM spent_states')
  await t.rejects(refused, { code: '25006' })
  t.same((await processes()).filter((pid) => before.includes(pid)), [])
})

const behindPgBouncer = 'through PgBouncer in transaction mode nothing is prepared or set, and all works'
slow.test(behindPgBouncer, { skip: withoutPgBouncer }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'signet-pgbouncer-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const behind = await createEmptyDatabase()
  t.teardown(behind.giveBack)
  const bouncer = await startPgBouncer(folder, behind.url)
  t.teardown(bouncer.stop)
  const applied = await Promise.all([migrate(bouncer.url), migrate(bouncer.url)])
  t.equal(applied.filter((count) => count > 0).length, 1, 'two that start at once migrate once')
  // The database may be dropped, and with it the connection, before the pool has ended.
  const direct = new pg.Pool({ connectionString: behind.url, max: 1 }).on('error', () => {})
  t.teardown(() => direct.end())
  const locks = `SELECT 1 FROM pg_locks
    WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
  t.equal((await direct.query(locks)).rowCount, 0, 'no lock is left on a connection of the pooler')

  const { app: { database: { pool, prisma }, jobs }, url } = await setup(t, { DATABASE_URL: bouncer.url })
  const named = () => prisma.$transaction(async (tx) => {
    await tx.user.count()
    const [{ statements }] = await tx.$queryRaw<[{ statements: number }]>`
      SELECT count(*)::int AS statements FROM pg_prepared_statements WHERE from_sql = false`
    return statements
  })
  for (let round = 0; round < 20; round++) {
    const counts = await Promise.all(Array.from({ length: 10 }, named))
    t.same([...new Set(counts)], [0])
  }
  t.equal((await pool.query("SELECT current_setting('lock_timeout') AS lock")).rows[0].lock, '0')
  t.equal((await fetch(`${url}/readyz`)).status, 200)
  await direct.query("SELECT graphile_worker.add_job('purge', max_attempts := 1)")
  await eventually('a job is done', async () => (await jobs.state()).waiting === 0)
})
