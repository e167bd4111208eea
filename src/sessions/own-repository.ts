import { activeSession } from '../database/active-session.ts'
import { retryingConflicts } from '../database/conflicts.ts'
import type { Database } from '../database/database.ts'
import { newestFirst, olderThan } from '../database/newest-first.ts'
import { shownUse } from '../database/session-use.ts'
import type { Caller } from '../http/caller.ts'
import type { Position } from '../http/lists.ts'
import { lockUser } from '../database/lock-user.ts'
import { endSessions } from './end-sessions.ts'
import { SESSION_SELECT, type SessionRow } from './session.ts'

/** A user's active sessions, as the user lists and ends them. */
export interface OwnSessionRepository {
  /** Ordered by sign-in, newest first: pages stay in place while sessions are used. */
  list: (userId: string, after: Position, count: number) => Promise<SessionRow[]>
  /** True when this call ended the session; false for another user's session, or one that has ended. */
  end: (userId: string, sessionId: string, caller: Caller) => Promise<boolean>
  endOthers: (userId: string, keptId: string, caller: Caller) => Promise<void>
}

export function createOwnSessionRepository (
  { prisma, clock }: Database, { idleSeconds }: { idleSeconds: number }
): OwnSessionRepository {
  const end = (userId: string, id: string | { not: string }, caller: Caller) =>
    retryingConflicts(() => prisma.$transaction(async (tx) => {
      // A personal token that is being made comes before, and ends too, or is not made.
      if (typeof id !== 'string') await lockUser(tx, userId)
      const now = clock.now()
      const where = { id, userId, ...activeSession(now) }
      return await endSessions(tx, { where, reason: 'ended_by_user', now }, { actorId: userId, caller })
    }))

  return {
    async list (userId, after, count) {
      const now = clock.now()
      const sessions = await prisma.session.findMany({
        where: { userId, ...activeSession(now), ...olderThan(after) },
        select: SESSION_SELECT,
        orderBy: newestFirst(),
        take: count
      })
      return sessions.map((session) => ({ ...session, ...shownUse(session, idleSeconds, now) }))
    },

    end: async (userId, sessionId, caller) => (await end(userId, sessionId, caller)).length === 1,

    endOthers: async (userId, keptId, caller) => { await end(userId, { not: keptId }, caller) }
  }
}
