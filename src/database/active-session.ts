import type { Prisma } from './generated/client.ts'

// How long a session lives: it ends when it was not used for a time, and at the latest at `expiresAt`, which sign-in
// sets once. The rule stands in this file, for typed queries and in SQL; a test compares the two.

/** A session that has not ended. */
export function activeSession (now: Date) {
  return { revokedAt: null, idleExpiresAt: { gt: now }, expiresAt: { gt: now } } satisfies Prisma.SessionWhereInput
}

/** An active session whose user is not disabled: tokens work for no other. */
export function usableSession (now: Date) {
  return { ...activeSession(now), user: { disabledAt: null } } satisfies Prisma.SessionWhereInput
}

/** `activeSession` in SQL, for a table or alias `s`. */
export const ACTIVE_SESSION = 's.revoked_at IS NULL AND s.idle_expires_at > now() AND s.expires_at > now()'

/** `usableSession` in SQL, for `sessions s` joined with `users u`. */
export const USABLE_SESSION = `${ACTIVE_SESSION} AND u.disabled_at IS NULL`

/** The SQL of `idle_expires_at` for a session `s` that is used now. `idleSeconds` is a placeholder such as `$5`. */
export const nextIdleEnd = (idleSeconds: string) => `LEAST(now() + ${idleSeconds} * interval '1 second', s.expires_at)`
