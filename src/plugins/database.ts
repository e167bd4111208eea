import type { Tracer } from '@opentelemetry/api'
import fp from 'fastify-plugin'
import pg from 'pg'
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

/** How long a request may wait for a connection, and for the answer to one statement, before it is told 503. */
const WAIT_MS = 10_000

/**
 * The connection to PostgreSQL. Losing it never ends the process: the pool reconnects by itself, and requests meanwhile
 * get 503. No session state is set on a connection, so PgBouncer in transaction mode may stand in between.
 */
export const database = fp<DatabaseOptions>(async (app, { url, poolSize, tracer }) => {
  const Pool = tracer ? (await import('../database/traced-pool.ts')).tracedPool(tracer) : pg.Pool
  const pool = new Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: WAIT_MS,
    query_timeout: WAIT_MS,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    application_name: 'signet'
  })
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
      transactionOptions: { maxWait: WAIT_MS, timeout: 2 * WAIT_MS },
      errorFormat: 'minimal'
    })
  }

  return {
    get: async () => await (loaded ??= load()),
    close: async () => { await (await loaded)?.$disconnect() }
  }
}

/** SQLSTATE classes and codes, codes of sockets and of Prisma, that mean: not now. Everything else is a fault of ours. */
const SQLSTATES = /^(08...|53...|57P0[1-5]|57014|25006|55000|55P03)$/
const SOCKET_ERRORS = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)$/
const PRISMA_ERRORS = /^(P1001|P1002|P1008|P1017|P2024|P2028|P2037)$/
const MESSAGES = new RegExp([
  'timeout exceeded when trying to connect', 'Connection terminated', 'Query read timeout', "Can't reach database server", 'not queryable', 'server closed the connection'
].join('|'))

function meansUnavailable (code: unknown): boolean {
  return typeof code === 'string' && [SQLSTATES, SOCKET_ERRORS, PRISMA_ERRORS].some((codes) => codes.test(code))
}

/** True when the database could not be reached, is starting, stopping, full or read-only: the request may be tried again. */
export function isDatabaseUnavailable (error: unknown): boolean {
  for (let cause = error; typeof cause === 'object' && cause !== null; cause = (cause as { cause?: unknown }).cause) {
    const { code, originalCode, message, meta } = cause as DatabaseErrorLike
    if (meansUnavailable(code) || meansUnavailable(originalCode)) return true
    if (typeof message === 'string' && MESSAGES.test(message)) return true
    if (meta?.driverAdapterError !== undefined && isDatabaseUnavailable(meta.driverAdapterError)) return true
  }
  return false
}

interface DatabaseErrorLike { code?: unknown, originalCode?: unknown, message?: unknown, meta?: { driverAdapterError?: unknown } }
