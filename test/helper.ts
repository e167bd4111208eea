import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import pg from 'pg'
import type { Test } from 'tap'
import { buildApp, type AppSettings } from '../src/app.ts'
import { serializers } from '../src/logging/serializers.ts'
import { readSettings } from '../src/settings.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { freePort } from './free-port.ts'

export interface Running {
  app: FastifyInstance
  /** Its issuer, where it listens. */
  url: string
  /** A connection to its database, beside the app's own. */
  sql: pg.Pool
  database: TestDatabase
  /** Another instance on the same database, with the same issuer and, unless `changed`, settings, at an address of its own. */
  another: (changed?: Record<string, string>) => Promise<{ app: FastifyInstance, address: string }>
  /** The log so far, at `trace`. */
  log: () => string
}

export const ENCRYPTION_KEYS = `test:${randomBytes(32).toString('base64')}`

/** The whole service on a private database, listening on a socket; torn down with the test. */
export async function setup (t: Test, environment: Record<string, string> = {}): Promise<Running> {
  const database = await createDatabase()
  const { url: databaseUrl } = database
  t.teardown(database.drop)
  const port = await freePort()
  const common = { PORT: String(port), DATABASE_URL: databaseUrl, ENCRYPTION_KEYS, LOG_LEVEL: 'trace', RATE_LIMITS: 'off', ...environment }
  const settings = readSettings(common) as AppSettings
  const lines: string[] = []
  const sql = new pg.Pool({ connectionString: databaseUrl, max: 4 })
  sql.on('error', () => {})
  t.teardown(() => sql.end())

  async function listen (at: number, own = settings): Promise<FastifyInstance> {
    const app = await buildApp(own, { level: own.logLevel, serializers, stream: { write: (line: string) => { lines.push(line) } } } as never)
    await app.listen({ host: '127.0.0.1', port: at })
    t.teardown(() => app.close())
    return app
  }

  return {
    app: await listen(port),
    url: settings.issuerUrl,
    sql,
    database,
    async another (changed = {}) {
      const ownPort = await freePort()
      return { app: await listen(ownPort, readSettings({ ...common, ...changed }) as AppSettings), address: `http://localhost:${ownPort}` }
    },
    log: () => lines.join('')
  }
}

/**
 * For a file whose tests can share an app: opens the usual one once, and gives it to each test with the tables empty, but for
 * keys, and `renew` called. A test that wants other settings gets one of its own.
 */
export function sharing<World extends Running> (
  t: Test, open: (t: Test, environment?: Record<string, string>) => Promise<World>, renew: (world: World) => void = () => {}
) {
  let usual: World
  t.before(async () => { usual = await open(t) })
  return async (t: Test, environment?: Record<string, string>): Promise<World> => {
    if (environment) return await open(t, environment)
    await usual.sql.query('TRUNCATE users, device_grants, spent_states, revocations, audit_events, webhook_deliveries CASCADE')
    renew(usual)
    return usual
  }
}

/** Calls `work` n times at once; all wait until the last is ready to go. */
export async function race<Result> (n: number, work: (index: number) => Promise<Result>): Promise<Result[]> {
  let open: () => void = () => {}
  const barrier = new Promise<void>((resolve) => { open = resolve })
  const runs = Array.from({ length: n }, async (_, index) => { await barrier; return await work(index) })
  open()
  return await Promise.all(runs)
}

/** Runs `work` as it would have run `seconds` ago by this process's clock: what it signs has expired by now. The database's clock goes on. */
export async function inThePast<Result> (seconds: number, work: () => Promise<Result>): Promise<Result> {
  const now = Date.now
  Date.now = () => now() - seconds * 1000
  try {
    return await work()
  } finally {
    Date.now = now
  }
}

/** Waits until it is so; throws, with `what` was waited for, when half a minute is over. */
export async function eventually (what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const endsAt = Date.now() + 30_000; !await isSo(); await sleep(10)) {
    if (Date.now() > endsAt) throw new Error(`It did not happen within half a minute: ${what}.`)
  }
}

/** A body as whatever it is: tests say by their assertions what they expect of it. */
export async function readJson (response: Response): Promise<any> {
  return await response.json()
}
