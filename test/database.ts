import { createHash, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../packages/embedded-postgres/src/index.ts'
import { migrate, readMigrations } from '../src/database/migrations.ts'
import { packageRoot } from '../src/package-root.ts'
import { APPLICATION_NAME, createRenewal } from './reused-databases.ts'

export const testDataFolder = join(packageRoot, '.data', 'test')

const TEMPLATE_LOCK = 1

/** Test data need not survive a power failure. Without this, dropping a database waits for the disk. */
const NO_DISK_SYNC = [
  'ALTER SYSTEM SET fsync = off',
  'ALTER SYSTEM SET full_page_writes = off',
  'ALTER SYSTEM SET autovacuum = off',
  'SELECT pg_reload_conf()'
]

type Postgres = Pick<EmbeddedPostgres, 'urlOf'>

/** Once a process: each start of the embedded one runs four programs. */
let running: Promise<Postgres> | undefined
const findPostgres = () => (running ??= givenPostgres() ?? startEmbedded())
let template: Promise<string> | undefined

/** The server that TEST_POSTGRES_URL names, with a superuser. */
function givenPostgres (): Promise<Postgres> | undefined {
  const { TEST_POSTGRES_URL: url } = process.env
  if (url === undefined) return undefined
  return Promise.resolve({ urlOf: (database) => Object.assign(new URL(url), { pathname: database }).href })
}

async function startEmbedded (): Promise<Postgres> {
  const postgres = await startEmbeddedPostgres(testDataFolder)
  await withAdmin(postgres, (admin) => runAll(admin, NO_DISK_SYNC))
  return postgres
}

export interface TestDatabase {
  url: string
  /** A connection beside those of the app. Not to be closed. */
  sql: pg.Pool
  /** Ends the use of it. */
  giveBack: () => Promise<void>
  /** Ends all connections and refuses new ones, until `comeBack`. */
  goAway: () => Promise<void>
  comeBack: () => Promise<void>
}

/** Those that tests of this process gave back, empty again. */
const idle: TestDatabase[] = []

/** A private database with every migration, without rows. */
export async function createDatabase (): Promise<TestDatabase> {
  return idle.pop() ?? await cloneTemplate()
}

async function cloneTemplate (): Promise<TestDatabase> {
  const postgres = await findPostgres()
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await withAdmin(postgres, async (admin) => {
    // Several test processes may get here at once, and a template must not be connected to while it is cloned.
    await admin.query('SELECT pg_advisory_lock($1)', [TEMPLATE_LOCK])
    await admin.query(`CREATE DATABASE ${name} TEMPLATE ${await (template ??= findOrMakeTemplate(postgres, admin))}`)
  })
  const database = testDatabase(postgres, name)
  const { renew } = await createRenewal(database.sql)
  const reused: TestDatabase = {
    ...database,
    async giveBack () {
      if (await renew()) idle.push(reused)
      else await database.giveBack()
    },
    async goAway () {
      reused.giveBack = database.giveBack
      await database.goAway()
    }
  }
  return reused
}

/** An empty database, for the tests of the migrations themselves. */
export async function createEmptyDatabase (): Promise<TestDatabase> {
  const postgres = await findPostgres()
  const name = `empty_${randomUUID().replaceAll('-', '')}`
  await withAdmin(postgres, async (admin) => { await admin.query(`CREATE DATABASE ${name}`) })
  return testDatabase(postgres, name)
}

function testDatabase (postgres: Postgres, name: string): TestDatabase {
  const run = (...statements: string[]) => withAdmin(postgres, (admin) => runAll(admin, statements))
  const url = postgres.urlOf(name)
  const sql = openPool(url, 4)
  return {
    url,
    sql,
    async giveBack () {
      await sql.end()
      await run(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    },
    goAway: () => run(
      `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`
    ),
    comeBack: () => run(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`)
  }
}

async function findOrMakeTemplate (postgres: Postgres, admin: pg.PoolClient): Promise<string> {
  const migrations = createHash('sha256').update(JSON.stringify(await readMigrations())).digest('hex')
  const name = `template_${migrations.slice(0, 16)}`
  const { rowCount } = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate', [name])
  if (rowCount === 0) {
    await runAll(admin, [`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`, `CREATE DATABASE ${name}`])
    await migrate(postgres.urlOf(name))
    await admin.query(`ALTER DATABASE ${name} IS_TEMPLATE true`)
  }
  return name
}

async function runAll (client: pg.PoolClient, statements: string[]): Promise<void> {
  for (const statement of statements) await client.query(statement)
}

/** Once a process, since PostgreSQL starts a process for each connection. */
let administration: pg.Pool | undefined

async function withAdmin (postgres: Postgres, work: (admin: pg.PoolClient) => Promise<void>): Promise<void> {
  administration ??= openPool(postgres.urlOf('postgres'), 1)
  const admin = await administration.connect()
  try {
    await work(admin)
  } finally {
    await admin.query('SELECT pg_advisory_unlock_all()')
    admin.release()
  }
}

/** Its connections stay open, and let the process end. */
function openPool (connectionString: string, max: number): pg.Pool {
  const options = { idleTimeoutMillis: 0, allowExitOnIdle: true, application_name: APPLICATION_NAME }
  return new pg.Pool({ connectionString, max, ...options }).on('error', () => {})
}

/** Drops what ended processes left behind. */
export async function dropUnusedDatabases (): Promise<void> {
  await withAdmin(await findPostgres(), async (admin) => {
    const { rows } = await admin.query<{ name: string }>(`
      SELECT datname AS name FROM pg_database d WHERE datname ~ '^(test|empty)_'
      AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = d.datname)`)
    await runAll(admin, rows.map(({ name }) => `DROP DATABASE ${name}`))
  })
  await administration?.end()
}
