import { recordEvents } from '../audit/events.ts'
import { USABLE_SESSION, nextIdleEnd, usableSession } from '../database/active-session.ts'
import { retryingConflicts } from '../database/conflicts.ts'
import type { Database } from '../database/database.ts'
import { NEXT_PREVIOUS_USE, SESSION_USE, shownUse } from '../database/session-use.ts'
import type { Caller } from '../http/caller.ts'
import type { DpopKey } from '../tokens/dpop-proof.ts'
import type { IdentityGrant } from '../tokens/grants.ts'
import { endSessions, type EndReason, type SessionEnd } from './end-sessions.ts'

/** What a refresh token says of itself. */
export interface PresentedToken { sessionId: string, secretHash: Buffer, counter: number }
export interface PresentedCode { hash: Buffer, clientId: string, redirectUri: string, codeChallenge: string }
export interface RotationPolicy { idleSeconds: number, reuseGraceSeconds: number }
export interface RotatedGrant extends IdentityGrant {
  /** That of the refresh token that is valid now. */
  counter: number
  /** False for a repeat in the grace period. */
  rotated: boolean
  /** A repeat from another address and another user agent than the rotation's, of which no event is recorded yet. */
  isElsewhere: boolean
}
export interface SessionState {
  userId: string
  clientId: string
  scope: string
  resources: string[]
  createdAt: Date
  expiresAt: Date
}
/** What never changes in a session. */
export type SessionGrant = Pick<SessionState, 'clientId' | 'scope' | 'resources'>
/** Why a client ends a session. */
export type ClientEndReason = Extract<EndReason, 'logout' | 'revoked' | 'code_replayed'>

export interface SessionRepository {
  /**
   * Rotates the refresh token: adds one to the session's counter. Undefined when the presented token is not valid. The
   * token before the current one stays valid for `reuseGraceSeconds`: then the counter stays, and every caller gets the
   * same successor. A session that is bound to a key takes no other, and one that is not is bound to that of a public
   * client by a rotation: a repeat binds nothing, since others hold the successor without a key.
   */
  rotate: (
    token: PresentedToken, clientId: string, policy: RotationPolicy, caller: Caller, key?: DpopKey
  ) => Promise<RotatedGrant | undefined>
  /** Records a repeat from elsewhere, once for each rotation. True when this call recorded it. */
  recordRepeat: (token: PresentedToken, caller: Caller) => Promise<boolean>
  /** Spends an authorization code and gives its session the secret of its tokens. Undefined for an invalid code. */
  redeemCode: (
    code: PresentedCode, secretHash: Buffer, idleSeconds: number, key?: DpopKey
  ) => Promise<IdentityGrant | undefined>
  /**
   * The same for the code of a device that was approved. The session, which a browser opened, has the address and the
   * user agent of the device from then on.
   */
  redeemDeviceCode: (
    deviceCodeHash: Buffer, clientId: string, secretHash: Buffer, idleSeconds: number, caller: Caller, key?: DpopKey
  ) => Promise<IdentityGrant | undefined>
  /** The session that a code opened when it was spent. Undefined unless all that the code was made for is presented. */
  sessionOfSpentCode: (code: PresentedCode) => Promise<string | undefined>
  /** The session that this is or was a token of, whether either still works or not. */
  findByToken: (token: PresentedToken) => Promise<SessionGrant | undefined>
  /**
   * The session of a refresh token that is valid, as `rotate` would find it. Changes nothing, and returns the same
   * before and after a rotation.
   */
  inspect: (token: PresentedToken, policy: RotationPolicy) => Promise<SessionState | undefined>
  /** True while the session is active and its user is not disabled. */
  isActive: (sessionId: string) => Promise<boolean>
  /**
   * Ends the session if the presented token was rotated longer ago than the grace period: then it was stolen. Within
   * that period, if it comes without a key and the session is bound to one: a thief may have bound it. True when this
   * call ended it.
   */
  endIfReused: (
    token: PresentedToken, reuseGraceSeconds: number, caller: Caller, key?: DpopKey
  ) => Promise<boolean>
  /** True when this call ended the session, false when it had ended or does not exist. */
  end: (sessionId: string, reason: ClientEndReason, caller: Caller) => Promise<boolean>
}

/** The name that the user's first account has at its provider, where an ID token tells it. */
const USERNAME = `CASE WHEN string_to_array(s.scope, ' ') @> '{openid,profile}' THEN (
      SELECT a.username FROM accounts a
      WHERE a.user_id = u.id AND a.username IS NOT NULL ORDER BY a.created_at, a.id LIMIT 1) END`

/** An `IdentityGrant` as one JSON value: to read twelve columns would take a tenth of a refresh. */
const identityGrant = (nonce: string, metadata: string, more = '') => `json_build_object(
    'sessionId', s.id, 'userId', s.user_id, 'clientId', s.client_id, 'scope', s.scope, 'resources', s.resources,
    'authTime', floor(extract(epoch FROM s.authenticated_at)), 'roles', u.roles, 'email', u.email, 'name', u.name,
    'avatarUrl', u.avatar_url, 'username', ${USERNAME}, 'metadata', ${metadata}, 'nonce', ${nonce}${more}) AS grant`

