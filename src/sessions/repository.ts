import type { AuditEventType, Caller } from '../audit/audit-event.ts'
import { v7 as uuidv7 } from 'uuid'
import type { Database } from '../plugins/database.ts'
import type { SessionGrant } from './session.ts'

export interface Presented { sessionId: string, secretHash: Buffer, counter: number }
export interface Limits { idleSeconds: number, reuseGraceSeconds: number }

export interface SessionRepository {
  /**
   * Moves the chain on by one and returns the grant with the counter that is now the live one, or undefined when the
   * presented token is not good. The token before the live one is good too for `reuseGraceSeconds` after its rotation:
   * then nothing moves, and the caller gets the same successor as whoever came first.
   */
  rotate: (presented: Presented, clientId: string, limits: Limits) => Promise<SessionGrant & { counter: number, rotated: boolean } | undefined>
  /** Ends the session if the presented token was rotated too long ago: it has been stolen. True when this call ended it. */
  revokeReused: (presented: Presented, limits: Limits, caller: Caller) => Promise<boolean>
  /** Ends a session. True when this call ended it, false when it had ended or never was. */
  revoke: (sessionId: string, reason: RevocationReason, caller: Caller) => Promise<boolean>
}

export type RevocationReason = 'logout' | 'revoked'

const COLUMNS = 's.id, s.user_id, s.client_id, s.scope, s.counter, s.authenticated_at, s.last_used_at, s.rotated_at'

/** All instances share the database's clock. One statement: concurrent refreshes queue on the row and see the first one's work. */
const ROTATE = `
  UPDATE sessions s SET
    counter = CASE WHEN s.counter = $3 THEN s.counter + 1 ELSE s.counter END,
    rotated_at = CASE WHEN s.counter = $3 THEN now() ELSE s.rotated_at END,
    last_used_at = now(),
    idle_expires_at = LEAST(now() + $5 * interval '1 second', s.expires_at)
  FROM users u
  WHERE s.id = $1 AND s.secret_hash = $2 AND s.client_id = $6
    AND (s.counter = $3 OR (s.counter = $3 + 1 AND s.rotated_at > now() - $4 * interval '1 second'))
    AND s.revoked_at IS NULL AND s.idle_expires_at > now() AND s.expires_at > now()
    AND u.id = s.user_id AND u.disabled_at IS NULL
  RETURNING ${COLUMNS}, u.roles`

/** Ends a session and writes the audit event of it, both or neither. */
const endSession = (condition: string) => `
  WITH ended AS (
    UPDATE sessions s SET revoked_at = now(), revocation_reason = $2
    WHERE s.id = $1 AND s.revoked_at IS NULL ${condition}
    RETURNING s.id, s.user_id, s.client_id, s.provider
  )
  INSERT INTO audit_events (id, type, user_id, actor_id, client_id, provider, ip_address, user_agent, request_id, details)
  SELECT $3, $4, user_id, $5::uuid, client_id, provider, $6, $7, $8, jsonb_build_object('sessionId', id, 'reason', $2::text) FROM ended`

const REVOKE = endSession('')
const REVOKE_REUSED = endSession(`AND s.secret_hash = $9
  AND (s.counter > $10 + 1 OR (s.counter = $10 + 1 AND s.rotated_at <= now() - $11 * interval '1 second'))`)

export function createSessionRepository ({ pool }: Database): SessionRepository {
  async function end (name: string, text: string, sessionId: string, reason: string, type: AuditEventType, caller: Caller, more: unknown[] = []) {
    const values = [sessionId, reason, uuidv7(), type, null, caller.ipAddress, caller.userAgent, caller.requestId, ...more]
    return (await pool.query({ name, text, values })).rowCount === 1
  }

  return {
    async rotate ({ sessionId, secretHash, counter }, clientId, { idleSeconds, reuseGraceSeconds }) {
      const values = [sessionId, secretHash, counter, reuseGraceSeconds, idleSeconds, clientId]
      const { rows: [row] } = await pool.query({ name: 'rotate-session', text: ROTATE, values })
      return row && {
        sessionId: row.id,
        userId: row.user_id,
        clientId: row.client_id,
        scope: row.scope,
        roles: row.roles,
        authenticatedAt: row.authenticated_at,
        counter: row.counter,
        rotated: row.last_used_at.getTime() === row.rotated_at.getTime()
      }
    },

    revokeReused: ({ sessionId, secretHash, counter }, { reuseGraceSeconds }, caller) =>
      end('revoke-reused-session', REVOKE_REUSED, sessionId, 'reuse_detected', 'token.reuse_detected', caller, [secretHash, counter, reuseGraceSeconds]),

    revoke: (sessionId, reason, caller) => end('revoke-session', REVOKE, sessionId, reason, 'session.revoked', caller)
  }
}
