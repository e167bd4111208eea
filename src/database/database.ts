import { PrismaPg } from '@prisma/adapter-pg'
import type pg from 'pg'
import { createDatabaseClock, type DatabaseClock } from './clock.ts'
import { PrismaClient } from './generated/client.ts'
import { createStatementNames } from './statement-names.ts'

export interface Database {
  prisma: PrismaClient
  /** The pool that Prisma runs on, for the few hot statements that `npm run data-access` lists. */
  pool: pg.Pool
  /** The database's time. Instances' clocks differ, so a typed query compares with this and not with `new Date()`. */
  clock: DatabaseClock
}

const TRANSACTION_MS = 5_000

/** Prisma and the clock on a pool: they share its connections, limits and session settings. */
export function createDatabase (pool: pg.Pool): Database {
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool, { statementNameGenerator: createStatementNames() }),
    transactionOptions: { maxWait: TRANSACTION_MS, timeout: TRANSACTION_MS },
    errorFormat: 'minimal'
  })
  return { prisma, pool, clock: createDatabaseClock(pool) }
}
