// When a session was last used, as its user sees it. A thief of an access token must not see a rotation of the refresh
// token while a copy of the old one still works. So a use is shown two minutes later, if no other one followed until
// then: every reuse window is over, also by a clock that is behind.

export const SHOW_USE_AFTER_SECONDS = 120

/** The SQL of `previously_used_at` for a session `s` that is used now. */
export const NEXT_PREVIOUS_USE = `CASE WHEN s.last_used_at <= now() - interval '${SHOW_USE_AFTER_SECONDS} seconds'
      THEN s.last_used_at ELSE s.previously_used_at END`

export interface SessionUse {
  createdAt: Date
  lastUsedAt: Date
  previouslyUsedAt: Date | null
  /** The end whatever happens. */
  expiresAt: Date
  /** Not null for a personal token, which does not end when it is not used. */
  personalToken: string | null
}

/** The columns of `SessionUse`, for `select`. */
export const SESSION_USE = {
  createdAt: true, lastUsedAt: true, previouslyUsedAt: true, expiresAt: true, personalToken: true
} as const

/** The last use that is shown, and the end if it was the last one of all. */
export function shownUse (
  { createdAt, lastUsedAt, previouslyUsedAt, expiresAt, personalToken }: SessionUse, idleSeconds: number, now: Date
): { lastUsedAt: Date, idleExpiresAt: Date } {
  const isShown = lastUsedAt.getTime() <= now.getTime() - SHOW_USE_AFTER_SECONDS * 1000
  const shown = isShown ? lastUsedAt : previouslyUsedAt ?? createdAt
  const idleEnd = personalToken === null ? shown.getTime() + idleSeconds * 1000 : Infinity
  return { lastUsedAt: shown, idleExpiresAt: new Date(Math.min(idleEnd, expiresAt.getTime())) }
}
