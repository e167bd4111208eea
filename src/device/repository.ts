import { retryingConflicts } from '../database/conflicts.ts'
import type { Database } from '../database/database.ts'
import type { Caller } from '../http/caller.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import type { DeviceCodeHash } from './codes.ts'

export interface DeviceGrant {
  deviceCodeHash: DeviceCodeHash
  userCode: string
  clientId: string
  scope: string
  resources: string[]
}

export interface DeviceGrantLimits { lifetimeSeconds: number, intervalSeconds: number }

/** A person who typed the code of a grant, and the session that the sign-in for that code opened. */
export interface DevicePerson { deviceCodeHash: DeviceCodeHash, sessionId: string }

/** Error codes of RFC 8628 section 3.5 and RFC 6749 section 5.2. */
export type PollResult = 'authorization_pending' | 'slow_down' | 'access_denied' | 'expired_token' | 'invalid_grant'

export interface DeviceRepository {
  /** False when the user code is taken. */
  create: (grant: DeviceGrant, limits: DeviceGrantLimits) => Promise<boolean>
  /** The grant with this user code, unless it was approved or denied or has expired. */
  findPending: (userCode: string) => Promise<DeviceGrant | undefined>
  /**
   * Approves a pending grant with the session that was opened for it. True as well when this session approved it
   * before: a second click changes nothing. Otherwise another decision came first, and the session ends.
   */
  approve: (person: DevicePerson, caller: Caller) => Promise<boolean>
  /**
   * Denies a pending grant, or takes back the approval by this session, and ends the session. False when another
   * session decided first.
   */
  deny: (person: DevicePerson, caller: Caller) => Promise<boolean>
  /**
   * Records a poll, and returns why the grant cannot be exchanged. Polling before the interval is over makes the
   * interval five seconds longer (RFC 8628 section 3.5).
   */
  poll: (deviceCodeHash: DeviceCodeHash, clientId: string) => Promise<PollResult>
}

const FIELDS = { deviceCodeHash: true, userCode: true, clientId: true, scope: true, resources: true } as const

interface PolledGrant { isSpent: boolean, isDenied: boolean, isExpired: boolean, isTooSoon: boolean }

export function createDeviceRepository ({ prisma, clock }: Pick<Database, 'prisma' | 'clock'>): DeviceRepository {
  /** Ends the session, if it was opened for this grant: a session id alone ends nothing. */
  async function endOwnSession ({ deviceCodeHash, sessionId }: DevicePerson, caller: Caller): Promise<void> {
    const where = { id: sessionId, deviceCodeHash, revokedAt: null }
    const session = await prisma.session.findFirst({ where, select: { userId: true } })
    if (!session) return
    const by = { actorId: session.userId, caller }
    await retryingConflicts(() => prisma.$transaction(async (tx) => {
      await endSessions(tx, { where, reason: 'revoked', now: clock.now() }, by)
    }))
  }

  const pending = () => ({ sessionId: null, deniedAt: null, expiresAt: { gt: clock.now() } })

  return {
    async create (grant, { lifetimeSeconds, intervalSeconds }) {
      const data = { ...grant, intervalSeconds, expiresAt: clock.inSeconds(lifetimeSeconds) }
      const { count } = await prisma.deviceGrant.createMany({ data, skipDuplicates: true })
      return count === 1
    },

    async findPending (userCode) {
      const grant = await prisma.deviceGrant.findFirst({ where: { userCode, ...pending() }, select: FIELDS })
      return grant ?? undefined
    },

    async approve (person, caller) {
      const { deviceCodeHash, sessionId } = person
      const approved = await prisma.$queryRaw<{ sessionId: string }[]>`
        UPDATE device_grants g SET session_id = s.id FROM sessions s
        WHERE g.device_code_hash = ${deviceCodeHash} AND g.session_id IS NULL AND g.denied_at IS NULL
          AND g.expires_at > now()
          AND s.id = ${sessionId}::uuid AND s.device_code_hash = g.device_code_hash AND s.revoked_at IS NULL
        RETURNING g.session_id AS "sessionId"`
      if (approved.length === 1) return true
      const where = { deviceCodeHash, sessionId, deniedAt: null }
      if (await prisma.deviceGrant.findFirst({ where, select: { sessionId: true } })) return true
      await endOwnSession(person, caller)
      return false
    },

    async deny (person, caller) {
      const { deviceCodeHash, sessionId } = person
      const denied = await prisma.$queryRaw<{ deniedAt: Date }[]>`
        UPDATE device_grants g SET session_id = s.id, denied_at = coalesce(g.denied_at, now()) FROM sessions s
        WHERE g.device_code_hash = ${deviceCodeHash}
          AND s.id = ${sessionId}::uuid AND s.device_code_hash = g.device_code_hash
          AND (g.session_id = s.id OR (g.session_id IS NULL AND g.denied_at IS NULL AND g.expires_at > now()))
        RETURNING g.denied_at AS "deniedAt"`
      await endOwnSession(person, caller)
      return denied.length === 1
    },

    async poll (deviceCodeHash, clientId) {
      const [grant] = await prisma.$queryRaw<PolledGrant[]>`
        WITH before AS (
          SELECT device_code_hash, spent_at IS NOT NULL AS is_spent, denied_at IS NOT NULL AS is_denied,
            expires_at <= now() AS is_expired,
            coalesce(last_polled_at > now() - interval_seconds * interval '1 second', false) AS is_too_soon
          FROM device_grants WHERE device_code_hash = ${deviceCodeHash} AND client_id = ${clientId} FOR UPDATE
        )
        UPDATE device_grants g SET last_polled_at = now(),
          interval_seconds = g.interval_seconds + CASE WHEN before.is_too_soon THEN 5 ELSE 0 END
        FROM before WHERE g.device_code_hash = before.device_code_hash
        RETURNING is_spent AS "isSpent", is_denied AS "isDenied", is_expired AS "isExpired", is_too_soon AS "isTooSoon"`
      if (!grant || grant.isSpent) return 'invalid_grant'
      if (grant.isDenied) return 'access_denied'
      if (grant.isExpired) return 'expired_token'
      return grant.isTooSoon ? 'slow_down' : 'authorization_pending'
    }
  }
}
