import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../packages/embedded-postgres/src/index.ts'
import { migrate } from '../src/database/migrations.ts'
import { startFakeOidc, type FakeOidc } from '../test/fakes/oidc.ts'
import { freePort } from '../test/free-port.ts'
import { startRedis, withoutRedis } from '../test/plugins/redis.ts'
import { APP, createClient, type Client } from './client.ts'
import { startInstance, type Instance } from './instance.ts'
import { startProvider, type Provider } from './provider.ts'

/** Two instances of the built service, and all that they need, on loopback. */
export interface World {
  folder: string
  postgres: EmbeddedPostgres
  /** A connection to the database beside theirs. */
  sql: pg.Pool
  /** Absent where no Redis is installed. */
  redis: Awaited<ReturnType<typeof startRedis>> | undefined
  swift: Provider
  second: Provider
  acme: FakeOidc
  /** The two; a killed one is replaced in place by `restart`. */
  instances: [Instance, Instance]
  client: Client
  environment: Record<string, string>
  /**
   * Another process with the same settings, unless `changed`; `index` for one of the two addresses, which must be free.
   */
  start: (changed?: Record<string, string>, index?: number, options?: { deaf?: boolean }) => Promise<Instance>
  /** Both anew, with these settings changed. */
  restart: (changed?: Record<string, string>) => Promise<void>
  /**
   * All is as before the first fault: the providers sound, both instances there. Returns the last words of those that
   * had ended.
   */
  mend: () => Promise<string[]>
  audit: () => Promise<Audit>
  /** Runs with `close`, after the two instances have ended. */
  onClose: (step: () => Promise<void>) => void
  close: () => Promise<void>
}

/** What must never be in the database. All 0. */
export type Audit = Record<
  'usersWithoutAccount' | 'accountsWithoutUser' | 'sessionsWithoutUser' | 'duplicatedIdentities',
  number
>

const AUDIT = `SELECT
  (SELECT count(*) FROM users u WHERE NOT EXISTS (SELECT 1 FROM accounts a WHERE a.user_id = u.id))::int
    AS "usersWithoutAccount",
  (SELECT count(*) FROM accounts a WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = a.user_id))::int
    AS "accountsWithoutUser",
  (SELECT count(*) FROM sessions s WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = s.user_id))::int
    AS "sessionsWithoutUser",
  (SELECT count(*) - count(DISTINCT (provider, issuer, subject)) FROM accounts)::int AS "duplicatedIdentities"`

export async function startWorld (onProgress: (line: string) => void): Promise<World> {
  const undo: (() => Promise<unknown>)[] = []
  const folder = await mkdtemp(join(tmpdir(), 'signet-torture-'))
  undo.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  onProgress('Starting PostgreSQL, Redis, the providers and two instances ...')
  const postgres = await startEmbeddedPostgres(join(folder, 'database'))
  undo.push(postgres.stop)
  await migrate(postgres.url)
  const sql = new pg.Pool({ connectionString: postgres.url, max: 4 })
  sql.on('error', () => {})
  sql.on('connect', (client) => client.on('error', () => {}))
  undo.push(() => sql.end())
  const redisPort = await freePort()
  const redis = withoutRedis
    ? undefined
    : await startRedis(
      {
        teardown: (handler: () => Promise<void>) => {
          undo.push(handler)
        }
      } as never,
      redisPort
    )
  const [swift, second, acme] = await Promise.all([startProvider('swift'), startProvider('second', 1), startFakeOidc()])
  undo.push(swift.close, second.close, acme.close)

  const ports = [await freePort(), await freePort()] as const
  const environment: Record<string, string> = {
    ISSUER_URL: `http://localhost:${ports[0]}`,
    DATABASE_URL: postgres.url,
    ENCRYPTION_KEYS: `torture:${randomBytes(32).toString('base64')}`,
    CLIENTS: JSON.stringify([{ client_id: APP.client_id, name: 'App', redirect_uris: [APP.redirect_uri] }]),
    ...(redis ? { REDIS_URL: `redis://127.0.0.1:${redisPort}` } : {}),
    // Each of the people comes from an address of their own.
    TRUST_PROXY: '127.0.0.1,::1',
    LOG_LEVEL: 'warn',
    ...swift.settings,
    ...second.settings,
    OAUTH_PROVIDERS: 'swift,second',
    ...acme.settings('acme', { emailTrusted: true })
  }
  const start: World['start'] = (changed = {}, index, options) =>
    startInstance(
      folder,
      { ...environment, ...(index === undefined ? {} : { PORT: String(ports[index]) }), ...changed },
      options
    )
  const both = (changed: Record<string, string> = {}) => Promise.all([start(changed, 0), start(changed, 1)])

  const world: World = {
    folder,
    postgres,
    sql,
    redis,
    swift,
    second,
    acme,
    instances: await both(),
    client: createClient(environment['ISSUER_URL'] as string, () => world.instances),
    environment,
    start,
    async restart (changed) {
      await Promise.all(world.instances.map((instance) => instance.kill()))
      world.instances = await both(changed)
    },
    async mend () {
      for (const provider of [swift, second, acme]) provider.heal()
      const lastWords = world.instances
        .filter((instance) => instance.hasEnded())
        .map(({ output }) => output().slice(-1000))
      await Promise.all(
        world.instances.map(async (instance, index) => {
          if (instance.hasEnded()) world.instances[index] = await start({}, index)
        })
      )
      return lastWords
    },
    audit: async () => (await sql.query<Audit>(AUDIT)).rows[0] as Audit,
    onClose (step) { undo.push(step) },
    async close () {
      await Promise.all(world.instances.map((instance) => instance.kill()))
      for (const step of undo.reverse()) await step().catch(() => {})
    }
  }
  return world
}
