import type { Pool, PoolClient } from 'pg'
import type { Prisma } from './generated/client.ts'

/** Prisma's client within `$transaction`: everything that runs on it is committed together, or not at all. */
export type Transaction = Prisma.TransactionClient

/** @deprecated Use Prisma's `$transaction`. */
export type PoolTransaction = PoolClient

/** @deprecated Use Prisma's `$transaction`. Runs `work` on one connection, between BEGIN and COMMIT; what it throws rolls back. */
export async function inTransaction<Result> (pool: Pool, work: (transaction: PoolTransaction) => Promise<Result>): Promise<Result> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch((failure: Error) => { broken = failure })
    throw error
  } finally {
    client.release(broken)
  }
}
