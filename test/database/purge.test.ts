import t from 'tap'
import { purgeExpired } from '../../src/database/purge.ts'
import { setup } from '../helper.ts'

t.test('what has expired is deleted a thousand rows at a time, and what lives is kept', async (t) => {
  const { app, sql } = await setup(t)
  const insert = (from: number, to: number, age: string) => sql.query(
    `INSERT INTO spent_states (hash, expires_at) SELECT decode(lpad(to_hex(i), 8, '0'), 'hex'), now() - interval '${age}' FROM generate_series(${from}, ${to}) i`)
  await insert(1, 2500, '1 minute')
  await insert(3001, 3003, '-1 minute')
  const counts = []
  for (let round = 0; round < 3; round++) {
    await purgeExpired(app.database)
    counts.push(Number((await sql.query('SELECT count(*) FROM spent_states')).rows[0].count))
  }
  t.same(counts, [1503, 503, 3])
})
