import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import pg from 'pg'
import { withSchemaEngine } from './schema-engine.ts'
import { packageRoot } from '../package-root.ts'

export const migrationsDirectory = join(packageRoot, 'prisma', 'migrations')

/** One lock for every instance that may start at the same moment. Any number will do, as long as it never changes. */
const MIGRATION_LOCK = 7_463_010_255

export interface Migration { name: string, sql: string }

/** The migrations of this version, oldest first. */
export async function readMigrations (): Promise<Migration[]> {
  const entries = await readdir(migrationsDirectory, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name).sort()
  return await Promise.all(names.map(async (name) => ({ name, sql: await readFile(join(migrationsDirectory, name, 'migration.sql'), 'utf8') })))
}

/**
 * Brings the database to this version's schema and says how many migrations it applied. Safe to call from many
 * instances at once: one applies, the others wait and find nothing left. When nothing is pending it costs one query
 * and needs no right to change tables. The bookkeeping (`_prisma_migrations`) is Prisma's own, so `prisma migrate deploy`
 * may be used on the same database.
 */
export async function migrate (databaseUrl: string): Promise<number> {
  const migrations = await readMigrations()
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5_000 })
  client.on('error', () => {}) // A connection lost between two queries is reported by the next query.
  await client.connect()
  try {
    if ((await pending(client, migrations)).length === 0) return 0
    // Held by a transaction and not by the session, so that it also works behind PgBouncer in transaction mode.
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

/** How many migrations of this version a database lacks; changes nothing. */
export async function countPending (client: pg.Client): Promise<number> {
  return (await pending(client, await readMigrations())).length
}

/** The migrations of this version that the database has not finished. */
async function pending (client: pg.Client, migrations: Migration[]): Promise<Migration[]> {
  // Not to_regclass: in a transaction that has waited for the lock it may still answer from before the wait.
  const table = await client.query("SELECT 1 FROM pg_tables WHERE schemaname = 'public' AND tablename = '_prisma_migrations'")
  if (table.rowCount === 0) return migrations
  const { rows } = await client.query<{ name: string }>(
    'SELECT migration_name AS name FROM public._prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL')
  const done = new Set(rows.map((row) => row.name))
  return migrations.filter((migration) => !done.has(migration.name))
}

async function apply (databaseUrl: string, migrations: Migration[]): Promise<void> {
  await withSchemaEngine(databaseUrl, (engine) => engine.applyMigrations({ migrationsList: migrationsList(migrations), filters: NO_FILTERS }))
  await makeJobTables(databaseUrl)
}

/** The tables of the job runner, which has migrations of its own. */
async function makeJobTables (databaseUrl: string): Promise<void> {
  const { runMigrations, Logger } = await import('./graphile-worker.ts')
  await runMigrations({ connectionString: databaseUrl, logger: new Logger(() => () => {}) })
}

const NO_FILTERS = { externalTables: [], externalEnums: [] }

/** The SQL that would turn the database, as it is now, into what `schema` (schema.prisma) describes; empty when it is that already. */
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
