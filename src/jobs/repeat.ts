import type { FastifyInstance } from 'fastify'

/**
 * Runs `work` again and again until the app closes, `everyMs` after each run has ended. A random tenth more or less
 * keeps instances from running at the same moments. A failure is logged as "could not <what>", and the next run comes.
 */
export function repeat (app: FastifyInstance, what: string, everyMs: number, work: () => Promise<void>): void {
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()
  let isClosed = false

  async function run (): Promise<void> {
    await work().catch((error: unknown) => app.log.warn({ err: error }, `could not ${what}`))
    if (!isClosed) schedule()
  }

  function schedule (): void {
    timer = setTimeout(() => { running = run() }, everyMs * (0.9 + Math.random() * 0.2))
    timer.unref()
  }

  app.addHook('onReady', async () => schedule())
  app.addHook('preClose', async () => {
    isClosed = true
    clearTimeout(timer)
    await running
  })
}
