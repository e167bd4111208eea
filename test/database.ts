import { createHash, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../packages/embedded-postgres/src/index.ts'
import { migrate, readMigrations } from '../src/database/migrations.ts'
import { packageRoot } from '../src/package-root.ts'

export const testDataFolder = join(packageRoot, '.data', 'test')

const TEMPLATE_LOCK = 1

/** Looked for once a process: each look starts four others. */
let running: Promise<EmbeddedPostgres> | undefined
const findPostgres = () => (running ??= startEmbeddedPostgres(testDataFolder))
let template: Promise<string> | undefined

export interface TestDatabase {
  url: string
  drop: () => Promise<void>
  /** Ends all connections and takes no new ones, until `comeBack`. */
  goAway: () => Promise<void>
  comeBack: () => Promise<void>
}

/** A migrated database of one's own, cloned from a template in a few milliseconds. */
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

function testDatabase (postgres: EmbeddedPostgres, name: string): TestDatabase {
  const run = (...statements: string[]) => withAdmin(postgres, async (admin) => { for (const statement of statements) await admin.query(statement) })
  return {
    url: postgres.urlOf(name),
    drop: () => run(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
    goAway: () => run(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`),
    comeBack: () => run(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`)
  }
}

async function findOrMakeTemplate (postgres: EmbeddedPostgres, admin: pg.Client): Promise<string> {
  const name = `template_${createHash('sha256').update(JSON.stringify(await readMigrations())).digest('hex').slice(0, 16)}`
  const { rowCount } = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate', [name])
  if (rowCount === 0) {
    await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    await admin.query(`CREATE DATABASE ${name}`)
    await migrate(postgres.urlOf(name))
    await admin.query(`ALTER DATABASE ${name} IS_TEMPLATE true`)
  }
  return name
}

async function withAdmin (postgres: EmbeddedPostgres, work: (admin: pg.Client) => Promise<void>): Promise<void> {
  const admin = new pg.Client({ connectionString: postgres.urlOf('postgres') })
  await admin.connect()
  try {
    await work(admin)
  } finally {
    await admin.end()
  }
}
