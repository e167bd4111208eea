import type { Database } from '../database/database.ts'
import type { Logout } from '../tokens/logout-tokens.ts'

export interface ClaimedLogout extends Logout {
  id: string
  /** False when no other attempt follows this one. */
  isRetried: boolean
}

export type DueLogouts = Pick<Logout, 'clientId' | 'userId'>

export interface LogoutRepository {
  /**
   * Takes a delivery about a user to a client for an attempt, if one is due. No other caller gets it before the time of
   * the next attempt, which is set here: an attempt that ends with its process is made again.
   */
  claim: (clientId: string, userId: string) => Promise<ClaimedLogout | undefined>
  /** Removes a delivery that was accepted, or is given up. */
  remove: (id: string) => Promise<void>
  /** Removes all deliveries to a client, which wants none. */
  removeAll: (clientId: string) => Promise<void>
  /** Those of the oldest `count` deliveries that are due; the same one may come several times. */
  due: (count: number) => Promise<DueLogouts[]>
}

const MINUTE = 60
const HOUR = 60 * MINUTE
/** From each attempt to the next, in seconds: longer than an attempt may take, and 18 hours in all. */
const RETRY_AFTER_SECONDS = [30, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR]
/** How far `clock` may be from the database's own. */
const CLOCK_SECONDS = 1

export function createLogoutRepository ({ prisma, clock }: Pick<Database, 'prisma' | 'clock'>): LogoutRepository {
  const isDue = () => ({ nextAttemptAt: { lte: clock.inSeconds(CLOCK_SECONDS) } })

  return {
    async claim (clientId, userId) {
      for (;;) {
        const due = await prisma.logoutDelivery.findFirst({
          where: { clientId, userId, ...isDue() },
          orderBy: { nextAttemptAt: 'asc' },
          select: { id: true, sessionId: true, attempts: true }
        })
        if (!due) return undefined
        const { id, sessionId, attempts } = due
        const wait = RETRY_AFTER_SECONDS[attempts]
        const data = { attempts: attempts + 1, nextAttemptAt: clock.inSeconds(wait ?? HOUR) }
        // Of several callers at once, one counts the attempt.
        const { count } = await prisma.logoutDelivery.updateMany({ where: { id, attempts }, data })
        if (count === 1) return { id, clientId, userId, sessionId, isRetried: wait !== undefined }
      }
    },

    async remove (id) {
      await prisma.logoutDelivery.deleteMany({ where: { id } })
    },

    async removeAll (clientId) {
      await prisma.logoutDelivery.deleteMany({ where: { clientId } })
    },

    due: (count) => prisma.logoutDelivery.findMany({
      where: isDue(),
      orderBy: { nextAttemptAt: 'asc' },
      take: count,
      select: { clientId: true, userId: true }
    })
  }
}
