import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { Problem } from '../http/errors.ts'
import { RETRY_AFTER_SECONDS, problems } from '../http/problem-details.ts'

/** Each check resolves when all is well. The name is what a failed readiness tells. */
export interface HealthOptions { checks: Record<string, () => Promise<void>> }

const CHECK_TIMEOUT_MS = 2_000

export const healthRoutes: FastifyPluginAsyncTypebox<HealthOptions> = async (app, { checks }) => {
  app.get('/healthz', {
    logLevel: 'warn',
    schema: { summary: 'Liveness', description: 'The process answers. Touches nothing else.', tags: ['Service'], response: { 200: Type.Object({ status: Type.Literal('ok') }) } }
  }, async () => ({ status: 'ok' as const }))

  app.get('/readyz', {
    logLevel: 'warn',
    schema: {
      summary: 'Readiness',
      description: 'Whether requests can be served. A failed check is named under `checks`.',
      tags: ['Service'],
      response: { 200: Type.Object({ status: Type.Literal('ok'), checks: Type.Record(Type.String(), Type.String()) }), ...problems('service_unavailable') }
    }
  }, async (request, reply) => {
    const results = await Promise.all(Object.entries({ ...checks, shutdown: async () => { if (app.ending.isAnnounced()) throw new Error('shutting down') } }).map(async ([name, check]) => {
      const ok = await within(check(), CHECK_TIMEOUT_MS).then(() => true, (error: unknown) => { request.log.warn({ err: error }, `readiness: ${name}`) })
      return [name, ok ? 'ok' : 'failed'] as const
    }))
    const failed = results.filter(([, result]) => result !== 'ok').map(([name]) => name)
    if (failed.length === 0) return { status: 'ok' as const, checks: Object.fromEntries(results.filter(([name]) => name !== 'shutdown')) }
    const problem = new Problem('service_unavailable', `Not ready: ${failed.join(', ')}.`, { headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } })
    return reply.problem(problem, { checks: Object.fromEntries(results) }) as never
  })
}

async function within (work: Promise<void>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_resolve, reject) => { timer = setTimeout(() => reject(new Error('took too long')), milliseconds) })
  await Promise.race([work, timeout]).finally(() => clearTimeout(timer))
}
