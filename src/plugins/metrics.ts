import fp from 'fastify-plugin'
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import { Type } from 'typebox'

export interface Metrics {
  /** `succeeded`, or the problem code of a failed login. */
  login: (provider: string, outcome: string) => void
  refresh: (outcome: 'rotated' | 'refused' | 'reuse_detected') => void
}

declare module 'fastify' {
  interface FastifyInstance { metrics: Metrics }
}

/** Prometheus text at `GET /metrics`. Labels are from closed lists (routes, providers, codes), never from a request. */
export const metrics = fp(async (app) => {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const requests = new Histogram({
    name: 'http_request_duration_seconds', help: 'Requests by route, method and status.', labelNames: ['method', 'route', 'status'], buckets: [0.005, 0.02, 0.1, 0.5, 2, 10], registers
  })
  const logins = new Counter({ name: 'login_attempts_total', help: 'Logins that came back from a provider.', labelNames: ['provider', 'outcome'], registers })
  const refreshes = new Counter({ name: 'token_refreshes_total', help: 'Refresh tokens presented.', labelNames: ['outcome'], registers })
  const connections = new Gauge({ name: 'database_connections', help: 'Connections of the pool.', labelNames: ['state'], registers })

  app.decorate('metrics', {
    login: (provider: string, outcome: string) => logins.inc({ provider, outcome }),
    refresh: (outcome: string) => refreshes.inc({ outcome })
  })

  app.addHook('onResponse', async (request, reply) => {
    requests.observe({ method: request.method, route: request.routeOptions.url ?? 'unknown', status: reply.statusCode }, reply.elapsedTime / 1000)
  })

  app.get('/metrics', {
    schema: { summary: 'Metrics', description: 'Prometheus text.', tags: ['Service'], response: { 200: { content: { 'text/plain': { schema: Type.String() } } } } }
  }, async (_request, reply) => {
    const { pool } = app.database
    connections.set({ state: 'open' }, pool.totalCount)
    connections.set({ state: 'idle' }, pool.idleCount)
    connections.set({ state: 'waited_for' }, pool.waitingCount)
    return reply.type('text/plain; version=0.0.4; charset=utf-8').serializer((text) => text as string).send(await registry.metrics())
  })
}, { name: 'metrics', dependencies: ['database'] })
