import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import { buildApp } from './app.ts'
import { migrate } from './database/migrations.ts'
import { serializers } from './logging/serializers.ts'
import type { Settings } from './settings.ts'
import { localEncryptionKeys } from './vault/local-keys.ts'

export interface StartOptions {
  /** Keeps the embedded database and the generated encryption key. */
  dataFolder: string
  onProgress: (line: string) => void
  /** Where the log is written; false for no log. */
  logger: false | { stream?: { write: (line: string) => void } }
}

export interface Started {
  app: FastifyInstance
  /** Fails readiness for `shutdownDelaySeconds`, then finishes the requests and stops the embedded database. */
  close: () => Promise<void>
}

/** Starts what the settings leave out (database, encryption key), applies the migrations, and listens. */
export async function start (settings: Settings, { dataFolder, onProgress, logger }: StartOptions): Promise<Started> {
  const database = await openDatabase(settings.databaseUrl, dataFolder, onProgress)
  try {
    const migrated = migrate(database.url).then((applied) => {
      if (applied > 0) onProgress(`Applied ${applied} migration${applied === 1 ? '' : 's'}.`)
    })
    migrated.catch(() => {}) // buildApp awaits it.
    const encryptionKeys = settings.encryptionKeys ?? await localEncryptionKeys(dataFolder)
    const log = logger && { level: settings.logLevel, serializers, ...logger }
    const appSettings = { ...settings, databaseUrl: database.url, encryptionKeys }
    const app = await buildApp(appSettings, log as FastifyServerOptions['logger'], migrated)
    await app.listen({ host: settings.host, port: settings.port })
    return {
      app,
      async close () {
        app.shutdown.begin()
        await sleep(settings.shutdownDelaySeconds * 1000)
        await app.close()
        await database.stop()
      }
    }
  } catch (error) {
    await database.stop()
    throw error
  }
}

/** The database of the settings, or else the embedded one, which is loaded only then. */
async function openDatabase (url: string | undefined, dataFolder: string, onProgress: StartOptions['onProgress']) {
  if (url !== undefined) return { url, stop: async () => {} }
  const { startEmbeddedPostgres } = await import('../packages/embedded-postgres/src/index.ts')
  return await startEmbeddedPostgres(dataFolder, onProgress)
}
