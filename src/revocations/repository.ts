import type { Database } from '../database/database.ts'

/** Access tokens that are revoked before they expire: those of a session, or those issued to a user before a time. */
export type Revocation = { sessionId: string, revokedAt: string } | { userId: string, notBefore: string }

export interface RevocationList { items: Revocation[], nextCursor: string }

export interface RevocationRepository {
  /**
   * What was revoked after `cursor` and within the last `keepSeconds`, oldest first; without a cursor, everything
   * within the last `keepSeconds`. A caller that continues with `nextCursor` misses none: the cursor never passes a
   * transaction that is still open, so some items may come twice.
   */
  list: (cursor: string | undefined, keepSeconds: number) => Promise<RevocationList>
}

interface Row { sessionId: string | null, userId: string, revokedAt: Date, notBefore: Date, next: string }

export function createRevocationRepository ({ prisma }: Pick<Database, 'prisma'>): RevocationRepository {
  return {
    /**
     * `next` is the position after the row, but never after the oldest open transaction. A cursor from the future comes
     * from before this database was restored: it counts as none.
     *
     * The `iat` of a token is a whole second, by the clock of the instance that issued it. `notBefore` is one to two
     * seconds after the change, which allows for differing clocks, and for tokens issued while it was written.
     */
    async list (cursor = '0', keepSeconds) {
      const rows = await prisma.$queryRaw<Row[]>`
        SELECT session_id AS "sessionId", user_id AS "userId", revoked_at AS "revokedAt",
          date_trunc('second', revoked_at) + interval '2 seconds' AS "notBefore",
          LEAST(transaction_id + 1, pg_snapshot_xmin(pg_current_snapshot())::text::bigint)::text AS next
        FROM revocations
        WHERE transaction_id >= CASE
            WHEN ${cursor}::bigint > pg_snapshot_xmax(pg_current_snapshot())::text::bigint THEN 0
            ELSE ${cursor}::bigint END
          AND revoked_at > now() - ${keepSeconds} * interval '1 second'
        ORDER BY transaction_id, id`
      return { items: rows.map(toRevocation), nextCursor: rows.at(-1)?.next ?? cursor }
    }
  }
}

function toRevocation ({ sessionId, userId, revokedAt, notBefore }: Row): Revocation {
  return sessionId === null
    ? { userId, notBefore: notBefore.toISOString() }
    : { sessionId, revokedAt: revokedAt.toISOString() }
}
