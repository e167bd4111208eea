import fp from 'fastify-plugin'
import type { Redis } from 'ioredis'
import {
  RateLimiterMemory, RateLimiterRedis, type RateLimiterAbstract, type RateLimiterRes
} from 'rate-limiter-flexible'
import { Problem } from '../http/errors.ts'

/** One limit, counted by a key of the caller's choice. */
export interface RateLimit {
  /** Counts a request. Throws `rate_limited`, with Retry-After, for those above the limit. */
  count: (key: string) => Promise<void>
  /** Counts nothing. Throws `rate_limited`, with Retry-After, once the limit is reached. */
  check: (key: string) => Promise<void>
  /** Counts a request without a check. */
  add: (key: string) => Promise<void>
  /** Takes back what `count` has counted, for a request that proved to be none of those that are limited. */
  refund: (key: string) => Promise<void>
}

/** How many requests a key has per minute. */
const REQUESTS_PER_MINUTE = {
  /** Starts of a login, callbacks, native sign-ins and device authorizations, by address: each has a key of its own. */
  signIn: 100,
  /** Failed calls of the endpoints where clients authenticate, by address. */
  failedTokenCalls: 100,
  /** Rotations of a refresh token, by session: many sessions may share one address. */
  refresh: 30,
  /** Wrong device codes, by address. */
  wrongDeviceCodes: 10,
  /** Changes below /me, and provider tokens handed out there, by user. */
  userWrites: 60,
  /** Polls for revocations, by client: twenty services, every two seconds. */
  revocations: 600,
  /** Requests below /admin, by user. */
  admin: 300,
  /** Requests for unknown routes, by address. */
  unknownRoutes: 300
}

type RateLimitName = keyof typeof REQUESTS_PER_MINUTE

export type RateLimits = Record<RateLimitName, RateLimit>

/** Where requests are counted. */
export interface RateLimitStore {
  /** Whether instances share their counts through Redis. */
  isConfigured: boolean
  /** False while Redis is unavailable. */
  isShared: () => boolean
  /** Calls `listener` for each request that this instance counted alone because Redis was unavailable. */
  onLocalCount: (listener: () => void) => void
}

declare module 'fastify' {
  interface FastifyInstance { limits: RateLimits, limitStore: RateLimitStore }
}

export interface RateLimitOptions { enabled: boolean, redisUrl: string | undefined }

const WINDOW_SECONDS = 60
/** After a failure Redis is not asked for so long: one that hangs delays one request and not each. */
const REDIS_PAUSE_MS = 2_000
const MAX_LOCAL_KEYS = 20_000
const nothing = async () => {}
const NO_LIMIT: RateLimit = { count: nothing, check: nothing, add: nothing, refund: nothing }

/**
 * The rate limits. With Redis all instances count together. While Redis is unavailable each instance counts alone, so
 * that requests are neither refused nor unlimited.
 */
export const rateLimits = fp<RateLimitOptions>(async (app, { enabled, redisUrl }) => {
  if (!enabled) {
    app.decorate('limits', mapLimits(() => NO_LIMIT))
    app.decorate('limitStore', { isConfigured: false, isShared: () => false, onLocalCount: () => {} })
    return
  }
  const redis = redisUrl === undefined ? undefined : await connect(redisUrl)
  let pausedUntil = 0
  let isOutageLogged = false
  let onLocalCount = () => {}

  function logOutage (error: unknown): void {
    if (!isOutageLogged) app.log.warn({ err: error }, 'Redis is unavailable: this instance counts rate limits alone')
    isOutageLogged = true
  }
  redis?.on('error', logOutage).on('ready', () => { isOutageLogged = false })
  app.addHook('onClose', async () => { redis?.disconnect() })

  const isShared = () => redis?.status === 'ready' && Date.now() >= pausedUntil

  function createLimit (name: RateLimitName): RateLimit {
    const options = { points: REQUESTS_PER_MINUTE[name], duration: WINDOW_SECONDS, keyPrefix: `signet-limit-${name}` }
    const local = new BoundedMemoryLimiter(options)
    const shared = redis && new RateLimiterRedis({ ...options, storeClient: redis })

    /** Asks the limiter that all instances share, or the local one while Redis is unavailable. */
    async function ask<Result> (question: (limiter: RateLimiterAbstract) => Promise<Result>): Promise<Result> {
      if (!shared) return await question(local)
      if (isShared()) {
        try {
          return await question(shared)
        } catch (error) {
          logOutage(error)
          pausedUntil = Date.now() + REDIS_PAUSE_MS
        }
      }
      onLocalCount()
      return await question(local)
    }

    return {
      async count (key) {
        const { consumedPoints, msBeforeNext } = await ask((limiter) => limiter.penalty(key))
        if (consumedPoints > options.points) throw tooManyRequests(name, msBeforeNext)
      },
      async check (key) {
        const state = await ask((limiter) => limiter.get(key))
        if (state && state.consumedPoints >= options.points) throw tooManyRequests(name, state.msBeforeNext)
      },
      async add (key) {
        await ask((limiter) => limiter.penalty(key))
      },
      async refund (key) {
        await ask((limiter) => limiter.reward(key))
      }
    }
  }

  app.decorate('limits', mapLimits(createLimit))
  app.decorate('limitStore', {
    isConfigured: redis !== undefined,
    isShared,
    onLocalCount: (listener) => { onLocalCount = listener }
  } satisfies RateLimitStore)
}, { name: 'rate-limit' })

function mapLimits (create: (name: RateLimitName) => RateLimit): RateLimits {
  const names = Object.keys(REQUESTS_PER_MINUTE) as RateLimitName[]
  return Object.fromEntries(names.map((name) => [name, create(name)])) as RateLimits
}

/** With too many keys, forgets the one whose minute began first: many addresses must not fill the memory. */
class BoundedMemoryLimiter extends RateLimiterMemory {
  readonly #keys = new Set<string>()

  override async penalty (key: string): Promise<RateLimiterRes> {
    const result = await super.penalty(key)
    if (!result.isFirstInDuration) return result
    this.#keys.delete(key)
    this.#keys.add(key)
    const [oldest] = this.#keys
    if (this.#keys.size > MAX_LOCAL_KEYS && oldest !== undefined) {
      this.#keys.delete(oldest)
      await this.delete(oldest)
    }
    return result
  }
}

async function connect (url: string): Promise<Redis> {
  const { default: { Redis } } = await import('ioredis')
  return new Redis(url, {
    connectTimeout: 1_000,
    commandTimeout: 500,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: (attempt) => Math.min(attempt * 200, 5_000)
  })
}

/** Has the fields of draft-ietf-httpapi-ratelimit-headers-10, which other responses do without. */
function tooManyRequests (name: RateLimitName, waitMs: number): Problem {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000))
  const headers = {
    'retry-after': String(seconds),
    ratelimit: `"${name}";r=0;t=${seconds}`,
    'ratelimit-policy': `"${name}";q=${REQUESTS_PER_MINUTE[name]};w=${WINDOW_SECONDS}`
  }
  return new Problem('rate_limited', `Too many requests. Try again in ${seconds} s.`, { headers })
}
