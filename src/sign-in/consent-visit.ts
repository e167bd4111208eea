import { randomBytes } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CookiePolicy } from '../http/cookies.ts'
import type { Sealer } from '../vault/sealing.ts'
import type { CodeCompletion } from './login-attempt.ts'

/** A person who has signed in for a third-party client, and has not been asked yet. Sealed into a cookie. */
export interface ConsentVisit {
  /** A session without tokens, which waits for the answer. */
  sessionId: string
  userId: string
  completion: CodeCompletion
}

/** Of all consent pages of one browser that wait for an answer. Node refuses headers of more than 16 KiB. */
const MAX_COOKIE_BYTES = 5_000

/**
 * Keeps the visit in a cookie of its own, so that two tabs do not interfere. Returns the id in its name. Deletes the
 * oldest where there are too many.
 */
export function writeConsentVisit (
  request: FastifyRequest, reply: FastifyReply, sealer: Sealer, cookies: CookiePolicy, visit: ConsentVisit
): string {
  const pending = Object.keys(request.cookies)
    .filter((name) => name.startsWith(cookies.consentPrefix))
    .map((name) => ({ name, at: open(request, sealer, name)?.at ?? 0 }))
    .sort((one, other) => other.at - one.at)
  const id = randomBytes(12).toString('base64url')
  const name = cookies.consentPrefix + id
  const value = sealer.seal(JSON.stringify({ ...visit, at: Date.now() }), name)
  let room = MAX_COOKIE_BYTES - value.length
  for (const { name } of pending) {
    room -= request.cookies[name]?.length ?? 0
    if (room < 0) reply.clearCookie(name, cookies.consent)
  }
  reply.setCookie(name, value, cookies.consent)
  return id
}

/** The visit with this id, if it began in this browser less than ten minutes ago. */
export function readConsentVisit (
  request: FastifyRequest, sealer: Sealer, cookies: CookiePolicy, id: string
): ConsentVisit | undefined {
  const opened = open(request, sealer, cookies.consentPrefix + id)
  if (!opened) return undefined
  const { at, ...visit } = opened
  return Date.now() - at <= (cookies.consent.maxAge ?? 0) * 1000 ? visit : undefined
}

export function clearConsentVisit (reply: FastifyReply, cookies: CookiePolicy, id: string): void {
  reply.clearCookie(cookies.consentPrefix + id, cookies.consent)
}

function open ({ cookies }: FastifyRequest, sealer: Sealer, name: string): ConsentVisit & { at: number } | undefined {
  const opened = sealer.open(cookies[name] ?? '', name)
  return opened === undefined ? undefined : JSON.parse(opened) as ConsentVisit & { at: number }
}
