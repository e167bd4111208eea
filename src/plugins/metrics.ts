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
  /** A login passed a stage or, with the error, ended there. One at a provider that is not enabled is not counted. */
  login: (provider: string, stage: LoginStage, error?: unknown) => void
  refresh: (outcome: RefreshOutcome) => void
  /** What is there to be measured. Called once, when all of it has been made. */
  watch: (sources: MetricSources) => void
}

export interface MetricSources {
  providers: ReadonlyMap<string, { id: string, name: string }>
  /** When the key that signs became the current one. */
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
  emails: 'emails',
  revocation: 'revocation'
}
/** The queue is asked at most so often, and a scrape waits no longer than this for the answer. */
const QUEUE_MAX_AGE_MS = 10_000
const QUEUE_WAIT_MS = 250

/**
 * Prometheus text at `GET /metrics`; docs/operations.md explains each. Labels are from closed lists (routes, enabled
 * providers, codes), never from a request. A scrape is quick with the database away: then the queue is left out.
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
    help: 'Logins that passed a stage (started, returned, identified, completed), or failed in it, by the code of the failure.',
    labelNames: ['provider', 'stage', 'outcome', 'code'],
    registers
  })
  const providerCalls = new Histogram({
    name: 'provider_request_duration_seconds',
    help: 'Calls to a provider, failed ones too, by step.',
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

  const { pool } = app.database
  gauge('database_connections', 'Connections of the pool: total, those idle, and requests waiting for one.', function () {
    this.set({ state: 'total' }, pool.totalCount)
    this.set({ state: 'idle' }, pool.idleCount)
    this.set({ state: 'waiting' }, pool.waitingCount)
  }, 'state')

  const queue = createLastKnown<QueueState>(() => app.jobs.state(), QUEUE_MAX_AGE_MS)
  gauge('jobs', 'Jobs: waiting for their turn, retrying after a failure, or failed for good.', function () {
    const known = queue.value()
    this.reset()
    for (const state of ['waiting', 'retrying', 'failed'] as const) if (known) this.set({ state }, known[state])
  }, 'state')
  gauge('job_oldest_age_seconds', 'Age of the oldest job that is not done and not failed for good; 0 when there is none.', function () {
    const known = queue.value()
    this.remove()
    if (known) this.set(known.oldestSeconds)
  })

  const { limitStore } = app
  if (limitStore.isConfigured) {
    gauge('redis_up', 'Whether rate limits are shared through Redis: 1, or 0 while it is away.', function () { this.set(limitStore.isShared() ? 1 : 0) })
    const localCounts = new Counter({
      name: 'rate_limit_local_counts_total',
      help: 'Requests that this instance counted by itself because Redis was away.',
      registers
    })
    limitStore.onLocalCount(() => localCounts.inc())
  }

  let sources: MetricSources | undefined
  gauge('signing_key_age_seconds', 'For how long the current signing key has been signing.', function () {
    const since = sources?.signingSince()
    this.remove()
    if (since) this.set((Date.now() - since.getTime()) / 1000)
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

    watch (all) {
      sources = all
      const idsByName = new Map([...all.providers.values()].map(({ id, name }) => [name, id]))
      for (const provider of all.providers.keys()) for (const stage of LOGIN_STAGES) logins.inc({ provider, stage, outcome: 'succeeded', code: '' }, 0)
      const stop = onProviderCall(({ provider: name, step, startedAt, endedAt }) => {
        const provider = idsByName.get(name)
        if (provider !== undefined) providerCalls.observe({ provider, step: STEP_LABELS[step] }, (endedAt - startedAt) / 1000)
      })
      app.addHook('onClose', async () => stop())
    }
  } satisfies Metrics)

  app.addHook('onResponse', (request, reply, done) => {
    requests.observe({ method: request.method, route: request.routeOptions.url ?? 'unknown', status: reply.statusCode }, reply.elapsedTime / 1000)
    done()
  })

  app.get('/metrics', {
    logLevel: 'warn',
    schema: { summary: 'Metrics', description: 'Prometheus text.', tags: ['Service'], response: { 200: { content: { 'text/plain': { schema: Type.String() } } } } }
  }, async (_request, reply) => {
    await queue.refresh(QUEUE_WAIT_MS)
    return reply.type('text/plain; version=0.0.4; charset=utf-8').serializer((text) => text as string).send(await registry.metrics())
  })
}, { name: 'metrics', dependencies: ['database', 'job-runner', 'rate-limit'] })
