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

/** Requests of which a key may have one at a time. */
export interface Turns {
  /**
   * Begins a turn, and returns what ends it, once. Throws `rate_limited`, with Retry-After, while another one lasts. A
   * turn that is not ended is over after `maxSeconds`, by which time its request must have ended, too.
   */
  begin: (key: string) => Promise<() => Promise<void>>
  maxSeconds: number
}

/** How many requests a key has per minute. */
const REQUESTS_PER_MINUTE = {
  /** Starts of a login, callbacks, native sign-ins and device authorizations, by address: each has a key of its own. */
  signIn: 100,
  /** Failed calls of the endpoints where clients authenticate, by address. */
  failedTokenCalls: 100,
  /** Events of providers that do not verify, by address. */
  failedEvents: 100,
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
  /** Client metadata documents that are fetched, by address. */
  clientDocuments: 30,
  /** Requests for unknown routes, by address. */
  unknownRoutes: 300
}

/** How many requests a key has per hour. */
const REQUESTS_PER_HOUR = {
  /** Exports of everything about a user, by user. */
  exports: 5,
  /** Clients that register themselves, by address. */
  registrations: 20
}

/** How long a turn lasts that is not ended, in seconds. */
const TURN_SECONDS = {
  /** Exports, by user. */
  exports: 300
}

type RateLimitName = keyof typeof REQUESTS_PER_MINUTE | keyof typeof REQUESTS_PER_HOUR
type TurnName = keyof typeof TURN_SECONDS

interface Window { points: number, duration: number }

const perWindow = (requests: Record<string, number>, duration: number) =>
  Object.fromEntries(Object.entries(requests).map(([name, points]) => [name, { points, duration }]))

const WINDOWS = {
  ...perWindow(REQUESTS_PER_MINUTE, 60), ...perWindow(REQUESTS_PER_HOUR, 3600)
} as Record<RateLimitName, Window>

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
  interface FastifyInstance { limits: RateLimits, turns: Record<TurnName, Turns>, limitStore: RateLimitStore }
}

export interface RateLimitOptions { enabled: boolean, redisUrl: string | undefined }

/** After a failure Redis is not asked for so long: one that hangs delays one request and not each. */
const REDIS_PAUSE_MS = 2_000
const MAX_LOCAL_KEYS = 20_000
/** Retry-After while a turn lasts: most end within a second. */
const TURN_RETRY_SECONDS = 10
const nothing = async () => {}
const NO_LIMIT: RateLimit = { count: nothing, check: nothing, add: nothing, refund: nothing }

/**
 * The rate limits. With Redis all instances count together. While Redis is unavailable each instance counts alone, so
 * that requests are neither refused nor unlimited.
 */
export const rateLimits = fp<RateLimitOptions>(async (app, { enabled, redisUrl }) => {
  if (!enabled) {
    app.decorate('limits', mapNames(WINDOWS, () => NO_LIMIT))
    app.decorate('turns', mapNames(TURN_SECONDS, (_name, maxSeconds) => ({ begin: async () => nothing, maxSeconds })))
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

  /** Asks the limiter that all instances share, or the local one while Redis is unavailable. */
  function createAsk (options: Window & { keyPrefix: string }) {
    const local = new BoundedMemoryLimiter(options)
    const shared = redis && new RateLimiterRedis({ ...options, storeClient: redis })

    return async function ask<Result> (question: (limiter: RateLimiterAbstract) => Promise<Result>): Promise<Result> {
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
  }

  function createLimit (name: RateLimitName, window: Window): RateLimit {
    const ask = createAsk({ ...window, keyPrefix: `signet-limit-${name}` })
    return {
      async count (key) {
        const { consumedPoints, msBeforeNext } = await ask((limiter) => limiter.penalty(key))
        if (consumedPoints > window.points) throw tooManyRequests(name, window, msBeforeNext)
      },
      async check (key) {
        const state = await ask((limiter) => limiter.get(key))
        if (state && state.consumedPoints >= window.points) throw tooManyRequests(name, window, state.msBeforeNext)
      },
      async add (key) {
        await ask((limiter) => limiter.penalty(key))
      },
      async refund (key) {
        await ask((limiter) => limiter.reward(key))
      }
    }
  }

  /** The first to count since the last turn ended has the next one. What others counted is forgotten when it ends. */
  function createTurns (name: TurnName, maxSeconds: number): Turns {
    const ask = createAsk({ points: 1, duration: maxSeconds, keyPrefix: `signet-turn-${name}` })
    return {
      maxSeconds,
      async begin (key) {
        const { consumedPoints } = await ask((limiter) => limiter.penalty(key))
        if (consumedPoints > 1) {
          const headers = { 'retry-after': String(TURN_RETRY_SECONDS) }
          throw new Problem('rate_limited', 'Another such request of yours is being answered.', { headers })
        }
        let hasEnded = false
        return async () => {
          if (!hasEnded) await ask((limiter) => limiter.delete(key))
          hasEnded = true
        }
      }
    }
  }

  app.decorate('limits', mapNames(WINDOWS, createLimit))
  app.decorate('turns', mapNames(TURN_SECONDS, createTurns))
  app.decorate('limitStore', {
    isConfigured: redis !== undefined,
    isShared,
    onLocalCount: (listener) => { onLocalCount = listener }
  } satisfies RateLimitStore)
}, { name: 'rate-limit' })

function mapNames<Name extends string, Value, Result> (
  values: Record<Name, Value>, create: (name: Name, value: Value) => Result
): Record<Name, Result> {
  const entries = Object.entries(values) as [Name, Value][]
  return Object.fromEntries(entries.map(([name, value]) => [name, create(name, value)])) as Record<Name, Result>
}

/** With too many keys, forgets the one whose window began first: many addresses must not fill the memory. */
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
function tooManyRequests (name: RateLimitName, { points, duration }: Window, waitMs: number): Problem {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000))
  const headers = {
    'retry-after': String(seconds),
    ratelimit: `"${name}";r=0;t=${seconds}`,
    'ratelimit-policy': `"${name}";q=${points};w=${duration}`
  }
  return new Problem('rate_limited', `Too many requests. Try again in ${seconds} s.`, { headers })
}
