import { retryingConflicts } from '../database/conflicts.ts'
import { usableSession } from '../database/active-session.ts'
import type { Database } from '../database/database.ts'
import { SHOW_USE_AFTER_SECONDS } from '../database/session-use.ts'
import type { Caller } from '../http/caller.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import { GRANT_SELECT, toGrant } from '../sessions/session-grant.ts'
import type { IdentityGrant } from '../tokens/grants.ts'

/** The session that a cookie names, and the hash of the secret that the cookie has. */
export interface PresentedPageSession { sessionId: string, secretHash: NonSharedBuffer }

export interface PageSessionRepository {
  /**
   * The grant of a session that was opened for these pages with this secret, and is active. Undefined for any other
   * session, whatever its id. Notes the use, every two minutes at most.
   */
  use: (presented: PresentedPageSession) => Promise<IdentityGrant | undefined>
  end: (presented: PresentedPageSession, caller: Caller) => Promise<void>
}

export function createPageSessionRepository (
  { prisma, clock }: Pick<Database, 'prisma' | 'clock'>, { idleSeconds }: { idleSeconds: number }
): PageSessionRepository {
  const presented = ({ sessionId, secretHash }: PresentedPageSession) =>
    ({ id: sessionId, pageSecretHash: Uint8Array.from(secretHash), ...usableSession(clock.now()) })

  /** As often as a use is shown (src/database/session-use.ts). Of several requests at once, one notes it. */
  async function noteUse ({ id, lastUsedAt, expiresAt }: { id: string, lastUsedAt: Date, expiresAt: Date }) {
    if (lastUsedAt > clock.inSeconds(-SHOW_USE_AFTER_SECONDS)) return
    const idleEnd = clock.inSeconds(idleSeconds)
    await prisma.session.updateMany({
      where: { id, lastUsedAt },
      data: {
        previouslyUsedAt: lastUsedAt,
        lastUsedAt: clock.now(),
        idleExpiresAt: idleEnd < expiresAt ? idleEnd : expiresAt
      }
    })
  }

  return {
    async use (page) {
      const session = await prisma.session.findFirst({
        where: presented(page),
        select: { ...GRANT_SELECT, lastUsedAt: true, expiresAt: true },
        relationLoadStrategy: 'join'
      })
      if (!session) return undefined
      await noteUse(session)
      return toGrant(session)
    },

    async end (page, caller) {
      const session = await prisma.session.findFirst({ where: presented(page), select: { id: true, userId: true } })
      if (!session) return
      const { id, userId } = session
      await retryingConflicts(() => prisma.$transaction(async (tx) => {
        await endSessions(tx, { where: { id }, reason: 'logout', now: clock.now() }, { actorId: userId, caller })
      }))
    }
  }
}
