import type { Tracer } from '@opentelemetry/api'
import fp from 'fastify-plugin'
import { ConnectionPool } from '../database/connection-pool.ts'
import { createDatabase, type Database } from '../database/database.ts'

declare module 'fastify' {
  interface FastifyInstance { database: Database }
}

export interface DatabaseOptions {
  url: string
  poolSize: number
  /** Makes the statements of what is traced spans. */
  tracer?: Tracer | undefined
}

/**
 * The connection to PostgreSQL. Losing it never ends the process: the pool reconnects by itself, and requests meanwhile
 * get 503. PgBouncer in transaction mode may stand in between: a connection finds that out by itself.
 */
export const database = fp<DatabaseOptions>(async (app, { url, poolSize, tracer }) => {
  const Pool = tracer ? (await import('../database/traced-pool.ts')).tracedPool(tracer) : ConnectionPool
  const pool = new Pool(url, poolSize)
  // Without a listener the loss of an idle connection would end the process (prisma/orm#27641).
  pool.on('error', (error) => app.log.warn({ err: error }, 'lost a database connection'))
  const database = createDatabase(pool)
  app.decorate('database', database)
  app.addHook('onClose', async () => {
    await database.prisma.$disconnect()
    await pool.end()
  })
}, { name: 'database' })
