import type { AuditEventType } from '../audit/audit-event.ts'
import type { Caller } from '../http/caller.ts'
import { RECORDED } from '../audit/old-events.ts'
import type { Database } from '../database/database.ts'
import type { IdentityGrant } from '../tokens/grants.ts'

export interface Presented { sessionId: string, secretHash: Buffer, counter: number }
export interface Limits { idleSeconds: number, reuseGraceSeconds: number }

export interface SessionRepository {
  /**
   * Moves the chain on by one and returns the grant with the counter that is now the live one, or undefined when the
   * presented token is not good. The token before the live one is good too for `reuseGraceSeconds` after its rotation:
   * then nothing moves, and the caller gets the same successor as whoever came first.
   */
  rotate: (presented: Presented, clientId: string, limits: Limits) => Promise<IdentityGrant & { counter: number, rotated: boolean } | undefined>
  /** Spends a code and gives its session the secret of its tokens; undefined when the code is not good. One statement. */
  redeemCode: (code: PresentedCode, secretHash: Buffer, idleSeconds: number) => Promise<IdentityGrant | undefined>
  /** The same for the code of a device that somebody has approved. */
  redeemDeviceCode: (deviceCodeHash: Buffer, clientId: string, secretHash: Buffer, idleSeconds: number) => Promise<IdentityGrant | undefined>
  /** The session that a code opened when it was spent. Undefined unless its own client presents all that it was made for. */
  sessionOfSpentCode: (code: PresentedCode) => Promise<string | undefined>
  /** Whether the presented token is its session's live one, and what it stands for. Changes nothing. */
  inspect: (presented: Presented) => Promise<LiveSession | undefined>
  /** Whether a session is alive: not ended, not expired, user not disabled. */
  isAlive: (sessionId: string) => Promise<boolean>
  /** Ends the session if the presented token was rotated too long ago: it has been stolen. True when this call ended it. */
  revokeReused: (presented: Presented, limits: Limits, caller: Caller) => Promise<boolean>
  /** Ends a session. True when this call ended it, false when it had ended or never was. */
  revoke: (sessionId: string, reason: RevocationReason, caller: Caller) => Promise<boolean>
}

export interface PresentedCode { hash: Buffer, clientId: string, redirectUri: string, codeChallenge: string }
export interface LiveSession { userId: string, clientId: string, scope: string, createdAt: Date, expiresAt: Date }

export type RevocationReason = 'logout' | 'revoked' | 'code_replayed'

