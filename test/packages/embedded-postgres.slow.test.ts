import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import { startEmbeddedPostgres } from '../../packages/embedded-postgres/src/index.ts'

/** `mkdtemp` makes it 0700: as root, a folder that PostgreSQL's own account may not enter. */
async function folder (t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'signet-test-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

const postmaster = async (path: string) =>
  Number((await readFile(join(path, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0])
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** One that has ended by itself in the meantime, as children do whose parent was killed, is as good. */
const kill = (pid: number) => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** A PostgreSQL that stopped in order takes its lock file with it. */
const hasStopped = (t: Test, path: string) => t.rejects(postmaster(path), { code: 'ENOENT' })

async function run (url: string, sql: string) {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

t.test('it is a PostgreSQL 18 that keeps its data over a stop, and over a kill -9 of all its processes', async (t) => {
  const path = await folder(t)
  const first = await startEmbeddedPostgres(path)
  t.match((await run(first.url, 'SELECT version()'))[0].version, /^PostgreSQL 18/)
  await run(first.url, 'CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)')
  await first.stop()

  const second = await startEmbeddedPostgres(path)
  t.same(await run(second.url, 'SELECT n FROM kept'), [{ n: 42 }])
  const pid = await postmaster(path)
  const children = execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
    .split('\n')
    .map(Number)
    .filter(Boolean)
  for (const one of [pid, ...children]) kill(one)
  while (isAlive(pid)) await sleep(20)

  const third = await startEmbeddedPostgres(path)
  t.same(await run(third.url, 'SELECT n FROM kept'), [{ n: 42 }])
  await third.stop()
  await hasStopped(t, path)
})

t.test('a server left behind by a process that was killed is taken over', async (t) => {
  const path = await folder(t)
  const module = new URL('../../packages/embedded-postgres/src/index.ts', import.meta.url).href
  const script = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(module)})
    await startEmbeddedPostgres(${JSON.stringify(path)})
    console.log('up')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  const before = await postmaster(path)
  t.ok(isAlive(before))
  const taken = await startEmbeddedPostgres(path)
  t.equal(await postmaster(path), before, 'the same server')
  t.same(await run(taken.url, 'SELECT 1 AS one'), [{ one: 1 }])
  await taken.stop()
  await hasStopped(t, path)
})

t.test(
  'starts at the same moment, in a folder that is new, share one server, and the last to stop ends it',
  async (t) => {
    const path = await folder(t)
    const [one, other] = await Promise.all([startEmbeddedPostgres(path), startEmbeddedPostgres(path)])
    t.equal(one?.url, other?.url)
    t.same((await readdir(path)).sort(), ['postgres', 'postgres-password'], 'what the slower one made is gone')
    const client = new pg.Client({ connectionString: one?.url })
    await client.connect()
    await other?.stop()
    t.same((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }], 'somebody is still using it')
    await client.end()
    await one?.stop()
    await hasStopped(t, path)
  }
)
