import type { Database } from '../database/database.ts'

export interface DeviceGrant { deviceCodeHash: Buffer, userCode: string, clientId: string, scope: string }

export type PollResult = 'authorization_pending' | 'slow_down' | 'access_denied' | 'expired_token' | 'invalid_grant'

export interface DeviceRepository {
  /** False when the user code is taken: try another. */
  create: (grant: DeviceGrant, lifetimeSeconds: number, intervalSeconds: number) => Promise<boolean>
  /** A grant that still waits for its code to be typed. */
  findWaiting: (userCode: string) => Promise<DeviceGrant | undefined>
  /** Gives a waiting grant the session of whoever approves. True for one caller only. */
  approve: (deviceCodeHash: Buffer, sessionId: string) => Promise<boolean>
  deny: (deviceCodeHash: Buffer) => Promise<boolean>
  /** What to tell a device whose grant cannot be exchanged; one that asks too often must wait longer from now on (RFC 8628 section 3.5). */
  poll: (deviceCodeHash: Buffer, clientId: string) => Promise<PollResult>
}

const WAITING = 'session_id IS NULL AND denied_at IS NULL AND expires_at > now()'

export function createDeviceRepository ({ pool }: Database): DeviceRepository {
  return {
    async create ({ deviceCodeHash, userCode, clientId, scope }, lifetimeSeconds, intervalSeconds) {
      const result = await pool.query(`
        INSERT INTO device_grants (device_code_hash, user_code, client_id, scope, interval_seconds, expires_at)
        VALUES ($1, $2, $3, $4, $5, now() + $6 * interval '1 second') ON CONFLICT (user_code) DO NOTHING`,
      [deviceCodeHash, userCode, clientId, scope, intervalSeconds, lifetimeSeconds])
      return result.rowCount === 1
    },

    async findWaiting (userCode) {
      const { rows: [row] } = await pool.query(`
        SELECT device_code_hash AS "deviceCodeHash", user_code AS "userCode", client_id AS "clientId", scope
        FROM device_grants WHERE user_code = $1 AND ${WAITING}`, [userCode])
      return row
    },

    async approve (deviceCodeHash, sessionId) {
      return (await pool.query(`UPDATE device_grants SET session_id = $2 WHERE device_code_hash = $1 AND ${WAITING}`, [deviceCodeHash, sessionId])).rowCount === 1
    },

    async deny (deviceCodeHash) {
      return (await pool.query(`UPDATE device_grants SET denied_at = now() WHERE device_code_hash = $1 AND ${WAITING}`, [deviceCodeHash])).rowCount === 1
    },

    async poll (deviceCodeHash, clientId) {
      const { rows: [row] } = await pool.query(`
        WITH before AS (
          SELECT device_code_hash, denied_at, spent_at, expires_at <= now() AS over,
            last_polled_at > now() - interval_seconds * interval '1 second' AS hasty
          FROM device_grants WHERE device_code_hash = $1 AND client_id = $2 FOR UPDATE
        )
        UPDATE device_grants g SET last_polled_at = now(), interval_seconds = g.interval_seconds + CASE WHEN before.hasty THEN 5 ELSE 0 END
        FROM before WHERE g.device_code_hash = before.device_code_hash
        RETURNING before.denied_at, before.spent_at, before.over, before.hasty`, [deviceCodeHash, clientId])
      if (!row || row.spent_at !== null) return 'invalid_grant'
      if (row.denied_at !== null) return 'access_denied'
      if (row.over) return 'expired_token'
      return row.hasty ? 'slow_down' : 'authorization_pending'
    }
  }
}
