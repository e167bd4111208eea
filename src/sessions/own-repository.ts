import type { Caller } from '../http/caller.ts'
import { RECORDED } from '../audit/old-events.ts'
import { retryingConflicts } from '../database/conflicts.ts'
import type { Position } from '../http/lists.ts'
import type { Database } from '../database/database.ts'
import type { SessionRow } from './session.ts'

/** A user's sessions as the user sees them: those that are alive. */
export interface OwnSessionRepository {
  /** By sign-in, the newest first: that order does not change while somebody turns the pages. */
  list: (userId: string, after: Position, count: number) => Promise<SessionRow[]>
  /** True when this call ended it; false for another user's session, or one that has ended. */
  end: (userId: string, sessionId: string, caller: Caller) => Promise<boolean>
  endOthers: (userId: string, keptId: string, caller: Caller) => Promise<void>
}

const ALIVE = 'revoked_at IS NULL AND idle_expires_at > now() AND expires_at > now()'

const LIST = `
  SELECT id, client_id AS "clientId", provider, ip_address AS "ipAddress", user_agent AS "userAgent", created_at AS "createdAt",
    last_used_at AS "lastUsedAt", LEAST(idle_expires_at, expires_at) AS "expiresAt"
  FROM sessions WHERE user_id = $1 AND ${ALIVE} AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4`

/** Ends sessions and writes the event of each down, all or nothing. */
const endThose = (which: string) => `
  WITH ended AS (
    UPDATE sessions SET revoked_at = now(), revocation_reason = 'ended_by_user' WHERE user_id = $1 AND ${which} AND ${ALIVE}
    RETURNING id, user_id, client_id, provider, revocation_reason
  ), events AS (
    SELECT 'session.revoked' AS type, user_id, user_id AS actor_id, client_id, provider, $3::text AS ip_address, $4::text AS user_agent,
      $5::text AS request_id, jsonb_build_object('sessionId', id, 'reason', revocation_reason) AS details
    FROM ended
  ), ${RECORDED}
  SELECT id FROM ended`

const END = endThose('id = $2')
const END_OTHERS = endThose('id <> $2')

export function createOwnSessionRepository ({ pool }: Database): OwnSessionRepository {
  const run = (name: string, text: string, userId: string, sessionId: string, { ipAddress, userAgent, requestId }: Caller) =>
    retryingConflicts(() => pool.query({ name, text, values: [userId, sessionId, ipAddress, userAgent, requestId] }))

  return {
    async list (userId, { time, id }, count) {
      return (await pool.query<SessionRow>({ name: 'own-sessions', text: LIST, values: [userId, time, id, count] })).rows
    },

    async end (userId, sessionId, caller) {
      return (await run('end-own-session', END, userId, sessionId, caller)).rowCount === 1
    },

    async endOthers (userId, keptId, caller) {
      await run('end-other-sessions', END_OTHERS, userId, keptId, caller)
    }
  }
}
