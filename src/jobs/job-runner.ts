import fp from 'fastify-plugin'
import type { Runner } from 'graphile-worker'
import pg from 'pg'
import type { Transaction } from '../database/transaction.ts'

/** Work that must be done, though perhaps not now: at least once, by any instance, tried again for three days when it fails. */
export interface JobRunner {
  /** Adds a job in the caller's transaction: it runs once that commits, or not at all. */
  add: (task: Task, payload: object, tx: Transaction) => Promise<void>
  /** Says how a task is done. Called before the app listens. Work that throws is tried again later. */
  work: (task: Task, work: (payload: unknown) => Promise<void>) => void
  /** Says what is done every minute, by one of all instances. Called before the app listens. */
  everyMinute: (task: RecurringTask, work: () => Promise<void>) => void
  state: () => Promise<QueueState>
}

export interface QueueState {
  waiting: number
  /** To be tried again. */
  retrying: number
  /** Given up. */
  failed: number
  /** Age of the oldest job that is not given up; 0 when there is none. */
  oldestSeconds: number
}

/** Work that comes again, and of which the next turn makes up for one that failed or was missed. */
export type RecurringTask = 'purge' | 'rotate-keys' | 'deliver-due-webhooks'

export type Task = 'revoke-grant' | 'deliver-webhooks'

declare module 'fastify' {
  interface FastifyInstance { jobs: JobRunner }
}

export interface JobRunnerOptions { databaseUrl: string }

/** One provider that hangs holds nothing else up. Jobs wait more than they ask the database. */
const CONCURRENCY = 5
const CONNECTIONS = 3
const POLL_MS = 5_000
const START_AGAIN_MS = 30_000
/** Each after e times the wait of the one before, six hours at most. */
const MAX_ATTEMPTS = 22

/**
 * Without a batch nobody awaits the statement that says how a job ended, and a database that is away at that moment would end the
 * process. With one, even of a single job, it ends the runner, which is started again; the job comes again when its lock is four hours old.
 */
const PRESET = { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } }

const STATE = `
  SELECT count(*) FILTER (WHERE attempts < max_attempts AND last_error IS NULL)::int AS waiting,
    count(*) FILTER (WHERE attempts < max_attempts AND last_error IS NOT NULL)::int AS retrying,
    count(*) FILTER (WHERE attempts >= max_attempts)::int AS failed,
    coalesce(extract(epoch FROM now() - min(created_at) FILTER (WHERE attempts < max_attempts)), 0)::float8 AS "oldestSeconds"
  FROM graphile_worker.jobs`

/**
 * graphile-worker (docs/adr/0007), from the moment that the app listens. It has a small pool of its own: one connection
 * is for being told of new jobs at once. Behind PgBouncer in transaction mode nobody is told, and it finds them by asking.
 */
export const jobRunner = fp<JobRunnerOptions>(async (app, { databaseUrl }) => {
  const tasks: Record<string, (payload: unknown) => Promise<void>> = {}
  const recurring: RecurringTask[] = []
  let running: Promise<Runner | undefined> = Promise.resolve(undefined)
  let again: NodeJS.Timeout | undefined
  let isClosing = false

  const pool = new pg.Pool({ connectionString: databaseUrl, max: CONNECTIONS, application_name: 'signet jobs', connectionTimeoutMillis: 10_000 })
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))

  async function start (): Promise<Runner | undefined> {
    try {
      const { run, Logger, parseCronItems } = await import('../database/graphile-worker.ts')
      const logger = new Logger(() => (level, message) => app.log[level === 'error' ? 'warn' : level === 'warning' ? 'debug' : 'trace']({ component: 'jobs' }, message))
      const parsedCronItems = parseCronItems(recurring.map((task) => ({ task, match: '* * * * *', options: { maxAttempts: 1, jobKey: task } })))
      const runner = await run({
        preset: PRESET,
        pgPool: pool,
        taskList: tasks,
        parsedCronItems,
        concurrency: CONCURRENCY,
        pollInterval: POLL_MS,
        noHandleSignals: true,
        // For the sake of PgBouncer; see src/database/connection.ts.
        noPreparedStatements: true,
        logger
      })
      runner.promise.then(startAgain, startAgain)
      return runner
    } catch (error) {
      startAgain(error)
      return undefined
    }
  }

  function startAgain (error?: unknown): void {
    if (isClosing) return
    app.log.warn({ err: error }, 'the job runner stopped; it is started again')
    again = setTimeout(() => { running = start() }, START_AGAIN_MS).unref()
  }

  app.decorate('jobs', {
    async add (task, payload, tx) {
      await tx.$executeRaw`
        SELECT graphile_worker.add_job(${task}, ${JSON.stringify(payload)}::json, max_attempts := ${MAX_ATTEMPTS}::int)`
    },
    work: (task, work) => { tasks[task] = work },
    everyMinute (task, work) {
      tasks[task] = work
      recurring.push(task)
    },
    state: async () => (await pool.query<QueueState>(STATE)).rows[0] as QueueState
  } satisfies JobRunner)

  app.addHook('onListen', async () => { running = start() })
  app.addHook('preClose', async () => {
    isClosing = true
    clearTimeout(again)
    await (await running)?.stop().catch(() => {})
  })
  app.addHook('onClose', () => pool.end())
}, { name: 'job-runner' })
