import type { FastifyInstance } from 'fastify'

/**
 * Does `work` every so often, give or take a tenth so that instances do not march in step, until the app closes. A
 * failure is logged and the next turn comes all the same; a turn that takes long is waited for.
 */
export function repeat (app: FastifyInstance, what: string, everyMs: number, work: () => Promise<void>): void {
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()
  let isClosed = false

  function schedule (): void {
    timer = setTimeout(() => {
      running = work().catch((error: unknown) => app.log.warn({ err: error }, `could not ${what}`)).then(() => { if (!isClosed) schedule() })
    }, everyMs * (0.9 + Math.random() * 0.2))
    timer.unref()
  }

  app.addHook('onReady', async () => schedule())
  app.addHook('preClose', async () => {
    isClosed = true
    clearTimeout(timer)
    await running
  })
}
