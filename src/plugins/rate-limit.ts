import fp from 'fastify-plugin'
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Redis } from 'ioredis'
import { Problem } from '../http/errors.ts'

/** One limit, counted by a key of the caller's choosing. All throw `rate_limited` with Retry-After. */
export interface Limit {
  /** Counts, and refuses what is over the limit. */
  count: (key: string) => Promise<void>
  /** Refuses when the limit is used up; counts nothing. */
  check: (key: string) => Promise<void>
  /** Counts; refuses nothing. */
  add: (key: string) => Promise<void>
}

export interface Limits {
  /** Login starts, and callbacks, by address: so many of each. */
  signIn: Limit
  /** Failed calls of the token endpoint, by address. */
  failedTokenCalls: Limit
  /** Rotations of a session's refresh token, by session: many sessions may share one address. */
  refresh: Limit
  /** Device codes that nobody waits with, by address. */
  wrongDeviceCodes: Limit
  /** Changes below /me, and tokens lent there, by user. */
  userWrites: Limit
  /** Polls for revocations, by client: twenty services, every two seconds. */
  revocations: Limit
  /** Calls below /admin, by user. */
  admin: Limit
  /** Requests for routes that do not exist, by address. */
  unknownRoutes: Limit
}

/** Where the limits are counted. */
export interface LimitStore {
  /** Whether there is to be a Redis that all instances share. */
  isConfigured: boolean
  isShared: () => boolean
  /** Told whenever an instance counts by itself because Redis is away. */
  onLocalCount: (listener: () => void) => void
}

declare module 'fastify' {
  interface FastifyInstance { limits: Limits, limitStore: LimitStore }
}

export interface RateLimitOptions { enabled: boolean, redisUrl: string | undefined }

const MINUTE_MS = 60_000
const PER_MINUTE: Record<keyof Limits, number> = {
  signIn: 100, failedTokenCalls: 100, refresh: 30, wrongDeviceCodes: 10, userWrites: 60, revocations: 600, admin: 300, unknownRoutes: 300
}
/** How long Redis is left alone after it failed to answer, so that one that hangs costs one request its time and not each. */
const PAUSE_MS = 2_000
const NO_LIMIT: Limit = { count: async () => {}, check: async () => {}, add: async () => {} }

/**
 * The rate limits. With Redis all instances count together; while Redis is away each counts for itself, so that losing
 * it neither opens the gates nor closes them.
 */
export const rateLimits = fp<RateLimitOptions>(async (app, { enabled, redisUrl }) => {
  if (!enabled) {
    app.decorate('limits', allLimits(() => NO_LIMIT))
    app.decorate('limitStore', { isConfigured: false, isShared: () => false, onLocalCount: () => {} })
    return
  }
  const local = await counters(app, {})
  const away = sayOnce((error) => app.log.warn({ err: error }, 'Redis is away; rate limits count for each instance alone'))
  const redis = redisUrl === undefined ? undefined : await connect(app, redisUrl, away)
  let onLocalCount = () => {}
  let pausedUntil = 0
  const isShared = () => redis?.status === 'ready' && Date.now() >= pausedUntil
  app.decorate('limitStore', {
    isConfigured: redis !== undefined,
    isShared,
    onLocalCount: (listener) => { onLocalCount = listener }
  } satisfies LimitStore)
  const shared = redis && await counters(app, { redis, nameSpace: 'signet-limit-' })
  const limit = (name: keyof Limits): Limit => {
    const options = { max: PER_MINUTE[name], timeWindow: MINUTE_MS, keyGenerator: (request: FastifyRequest) => (request as unknown as { key: string }).key }
    const countLocally = local(options)
    const countTogether = shared?.(options)

    async function ask (key: string, increment: boolean) {
      const request = { key: `${name}:${key}`, routeOptions: {} } as unknown as FastifyRequest
      if (!countTogether) return await countLocally(request, { increment })
      if (isShared()) {
        try {
          return await countTogether(request, { increment })
        } catch (error) {
          away.say(error)
          pausedUntil = Date.now() + PAUSE_MS
        }
      }
      onLocalCount()
      return await countLocally(request, { increment })
    }

    return {
      async count (key) {
        const state = await ask(key, true)
        if (!state.isAllowed && state.isExceeded) throw tooMany(name, state.ttlInSeconds)
      },
      async check (key) {
        const state = await ask(key, false)
        if (!state.isAllowed && state.remaining === 0) throw tooMany(name, state.ttlInSeconds)
      },
      async add (key) {
        await ask(key, true)
      }
    }
  }
  app.decorate('limits', allLimits(limit))
}, { name: 'rate-limit' })

function allLimits (make: (name: keyof Limits) => Limit): Limits {
  return Object.fromEntries((Object.keys(PER_MINUTE) as (keyof Limits)[]).map((name) => [name, make(name)])) as unknown as Limits
}

type CreateRateLimit = FastifyInstance['createRateLimit']

/** A set of counters: the plugin in a scope of its own, since it keeps one store for each registration. */
async function counters (app: FastifyInstance, options: object): Promise<CreateRateLimit> {
  let create: CreateRateLimit | undefined
  await app.register(async (scope) => {
    await scope.register(rateLimit, { global: false, cache: 20_000, ...options })
    create = scope.createRateLimit
  })
  return create as unknown as CreateRateLimit
}

interface Once { say: (error: unknown) => void, forget: () => void }

/** Says something once, until it is forgotten. */
function sayOnce (say: (error: unknown) => void): Once {
  let isSaid = false
  return {
    say (error) {
      if (!isSaid) say(error)
      isSaid = true
    },
    forget: () => { isSaid = false }
  }
}

async function connect (app: FastifyInstance, url: string, away: Once): Promise<Redis> {
  const { Redis } = await import('./ioredis.ts')
  const redis = new Redis(url, {
    connectTimeout: 1_000,
    commandTimeout: 500,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: (attempt) => Math.min(attempt * 200, 5_000)
  })
  redis.on('error', away.say)
  redis.on('ready', away.forget)
  app.addHook('onClose', async () => { redis.disconnect() })
  return redis
}

/** With the fields of draft-ietf-httpapi-ratelimit-headers-10, on refusals only: who keeps within the limits need not know them. */
function tooMany (name: keyof Limits, seconds: number): Problem {
  const wait = Math.max(1, seconds)
  const headers = {
    'retry-after': String(wait),
    ratelimit: `"${name}";r=0;t=${wait}`,
    'ratelimit-policy': `"${name}";q=${PER_MINUTE[name]};w=${MINUTE_MS / 1000}`
  }
  return new Problem('rate_limited', `Too many requests. Try again in ${wait} s.`, { headers })
}
