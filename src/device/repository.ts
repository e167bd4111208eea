import type { Database } from '../database/database.ts'
import type { DeviceCodeHash } from './codes.ts'

export interface DeviceGrant { deviceCodeHash: DeviceCodeHash, userCode: string, clientId: string, scope: string }

export interface DeviceGrantLimits { lifetimeSeconds: number, intervalSeconds: number }

/** Error codes of RFC 8628 section 3.5 and RFC 6749 section 5.2. */
export type PollResult = 'authorization_pending' | 'slow_down' | 'access_denied' | 'expired_token' | 'invalid_grant'

export interface DeviceRepository {
  /** False when the user code is taken. */
  create: (grant: DeviceGrant, limits: DeviceGrantLimits) => Promise<boolean>
  /** The grant with this user code, unless it was approved or denied or has expired. */
  findPending: (userCode: string) => Promise<DeviceGrant | undefined>
  /** Approves a pending grant with a session. Of all calls of `approve` and `deny`, one returns true. */
  approve: (deviceCodeHash: DeviceCodeHash, sessionId: string) => Promise<boolean>
  /** Denies a pending grant. Of all calls of `approve` and `deny`, one returns true. */
  deny: (deviceCodeHash: DeviceCodeHash) => Promise<boolean>
  /**
   * Records a poll, and returns why the grant cannot be exchanged. Polling before the interval is over makes the
   * interval five seconds longer (RFC 8628 section 3.5).
   */
  poll: (deviceCodeHash: DeviceCodeHash, clientId: string) => Promise<PollResult>
}

const FIELDS = { deviceCodeHash: true, userCode: true, clientId: true, scope: true } as const

interface PolledGrant { isSpent: boolean, isDenied: boolean, isExpired: boolean, isTooSoon: boolean }

export function createDeviceRepository ({ prisma, clock }: Pick<Database, 'prisma' | 'clock'>): DeviceRepository {
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

    async approve (deviceCodeHash, sessionId) {
      const where = { deviceCodeHash, ...pending() }
      return (await prisma.deviceGrant.updateMany({ where, data: { sessionId } })).count === 1
    },

    async deny (deviceCodeHash) {
      const where = { deviceCodeHash, ...pending() }
      return (await prisma.deviceGrant.updateMany({ where, data: { deniedAt: clock.now() } })).count === 1
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
