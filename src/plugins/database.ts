import type { Tracer } from '@opentelemetry/api'
import fp from 'fastify-plugin'
import type pg from 'pg'
import { ConnectionPool } from '../database/connection-pool.ts'
import type { PrismaClient } from '../database/generated/client.ts'

export interface Database {
  /** Prisma, loaded when it is first needed: a start, a login and a refresh do without. */
  prisma: () => Promise<PrismaClient>
  /** The pool below Prisma, for the hot paths: one named, prepared statement each. */
  pool: pg.Pool
}

declare module 'fastify' {
  interface FastifyInstance { database: Database }
}

export interface DatabaseOptions {
  url: string
  poolSize: number
  /** Makes the statements of what is traced spans. */
  tracer?: Tracer | undefined
}

/** How long a transaction of Prisma may last. */
const TRANSACTION_MS = 5_000

/**
 * The connection to PostgreSQL. Losing it never ends the process: the pool reconnects by itself, and requests meanwhile
 * get 503. PgBouncer in transaction mode may stand in between: a connection finds that out by itself.
 */
export const database = fp<DatabaseOptions>(async (app, { url, poolSize, tracer }) => {
  const Pool = tracer ? (await import('../database/traced-pool.ts')).tracedPool(tracer) : ConnectionPool
  const pool = new Pool(url, poolSize)
  // Without a listener the loss of an idle connection would end the process (prisma/orm#27641).
  pool.on('error', (error) => app.log.warn({ err: error }, 'lost a database connection'))
  const prisma = createPrisma(pool)
  app.decorate('database', { prisma: prisma.get, pool })
  app.addHook('onClose', async () => {
    await prisma.close()
    await pool.end()
  })
}, { name: 'database' })

/** Prisma on a pool that is there. Its code and its query engine cost a start 50 ms and 15 MB, so they come with the first call. */
export function createPrisma (pool: pg.Pool): { get: () => Promise<PrismaClient>, close: () => Promise<void> } {
  let loaded: Promise<PrismaClient> | undefined

  async function load (): Promise<PrismaClient> {
    const [{ PrismaPg }, { PrismaClient }] = await Promise.all([import('@prisma/adapter-pg'), import('../database/generated/client.ts')])
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
