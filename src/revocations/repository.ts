import type { Database } from '../database/database.ts'

/** Tokens that are refused before they expire: those of a session, or those that a user got before `notBefore`. */
export type Revocation = { sessionId: string, revokedAt: string } | { userId: string, notBefore: string }

export interface RevocationList { items: Revocation[], nextCursor: string }

export interface RevocationRepository {
  /**
   * What was revoked after `cursor` and in the last `keepSeconds`, oldest first; all of the latter when there is no cursor.
   * Whoever goes on with `nextCursor` misses none: it never passes a transaction that is still open, so some may come again.
   */
  list: (cursor: string | undefined, keepSeconds: number) => Promise<RevocationList>
}

/**
 * `next` is where all that committed has been seen: behind the row, but not past the oldest open transaction. A cursor
 * from the future is one of another database, restored since: it counts as none.
 *
 * A token says the second in which it was made, by the clock of its instance. So a user's are cut off a second or two after
 * the change: that leaves room for clocks, and for tokens made of the old roles while the change was being written.
 */
const LIST = `
  SELECT session_id AS "sessionId", user_id AS "userId", revoked_at AS "revokedAt",
    date_trunc('second', revoked_at) + interval '2 seconds' AS "notBefore",
    LEAST(transaction_id + 1, pg_snapshot_xmin(pg_current_snapshot())::text::bigint)::text AS next
  FROM revocations
  WHERE transaction_id >= CASE WHEN $1::bigint > pg_snapshot_xmax(pg_current_snapshot())::text::bigint THEN 0 ELSE $1::bigint END
    AND revoked_at > now() - $2 * interval '1 second'
  ORDER BY transaction_id, id`

interface Row { sessionId: string | null, userId: string, revokedAt: Date, notBefore: Date, next: string }

export function createRevocationRepository ({ pool }: Database): RevocationRepository {
  return {
    async list (cursor = '0', keepSeconds) {
      const { rows } = await pool.query<Row>({ name: 'list-revocations', text: LIST, values: [cursor, keepSeconds] })
      return { items: rows.map(toRevocation), nextCursor: rows.at(-1)?.next ?? cursor }
    }
  }
}

function toRevocation ({ sessionId, userId, revokedAt, notBefore }: Row): Revocation {
  return sessionId === null ? { userId, notBefore: notBefore.toISOString() } : { sessionId, revokedAt: revokedAt.toISOString() }
}
