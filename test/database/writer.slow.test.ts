import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import t from 'tap'
import { Client } from '../../src/database/client.ts'
import { describeDatabaseFailure } from '../../src/database/failure.ts'
import { migrate } from '../../src/database/migrations.ts'
import { isDatabaseUnavailable } from '../../src/database/unavailable.ts'
import { writerOf } from '../../src/database/writer.ts'
import { freePort } from '../free-port.ts'
import { eventually, setup } from '../helper.ts'
import { startPair, type Pair } from '../postgres-pair.ts'
import { startTcpProxy, type TcpProxy } from '../tcp-proxy.ts'

const TARGET = '?target_session_attrs=read-write'
/** The URL with other hosts. */
const at = (url: string, ...ports: number[]) =>
  url.replace(/@[^/]*/, `@${ports.map((port) => `127.0.0.1:${port}`).join(',')}`) + (ports.length > 1 ? TARGET : '')

t.test('two servers', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'signet-pair-'))
  const pair: Pair = await startPair(join(folder, 'pair'))
  const proxies: TcpProxy[] = [await startTcpProxy(pair.primary.port), await startTcpProxy(pair.standby.port)]
  const [first, second] = proxies as [TcpProxy, TcpProxy]
  t.teardown(async () => {
    for (const proxy of proxies) await proxy.close()
    await pair.stop()
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  const { url } = pair.primary
  /** The standby stands first. */
  const both = at(url, second.port, first.port)
  const portOf = async (client: pg.ClientBase) => (await client.query('SHOW port')).rows[0].port as string

  await t.test('migrations and connections find the one that takes writes', async (t) => {
    t.ok(await migrate(both) > 0)
    t.equal(await migrate(both), 0)
    const client = new Client({ connectionString: both })
    await client.connect()
    t.equal(await portOf(client), String(pair.primary.port))
    await client.end()
  })

  await t.test('a standby alone is not ready', async (t) => {
    const caughtUp = async () => {
      const client = new pg.Client({ connectionString: pair.standby.url })
      await client.connect()
      const { rows: [{ keys }] } = await client.query("SELECT to_regclass('public.signing_keys') AS keys")
      await client.end()
      return keys !== null
    }
    await eventually('the standby has the tables', caughtUp)
    const { app } = await setup(t, { DATABASE_URL: both })
    t.equal((await app.inject('/readyz')).statusCode, 200, 'the signing keys are made')
    const { app: reading } = await setup(t, { DATABASE_URL: at(url, second.port) }).catch((error: unknown) => {
      t.ok(isDatabaseUnavailable(error), String(error))
      return { app: undefined }
    })
    if (reading) t.match((await reading.inject('/readyz')).json(), { status: 503, checks: { database: 'failed' } })
  })

  await t.test('when no host takes writes, the error says why for each, and no secret', async (t) => {
    const nothing = await freePort()
    const none = at(url, second.port, nothing)
    const failure = await new Client({ connectionString: none }).connect().catch((error: unknown) => error)
    t.ok(isDatabaseUnavailable(failure))
    const { what, advice } = describeDatabaseFailure(failure, none)
    t.match(what, `127.0.0.1:${second.port}: the server is read-only; 127.0.0.1:${nothing}: connect ECONNREFUSED`)
    t.match(advice, /DATABASE_URL/)
    t.notMatch(what, 'secret')
    const wrong = both.replace(':secret@', ':canary@')
    const refused = await new Client({ connectionString: wrong }).connect().catch((error: unknown) => error)
    t.notOk(isDatabaseUnavailable(refused), 'waiting does not help')
    t.match(describeDatabaseFailure(refused, wrong).what, /^wrong password for the user/)
  })

  await t.test('a frozen primary is left for the promoted standby, by requests and by jobs', async (t) => {
    const { app: { jobs, database: { pool } }, url: issuer } = await setup(t, { DATABASE_URL: both })
    const ready = async () => (await fetch(`${issuer}/readyz`)).status
    t.equal(await ready(), 200)
    const direct = new pg.Pool({ connectionString: pair.standby.url, max: 1 }).on('error', () => {})
    t.teardown(() => direct.end())
    const listening = async () =>
      (await direct.query("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")).rowCount === 1
    first.swallow(true)
    const failing = async () => {
      const beganAt = performance.now()
      await t.rejects(pool.query('DELETE FROM spent_states'))
      return performance.now() - beganAt
    }
    const first503 = await failing()
    t.ok(first503 < 3_000, `${Math.round(first503)} ms`)
    const second503 = await failing()
    t.ok(second503 < 2_000, `the next ones do not wait for the frozen host as long: ${Math.round(second503)} ms`)
    t.equal(await ready(), 503)
    await pair.standby.run('SELECT pg_promote()')
    const promotedAt = performance.now()
    await eventually('it is ready', async () => await ready() === 200)
    t.ok(performance.now() - promotedAt < 2_000, `${Math.round(performance.now() - promotedAt)} ms`)
    t.equal((await pool.query('SHOW port')).rows[0].port, String(pair.standby.port))
    await direct.query("SELECT graphile_worker.add_job('purge', max_attempts := 1)")
    await eventually('jobs are waited for', listening)
    await eventually('a job is done', async () => (await jobs.state()).waiting === 0)

    // The old primary is back and takes writes too, as a server does that was not fenced.
    first.swallow(false)
    t.equal((await pool.query('SHOW port')).rows[0].port, String(pair.standby.port), 'it stays where it is')

    await pair.standby.run('ALTER SYSTEM SET default_transaction_read_only = on')
    await pair.standby.run('SELECT pg_reload_conf()')
    const write = () => pool.query('DELETE FROM spent_states')
    await eventually('a write is refused', () => write().then(() => false, () => true))
    await eventually('a write is taken', () => write().then(() => true, () => false))
    t.equal((await pool.query('SHOW port')).rows[0].port, String(pair.primary.port), 'one that takes no writes is left')
  })

  await t.test('of two that take writes, it is not the one that failed', async (t) => {
    await pair.standby.run('ALTER SYSTEM RESET default_transaction_read_only')
    await pair.standby.run('SELECT pg_reload_conf()')
    const writer = writerOf(at(url, first.port, second.port))
    t.ok(writer)
    if (!writer) return
    await eventually('the other one takes writes again', async () => {
      const before = await writer.find()
      writer.reportFailure(before)
      return await writer.find() !== before
    })
    for (let round = 0; round < 5; round++) {
      const before = await writer.find()
      writer.reportFailure(before)
      t.not(await writer.find(), before)
    }
  })
})
