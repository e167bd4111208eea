import type { FastifyInstance } from 'fastify'
import type { AppSettings } from './app.ts'
import { migrate } from './database/migrations.ts'
import type { Settings } from './settings.ts'
import { explainFailure } from './start-error.ts'
import { localEncryptionKeys } from './vault/local-keys.ts'

export interface PrepareOptions {
  /** Keeps the embedded database and the generated encryption key. */
  dataFolder: string
  onProgress: (line: string) => void
}

export interface Prepared {
  app: FastifyInstance
  /** Stops the embedded database, if there is one. Called once the app is closed. */
  stop: () => Promise<void>
}

/**
 * Provides what the settings leave out (database, encryption key) and applies the migrations while `build` builds the
 * app. Throws a StartError where the database cannot be used; nothing is left running then.
 */
export async function prepare (
  settings: Settings,
  { dataFolder, onProgress }: PrepareOptions,
  build: (settings: AppSettings, migrated: Promise<unknown>) => Promise<FastifyInstance>
): Promise<Prepared> {
  const database = await openDatabase(settings.databaseUrl, dataFolder, onProgress)
  try {
    const migrated = migrate(database.url).then((applied) => {
      if (applied > 0) onProgress(`Applied ${applied} migration${applied === 1 ? '' : 's'}.`)
    })
    migrated.catch(() => {}) // The app awaits it.
    const encryptionKeys = settings.encryptionKeys ?? await localEncryptionKeys(dataFolder)
    const app = await build({ ...settings, databaseUrl: database.url, encryptionKeys }, migrated)
    return { app, stop: database.stop }
  } catch (error) {
    await database.stop()
    throw explainFailure(error, settings.databaseUrl)
  }
}

/** The database of the settings, or else the embedded one, which is loaded only then. */
async function openDatabase (url: string | undefined, dataFolder: string, onProgress: PrepareOptions['onProgress']) {
  if (url !== undefined) return { url, stop: async () => {} }
  const { startEmbeddedPostgres } = await import('../packages/embedded-postgres/src/index.ts')
  return await startEmbeddedPostgres(dataFolder, onProgress)
}
