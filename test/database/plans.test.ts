import type pg from 'pg'
import { seed } from '../../bench/seed/people.ts'
import { DEEP, openReader, READS, scannedWhole, type PlanNode } from '../../bench/seed/reads.ts'
import type { AppSettings } from '../../src/app.ts'
import { PLAN_EACH_TIME } from '../../src/database/statement-names.ts'
import { readSettings } from '../../src/settings.ts'
import { ENCRYPTION_KEYS, setup } from '../helper.ts'
import { slow } from '../slow.ts'

async function explain (sql: pg.Pool, options: string, text: string, values?: unknown[]): Promise<PlanNode> {
  const explained = `EXPLAIN (${options}, FORMAT JSON) ${text}`
  const { rows: [row] } = await sql.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(explained, values)
  return row!['QUERY PLAN'][0].Plan
}

/** The plan that a prepared statement gets where the values are not known. (GENERIC_PLAN needs PostgreSQL 16.) */
async function explainPrepared (sql: pg.Pool, text: string, values: unknown[]): Promise<PlanNode> {
  const client = await sql.connect()
  try {
    await client.query('SET plan_cache_mode = force_generic_plan')
    await client.query(`PREPARE explained AS ${text}`)
    const nulls = values.length === 0 ? '' : `(${values.map(() => 'NULL').join()})`
    const { rows: [row] } = await client.query(`EXPLAIN (FORMAT JSON) EXECUTE explained${nulls}`)
    return row['QUERY PLAN'][0].Plan
  } finally {
    client.release(true)
  }
}

/** The rows that a plan reads and does not return. */
const rowsLeftOut = (plan: PlanNode & { 'Rows Removed by Filter'?: number }): number =>
  (plan['Rows Removed by Filter'] ?? 0) + (plan.Plans ?? []).reduce((sum, child) => sum + rowsLeftOut(child), 0)

// The same with a million users, and with times: npm run bench -- seed.
slow.test('every list of /admin and every read of /me stays on an index', async (t) => {
  const { sql, database } = await setup(t)
  await seed(sql, 20_000)
  const settings = readSettings({ DATABASE_URL: database.url, ENCRYPTION_KEYS, RATE_LIMITS: 'off' }) as AppSettings
  const { app, get, statementsOf } = await openReader(settings)
  t.teardown(() => app.close())

  for (const path of READS) {
    t.equal((await get(path)).status, 200, path)
    const statements = await statementsOf(path)
    t.ok(statements.length > 0, `${path}: asks the database`)
    for (const { text, values } of statements) {
      t.same(scannedWhole(await explain(sql, 'COSTS', text, values)), [], `${path}\n${text}`)
      // A prepared statement may get a plan that does not know the values.
      if (text.includes(PLAN_EACH_TIME.sql)) continue
      t.same(scannedWhole(await explainPrepared(sql, text, values)), [], `${path}, prepared\n${text}`)
    }
  }

  await t.test('and a deep page reads only what it shows', async (t) => {
    for (const path of DEEP) {
      const { body: { nextCursor } } = await get(`${path}?limit=100`)
      const { body: { nextCursor: deeper } } = await get(`${path}?limit=100&cursor=${nextCursor}`)
      for (const { text, values } of await statementsOf(`${path}?cursor=${deeper}`)) {
        t.ok(rowsLeftOut(await explain(sql, 'ANALYZE', text, values)) < 10, `${path}\n${text}`)
      }
    }
  })
})
