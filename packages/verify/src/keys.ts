import { createRemoteJWKSet, customFetch, errors, jwksCache, type JWTVerifyGetKey } from 'jose'
import { VerificationError } from './verification-error.ts'

export interface KeyOptions {
  url: URL
  refreshSeconds: number
  cooldownSeconds: number
  timeoutSeconds: number
  onError: (error: unknown) => void
}

/** Without an answer for so long, keys count no more: one that was taken back must go some day. */
const USABLE_MS = 60 * 60 * 1000

const NO_SUCH_KEY = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported]

/**
 * The issuer's published keys, fetched for the first token, again for a key that is not known, and in the background
 * when they are `refreshSeconds` old; one request at a time, and `cooldownSeconds` at least between two, also when they
 * fail. A token of a known key waits for no request, and is verified for an hour while the keys cannot be fetched.
 */
export function createKeys ({
  url,
  refreshSeconds,
  cooldownSeconds,
  timeoutSeconds,
  onError
}: KeyOptions): JWTVerifyGetKey {
  let askedAt = -Infinity
  let failure: unknown
  const cache: { uat?: number } = {}
  const keys = createRemoteJWKSet(url, {
    timeoutDuration: timeoutSeconds * 1000,
    cooldownDuration: cooldownSeconds * 1000,
    cacheMaxAge: USABLE_MS,
    [jwksCache]: cache as Record<string, never>,
    // jose has a cool-down after an answer; this is the one after a failure.
    [customFetch]: async (...request) => {
      const hasFailed = cache.uat === undefined || cache.uat < askedAt
      if (hasFailed && Date.now() - askedAt < cooldownSeconds * 1000) throw failure
      askedAt = Date.now()
      return await fetch(...request)
    }
  })

  function failed (error: unknown): VerificationError {
    if (error !== failure) onError(error)
    failure = error
    return new VerificationError('keys_unavailable', error)
  }

  return async (header, token) => {
    const isOld = cache.uat !== undefined && Date.now() - cache.uat >= refreshSeconds * 1000
    if (isOld && !keys.reloading) keys.reload().catch(failed)
    try {
      return await keys(header, token)
    } catch (error) {
      if (NO_SUCH_KEY.some((kind) => error instanceof kind)) throw new VerificationError('unknown_key', error)
      throw failed(error)
    }
  }
}
