import fp from 'fastify-plugin'
import type pg from 'pg'
import { PrismaPg } from '@prisma/adapter-pg'
import { ConnectionPool } from '../database/connection-pool.ts'
import { PrismaClient } from '../database/generated/client.ts'

export interface Database {
  /** For everything that is not a hot path. */
  prisma: PrismaClient
  /** The pool below Prisma, for the hot paths: one named, prepared statement each. */
  pool: pg.Pool
}

declare module 'fastify' {
  interface FastifyInstance { database: Database }
}

export interface DatabaseOptions { url: string, poolSize: number }

/** How long a transaction of Prisma may last. */
const TRANSACTION_MS = 5_000

/**
 * The connection to PostgreSQL. Losing it never ends the process: the pool reconnects by itself, and requests meanwhile
 * get 503. PgBouncer in transaction mode may stand in between: a connection finds that out by itself.
 */
export const database = fp<DatabaseOptions>(async (app, { url, poolSize }) => {
  const pool = new ConnectionPool(url, poolSize)
  // Without a listener the loss of an idle connection would end the process (prisma/orm#27641).
  pool.on('error', (error) => app.log.warn({ err: error }, 'lost a database connection'))
  const prisma = createPrisma(pool)
  app.decorate('database', { prisma, pool })
  app.addHook('onClose', async () => {
    await prisma.$disconnect()
    await pool.end()
  })
}, { name: 'database' })

/** Prisma on a pool that is there. */
export function createPrisma (pool: pg.Pool): PrismaClient {
  return new PrismaClient({
    adapter: new PrismaPg(pool),
    transactionOptions: { maxWait: TRANSACTION_MS, timeout: TRANSACTION_MS },
    errorFormat: 'minimal'
  })
}
