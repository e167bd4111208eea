import { execFileSync } from 'node:child_process'
import { statfsSync } from 'node:fs'
import { chown, mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Fault } from '../fault.ts'
import { endOf, startLoad, type Report } from '../load.ts'
import { milliseconds, percentile, tally, worst } from '../numbers.ts'
import { startTcpProxy } from '../../test/tcp-proxy.ts'
import type { World } from '../world.ts'

const WAIT_MS = 3_000

const restarts: Fault = {
  id: 'F2',
  title: 'PostgreSQL crashes and restarts under load',
  pass: 'no session is lost whose tokens had been received; no process ends; the errors stop at most 5 s after the ' +
    'database is back',
  note: 'a failover to another machine, which may lose what was not replicated',
  async play (world, { figure, must }, { pick }) {
    const rounds = pick(10, 1)
    const load = await startLoad(world.client)
    const outages: number[] = []
    const recoveries: number[] = []
    for (let round = 0; round < rounds; round++) {
      await sleep(1_000)
      const downAt = performance.now()
      await world.postgres.crash()
      const upAt = performance.now()
      outages.push(upAt - downAt)
      await sleep(1_500)
      const failed = load
        .soFar()
        .filter(({ beganAt, status }) => beganAt > downAt - 5_000 && (status === 0 || status >= 500))
      recoveries.push(Math.max(0, ...failed.map(endOf)) - upAt)
    }
    const report = await load.stop()
    figure('crashes', rounds)
    figure('longest outage of PostgreSQL', milliseconds(worst(outages)))
    figure('last error after it was back, at worst', milliseconds(Math.max(0, worst(recoveries))))
    tellLoad(report, figure)
    must(report.loggedOut === 0, 'committed sessions were lost')
    must(worst(recoveries) < 5_000, 'the errors went on for too long')
    must(only503(report), `failures were not 503: ${tally(report.failed.map(({ status }) => status))}`)
    must(
      Object.values(await world.audit()).every((count) => count === 0),
      'something half-written is left'
    )
  }
}

const unreachable: Fault = {
  id: 'F3',
  title: 'PostgreSQL cannot be reached: packets are dropped',
  pass: 'requests that need it fail with 503 within 3 s (p99); /healthz and the key set answer as before, and ' +
    'tokens are verified; all is well again 5 s after the packets pass',
  note: 'a name server that does not answer',
  async play (world, { figure, must }, { pick }) {
    const seconds = pick(30, 4)
    const proxy = await startTcpProxy(Number(new URL(world.postgres.url).port))
    await world.restart({ DATABASE_URL: world.postgres.url.replace(/@127\.0\.0\.1:\d+/, `@127.0.0.1:${proxy.port}`) })
    const load = await startLoad(world.client)
    await sleep(1_000)
    const forged = `${(await world.client.login('unreachable')).access_token.slice(0, -20)}${'A'.repeat(20)}`
    const cutAt = performance.now()
    proxy.swallow(true)
    const alone: { path: string, status: number, milliseconds: number }[] = []
    while (performance.now() - cutAt < seconds * 1000) {
      for (const path of ['/healthz', '/.well-known/jwks.json']) {
        alone.push({ path, ...(await world.client.call('GET', path, { at: alone.length })) })
      }
      // A token that does not verify is refused without the database.
      const { status, milliseconds } = await world.client.me(forged, { at: alone.length })
      alone.push({ path: 'forged', status, milliseconds })
      await sleep(200)
    }
    proxy.swallow(false)
    const backAt = performance.now()
    await sleep(pick(5_000, 3_000))
    const report = await load.stop()
    const { failed } = report
    const late = failed.filter((one) => endOf(one) > backAt)
    const waits = failed.map((one) => one.milliseconds)
    const answers = (path: string) => alone.filter((one) => one.path === path)
    figure('seconds without the database', seconds)
    tellLoad(report, figure)
    figure('p99 of the failing requests', milliseconds(percentile(waits, 0.99)))
    figure(
      '/healthz meanwhile',
      `${tally(answers('/healthz').map(({ status }) => status))}, p99 ${milliseconds(
        percentile(
          answers('/healthz').map((one) => one.milliseconds),
          0.99
        )
      )}`
    )
    figure('key set meanwhile', tally(answers('/.well-known/jwks.json').map(({ status }) => status)))
    figure('forged tokens meanwhile', tally(answers('forged').map(({ status }) => status)))
    figure(
      'last error after the packets passed',
      late.length === 0 ? '0 ms' : milliseconds(Math.max(...late.map(endOf)) - backAt)
    )
    must(failed.length > 0, 'nothing failed: the database was not away')
    must(only503(report), `failures were not 503: ${tally(failed.map(({ status }) => status))}`)
    must(percentile(waits, 0.99) <= WAIT_MS, 'failing took longer than 3 s')
    must(
      alone.every(({ path, status }) => status === (path === 'forged' ? 401 : 200)),
      'what needs no database did not answer'
    )
    must(
      late.every((one) => endOf(one) < backAt + 5_000),
      'it took longer than 5 s to recover'
    )
    must(report.loggedOut === 0, 'people were logged out')
    await world.restart()
    await proxy.close()
  }
}