/** An `IdentityGrant` as one value, with what else is wanted of it: reading twelve columns was a tenth of a refresh. */
const identityGrant = (nonce: string, more = '') => `json_build_object('sessionId', s.id, 'userId', s.user_id, 'clientId', s.client_id, 'scope', s.scope,
    'authTime', floor(extract(epoch FROM s.authenticated_at)), 'roles', u.roles, 'email', u.email, 'name', u.name, 'avatarUrl', u.avatar_url,
    'nonce', ${nonce}${more}) AS grant`

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
  RETURNING ${identityGrant('NULL', ", 'counter', s.counter, 'rotated', s.last_used_at = s.rotated_at")}`

/** Gives a session the secret of its tokens, if `spend` lets this one through of many that present a code at once. */
const redeem = (spend: string) => `
  WITH code AS (${spend})
  UPDATE sessions s SET secret_hash = $1, last_used_at = now(), idle_expires_at = LEAST(now() + $2 * interval '1 second', s.expires_at)
  FROM code, users u
  WHERE s.id = code.session_id AND s.revoked_at IS NULL AND s.expires_at > now() AND u.id = s.user_id AND u.disabled_at IS NULL
  RETURNING ${identityGrant('code.nonce')}`

const REDEEM_CODE = redeem(`
  UPDATE authorization_codes SET spent_at = now()
  WHERE hash = $3 AND client_id = $4 AND redirect_uri = $5 AND code_challenge = $6 AND spent_at IS NULL AND expires_at > now()
  RETURNING session_id, nonce`)

const REDEEM_DEVICE_CODE = redeem(`
  UPDATE device_grants SET spent_at = now()
  WHERE device_code_hash = $3 AND client_id = $4 AND session_id IS NOT NULL AND spent_at IS NULL AND expires_at > now()
  RETURNING session_id, NULL AS nonce`)

const ALIVE = 's.revoked_at IS NULL AND s.idle_expires_at > now() AND s.expires_at > now() AND u.disabled_at IS NULL'

/** Ends a session and writes the event of it down, both or neither. Whoever logs out, or gives a token back, is its user. */
const endSession = (condition: string) => `
  WITH ended AS (
    UPDATE sessions s SET revoked_at = now(), revocation_reason = $2
    WHERE s.id = $1 AND s.revoked_at IS NULL ${condition}
    RETURNING s.id, s.user_id, s.client_id, s.provider
  ), events AS (
    SELECT $3::text AS type, user_id, CASE WHEN $2::text IN ('logout', 'revoked') THEN user_id END AS actor_id, client_id, provider, $4::text AS ip_address, $5::text AS user_agent, $6::text AS request_id,
      jsonb_build_object('sessionId', id, 'reason', $2::text) AS details
    FROM ended
  ), ${RECORDED}
  SELECT id FROM ended`

const REVOKE = endSession('')
const REVOKE_REUSED = endSession(`AND s.secret_hash = $7
  AND (s.counter > $8 + 1 OR (s.counter = $8 + 1 AND s.rotated_at <= now() - $9 * interval '1 second'))`)

export function createSessionRepository ({ pool }: Database): SessionRepository {
  async function end (name: string, text: string, sessionId: string, reason: string, type: AuditEventType, caller: Caller, more: unknown[] = []) {
    const values = [sessionId, reason, type, caller.ipAddress, caller.userAgent, caller.requestId, ...more]
    return (await pool.query({ name, text, values })).rowCount === 1
  }

  return {
    async rotate ({ sessionId, secretHash, counter }, clientId, { idleSeconds, reuseGraceSeconds }) {
      const values = [sessionId, secretHash, counter, reuseGraceSeconds, idleSeconds, clientId]
      const { rows: [row] } = await pool.query({ name: 'rotate-session', text: ROTATE, values })
      return row?.grant
    },

    async redeemCode ({ hash, clientId, redirectUri, codeChallenge }, secretHash, idleSeconds) {
      // No text of PostgreSQL holds a NUL: it would refuse to compare.
      if (redirectUri.includes('\0')) return undefined
      const values = [secretHash, idleSeconds, hash, clientId, redirectUri, codeChallenge]
      const { rows: [row] } = await pool.query({ name: 'redeem-code', text: REDEEM_CODE, values })
      return row?.grant
    },

    async redeemDeviceCode (deviceCodeHash, clientId, secretHash, idleSeconds) {
      const values = [secretHash, idleSeconds, deviceCodeHash, clientId]
      const { rows: [row] } = await pool.query({ name: 'redeem-device-code', text: REDEEM_DEVICE_CODE, values })
      return row?.grant
    },

    async sessionOfSpentCode ({ hash, clientId, redirectUri, codeChallenge }) {
      if (redirectUri.includes('\0')) return undefined
      const { rows: [row] } = await pool.query(
        `SELECT session_id FROM authorization_codes
        WHERE hash = $1 AND client_id = $2 AND redirect_uri = $3 AND code_challenge = $4 AND spent_at IS NOT NULL`,
        [hash, clientId, redirectUri, codeChallenge])
      return row?.session_id
    },

    async inspect ({ sessionId, secretHash, counter }) {
      const { rows: [row] } = await pool.query(`
        SELECT s.user_id AS "userId", s.client_id AS "clientId", s.scope, s.created_at AS "createdAt", LEAST(s.idle_expires_at, s.expires_at) AS "expiresAt"
        FROM sessions s JOIN users u ON u.id = s.user_id
        WHERE s.id = $1 AND s.secret_hash = $2 AND s.counter = $3 AND ${ALIVE}`, [sessionId, secretHash, counter])
      return row
    },

    async isAlive (sessionId) {
      return (await pool.query(`SELECT 1 FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1 AND ${ALIVE}`, [sessionId])).rowCount === 1
    },

    revokeReused: ({ sessionId, secretHash, counter }, { reuseGraceSeconds }, caller) =>
      end('revoke-reused-session', REVOKE_REUSED, sessionId, 'reuse_detected', 'token.reuse_detected', caller, [secretHash, counter, reuseGraceSeconds]),

    revoke: (sessionId, reason, caller) => end('revoke-session', REVOKE, sessionId, reason, 'session.revoked', caller)
  }
}
