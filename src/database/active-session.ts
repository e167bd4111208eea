import type { DatabaseClock } from './clock.ts'
import { Prisma } from './generated/client.ts'

// How long a session lives: it ends when it was not used for a time, and at the latest at `expiresAt`, which sign-in
// sets once. This file has the whole rule, for typed queries and in SQL; a test compares the two.

export interface SessionLifetime {
  /** Ends the session when it is not used for so long. */
  idleSeconds: number
  /** Ends it in any case. */
  maximumSeconds: number
}

/** The ends of a session that is opened now. */
export function openingEnds (clock: DatabaseClock, { idleSeconds, maximumSeconds }: SessionLifetime) {
  return {
    idleExpiresAt: clock.inSeconds(Math.min(idleSeconds, maximumSeconds)),
    expiresAt: clock.inSeconds(maximumSeconds)
  } satisfies Partial<Prisma.SessionUncheckedCreateInput>
}

/** `openingEnds` in SQL, for an INSERT: the columns, and their values. */
export const END_COLUMNS = Prisma.raw('idle_expires_at, expires_at')
export function openingEndValues ({ idleSeconds, maximumSeconds }: SessionLifetime): Prisma.Sql {
  return Prisma.sql`now() + ${Math.min(idleSeconds, maximumSeconds)}::int * interval '1 second',
        now() + ${maximumSeconds}::int * interval '1 second'`
}

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
