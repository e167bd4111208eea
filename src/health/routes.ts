import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { Problem } from '../http/errors.ts'
import { RETRY_AFTER_SECONDS, problems } from '../http/problem-details.ts'

/** Each check rejects when it fails. A readiness response lists them by name. */
export interface HealthOptions { checks: Record<string, () => Promise<void>> }

const CHECK_TIMEOUT_MS = 2_000

export const healthRoutes: FastifyPluginAsyncTypebox<HealthOptions> = async (app, { checks }) => {
  app.get('/healthz', {
    logLevel: 'warn',
    schema: {
      summary: 'Liveness',
      description: 'The process responds. Checks nothing else.',
      tags: ['Service'],
      response: { 200: Type.Object({ status: Type.Literal('ok') }) }
    }
  }, async () => ({ status: 'ok' as const }))

  app.get('/readyz', {
    logLevel: 'warn',
    schema: {
      summary: 'Readiness',
      description: 'Whether requests can be served. A failed check is named under `checks`.',
      tags: ['Service'],
      response: {
        200: Type.Object({ status: Type.Literal('ok'), checks: Type.Record(Type.String(), Type.String()) }),
        ...problems('service_unavailable')
      }
    }
  }, async (request, reply) => {
    const entries = await Promise.all(Object.entries(checks).map(async ([name, check]) => {
      try {
        await withDeadline(check(), CHECK_TIMEOUT_MS)
        return [name, 'ok']
      } catch (error) {
        request.log.warn({ err: error }, `readiness: ${name}`)
        return [name, 'failed']
      }
    }))
    const results: Record<string, string> = Object.fromEntries(entries)
    const all = { ...results, shutdown: app.shutdown.hasBegun() ? 'failed' : 'ok' }
    const failed = Object.entries(all).flatMap(([name, result]) => result === 'ok' ? [] : [name])
    if (failed.length === 0) return { status: 'ok' as const, checks: results }
    const headers = { 'retry-after': String(RETRY_AFTER_SECONDS) }
    reply.problem(new Problem('service_unavailable', `Not ready: ${failed.join(', ')}.`, { headers }), { checks: all })
    return await reply
  })
}

/** Rejects when `work` takes longer. */
async function withDeadline (work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`took longer than ${ms} ms`)), ms)
  })
  await Promise.race([work, deadline]).finally(() => clearTimeout(timer))
}
