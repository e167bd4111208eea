import type { Position } from '../http/lists.ts'
import type { Database } from '../database/database.ts'

export interface DeliveryRepository {
  /**
   * Takes the next delivery of a user to an endpoint for an attempt: the oldest that is pending, if it is due. Nobody else gets it before
   * `nextAttemptAt`, which is set here: so an attempt that ends with its process is made again, and no two are made at a time.
   */
  claim: (endpointId: string, userId: string) => Promise<ClaimedDelivery | undefined>
  /** Writes down what came of an attempt, unless somebody has made another since. */
  settle: (delivery: ClaimedDelivery, result: Result) => Promise<void>
  /** Whose next delivery is due, of one endpoint or of all that are enabled: so many of each, so that none is crowded out. */
  due: (endpointId: string | null, count: number) => Promise<{ endpointId: string, userId: string }[]>
  /** Makes all that waits for another attempt due. */
  hasten: (endpointId: string) => Promise<void>
  /** Newest first. */
  list: (endpointId: string, after: Position, count: number) => Promise<DeliveryRow[]>
  /** Has it sent again; undefined when there is none. One that is under way stays as it is. */
  replay: (endpointId: string, deliveryId: string) => Promise<DeliveryRow | undefined>
  /** Has all of what happened since sent again, and says how many. */
  replaySince: (endpointId: string, since: Date) => Promise<number>
}

export type Status = 'pending' | 'delivered' | 'failed'

export interface Result { status: Status, statusCode: number | null, error: string | null }

export interface ClaimedDelivery {
  id: string
  endpointId: string
  userId: string
  type: string
  details: Record<string, unknown>
  createdAt: Date
  /** This one included. */
  attempts: number
  url: string
  sealedSecret: string
  /** Only while it still signs. */
  sealedPreviousSecret: string | null
}

export interface DeliveryRow {
  id: string
  type: string
  userId: string
  status: Status
  attempts: number
  lastAttemptAt: Date | null
  lastStatusCode: number | null
  lastError: string | null
  nextAttemptAt: Date
  createdAt: Date
}

const MINUTE = 60
const HOUR = 60 * MINUTE
/**
 * How long after an attempt the next one comes: about the schedule that the Standard Webhooks specification recommends, 75 hours in all.
 * The first is longer than an attempt may take.
 */
const WAITS_SECONDS = [30, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR]
export const MAX_ATTEMPTS = WAITS_SECONDS.length + 1

const CLAIM = `
  UPDATE webhook_deliveries d SET attempts = d.attempts + 1, last_attempt_at = now(),
    next_attempt_at = now() + coalesce(('{${WAITS_SECONDS.join()}}'::int[])[d.attempts + 1], ${WAITS_SECONDS[0]}) * interval '1 second'
  FROM webhook_endpoints e
  WHERE d.id = (
      SELECT id FROM webhook_deliveries WHERE status = 'pending' AND endpoint_id = $1 AND user_id = $2 ORDER BY position LIMIT 1)
    AND d.status = 'pending' AND d.next_attempt_at <= now() AND e.id = d.endpoint_id AND e.enabled
  RETURNING d.id, d.endpoint_id AS "endpointId", d.user_id AS "userId", d.type, d.details, d.created_at AS "createdAt", d.attempts,
    e.url, e.sealed_secret AS "sealedSecret", CASE WHEN e.previous_secret_until > now() THEN e.sealed_previous_secret END AS "sealedPreviousSecret"`

const DUE = `
  SELECT e.id AS "endpointId", d.user_id AS "userId"
  FROM webhook_endpoints e CROSS JOIN LATERAL (
    SELECT user_id FROM (
      SELECT DISTINCT ON (user_id) user_id, next_attempt_at FROM webhook_deliveries
      WHERE status = 'pending' AND endpoint_id = e.id ORDER BY user_id, position) first
    WHERE next_attempt_at <= now() ORDER BY next_attempt_at LIMIT $2) d
  WHERE e.enabled AND ($1::uuid IS NULL OR e.id = $1)`

const COLUMNS = `id, type, user_id AS "userId", status, attempts, last_attempt_at AS "lastAttemptAt", last_status_code AS "lastStatusCode",
  last_error AS "lastError", next_attempt_at AS "nextAttemptAt", created_at AS "createdAt"`

const AGAIN = "UPDATE webhook_deliveries SET status = 'pending', attempts = 0, next_attempt_at = now(), expires_at = now() + interval '30 days'"

/** Not one that is under way: an attempt is over after half a minute. */
const NOT_UNDER_WAY = `(status <> 'pending' OR last_attempt_at < now() - interval '${WAITS_SECONDS[0]} seconds')`

export function createDeliveryRepository ({ pool }: Pick<Database, 'pool'>): DeliveryRepository {
  return {
    async claim (endpointId, userId) {
      return (await pool.query<ClaimedDelivery>({ name: 'claim-delivery', text: CLAIM, values: [endpointId, userId] })).rows[0]
    },

    async settle ({ id, attempts }, { status, statusCode, error }) {
      const text = `UPDATE webhook_deliveries SET status = $3, last_status_code = $4, last_error = $5
        WHERE id = $1 AND attempts = $2 AND status = 'pending'`
      await pool.query({ name: 'settle-delivery', text, values: [id, attempts, status, statusCode, error] })
    },

    async due (endpointId, count) {
      return (await pool.query(DUE, [endpointId, count])).rows
    },

    async hasten (endpointId) {
      await pool.query(`UPDATE webhook_deliveries SET next_attempt_at = now() WHERE status = 'pending' AND endpoint_id = $1 AND ${NOT_UNDER_WAY}`, [endpointId])
    },

    async list (endpointId, { time, id }, count) {
      const text = `SELECT ${COLUMNS} FROM webhook_deliveries WHERE endpoint_id = $1 AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4`
      return (await pool.query<DeliveryRow>(text, [endpointId, time, id, count])).rows
    },

    async replay (endpointId, deliveryId) {
      await pool.query(`${AGAIN} WHERE endpoint_id = $1 AND id = $2 AND ${NOT_UNDER_WAY}`, [endpointId, deliveryId])
      return (await pool.query<DeliveryRow>(`SELECT ${COLUMNS} FROM webhook_deliveries WHERE endpoint_id = $1 AND id = $2`, [endpointId, deliveryId])).rows[0]
    },

    async replaySince (endpointId, since) {
      return (await pool.query(`${AGAIN} WHERE endpoint_id = $1 AND created_at >= $2 AND ${NOT_UNDER_WAY}`, [endpointId, since])).rowCount ?? 0
    }
  }
}
