import t from 'tap'
import pg from 'pg'
import { ConnectionPool } from '../../src/database/connection-pool.ts'
import { createDatabaseClock } from '../../src/database/clock.ts'
import { createDatabase } from '../../src/database/database.ts'
import { createDatabase as createTestDatabase } from '../database.ts'

t.test('typed times are right in a database of another time zone', async (t) => {
  const { url, giveBack } = await createTestDatabase()
  const sql = new pg.Pool({ connectionString: url, max: 1 })
  const { rows: [row] } = await sql.query('SELECT current_database() AS name')
  await sql.query(`ALTER DATABASE ${row.name} SET timezone TO 'America/New_York'`)
  await sql.end()
  const pool = new ConnectionPool(url, 2)
  const { prisma } = createDatabase(pool)
  t.teardown(async () => {
    await prisma.$disconnect()
    await pool.end()
    await giveBack()
  })
  const forgetAt = new Date('2026-01-31T09:30:00.000Z')
  await prisma.spentState.create({ data: { hash: Buffer.from('state'), expiresAt: forgetAt } })
  t.same((await prisma.spentState.findFirst())?.expiresAt, forgetAt)
  const stored = await pool.query('SELECT extract(epoch FROM expires_at) AS seconds FROM spent_states')
  t.equal(Number(stored.rows[0].seconds), forgetAt.getTime() / 1000, 'as PostgreSQL has it')
  const user = await prisma.user.create({ data: {} })
  t.ok(Math.abs(user.createdAt.getTime() - Date.now()) < 60_000, "the database's default too")
})

t.test("the clock shows the database's time, and counts on by itself", async (t) => {
  const databaseTime = new Date('2026-01-31T09:30:00.000Z')
  let queries = 0
  const query = async () => {
    queries++
    return { rows: [{ now: databaseTime }] }
  }
  const clock = createDatabaseClock({ query } as never)
  t.ok(Math.abs(clock.now().getTime() - Date.now()) < 1_000, "this process's time until it is synchronized")
  await clock.synchronize()
  const elapsedMs = clock.now().getTime() - databaseTime.getTime()
  t.ok(elapsedMs >= 0 && elapsedMs < 1_000)
  t.equal(clock.inSeconds(60).getTime() - clock.now().getTime() > 59_000, true)
  t.equal(queries, 1)
})
