import './logging/quiet-debug.ts'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { commandLine } from './command-line.ts'
import { createLogStream } from './logging/log-stream.ts'
import { SettingsError, readSettings } from './settings.ts'
import { start } from './start.ts'
import { StartError } from './start-error.ts'

/** How long requests in flight have to finish after SIGTERM and SHUTDOWN_DELAY. */
const DRAIN_MS = 30_000

const NOT_PRODUCTION = 'This is not production: what is not set is made up (a PostgreSQL and an encryption key in ' +
  '.data/), and http will do. Production needs NODE_ENV=production, ISSUER_URL, DATABASE_URL and ENCRYPTION_KEYS.'

const log = (line: string) => process.stdout.isTTY && console.log(line)

async function main (): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile('.env')
  const settings = readSettings(process.env)
  const stream = createLogStream()
  const logger = process.stdout.isTTY ? await prettyLog() : { stream }
  const starting = start(settings, { dataFolder: join(process.cwd(), '.data'), onProgress: log, logger })
  closeOnSignal(starting, settings.shutdownDelaySeconds * 1000 + DRAIN_MS, stream.end)
  const { app } = await starting
  if (!settings.production) app.log.warn(NOT_PRODUCTION)
  for (const warning of settings.warnings) app.log.warn(warning)
  if (settings.providers.length === 0) {
    const demo = settings.production ? '' : `, or try "${commandLine('demo')} --serve"`
    app.log.warn(`No provider is enabled yet: put its client id and secret into .env${demo}.`)
  }
  app.log.info(`Signet listens at ${settings.issuerUrl}. Its documentation is at ${settings.issuerUrl}/docs.`)
}

/** A readable log for terminals, if the development dependencies are installed. */
async function prettyLog () {
  try {
    const { default: pretty } = await import('pino-pretty')
    return { stream: pretty({ ignore: 'pid,hostname', translateTime: 'HH:MM:ss' }) }
  } catch {
    return {}
  }
}

/** npm passes Ctrl-C on to a process that got it from the terminal already; on a busy machine a moment later. */
const SAME_KEY_PRESS_MS = 2_000

/** The first signal lets a start and requests in flight finish. The second one ends the process at once. */
function closeOnSignal (starting: ReturnType<typeof start>, limitMs: number, endLog: () => Promise<void>): void {
  let closingAt: number | undefined
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (signal === 'SIGINT' && closingAt !== undefined && performance.now() - closingAt < SAME_KEY_PRESS_MS) return
      if (closingAt !== undefined) process.exit(1)
      closingAt = performance.now()
      setTimeout(() => process.exit(1), limitMs).unref()
      starting.then(({ app, close }) => {
        app.log.info(`${signal}: shutting down`)
        return close()
      }).then(endLog).then(() => process.exit(0), (error: unknown) => {
        console.error(error)
        process.exit(1)
      })
    })
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof SettingsError || error instanceof StartError ? error.message : error)
  process.exit(1)
})