const longLock: Fault = {
  id: 'F4',
  title: 'a long lock on the table of sessions: every connection of the pool is taken',
  pass: 'no request waits longer than 3 s for a 503; afterwards no connection and no lock is left over',
  async play (world, { figure, must }, { pick }) {
    const seconds = pick(20, 4)
    const load = await startLoad(world.client)
    const locker = new pg.Client({ connectionString: world.postgres.url })
    await locker.connect()
    await locker.query('BEGIN; LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE')
    let most = 0
    for (const endsAt = performance.now() + seconds * 1000; performance.now() < endsAt; await sleep(500)) {
      most = Math.max(most, await connections(world))
    }
    await locker.query('COMMIT')
    await locker.end()
    const freeAt = performance.now()
    await sleep(2_000)
    const report = await load.stop()
    const {
      rows: [deadlocks]
    } = await world.sql.query('SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()')
    const {
      rows: [locks]
    } = await world.sql.query("SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    const waits = report.failed.map((one) => one.milliseconds)
    const late = report.failed.filter(({ beganAt }) => beganAt > freeAt + 500)
    figure('seconds of the lock', seconds)
    tellLoad(report, figure)
    figure('p99 of the wait', milliseconds(percentile(waits, 0.99)))
    figure('most connections of both instances', most)
    figure('deadlocks', deadlocks.deadlocks)
    figure('still waiting for a lock afterwards', locks.waiting)
    must(report.failed.length > 0, 'nothing failed: the lock was not felt')
    must(only503(report), `failures were not 503: ${tally(report.failed.map(({ status }) => status))}`)
    must(percentile(waits, 0.99) <= WAIT_MS, 'a request waited longer than 3 s')
    must(most <= 26, 'more connections than both pools have')
    must(deadlocks.deadlocks === 0 && locks.waiting === 0, 'locks are left')
    must(late.length === 0, 'it went on failing when the lock was gone')
    must(report.loggedOut === 0, 'people were logged out')
  }
}

async function connections ({ sql }: World): Promise<number> {
  return (await sql.query("SELECT count(*)::int AS all FROM pg_stat_activity WHERE application_name LIKE 'signet%'"))
    .rows[0].all
}

const unwritable: Fault = {
  id: 'F13',
  title: 'the database is read-only; its disk is full',
  pass: 'what writes is answered with 503, what reads and verifies with 200; no process ends; afterwards all is as ' +
    'before',
  async play (world, { figure, must, skip }, { pick }) {
    const { client } = world
    const tokens = await client.login('unwritable')
    await setReadOnly(world, true)
    const readOnly = await tryAll(world, tokens, pick(5, 2))
    await setReadOnly(world, false)
    tell('read-only', readOnly)
    const after = await client.refresh(tokens.refresh_token)
    must(after.status === 200, `after being read-only a refresh was answered with ${after.status}`)

    const disk = await smallDisk(world)
    if (typeof disk === 'string') return skip(`the full disk: ${disk}`)
    try {
      await disk.fill()
      tell('full disk', await tryAll(world, { ...tokens, ...after.body }, pick(10, 3)))
    } finally {
      await disk.remove()
    }
    const { status } = await client.refresh(after.body.refresh_token)
    must(status === 200 && (await client.login('afterwards')) !== undefined, 'it did not recover from the full disk')

    function tell (what: string, { logins, me, health }: Awaited<ReturnType<typeof tryAll>>) {
      figure(`${what}: first logins`, tally(logins))
      figure(`${what}: GET /me, GET /healthz`, `${tally(me)}, ${tally(health)}`)
      must(
        logins.every((status) => status === 503),
        `${what}: a login was answered with ${tally(logins)}`
      )
      must(
        [...me, ...health].every((status) => status === 200),
        `${what}: reading failed`
      )
    }
  }
}

async function setReadOnly ({ postgres }: World, on: boolean): Promise<void> {
  const admin = new pg.Client({ connectionString: postgres.url, options: '-c default_transaction_read_only=off' })
  await admin.connect()
  await admin.query(
    on ? 'ALTER SYSTEM SET default_transaction_read_only = on' : 'ALTER SYSTEM RESET default_transaction_read_only'
  )
  await admin.query('SELECT pg_reload_conf()')
  await admin.end()
  // Every process of PostgreSQL reads it when it is next idle.
  await sleep(500)
}

async function tryAll ({ client }: World, { access_token: token }: { access_token: string }, rounds: number) {
  const statuses = { logins: [] as number[], me: [] as number[], health: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    statuses.logins.push((await (await client.prepare(`unwritable${Math.random()}`, { at: round }))()).status)
    statuses.me.push((await client.me(token, { at: round })).status)
    statuses.health.push((await client.call('GET', '/healthz', { at: round })).status)
  }
  return statuses
}

const MORE =
  "INSERT INTO spent_states (hash, expires_at) VALUES (sha256(random()::text::bytea), now() + interval '1 hour')"

/** The tables of logins on a file system of 40 MB, which can be filled; or why that is not possible here. */
async function smallDisk ({
  folder,
  sql
}: World): Promise<string | { fill: () => Promise<void>, remove: () => Promise<void> }> {
  if (process.getuid?.() !== 0) return 'needs root, to mount a small file system'
  const disk = join(folder, 'disk')
  await mkdir(disk)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'none', disk], { stdio: 'pipe' })
  } catch {
    return 'root may not mount a file system here'
  }
  const { rows: [{ directory }] } = await sql.query("SELECT current_setting('data_directory') AS directory")
  const { uid, gid } = await stat(directory)
  const space = join(disk, 'space')
  await mkdir(space)
  await chown(space, uid, gid)
  await sql.query(`CREATE TABLESPACE small LOCATION '${space}'`)
  const relations = ['TABLE users', 'TABLE accounts', 'TABLE spent_states', 'INDEX users_pkey', 'INDEX accounts_pkey']
  for (const relation of relations) await sql.query(`ALTER ${relation} SET TABLESPACE small`)
  return {
    async fill () {
      // Pages that are half full would take a few more rows: they are used up first.
      const { bsize, bavail } = statfsSync(disk)
      await writeFile(join(disk, 'filler'), Buffer.alloc(bsize * bavail))
      for (let row = 0; row < 1000; row++) {
        const isFull = await sql.query(MORE).then(
          () => false,
          () => true
        )
        if (isFull) break
      }
    },
    async remove () {
      await rm(join(disk, 'filler'), { force: true })
      for (const relation of relations) await sql.query(`ALTER ${relation} SET TABLESPACE pg_default`)
      await sql.query('DROP TABLESPACE small')
      execFileSync('umount', ['-l', disk])
    }
  }
}

/** Every failure is a 503 that a client may try again. */
const only503 = ({ failed }: Report) => failed.every(({ status }) => status === 503)

export function tellLoad (
  { requests, failed, failingSeconds, loggedOut }: Report,
  figure: (name: string, value: string | number) => void
): void {
  figure('requests', requests.length)
  const byStatus = failed.length === 0 ? 0 : tally(failed.map(({ status }) => status))
  figure('failed', `${byStatus}, from first to last ${failingSeconds.toFixed(1)} s`)
  figure('logged out', loggedOut)
}

export const databaseFaults = [restarts, unreachable, longLock, unwritable]
