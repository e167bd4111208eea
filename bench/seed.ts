/**
 * A million users and three million accounts beside a thousand: every list of /admin and every read of /me, with the
 * statements that the code sends. None may scan a large table, nor take more than twice the time.
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
/** How deep a deep page is. */
const PAGES = 50
const MAX_RATIO = 2
/** Attempts for a read that seems slower: on a machine that others use too, one measurement proves nothing. */
const ROUNDS = 3

const folder = await mkdtemp(join(tmpdir(), 'signet-seed-'))
const ENCRYPTION_KEYS = `bench:${randomBytes(32).toString('base64')}`
const postgres = await startEmbeddedPostgres(folder)
let isGood = true
try {
  const small = await createDatabase('small', SMALL)
  const large = await createDatabase('large', LARGE)
  const paths = [...READS, ...await Promise.all(DEEP.map((path) => deepPage(large.reader, path)))]
  console.log(`\nMedians of ${CALLS} alternating calls, in one process, node ${process.version}:\n`)
  console.log(`| read | ${SMALL} users | ${LARGE} users | ratio | |\n| --- | --- | --- | --- | --- |`)
  for (const path of paths) {
    const scans = await scansOf(large, path)
    const isDeep = path.includes('cursor=')
    let [before, after] = [1, Infinity]
    for (let round = 0; round < ROUNDS && after / before > MAX_RATIO; round++) {
      [before, after] = await times(small.reader, large.reader, isDeep ? path.split('?')[0] as string : path, path)
    }
    const ratio = after / before
    const verdict = scans.length > 0 ? `SCANS ${scans.join()}` : ratio > MAX_RATIO ? 'SLOWER' : ''
    isGood &&= verdict === ''
    const name = isDeep ? `${path.split('?')[0]}, page ${PAGES}` : decodeURIComponent(path)
    console.log(`| ${name} | ${before.toFixed(1)} ms | ${after.toFixed(1)} ms | ${ratio.toFixed(2)} | ${verdict} |`)
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

interface Seeded { reader: Reader, sql: pg.Pool }

async function createDatabase (name: string, users: number): Promise<Seeded> {
  const setup = new pg.Pool({ connectionString: postgres.url, max: 1 })
  await setup.query(`CREATE DATABASE ${name}`)
  await setup.end()
  const url = new URL(postgres.url)
  url.pathname = `/${name}`
  await migrate(url.href)
  const sql = new pg.Pool({ connectionString: url.href, max: 1 })
  await seed(sql, users, (what) => console.log(what))
  const settings = readSettings({ DATABASE_URL: url.href, ENCRYPTION_KEYS, RATE_LIMITS: 'off' }) as AppSettings
  return { sql, reader: await openReader(settings) }
}

/** The large tables that a read's statements scan. */
async function scansOf ({ reader, sql }: Seeded, path: string): Promise<string[]> {
  const found: string[] = []
  for (const { text, values } of await reader.statementsOf(path)) {
    const explain = `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`
    const { rows: [row] } = await sql.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(explain, values)
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
