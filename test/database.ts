import { createHash, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../packages/embedded-postgres/src/index.ts'
import { migrate, readMigrations } from '../src/database/migrations.ts'
import { packageRoot } from '../src/package-root.ts'

export const testDataFolder = join(packageRoot, '.data', 'test')

const TEMPLATE_LOCK = 1

/** Test data need not survive a power failure. Without this, dropping a database waits for the disk. */
const NO_DISK_SYNC = [
  'ALTER SYSTEM SET fsync = off',
  'ALTER SYSTEM SET full_page_writes = off',
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
  drop: () => Promise<void>
  /** Ends all connections and refuses new ones, until `comeBack`. */
  goAway: () => Promise<void>
  comeBack: () => Promise<void>
}

/** A private database with every migration, cloned from a template. */
export async function createDatabase (): Promise<TestDatabase> {
  const postgres = await findPostgres()
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await withAdmin(postgres, async (admin) => {
    // Several test processes may get here at once, and a template must not be connected to while it is cloned.
    await admin.query('SELECT pg_advisory_lock($1)', [TEMPLATE_LOCK])
    await admin.query(`CREATE DATABASE ${name} TEMPLATE ${await (template ??= findOrMakeTemplate(postgres, admin))}`)
  })
  return testDatabase(postgres, name)
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
  return {
    url: postgres.urlOf(name),
    drop: () => run(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
    goAway: () => run(
      `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`
    ),
    comeBack: () => run(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`)
  }
}

async function findOrMakeTemplate (postgres: Postgres, admin: pg.Client): Promise<string> {
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

async function runAll (client: pg.Client, statements: string[]): Promise<void> {
  for (const statement of statements) await client.query(statement)
}

async function withAdmin (postgres: Postgres, work: (admin: pg.Client) => Promise<void>): Promise<void> {
  const admin = new pg.Client({ connectionString: postgres.urlOf('postgres') })
  await admin.connect()
  try {
    await work(admin)
  } finally {
    await admin.end()
  }
}
