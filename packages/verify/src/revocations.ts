import type { AccessTokenClaims } from './claims.ts'
import { VerificationError } from './verification-error.ts'

export interface RevocationFeedOptions {
  url: URL
  clientId: string
  clientSecret: string
  pollSeconds: number
  maxStaleSeconds: number
  timeoutSeconds: number
  onError: (error: unknown) => void
}

export interface RevocationFeed {
  /** Throws `revoked`, or `revocations_unavailable` when the feed has never answered, or not for `maxStaleSeconds`. */
  check: (claims: AccessTokenClaims) => Promise<void>
  close: () => void
}

/** `GET /revocations` of Signet. */
interface RevocationList {
  items: ({ sessionId: string, revokedAt: string } | { userId: string, notBefore: string })[]
  nextCursor: string
  keepSeconds: number
}

/** Follows the feed in the background, from now until `close`; keeps no process alive. */
export function followRevocations (options: RevocationFeedOptions): RevocationFeed {
  const { url, pollSeconds, maxStaleSeconds, timeoutSeconds, onError } = options
  /** Session to when it ended, and user to the times before which tokens are refused; in milliseconds. */
  const sessions = new Map<string, number>()
  const users = new Map<string, number[]>()
  const closing = new AbortController()
  // RFC 6749 section 2.3.1: form-encoded.
  const authorization = `Basic ${btoa([options.clientId, options.clientSecret].map(encodeURIComponent).join(':'))}`
  let cursor: string | undefined
  let etag: string | undefined
  let answeredAt: number | undefined
  let timer: NodeJS.Timeout | undefined
  let turn = poll()

  async function poll (): Promise<void> {
    try {
      await ask()
      answeredAt = Date.now()
    } catch (error) {
      if (!closing.signal.aborted) onError(error)
    }
    if (closing.signal.aborted) return
    // Give or take a tenth, so that services do not march in step.
    timer = setTimeout(
      () => {
        turn = poll()
      },
      pollSeconds * 1000 * (0.9 + Math.random() * 0.2)
    )
    timer.unref()
  }

  async function ask (): Promise<void> {
    const address = new URL(url)
    if (cursor !== undefined) address.searchParams.set('since', cursor)
    const response = await fetch(address, {
      headers: { accept: 'application/json', authorization, ...(etag === undefined ? {} : { 'if-none-match': etag }) },
      redirect: 'error',
      signal: AbortSignal.any([closing.signal, AbortSignal.timeout(timeoutSeconds * 1000)])
    })
    if (response.status === 304) return
    if (response.status !== 200) {
      await response.body?.cancel()
      throw new Error(`${url.href} answered with ${response.status}.`)
    }
    const list: unknown = await response.json()
    if (!isRevocationList(list)) throw new Error(`${url.href} did not answer with revocations.`)
    for (const item of list.items) {
      if ('sessionId' in item) sessions.set(item.sessionId, Date.parse(item.revokedAt))
      else users.set(item.userId, [...new Set([...(users.get(item.userId) ?? []), Date.parse(item.notBefore)])])
    }
    forget(Date.now() - list.keepSeconds * 1000)
    // The tag is of this address: with another cursor it means nothing.
    etag = cursor === list.nextCursor ? (response.headers.get('etag') ?? undefined) : undefined
    cursor = list.nextCursor
  }

  /** What concerns only tokens that are over. */
  function forget (before: number): void {
    for (const [id, at] of sessions) if (at < before) sessions.delete(id)
    for (const [id, times] of users) {
      const kept = times.filter((at) => at >= before)
      if (kept.length > 0) users.set(id, kept)
      else users.delete(id)
    }
  }

  return {
    async check ({ sid, jti, sub, iat }) {
      if (answeredAt === undefined) await turn
      const now = Date.now()
      if (answeredAt === undefined || now - answeredAt > maxStaleSeconds * 1000) {
        throw new VerificationError('revocations_unavailable')
      }
      // A revocation that lies ahead does not count yet: it would also refuse a token that was renewed at once.
      const isCutOff = users.get(sub)?.some((notBefore) => iat * 1000 < notBefore && notBefore <= now)
      if (sessions.has(sid ?? jti) || isCutOff) throw new VerificationError('revoked')
    },

    close () {
      closing.abort()
      clearTimeout(timer)
    }
  }
}

function isRevocationList (value: unknown): value is RevocationList {
  const { items, nextCursor, keepSeconds } = (value ?? {}) as Partial<RevocationList>
  return (
    Array.isArray(items) &&
    typeof nextCursor === 'string' &&
    typeof keepSeconds === 'number' &&
    items.every(isRevocation)
  )
}

function isRevocation (item: unknown): boolean {
  const { sessionId, revokedAt, userId, notBefore } = (item ?? {}) as Record<string, unknown>
  const isTime = (value: unknown) => typeof value === 'string' && Number.isFinite(Date.parse(value))
  return (typeof sessionId === 'string' && isTime(revokedAt)) || (typeof userId === 'string' && isTime(notBefore))
}