interface GrantRow<Grant> { grant: Grant }

/** Of refreshes at the same time, one rotates; the others wait for its row and then see what it wrote. */
const rotate = (metadata: string) => `
  UPDATE sessions s SET
    counter = CASE WHEN s.counter = $3 THEN s.counter + 1 ELSE s.counter END,
    rotated_at = CASE WHEN s.counter = $3 THEN now() ELSE s.rotated_at END,
    rotation_ip_address = CASE WHEN s.counter = $3 THEN $7 ELSE s.rotation_ip_address END,
    rotation_user_agent = CASE WHEN s.counter = $3 THEN $8 ELSE s.rotation_user_agent END,
    previously_used_at = ${NEXT_PREVIOUS_USE},
    dpop_jkt = CASE WHEN s.counter = $3 THEN COALESCE(s.dpop_jkt, $9) ELSE s.dpop_jkt END,
    last_used_at = now(),
    idle_expires_at = ${nextIdleEnd('$5')}
  FROM users u
  WHERE s.id = $1 AND s.secret_hash = $2 AND s.client_id = $6
    AND (s.counter = $3 OR (s.counter = $3 + 1 AND s.rotated_at > now() - $4 * interval '1 second'))
    AND (s.dpop_jkt IS NULL OR s.dpop_jkt = $10)
    AND u.id = s.user_id AND ${USABLE_SESSION}
  RETURNING ${identityGrant('NULL', metadata, `, 'counter', s.counter, 'rotated', s.last_used_at = s.rotated_at,
    'isElsewhere', COALESCE(s.rotation_ip_address <> $7, false) AND s.rotation_user_agent IS DISTINCT FROM $8`)}`

/**
 * Gives a session the secret of its tokens. Of many that present a code at the same time, `spend` succeeds for one. The
 * session must have been opened for this code (`isOpenedFor`): a row that names another session hands out nothing.
 */
const redeem = (spend: string, isOpenedFor: string, metadata: string, more = '') => `
  WITH code AS (${spend})
  UPDATE sessions s SET
    secret_hash = $1, last_used_at = now(), idle_expires_at = ${nextIdleEnd('$2')}, dpop_jkt = $3${more}
  FROM code, users u
  WHERE s.id = code.session_id AND ${isOpenedFor} AND u.id = s.user_id AND ${USABLE_SESSION}
  RETURNING ${identityGrant('code.nonce', metadata)}`

const redeemCode = (metadata: string) => redeem(`
  UPDATE authorization_codes SET spent_at = now()
  WHERE hash = $4 AND client_id = $5 AND redirect_uri = $6 AND code_challenge = $7
    AND (dpop_jkt IS NULL OR dpop_jkt = $8) AND spent_at IS NULL AND expires_at > now()
  RETURNING session_id, client_id, nonce`, 's.client_id = code.client_id AND s.device_code_hash IS NULL', metadata)

const redeemDeviceCode = (metadata: string) => redeem(`
  UPDATE device_grants SET spent_at = now()
  WHERE device_code_hash = $4 AND client_id = $5 AND session_id IS NOT NULL AND denied_at IS NULL
    AND spent_at IS NULL AND expires_at > now()
  RETURNING session_id, device_code_hash, NULL AS nonce`, 's.device_code_hash = code.device_code_hash', metadata,
', ip_address = $6, user_agent = $7')

/**
 * Refresh and code exchange run on the pool, each as one statement: the bench shows that they are the hot path. The
 * metadata of users, up to 16 KiB, is read only where claims come from it.
 */
