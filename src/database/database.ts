import type pg from 'pg'
import type { PrismaClient } from './generated/client.ts'

export interface Database {
  /** Prisma, loaded when it is first needed: a start, a login and a refresh do without. */
  prisma: () => Promise<PrismaClient>
  /** The pool below Prisma, for the hot paths: one named, prepared statement each. */
  pool: pg.Pool
}

/** How long a transaction of Prisma may last. */
const TRANSACTION_MS = 5_000

/** Prisma on a pool that is there. Its code and its query engine cost a start 50 ms and 15 MB, so they come with the first call. */
export function createPrisma (pool: pg.Pool): { get: () => Promise<PrismaClient>, close: () => Promise<void> } {
  let loaded: Promise<PrismaClient> | undefined

  async function load (): Promise<PrismaClient> {
    const [{ PrismaPg }, { PrismaClient }] = await Promise.all([import('@prisma/adapter-pg'), import('./generated/client.ts')])
    return new PrismaClient({
      adapter: new PrismaPg(pool),
      transactionOptions: { maxWait: TRANSACTION_MS, timeout: TRANSACTION_MS },
      errorFormat: 'minimal'
    })
  }

  return {
    get: async () => await (loaded ??= load()),
    close: async () => { await (await loaded)?.$disconnect() }
  }
}
