import { existsSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres } from '../packages/embedded-postgres/src/index.ts'
import { Client } from '../src/database/client.ts'
import { createDatabase, type Database } from '../src/database/database.ts'
import { localEncryptionKeys } from '../src/vault/local-keys.ts'
import { migrate } from '../src/database/migrations.ts'
import { readSettings, type Settings } from '../src/settings.ts'
import { explainFailure } from '../src/start-error.ts'
import type { EncryptionKey } from '../src/vault/sealing.ts'

export type ToolSettings = Settings & { encryptionKeys: EncryptionKey[] }

/** Runs `work` on the database of the settings, migrated; on the embedded one when they name none. */
export async function withSettingsDatabase (
  work: (database: Database, settings: ToolSettings) => Promise<void>
): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile('.env')
  const settings = readSettings(process.env)
  for (const warning of settings.warnings) console.error(warning)
  const dataFolder = join(process.cwd(), '.data')
  const embedded = settings.databaseUrl === undefined ? await startEmbeddedPostgres(dataFolder) : undefined
  const connectionString = settings.databaseUrl ?? embedded?.url as string
  await migrate(connectionString).catch((error: unknown) => { throw explainFailure(error, settings.databaseUrl) })
  // Unlike requests, commands have no time limit. Prisma reads and writes times in UTC.
  const onConnect = async (client: pg.ClientBase) => { await client.query("SET TIME ZONE 'UTC'") }
  const pool = new pg.Pool({ connectionString, max: 1, Client, onConnect })
  const database = createDatabase(pool)
  try {
    await database.clock.synchronize()
    const encryptionKeys = settings.encryptionKeys ?? await localEncryptionKeys(dataFolder)
    await work(database, { ...settings, encryptionKeys })
  } finally {
    await database.prisma.$disconnect()
    await pool.end()
    await embedded?.stop()
  }
}
