import type { Database } from '../database/database.ts'
import { Prisma } from '../database/generated/client.ts'
import { newestFirst, olderThan, type Position } from '../database/newest-first.ts'
import { SHOW_USE_AFTER_SECONDS } from '../database/session-use.ts'
import { PLAN_EACH_TIME } from '../database/statement-names.ts'
import type { Caller } from '../http/caller.ts'
import { REUSED_IN_WINDOW, type AuditEventRow } from './audit-event.ts'
import { recordEvents, type NewEvent } from './events.ts'

export interface AuditRepository {
  /** Records an event that comes with no change; a change records its events itself (events.ts). */
  record: (event: NewEvent, caller: Caller) => Promise<void>
  /** Newest first. */
  list: (filter: EventFilter, after: Position, count: number) => Promise<AuditEventRow[]>
  /** The events about a user that the user may see by now, newest first. */
  ofUser: (userId: string, after: Position, count: number) => Promise<AuditEventRow[]>
}

export interface EventFilter {
  type?: string | undefined
  userId?: string | undefined
  /** The earliest time of an event. */
  from?: Date | undefined
  /** Events are earlier than this. */
  to?: Date | undefined
}

/** Comes before every other of its time. */
const FIRST_ID = '00000000-0000-0000-0000-000000000000'

export function createAuditRepository ({ prisma, clock }: Pick<Database, 'prisma' | 'clock'>): AuditRepository {
  return {
    record: (event, caller) => prisma.$transaction((tx) => recordEvents(tx, [event], caller)),

    /** In SQL, because some types are rare and others common: the best plan depends on the values. */
    list ({ type, userId, from, to }, after, count) {
      // One upper bound, not two: of two, PostgreSQL may begin at the later one.
      const { time, id } = to !== undefined && to < after.time ? { time: to, id: FIRST_ID } : after
      const conditions = [Prisma.sql`(created_at, id) < (${time}, ${id}::uuid)`]
      if (type !== undefined) conditions.push(Prisma.sql`type = ${type}`)
      if (userId !== undefined) conditions.push(Prisma.sql`user_id = ${userId}::uuid`)
      if (from !== undefined) conditions.push(Prisma.sql`created_at >= ${from}`)
      return prisma.$queryRaw<AuditEventRow[]>`
        SELECT id, type, created_at AS "createdAt", user_id AS "userId", actor_id AS "actorId",
          client_id AS "clientId", provider, ip_address AS "ipAddress", user_agent AS "userAgent",
          request_id AS "requestId", details
        FROM audit_events WHERE ${Prisma.join(conditions, ' AND ')}
        ORDER BY created_at DESC, id DESC LIMIT ${count} ${PLAN_EACH_TIME}`
    },

    ofUser (userId, position, count) {
      const isHidden = { type: REUSED_IN_WINDOW, createdAt: { gt: clock.inSeconds(-SHOW_USE_AFTER_SECONDS) } }
      const where = { userId, ...olderThan(position), NOT: isHidden }
      return prisma.auditEvent.findMany({ where, orderBy: newestFirst(), take: count })
    }
  }
}
