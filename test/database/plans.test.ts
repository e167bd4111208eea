import t from 'tap'
import { seed } from '../../bench/seed/people.ts'
import { openReader, READS, scannedWhole, type PlanNode } from '../../bench/seed/reads.ts'
import type { AppSettings } from '../../src/app.ts'
import { readSettings } from '../../src/settings.ts'
import { ENCRYPTION_KEYS, setup } from '../helper.ts'

// The same with a million users, and with times: npm run bench -- seed.
t.test('every list of /admin and every read of /me stays on an index', async (t) => {
  const { sql, database } = await setup(t)
  await seed(sql, 20_000)
  const { app, get, statementsOf } = await openReader(readSettings({ DATABASE_URL: database.url, ENCRYPTION_KEYS, RATE_LIMITS: 'off' }) as AppSettings)
  t.teardown(() => app.close())
  for (const path of READS) {
    t.equal((await get(path)).status, 200, path)
    const statements = await statementsOf(path)
    t.ok(statements.length > 0 || path === '/admin/keys', `${path}: asks the database`)
    for (const { text, values } of statements) {
      const { rows: [row] } = await sql.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(`EXPLAIN (FORMAT JSON) ${text}`, values)
      t.same(scannedWhole(row?.['QUERY PLAN'][0]?.Plan as PlanNode), [], `${path}\n${text}`)
    }
  }
})
