import { createHash, randomBytes } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CookiePolicy } from '../http/cookies.ts'
import type { Sealer } from '../vault/sealing.ts'

/** An account that a person is about to link, sealed into a cookie of ten minutes. Only their own session has it. */
export interface PendingLink {
  sessionId: string
  provider: string
  /** PKCE: the code that comes back counts for this browser alone (RFC 7636). */
  codeVerifier: string
  state: string
  /** Milliseconds since 1970. */
  startedAt: number
}

export function createPendingLinks (sealer: Sealer, { pendingLinkName, pendingLink }: CookiePolicy) {
  return {
    write (request: FastifyRequest, reply: FastifyReply, provider: string): void {
      const { grant: { sessionId } } = request.visit
      const link: PendingLink = {
        sessionId,
        provider,
        codeVerifier: randomBytes(32).toString('base64url'),
        state: randomBytes(16).toString('base64url'),
        startedAt: Date.now()
      }
      reply.setCookie(pendingLinkName, sealer.seal(JSON.stringify(link), sessionId), pendingLink)
    },

    /** Undefined unless this very session has begun one in the last ten minutes. */
    read (request: FastifyRequest): PendingLink | undefined {
      const { sessionId } = request.visit.grant
      const opened = sealer.open(request.cookies[pendingLinkName] ?? '', sessionId)
      if (opened === undefined) return undefined
      const link = JSON.parse(opened) as PendingLink
      return Date.now() - link.startedAt <= (pendingLink.maxAge ?? 0) * 1000 ? link : undefined
    },

    clear (reply: FastifyReply): void {
      reply.clearCookie(pendingLinkName, pendingLink)
    }
  }
}

export function codeChallengeOf ({ codeVerifier }: PendingLink): string {
  return createHash('sha256').update(codeVerifier).digest('base64url')
}
