import type { Database } from '../database/database.ts'
import { Prisma } from '../database/generated/client.ts'
import { newestFirst, olderThan, type Position } from '../database/newest-first.ts'

export interface DeliveryRepository {
  /**
   * Takes a user's oldest pending delivery to an endpoint for an attempt, if it is due. No other caller gets it before
   * `nextAttemptAt`, which is set here: an attempt that ends with its process is made again, and never two at a time.
   */
  claim: (endpointId: string, userId: string) => Promise<ClaimedDelivery | undefined>
  /** Records the result of an attempt, unless another attempt has been made since. */
  recordResult: (delivery: Pick<ClaimedDelivery, 'id' | 'attempts'>, result: Result) => Promise<void>
  /**
   * The users whose next delivery is due, at one endpoint or (null) at all that are enabled. At most `count` for each
   * endpoint, so that a long queue of one does not hide the others.
   */
  due: (endpointId: string | null, count: number) => Promise<DueDelivery[]>
  /** Makes every delivery that waits for another attempt due now. */
  makeDueNow: (endpointId: string) => Promise<void>
  /** Newest first. */
  list: (endpointId: string, after: Position, count: number) => Promise<DeliveryRow[]>
  /** Makes a delivery pending again, unless it is being attempted. Undefined when there is no such delivery. */
  replay: (endpointId: string, deliveryId: string) => Promise<DeliveryRow | undefined>
  /** Makes the deliveries of all events since then pending again, and returns their number. */
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
  /** Including this one. */
  attempts: number
  url: string
  sealedSecret: string
  /** Null once it no longer signs. */
  sealedPreviousSecret: string | null
}

export interface DueDelivery { endpointId: string, userId: string }

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
/** Longer than an attempt may take (delivery.ts). */
const ATTEMPT_SECONDS = 30
/**
 * Seconds from each attempt to the next: roughly the schedule that the Standard Webhooks specification recommends, 75
 * hours in all.
 */
const RETRY_AFTER_SECONDS = [
  ATTEMPT_SECONDS, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR
]
export const MAX_ATTEMPTS = RETRY_AFTER_SECONDS.length + 1

const FIELDS = {
  id: true,
  type: true,
  userId: true,
  status: true,
  attempts: true,
  lastAttemptAt: true,
  lastStatusCode: true,
  lastError: true,
  nextAttemptAt: true,
  createdAt: true
} as const

/** Deliveries that are not being attempted at this moment. */
const IDLE = Prisma.sql`
  (status <> 'pending' OR last_attempt_at < now() - ${ATTEMPT_SECONDS} * interval '1 second')`

const MAKE_PENDING = Prisma.sql`
  UPDATE webhook_deliveries
  SET status = 'pending', attempts = 0, next_attempt_at = now(), expires_at = now() + interval '30 days'`

export function createDeliveryRepository ({ prisma }: Pick<Database, 'prisma'>): DeliveryRepository {
  return {
    async claim (endpointId, userId) {
      const [claimed] = await prisma.$queryRaw<ClaimedDelivery[]>`
        UPDATE webhook_deliveries d SET attempts = d.attempts + 1, last_attempt_at = now(), next_attempt_at = now() +
          coalesce((${RETRY_AFTER_SECONDS}::int[])[d.attempts + 1], ${ATTEMPT_SECONDS}) * interval '1 second'
        FROM webhook_endpoints e
        WHERE d.id = (
            SELECT id FROM webhook_deliveries
            WHERE status = 'pending' AND endpoint_id = ${endpointId}::uuid AND user_id = ${userId}::uuid
            ORDER BY position LIMIT 1)
          AND d.status = 'pending' AND d.next_attempt_at <= now() AND e.id = d.endpoint_id AND e.enabled
        RETURNING d.id, d.endpoint_id AS "endpointId", d.user_id AS "userId", d.type, d.details,
          d.created_at AS "createdAt", d.attempts, e.url, e.sealed_secret AS "sealedSecret",
          CASE WHEN e.previous_secret_until > now() THEN e.sealed_previous_secret END AS "sealedPreviousSecret"`
      return claimed
    },

    async recordResult ({ id, attempts }, { status, statusCode, error }) {
      await prisma.webhookDelivery.updateMany({
        where: { id, attempts, status: 'pending' },
        data: { status, lastStatusCode: statusCode, lastError: error }
      })
    },

    due: (endpointId, count) => prisma.$queryRaw<DueDelivery[]>`
      SELECT e.id AS "endpointId", d.user_id AS "userId"
      FROM webhook_endpoints e CROSS JOIN LATERAL (
        SELECT user_id FROM (
          SELECT DISTINCT ON (user_id) user_id, next_attempt_at FROM webhook_deliveries
          WHERE status = 'pending' AND endpoint_id = e.id ORDER BY user_id, position) first
        WHERE next_attempt_at <= now() ORDER BY next_attempt_at LIMIT ${count}) d
      WHERE e.enabled AND (${endpointId}::uuid IS NULL OR e.id = ${endpointId}::uuid)`,

    async makeDueNow (endpointId) {
      await prisma.$executeRaw`
        UPDATE webhook_deliveries SET next_attempt_at = now()
        WHERE status = 'pending' AND endpoint_id = ${endpointId}::uuid AND ${IDLE}`
    },

    async list (endpointId, position, count) {
      const deliveries = await prisma.webhookDelivery.findMany({
        where: { endpointId, ...olderThan(position) }, orderBy: newestFirst(), take: count, select: FIELDS
      })
      return deliveries.map(toRow)
    },

    async replay (endpointId, id) {
      await prisma.$executeRaw`${MAKE_PENDING} WHERE endpoint_id = ${endpointId}::uuid AND id = ${id}::uuid AND ${IDLE}`
      const delivery = await prisma.webhookDelivery.findFirst({ where: { id, endpointId }, select: FIELDS })
      return delivery ? toRow(delivery) : undefined
    },

    replaySince: (endpointId, since) => prisma.$executeRaw`
      ${MAKE_PENDING} WHERE endpoint_id = ${endpointId}::uuid AND created_at >= ${since} AND ${IDLE}`
  }
}

/** The column is text; only the three statuses are ever written to it. */
function toRow (delivery: Omit<DeliveryRow, 'status'> & { status: string }): DeliveryRow {
  return { ...delivery, status: delivery.status as Status }
}
