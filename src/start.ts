import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import { buildApp } from './app.ts'
import { localEncryptionKeys } from './vault/local-keys.ts'
import { migrate } from './database/migrations.ts'
import { serializers } from './logging/serializers.ts'
import type { Settings } from './settings.ts'

export interface StartOptions {
  /** Where the embedded database and the generated key are kept. */
  dataFolder: string
  onProgress: (line: string) => void
  /** False for none; otherwise how the log is written. */
  logger: false | { stream?: { write: (line: string) => void } }
}

/**
 * Brings up all that the settings leave open (database, key), migrates, and listens. `close` undoes it in reverse, after
 * `shutdownDelaySeconds` in which it still answers but says that it is not ready.
 */
export async function start (settings: Settings, options: StartOptions): Promise<{ app: FastifyInstance, close: () => Promise<void> }> {
  const { dataFolder, onProgress } = options
  let databaseUrl = settings.databaseUrl
  let stopDatabase = async () => {}
  if (databaseUrl === undefined) {
    const { startEmbeddedPostgres } = await import('../packages/embedded-postgres/src/index.ts')
    const postgres = await startEmbeddedPostgres(dataFolder, onProgress)
    databaseUrl = postgres.url
    stopDatabase = postgres.stop
  }
  try {
    const migrated = migrate(databaseUrl).then((applied) => {
      if (applied > 0) onProgress(`Applied ${applied} migration${applied === 1 ? '' : 's'}.`)
    })
    migrated.catch(() => {}) // Waited for by the app, with its failure.
    const encryptionKeys = settings.encryptionKeys ?? await localEncryptionKeys(dataFolder)
    const logger = options.logger && { level: settings.logLevel, serializers, ...options.logger }
    const app = await buildApp({ ...settings, databaseUrl, encryptionKeys }, logger as FastifyServerOptions['logger'], migrated)
    await app.listen({ host: settings.host, port: settings.port })
    async function close (): Promise<void> {
      app.ending.announce()
      await sleep(settings.shutdownDelaySeconds * 1000)
      await app.close()
      await stopDatabase()
    }

    return { app, close }
  } catch (error) {
    await stopDatabase()
    throw error
  }
}
