import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import pg from 'pg'
import type { Test } from 'tap'
import { buildApp, type AppSettings } from '../src/app.ts'
import { serializers } from '../src/logging/serializers.ts'
import { callLimits } from '../src/providers/agent.ts'
import { readSettings } from '../src/settings.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { belowPrefix, startEmbedded } from './embedded/host.ts'
import { freePort } from './free-port.ts'

export interface Running {
  /** Signet's own app, also where that runs inside another. */
  app: FastifyInstance
  /** The issuer, which is the address that the app listens on unless ISSUER_URL is given. */
  url: string
  /** The origin of its pages, as a browser sends it: `url` without a path. */
  origin: string
  address: string
  /** A connection to its database, beside the app's own. */
  sql: pg.Pool
  database: TestDatabase
  /** A second instance on the same database and with the same issuer, at its own address. `changed` are settings. */
  another: (changed?: Record<string, string>) => Promise<{ app: FastifyInstance, address: string }>
  /** The log so far, at `trace` unless `LOG_LEVEL` is set. */
  log: () => string
}

export const ENCRYPTION_KEYS = `test:${randomBytes(32).toString('base64')}`

/** With TEST_HOST=embedded the service runs inside the app of examples/embedded, below its prefix. */
export const isEmbedded = process.env['TEST_HOST'] === 'embedded'

/** The whole service on a private database, listening on a socket; closed with the test. */
export async function setup (t: Test, environment: Record<string, string> = {}): Promise<Running> {
  const database = await createDatabase()
  t.teardown(() => database.giveBack())
  const port = await freePort()
  const { ISSUER_URL: issuerUrl = `http://localhost:${port}`, ...others } = environment
  const common = {
    PORT: String(port),
    ISSUER_URL: isEmbedded ? belowPrefix(issuerUrl) : issuerUrl,
    DATABASE_URL: database.url,
    ENCRYPTION_KEYS,
    LOG_LEVEL: 'trace',
    RATE_LIMITS: 'off',
    // PostgreSQL starts a process for each connection.
    DATABASE_POOL_SIZE: '5',
    ...others
  }
  const settings = readSettings(common) as AppSettings
  const lines: string[] = []

  const addressAt = (port: number) => isEmbedded ? belowPrefix(`http://localhost:${port}`) : `http://localhost:${port}`

  async function listen (port: number, variables: Record<string, string>): Promise<FastifyInstance> {
    const stream = { write: (line: string) => { lines.push(line) } }
    const settings = readSettings(variables) as AppSettings
    const logger = { level: settings.logLevel, serializers, stream }
    const app = isEmbedded
      ? await startEmbedded(variables, logger)
      : await buildApp(settings, logger as FastifyServerOptions['logger'])
    await app.listen({ host: '127.0.0.1', port })
    t.teardown(() => app.close())
    return app
  }

  return {
    app: await listen(port, common),
    url: settings.issuerUrl,
    origin: new URL(settings.issuerUrl).origin,
    address: addressAt(port),
    sql: database.sql,
    database,
    async another (changed = {}) {
      const port = await freePort()
      const app = await listen(port, { ...common, ...changed })
      return { app, address: addressAt(port) }
    },
    log: () => lines.join('')
  }
}

/** What hangs on a user goes with it. To TRUNCATE would take twenty times as long. */
const EMPTIED = [
  'users', 'device_grants', 'spent_states', 'revocations', 'audit_events', 'deletion_requests', 'webhook_endpoints',
  'webhook_deliveries', 'logout_deliveries'
]

/**
 * For a file whose tests can share an app: opens one, and gives it to each test with all tables but the keys emptied,
 * after `renew`. A test that names an environment gets an app of its own.
 */
export function sharing<World extends Running> (
  file: Test,
  open: (t: Test, environment?: Record<string, string>) => Promise<World>,
  renew: (world: World) => void = () => {}
) {
  let opened: Promise<World> | undefined
  return async (t: Test, environment?: Record<string, string>): Promise<World> => {
    if (environment) return await open(t, environment)
    const usual = await (opened ??= open(file))
    await usual.sql.query(EMPTIED.map((table) => `DELETE FROM ${table}`).join('; '))
    renew(usual)
    return usual
  }
}

/** Calls to providers time out after one second instead of five, until the test ends: for a test of what follows. */
export function shortenProviderTimeout (t: Test): void {
  const { timeoutMs } = callLimits
  t.teardown(() => { callLimits.timeoutMs = timeoutMs })
  callLimits.timeoutMs = 1_000
}

/** Calls `work` n times at once: every call waits until the last one has been made. */
export async function race<Result> (n: number, work: (index: number) => Promise<Result>): Promise<Result[]> {
  let open: () => void = () => {}
  const barrier = new Promise<void>((resolve) => { open = resolve })
  const runs = Array.from({ length: n }, async (_, index) => {
    await barrier
    return await work(index)
  })
  open()
  return await Promise.all(runs)
}

/**
 * Runs `work` with this process's clock set back by `seconds`, so that a token signed by it may have expired
 * afterwards. PostgreSQL's clock is not changed.
 */
export async function inThePast<Result> (seconds: number, work: () => Promise<Result>): Promise<Result> {
  const now = Date.now
  Date.now = () => now() - seconds * 1000
  try {
    return await work()
  } finally {
    Date.now = now
  }
}

/** Waits until the condition is met. Throws when that takes too long; the error names `what` did not happen. */
export async function eventually (
  what: string, isMet: () => boolean | Promise<boolean>, limitSeconds = 30
): Promise<void> {
  for (const endsAt = Date.now() + limitSeconds * 1000; !await isMet(); await sleep(10)) {
    if (Date.now() > endsAt) throw new Error(`It did not happen within ${limitSeconds} seconds: ${what}.`)
  }
}

/** All items of an iterable, such as the pages of a list. */
export async function collect<Item> (items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

/** The body as JSON, of any type: tests check it by their assertions. */
export async function readJson (response: Response): Promise<any> {
  return await response.json()
}
