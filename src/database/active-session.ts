import type { Prisma } from './generated/client.ts'

/**
 * What makes a session active: not ended, used recently enough, and not past its absolute end. The rule stands here in
 * both notations; a test holds them against each other.
 */
export function activeSession (now: Date) {
  return { revokedAt: null, idleExpiresAt: { gt: now }, expiresAt: { gt: now } } satisfies Prisma.SessionWhereInput
}

/** The same in SQL, of a table or alias `s`. */
export const ACTIVE_SESSION = 's.revoked_at IS NULL AND s.idle_expires_at > now() AND s.expires_at > now()'
