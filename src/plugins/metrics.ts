import fp from 'fastify-plugin'
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import { Type } from 'typebox'
import { OAuthError } from '../http/errors.ts'
import type { QueueState } from '../jobs/job-runner.ts'
import { onProviderCall } from '../providers/call-times.ts'
import type { Step } from '../providers/failure.ts'
import { LOGIN_STAGES, type LoginStage } from '../sign-in/login-stage.ts'
import { createLastKnown } from '../jobs/last-known.ts'
import { toProblem } from '../http/problem-details.ts'

export interface Metrics {
  /** Counts a login that passed a stage or, with an error, failed in it. Ignores providers that are not enabled. */
  login: (provider: string, stage: LoginStage, error?: unknown) => void
  refresh: (outcome: RefreshOutcome) => void
  /** Counts a refresh token that was repeated within the reuse window from another address and user agent. */
  repeatElsewhere: () => void
  /** Adds what is created later than this plugin. Called once. */
  watch: (sources: MetricSources) => void
}

export interface MetricSources {
  providers: ReadonlyMap<string, { id: string, name: string }>
  /** When the current signing key became current. */
  signingSince: () => Date | undefined
}

type RefreshOutcome = typeof REFRESH_OUTCOMES[number]

declare module 'fastify' {
  interface FastifyInstance { metrics: Metrics }
}

const REFRESH_OUTCOMES = ['rotated', 'refused', 'reuse_detected'] as const
const STEP_LABELS: Record<Step, string> = {
  discovery: 'discovery',
  'authorization response': 'authorization',
  'token exchange': 'token',
  'token refresh': 'token_refresh',
  keys: 'jwks',
  'user info': 'userinfo',
  profile: 'userinfo',
  memberships: 'memberships',
  emails: 'emails',
  revocation: 'revocation'
}
/** The state of the queue is read at most so often, and a scrape waits no longer than this for it. */
const QUEUE_MAX_AGE_MS = 10_000
const QUEUE_WAIT_MS = 250

/**
 * Prometheus metrics at `GET /metrics`; docs/operations.md explains them. Label values are from closed lists (routes,
 * enabled providers, codes), never from a request. While the database is unavailable a scrape is fast and lacks the
 * queue.
 */
export const metrics = fp(async (app) => {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })

  const requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Requests by route, method and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
    registers
  })
  const logins = new Counter({
    name: 'login_attempts_total',
    help: 'Logins that passed a stage (started, returned, identified, completed) or failed in it, by error code.',
    labelNames: ['provider', 'stage', 'outcome', 'code'],
    registers
  })
  const providerCalls = new Histogram({
    name: 'provider_request_duration_seconds',
    help: 'Requests to a provider, failed ones included, by step.',
    labelNames: ['provider', 'step'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers
  })
  const refreshes = new Counter({
    name: 'token_refreshes_total',
    help: 'Refresh tokens presented: rotated, refused, or reuse_detected (a stolen one).',
    labelNames: ['outcome'],
    registers
  })
  for (const outcome of REFRESH_OUTCOMES) refreshes.inc({ outcome }, 0)
  const repeatsElsewhere = new Counter({
    name: 'token_reuses_in_window_total',
    help: 'Refresh tokens repeated in the reuse window from another address and user agent, once for each rotation.',
    registers
  })

  const { pool } = app.database
  gauge('database_connections', 'Connections of the pool: total, idle, and requests that wait for one.', function () {
    this.set({ state: 'total' }, pool.totalCount)
    this.set({ state: 'idle' }, pool.idleCount)
    this.set({ state: 'waiting' }, pool.waitingCount)
  }, 'state')

  const queue = createLastKnown<QueueState>(() => app.jobs.state(), QUEUE_MAX_AGE_MS)
  gauge('jobs', 'Jobs: waiting, retrying after a failure, or failed for good.', function () {
    const known = queue.value()
    this.reset()
    if (known) for (const state of ['waiting', 'retrying', 'failed'] as const) this.set({ state }, known[state])
  }, 'state')
  gauge('job_oldest_age_seconds', 'Age of the oldest job that is waiting or retrying; 0 without one.', function () {
    const known = queue.value()
    this.remove()
    if (known) this.set(known.oldestSeconds)
  })

  const { limitStore } = app
  if (limitStore.isConfigured) {
    gauge('redis_up', '1 while rate limits are shared through Redis, 0 while Redis is unavailable.', function () {
      this.set(limitStore.isShared() ? 1 : 0)
    })
    const localCounts = new Counter({
      name: 'rate_limit_local_counts_total',
      help: 'Requests that this instance counted alone because Redis was unavailable.',
      registers
    })
    limitStore.onLocalCount(() => localCounts.inc())
  }

  let sources: MetricSources | undefined
  gauge('signing_key_age_seconds', 'Time since the current signing key began to sign.', function () {
    const since = sources?.signingSince()
    this.remove()
    // The database's clock may be ahead of this process's.
    if (since) this.set(Math.max(0, Date.now() - since.getTime()) / 1000)
  })

  function gauge (name: string, help: string, collect: (this: Gauge) => void, ...labelNames: string[]): void {
    const made = new Gauge({ name, help, labelNames, registers, collect })
    made.reset()
  }

  app.decorate('metrics', {
    login (provider, stage, error) {
      if (!sources?.providers.has(provider)) return
      const code = error === undefined ? '' : error instanceof OAuthError ? error.error : toProblem(error).code
      logins.inc({ provider, stage, outcome: code === '' ? 'succeeded' : 'failed', code })
    },

    refresh: (outcome) => refreshes.inc({ outcome }),

    repeatElsewhere: () => repeatsElsewhere.inc(),

    watch (all) {
      sources = all
      const idsByName = new Map([...all.providers.values()].map(({ id, name }) => [name, id]))
      for (const provider of all.providers.keys()) {
        for (const stage of LOGIN_STAGES) logins.inc({ provider, stage, outcome: 'succeeded', code: '' }, 0)
      }
      const stop = onProviderCall(({ provider: name, step, startedAt, endedAt }) => {
        const provider = idsByName.get(name)
        if (provider === undefined) return
        providerCalls.observe({ provider, step: STEP_LABELS[step] }, (endedAt - startedAt) / 1000)
      })
      app.addHook('onClose', async () => stop())
    }
  } satisfies Metrics)

  app.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions: { url: route = 'unknown' } } = request
    requests.observe({ method, route, status: reply.statusCode }, reply.elapsedTime / 1000)
    done()
  })

  app.get('/metrics', {
    logLevel: 'warn',
    schema: {
      summary: 'Metrics',
      description: 'Prometheus text.',
      tags: ['Service'],
      response: { 200: { content: { 'text/plain': { schema: Type.String() } } } }
    }
  }, async (_request, reply) => {
    await queue.refresh(QUEUE_WAIT_MS)
    const text = await registry.metrics()
    return reply.type('text/plain; version=0.0.4; charset=utf-8').serializer(String).send(text)
  })
}, { name: 'metrics', dependencies: ['database', 'job-runner', 'rate-limit'] })
