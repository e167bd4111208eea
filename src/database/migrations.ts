import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import pg from 'pg'
import { Client } from './client.ts'
import { OLDEST_POSTGRES, OldPostgresError } from './failure.ts'
import { urlPerHost } from './hosts.ts'
import { withSchemaEngine } from './schema-engine.ts'
import { isDatabaseUnavailable, isFailingOver, retryUntilAvailable } from './unavailable.ts'
import { packageRoot } from '../package-root.ts'

export const migrationsDirectory = join(packageRoot, 'prisma', 'migrations')

/** The key of a lock that all versions share. The number is arbitrary, but must never change. */
const MIGRATION_LOCK = 7_463_010_255

export interface Migration { name: string, sql: string }

/** The migrations of this version, oldest first. */
export async function readMigrations (): Promise<Migration[]> {
  const entries = await readdir(migrationsDirectory, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name).sort()
  const read = async (name: string) => await readFile(join(migrationsDirectory, name, 'migration.sql'), 'utf8')
  return await Promise.all(names.map(async (name) => ({ name, sql: await read(name) })))
}

/**
 * Applies the migrations that the database lacks and returns their number. Safe to call from many instances at once:
 * one applies them, the others wait. When none is pending it costs two queries and needs no right to change tables.
 * Keeps its records where Prisma does (`_prisma_migrations`), so `prisma migrate deploy` works on the same database.
 * Throws an OldPostgresError for a server that is too old.
 */
export async function migrate (databaseUrl: string): Promise<number> {
  const migrations = await readMigrations()
  // One host that is away is told at once. Of several, another one may be about to take over.
  const isTransient = urlPerHost(databaseUrl).length > 1 ? isDatabaseUnavailable : isFailingOver
  return await retryUntilAvailable(() => applyPending(databaseUrl, migrations), isTransient)
}

async function applyPending (databaseUrl: string, migrations: Migration[]): Promise<number> {
  const client = await connect(databaseUrl)
  try {
    await assertVersion(client)
    if ((await pending(client, migrations)).length === 0) return 0
    // A lock of the transaction, unlike one of the session, works behind PgBouncer in transaction mode too.
    await client.query('BEGIN')
    await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
    const missing = await pending(client, migrations)
    if (missing.length > 0) await apply(databaseUrl, migrations)
    await client.query('COMMIT')
    return missing.length
  } finally {
    await client.end()
  }
}

async function connect (databaseUrl: string): Promise<Client> {
  const client = new Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5_000 })
  client.on('error', () => {}) // The next query fails when the connection was lost.
  await client.connect()
  return client
}

/** Throws an OldPostgresError. Asked over the connection that migrates: Prisma's client comes after that. */
export async function assertVersion (client: pg.Client): Promise<string> {
  const { rows: [{ version, release }] } = await client.query(
    "SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS release")
  if (version < OLDEST_POSTGRES) throw new OldPostgresError(`PostgreSQL ${release} is too old`)
  return release
}

/** The number of migrations that a database lacks. Changes nothing. */
export async function countPending (client: pg.Client): Promise<number> {
  return (await pending(client, await readMigrations())).length
}

async function pending (client: pg.Client, migrations: Migration[]): Promise<Migration[]> {
  // pg_tables, since to_regclass may answer from before the wait for the lock.
  const table = await client.query(`
    SELECT 1 FROM pg_tables WHERE schemaname = 'public' AND tablename = '_prisma_migrations'`)
  if (table.rowCount === 0) return migrations
  const { rows } = await client.query<{ name: string }>(`
    SELECT migration_name AS name FROM public._prisma_migrations
    WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL`)
  const done = new Set(rows.map((row) => row.name))
  return migrations.filter((migration) => !done.has(migration.name))
}

async function apply (databaseUrl: string, migrations: Migration[]): Promise<void> {
  const input = { migrationsList: migrationsList(migrations), filters: NO_FILTERS }
  await withSchemaEngine(databaseUrl, (engine) => engine.applyMigrations(input))
  await createJobTables(databaseUrl)
}

/** graphile-worker has migrations of its own. */
async function createJobTables (databaseUrl: string): Promise<void> {
  const { runMigrations, Logger } = await import('./graphile-worker.ts')
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1, Client })
  pool.on('error', () => {})
  pool.on('connect', (connection) => connection.on('error', () => {}))
  try {
    await runMigrations({ pgPool: pool, logger: new Logger(() => () => {}) })
  } finally {
    await pool.end()
  }
}

const NO_FILTERS = { externalTables: [], externalEnums: [] }

/** The SQL that turns the database into what `schema` (of schema.prisma) describes; empty when it is that already. */
export async function difference (databaseUrl: string, schema: string): Promise<string> {
  const files = [{ path: 'schema.prisma', content: schema }]
  const result = await withSchemaEngine(databaseUrl, (engine) => engine.diff({
    from: { tag: 'schemaDatasource', files, configDir: packageRoot },
    to: { tag: 'schemaDatamodel', files },
    script: true,
    exitCode: null,
    filters: { externalTables: ['public._prisma_migrations'], externalEnums: [] }
  }))
  const sql = (result.stdout ?? '').trim()
  return sql.startsWith('-- This is an empty migration') ? '' : sql
}

function migrationsList (migrations: Migration[]) {
  return {
    baseDir: migrationsDirectory,
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
    shadowDbInitScript: '',
    migrationDirectories: migrations.map(({ name, sql }) => ({
      path: basename(name),
      migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value: sql } }
    }))
  }
}
