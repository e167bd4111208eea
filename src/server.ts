import './quiet-debug.ts'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { SettingsError, readSettings } from './settings.ts'
import { start } from './start.ts'

/** How long requests in flight get to finish after SIGTERM. */
const DRAIN_MS = 30_000

const log = (line: string) => process.stdout.isTTY && console.log(line)

async function main (): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile('.env')
  const settings = readSettings(process.env)
  const transport = process.stdout.isTTY ? { transport: { target: 'pino-pretty', options: { ignore: 'pid,hostname', translateTime: 'HH:MM:ss' } } } : {}
  const { app, close } = await start(settings, { dataFolder: join(process.cwd(), '.data'), onProgress: log, logger: transport })
  if (settings.providers.length === 0) app.log.warn('No provider is enabled yet: put a client id and secret into .env (see .env.example), or try "npm run dev".')
  app.log.info(`Signet is at ${settings.issuerUrl}, its documentation at ${settings.issuerUrl}/docs`)

  let isClosing = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (isClosing) process.exit(1)
      isClosing = true
      app.log.info(`${signal}: finishing what has begun`)
      setTimeout(() => process.exit(1), DRAIN_MS).unref()
      close().then(() => process.exit(0), (error: unknown) => {
        app.log.error({ err: error }, 'could not close cleanly')
        process.exit(1)
      })
    })
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof SettingsError ? error.message : error)
  process.exit(1)
})
