import fp from 'fastify-plugin'
import type { Runner } from 'graphile-worker'
import pg from 'pg'
import { Client } from '../database/client.ts'
import type { Database } from '../database/database.ts'
import type { Transaction } from '../database/transaction.ts'

/** Runs jobs at least once, on any instance. A job that fails is retried for three days. */
export interface JobRunner {
  /** Adds a job in the caller's transaction: it runs once that commits, or not at all. */
  add: (task: Task, payload: object, tx: Transaction) => Promise<void>
  /** Registers what a task does, before the app listens. Work that throws is retried. */
  work: (task: Task, work: (payload: unknown) => Promise<void>) => void
  /** Registers what one of all instances does every minute, before the app listens. */
  everyMinute: (task: RecurringTask, work: () => Promise<void>) => void
  /** Begins to run jobs. An app that listens itself does so by itself. */
  start: () => void
  state: () => Promise<QueueState>
}

export interface QueueState {
  /** Jobs that were not attempted yet. */
  waiting: number
  /** Jobs that failed and will be attempted again. */
  retrying: number
  /** Jobs that failed for good. */
  failed: number
  /** The age of the oldest job that is waiting or retrying; 0 when there is none. */
  oldestSeconds: number
}

/** Recurring work. Not retried: the next run makes up for one that failed or was missed. */
export type RecurringTask = 'purge' | 'rotate-keys' | 'deliver-due-webhooks' | 'deliver-due-logouts'

export type Task = 'revoke-grant' | 'deliver-webhooks' | 'deliver-logouts'

declare module 'fastify' {
  interface FastifyInstance { jobs: JobRunner }
}

export interface JobRunnerOptions { databaseUrl: string, prisma: Pick<Database['prisma'], '$queryRaw'> }

/** More than one, so that a job whose provider hangs does not delay the others. */
const CONCURRENCY = 5
/** Jobs spend most of their time waiting for others than the database. */
const CONNECTIONS = 3
const POLL_MS = 5_000
const RESTART_MS = 5_000
/** The wait grows by a factor of e with each attempt, up to six hours. */
const MAX_ATTEMPTS = 22

/**
 * Without batches graphile-worker does not await the statement that records the end of a job, and a failure of it (the
 * database is away) ends the process. With batches, even of one job, it ends the runner, which is restarted; the job
 * runs again once its lock is four hours old.
 */
const PRESET = { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } }

/** graphile-worker's levels as the service logs them: it retries what it calls an error. */
const LOG_LEVELS = { error: 'warn', warning: 'debug', info: 'trace', debug: 'trace' } as const

/**
 * Runs graphile-worker (docs/adr/0007) while the app listens. It has a small pool of its own, because one connection
 * stays in LISTEN to start new jobs at once. PgBouncer in transaction mode forwards no notifications: there it polls.
 */
export const jobRunner = fp<JobRunnerOptions>(async (app, { databaseUrl, prisma }) => {
  const tasks: Record<string, (payload: unknown) => Promise<void>> = {}
  const recurring: RecurringTask[] = []
  let running: Promise<Runner | undefined> = Promise.resolve(undefined)
  let restartTimer: NodeJS.Timeout | undefined
  let isClosing = false

  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: CONNECTIONS,
    Client,
    application_name: 'signet jobs',
    connectionTimeoutMillis: 10_000
  })
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))

  async function start (): Promise<Runner | undefined> {
    try {
      const { run, Logger, parseCronItems } = await import('../database/graphile-worker.ts')
      const logger = new Logger(() => (level, message) => app.log[LOG_LEVELS[level]]({ component: 'jobs' }, message))
      const parsedCronItems = parseCronItems(recurring.map((task) =>
        ({ task, match: '* * * * *', options: { maxAttempts: 1, jobKey: task } })))
      const runner = await run({
        preset: PRESET,
        pgPool: pool,
        taskList: tasks,
        parsedCronItems,
        concurrency: CONCURRENCY,
        pollInterval: POLL_MS,
        noHandleSignals: true,
        // PgBouncer in transaction mode has none: see src/database/connection.ts.
        noPreparedStatements: true,
        logger
      })
      runner.promise.then(restart, restart)
      return runner
    } catch (error) {
      restart(error)
      return undefined
    }
  }

  function restart (error?: unknown): void {
    if (isClosing) return
    app.log.warn({ err: error }, 'the job runner stopped and will be restarted')
    restartTimer = setTimeout(() => { running = start() }, RESTART_MS).unref()
  }

  app.decorate('jobs', {
    async add (task, payload, tx) {
      await tx.$executeRaw`
        SELECT graphile_worker.add_job(${task}, ${JSON.stringify(payload)}::json, max_attempts := ${MAX_ATTEMPTS}::int)`
    },
    start: () => { running = start() },
    work: (task, work) => { tasks[task] = work },
    everyMinute (task, work) {
      tasks[task] = work
      recurring.push(task)
    },
    async state () {
      const [state] = await prisma.$queryRaw<[QueueState]>`
        SELECT count(*) FILTER (WHERE attempts < max_attempts AND last_error IS NULL)::int AS waiting,
          count(*) FILTER (WHERE attempts < max_attempts AND last_error IS NOT NULL)::int AS retrying,
          count(*) FILTER (WHERE attempts >= max_attempts)::int AS failed,
          coalesce(extract(epoch FROM now() - min(created_at) FILTER (WHERE attempts < max_attempts)), 0)::float8
            AS "oldestSeconds"
        FROM graphile_worker.jobs`
      return state
    }
  } satisfies JobRunner)

  app.addHook('onListen', async () => app.jobs.start())
  app.addHook('preClose', async () => {
    isClosing = true
    clearTimeout(restartTimer)
    await (await running)?.stop().catch(() => {})
  })
  app.addHook('onClose', () => pool.end())
}, { name: 'job-runner' })
