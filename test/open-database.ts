import type { Test } from 'tap'
import { ConnectionPool } from '../src/database/connection-pool.ts'
import { createDatabase, type Database } from '../src/database/database.ts'
import { createDatabase as createTestDatabase } from './database.ts'

/** Prisma, its pool and the clock, on a database of the test's own. */
export async function openDatabase (t: Test): Promise<Database> {
  const { url, giveBack } = await createTestDatabase()
  const pool = new ConnectionPool(url, 4)
  pool.on('error', () => {})
  const database = createDatabase(pool)
  t.teardown(async () => {
    await database.prisma.$disconnect()
    await pool.end()
    await giveBack()
  })
  await database.clock.synchronize()
  return database
}
