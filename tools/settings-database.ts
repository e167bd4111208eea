import { existsSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres } from '../packages/embedded-postgres/src/index.ts'
import { localEncryptionKeys } from '../src/vault/local-keys.ts'
import { migrate } from '../src/database/migrations.ts'
import { readSettings, type Settings } from '../src/settings.ts'
import type { EncryptionKey } from '../src/vault/sealing.ts'

/** Does `work` on the database that the settings name, migrated; on the embedded one when they name none. */
export async function withSettingsDatabase (work: (pool: pg.Pool, settings: Settings & { encryptionKeys: EncryptionKey[] }) => Promise<void>): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile('.env')
  const settings = readSettings(process.env)
  const dataFolder = join(process.cwd(), '.data')
  const embedded = settings.databaseUrl === undefined ? await startEmbeddedPostgres(dataFolder) : undefined
  const connectionString = settings.databaseUrl ?? embedded?.url as string
  await migrate(connectionString)
  const pool = new pg.Pool({ connectionString, max: 1 })
  try {
    await work(pool, { ...settings, encryptionKeys: settings.encryptionKeys ?? await localEncryptionKeys(dataFolder) })
  } finally {
    await pool.end()
    await embedded?.stop()
  }
}
