/**
 * A million users and three million accounts beside a thousand: every list of /admin and every read of /me, by the very
 * statements that the code sends. None may read a large table from end to end, nor take more than twice the time.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { AppSettings } from '../src/app.ts'
import { startEmbeddedPostgres } from '../packages/embedded-postgres/src/index.ts'
import { migrate } from '../src/database/migrations.ts'
import { readSettings } from '../src/settings.ts'
import { median } from './compare/figures.ts'
import { seed } from './seed/people.ts'
import { DEEP, openReader, READS, scannedWhole, type PlanNode, type Reader } from './seed/reads.ts'

const SMALL = 1_000
const LARGE = Number(process.env['BENCH_USERS'] ?? 1_000_000)
const CALLS = 41
const PAGES = 50
const MOST = 2
/** A read that seems slower is measured so often at most: on a machine that others use as well, one time proves nothing. */
const ROUNDS = 3

const folder = await mkdtemp(join(tmpdir(), 'signet-seed-'))
const ENCRYPTION_KEYS = `bench:${randomBytes(32).toString('base64')}`
const postgres = await startEmbeddedPostgres(folder)
let isGood = true
try {
  const small = await world('small', SMALL)
  const large = await world('large', LARGE)
  const paths = [...READS, ...await Promise.all(DEEP.map((path) => deepPage(large.reader, path)))]
  console.log(`\nMedians of ${CALLS} calls in turns, in one process, node ${process.version}:\n\n| read | ${SMALL} users | ${LARGE} users | ratio | |\n| --- | --- | --- | --- | --- |`)
  for (const path of paths) {
    const scans = await scansOf(large, path)
    const isDeep = path.includes('cursor=')
    let [before, after] = [1, Infinity]
    for (let round = 0; round < ROUNDS && after / before > MOST; round++) {
      [before, after] = await times(small.reader, large.reader, isDeep ? path.split('?')[0] as string : path, path)
    }
    const ratio = after / before
    const verdict = scans.length > 0 ? `READS ALL OF ${scans.join()}` : ratio > MOST ? 'SLOWER' : ''
    isGood &&= verdict === ''
    console.log(`| ${isDeep ? `${path.split('?')[0]}, page ${PAGES}` : decodeURIComponent(path)} | ${before.toFixed(1)} ms | ${after.toFixed(1)} ms | ${ratio.toFixed(2)} | ${verdict} |`)
  }
  for (const { reader, sql } of [small, large]) {
    await reader.app.close()
    await sql.end()
  }
} finally {
  await postgres.stop()
  await rm(folder, { recursive: true, force: true })
}
process.exit(isGood ? 0 : 1)

interface World { reader: Reader, sql: pg.Pool }

async function world (name: string, users: number): Promise<World> {
  const setup = new pg.Pool({ connectionString: postgres.url, max: 1 })
  await setup.query(`CREATE DATABASE ${name}`)
  await setup.end()
  const url = new URL(postgres.url)
  url.pathname = `/${name}`
  await migrate(url.href)
  const sql = new pg.Pool({ connectionString: url.href, max: 1 })
  await seed(sql, users, (what) => console.log(what))
  return { sql, reader: await openReader(readSettings({ DATABASE_URL: url.href, ENCRYPTION_KEYS, RATE_LIMITS: 'off' }) as AppSettings) }
}

async function scansOf ({ reader, sql }: World, path: string): Promise<string[]> {
  const found: string[] = []
  for (const { text, values } of await reader.statementsOf(path)) {
    const { rows: [row] } = await sql.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`, values)
    found.push(...scannedWhole(row?.['QUERY PLAN'][0]?.Plan as PlanNode))
  }
  return found
}

async function times (small: Reader, large: Reader, smallPath: string, largePath: string): Promise<[number, number]> {
  const before: number[] = []
  const after: number[] = []
  for (let call = -3; call < CALLS; call++) {
    const [one, other] = [await small.get(smallPath), await large.get(largePath)]
    if (one.status !== 200 || other.status !== 200) throw new Error(`${largePath}: ${one.status}, ${other.status}`)
    if (call < 0) continue
    before.push(one.ms)
    after.push(other.ms)
  }
  return [median(before), median(after)]
}

async function deepPage (reader: Reader, path: string): Promise<string> {
  let at = `${path}?limit=20`
  for (let page = 1; page < PAGES; page++) at = `${path}?limit=20&cursor=${(await reader.get(at)).body.nextCursor}`
  return at
}
