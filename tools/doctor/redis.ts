import type { Settings } from '../../src/settings.ts'
import { ok, warning, type Finding } from './finding.ts'

const TIMEOUT_MS = 5_000

/** Redis, where REDIS_URL names one. Logins go on without it: each instance counts rate limits alone then. */
export async function examineRedis ({ redisUrl }: Pick<Settings, 'redisUrl'>): Promise<Finding[]> {
  if (redisUrl === undefined) return []
  const { default: { Redis } } = await import('ioredis')
  const redis = new Redis(redisUrl, {
    lazyConnect: true,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: () => null
  })
  // The first error tells why; what fails after it only says that the connection is closed.
  let firstError: Error | undefined
  redis.on('error', (failure: Error) => { firstError ??= failure })
  try {
    await redis.connect()
    await redis.ping()
    return [ok('redis', `Redis answers at ${new URL(redisUrl).host}`)]
  } catch (failure) {
    const [what, advice] = describe(firstError ?? failure as Error, new URL(redisUrl).host)
    return [warning('redis', `${what}: each instance counts rate limits alone`, advice)]
  } finally {
    redis.disconnect()
  }
}

function describe (failure: Error & { code?: string }, host: string): [string, string] {
  const { code, message } = failure
  if (/^WRONGPASS|invalid password/.test(message)) {
    return ['wrong password, or no such user', 'Correct both in REDIS_URL: redis://user:password@host:port']
  }
  if (/^NOAUTH/.test(message)) {
    return ['Redis wants a password', 'Put it into REDIS_URL: redis://:password@host:port']
  }
  if (/^NOPERM/.test(message)) {
    return ['the user may not run its commands', 'Allow the user of REDIS_URL the commands of rate limits: +@all']
  }
  return [
    `nothing answers at ${host} (${code ?? message})`,
    'Check REDIS_URL, that Redis runs, and that this machine may reach it. TLS takes rediss://'
  ]
}