export function createSessionRepository (
  { prisma, pool, clock }: Database, { withMetadata = false } = {}
): SessionRepository {
  const metadata = withMetadata ? 'u.metadata' : "'{}'::json"
  const statements = {
    rotate: rotate(metadata), redeemCode: redeemCode(metadata), redeemDeviceCode: redeemDeviceCode(metadata)
  }
  const end = (sessionEnd: Omit<SessionEnd, 'now'>, actorId: string | null, caller: Caller) =>
    retryingConflicts(() => prisma.$transaction(async (tx) => {
      const ended = await endSessions(tx, { ...sessionEnd, now: clock.now() }, { actorId, caller })
      return ended.length === 1
    }))

  return {
    async rotate ({ sessionId, secretHash, counter }, clientId, { idleSeconds, reuseGraceSeconds }, caller, key) {
      const { ipAddress, userAgent } = caller
      const values = [sessionId, secretHash, counter, reuseGraceSeconds, idleSeconds, clientId, ipAddress, userAgent,
        refreshTokenKey(key), key?.jkt ?? null]
      const statement = { name: 'rotate-session', text: statements.rotate, values }
      const { rows } = await pool.query<GrantRow<RotatedGrant>>(statement)
      return rows[0]?.grant
    },

    recordRepeat: ({ sessionId, counter }, caller) => retryingConflicts(() => prisma.$transaction(async (tx) => {
      const where = { id: sessionId, counter: counter + 1, rotationIpAddress: { not: null } }
      const session = await tx.session.findFirst({
        where,
        select: {
          userId: true,
          clientId: true,
          provider: true,
          rotatedAt: true,
          rotationIpAddress: true,
          rotationUserAgent: true
        }
      })
      if (!session) return false
      // Of several repeats at once, one clears the address.
      const data = { rotationIpAddress: null, rotationUserAgent: null }
      const { count } = await tx.session.updateMany({ where, data })
      if (count === 0) return false
      const { userId, clientId, provider, rotatedAt, ...rotation } = session
      const details = { sessionId, rotatedAt: rotatedAt?.toISOString(), ...rotation }
      await recordEvents(tx, [{ type: 'token.reused_in_window', userId, clientId, provider, details }], caller)
      return true
    })),

    async redeemCode ({ hash, clientId, redirectUri, codeChallenge }, secretHash, idleSeconds, key) {
      // PostgreSQL refuses text with a NUL.
      if (redirectUri.includes('\0')) return undefined
      const values = [
        secretHash, idleSeconds, refreshTokenKey(key), hash, clientId, redirectUri, codeChallenge, key?.jkt ?? null
      ]
      const statement = { name: 'redeem-code', text: statements.redeemCode, values }
      const { rows } = await pool.query<GrantRow<IdentityGrant>>(statement)
      return rows[0]?.grant
    },

    async redeemDeviceCode (deviceCodeHash, clientId, secretHash, idleSeconds, { ipAddress, userAgent }, key) {
      const values = [
        secretHash, idleSeconds, refreshTokenKey(key), deviceCodeHash, clientId, ipAddress, userAgent
      ]
      const statement = { name: 'redeem-device-code', text: statements.redeemDeviceCode, values }
      const { rows } = await pool.query<GrantRow<IdentityGrant>>(statement)
      return rows[0]?.grant
    },

    async sessionOfSpentCode ({ hash, clientId, redirectUri, codeChallenge }) {
      if (redirectUri.includes('\0')) return undefined
      const presented = { hash: Uint8Array.from(hash), clientId, redirectUri, codeChallenge }
      const where = { ...presented, spentAt: { not: null }, session: { clientId, deviceCodeHash: null } }
      const code = await prisma.authorizationCode.findFirst({ where, select: { sessionId: true } })
      return code?.sessionId
    },

    async findByToken ({ sessionId, secretHash }) {
      const where = { id: sessionId, secretHash: Uint8Array.from(secretHash) }
      const select = { clientId: true, scope: true, resources: true }
      return await prisma.session.findFirst({ where, select }) ?? undefined
    },

    async inspect ({ sessionId, secretHash, counter }, { idleSeconds, reuseGraceSeconds }) {
      const now = clock.now()
      const wasJustRotated = { counter: counter + 1, rotatedAt: { gt: clock.inSeconds(-reuseGraceSeconds) } }
      const session = await prisma.session.findFirst({
        where: {
          id: sessionId,
          secretHash: Uint8Array.from(secretHash),
          ...usableSession(now),
          OR: [{ counter }, wasJustRotated]
        },
        select: { userId: true, clientId: true, scope: true, resources: true, ...SESSION_USE }
      })
      if (!session) return undefined
      const { userId, clientId, scope, resources, createdAt } = session
      const { idleExpiresAt: expiresAt } = shownUse(session, idleSeconds, now)
      return { userId, clientId, scope, resources, createdAt, expiresAt }
    },

    async isActive (sessionId) {
      const where = { id: sessionId, ...usableSession(clock.now()) }
      return await prisma.session.findFirst({ where, select: { id: true } }) !== null
    },

    async endIfReused ({ sessionId, secretHash, counter }, reuseGraceSeconds, caller, key) {
      // The database's own clock decides, as in `rotate`: a token is never both valid and stolen.
      const [reused] = await prisma.$queryRaw<{ id: string }[]>`
        SELECT id FROM sessions
        WHERE id = ${sessionId}::uuid AND secret_hash = ${secretHash} AND revoked_at IS NULL
          AND (counter > ${counter + 1}
            OR (counter = ${counter + 1} AND (rotated_at <= now() - ${reuseGraceSeconds} * interval '1 second'
              OR (dpop_jkt IS NOT NULL AND ${key === undefined}))))`
      if (!reused) return false
      return await end({ where: reused, reason: 'reuse_detected', eventType: 'token.reuse_detected' }, null, caller)
    },

    async end (sessionId, reason, caller) {
      const where = { id: sessionId, revokedAt: null }
      const session = await prisma.session.findFirst({ where, select: { userId: true } })
      if (!session) return false
      // A replayed code does not prove that the user sent it.
      const actorId = reason === 'code_replayed' ? null : session.userId
      return await end({ where, reason }, actorId, caller)
    }
  }
}

/** What `sessions.dpop_jkt` is set to. */
function refreshTokenKey (key: DpopKey | undefined): string | null {
  return key?.bindsRefreshTokens ? key.jkt : null
}
