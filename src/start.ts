import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import { buildApp } from './app.ts'
import { serializers } from './logging/serializers.ts'
import { prepare, type PrepareOptions } from './prepare.ts'
import type { Settings } from './settings.ts'
import { listenError } from './start-error.ts'

export interface StartOptions extends PrepareOptions {
  /** Where the log is written; false for no log. */
  logger: false | { stream?: { write: (line: string) => void } }
}

export interface Started {
  app: FastifyInstance
  /** Fails readiness for `shutdownDelaySeconds`, then finishes the requests and stops the embedded database. */
  close: () => Promise<void>
}

/**
 * Starts what the settings leave out (database, encryption key), applies the migrations, and listens. Throws a
 * StartError where the database or the port cannot be used.
 */
export async function start (settings: Settings, { logger, ...options }: StartOptions): Promise<Started> {
  const log = logger && { level: settings.logLevel, serializers, ...logger }
  const { app, stop } = await prepare(settings, options, async (appSettings, migrated) => {
    const app = await buildApp(appSettings, log as FastifyServerOptions['logger'], migrated)
    await app.listen({ host: settings.host, port: settings.port })
      .catch((error: unknown) => { throw listenError(error, settings) })
    return app
  })
  return {
    app,
    async close () {
      app.shutdown.begin()
      await sleep(settings.shutdownDelaySeconds * 1000)
      await app.close()
      await stop()
    }
  }
}
