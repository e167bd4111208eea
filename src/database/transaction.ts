import type { Pool, PoolClient } from 'pg'

/** What runs in it is written with it, or not at all. */
export type Transaction = PoolClient

/** Runs `work` on one connection, between BEGIN and COMMIT; what it throws rolls back. */
export async function inTransaction<Result> (pool: Pool, work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
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
