import type { Position } from '../http/lists.ts'
import type { Database } from '../database/database.ts'
import type { AuditEventRow } from './audit-event.ts'
import type { Caller } from '../http/caller.ts'
import { recordEvents, type NewEvent } from './events.ts'

export interface AuditRepository {
  /** For what changes nothing else; a change writes its events down with itself (events.ts). */
  record: (event: NewEvent, caller: Caller) => Promise<void>
  /** What happened, newest first. */
  list: (filter: EventFilter, after: Position, count: number) => Promise<AuditEventRow[]>
  /** What happened to a user, newest first. */
  ofUser: (userId: string, after: Position, count: number) => Promise<AuditEventRow[]>
}

export interface EventFilter { type?: string | undefined, userId?: string | undefined, from?: Date | undefined, to?: Date | undefined }

const SELECT = `
  SELECT id, type, created_at AS "createdAt", user_id AS "userId", actor_id AS "actorId", client_id AS "clientId", provider,
    ip_address AS "ipAddress", user_agent AS "userAgent", request_id AS "requestId", details
  FROM audit_events`

const OF_USER = `${SELECT} WHERE user_id = $1 AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4`

/** Before every other of the same time. */
const FIRST_ID = '00000000-0000-0000-0000-000000000000'

export function createAuditRepository ({ pool, prisma }: Database): AuditRepository {
  return {
    record: (event, caller) => prisma.$transaction((tx) => recordEvents(tx, [event], caller)),

    async list ({ type, userId, from, to }, after, count) {
      // One end, not two: of two PostgreSQL may begin at the one that is further off.
      const { time, id } = to !== undefined && to < after.time ? { time: to, id: FIRST_ID } : after
      const values: unknown[] = [time, id, count]
      const place = (value: unknown) => `$${values.push(value)}`
      const conditions = ['(created_at, id) < ($1, $2)']
      if (type !== undefined) conditions.push(`type = ${place(type)}`)
      if (userId !== undefined) conditions.push(`user_id = ${place(userId)}`)
      if (from !== undefined) conditions.push(`created_at >= ${place(from)}`)
      const text = `${SELECT} WHERE ${conditions.join(' AND ')} ORDER BY created_at DESC, id DESC LIMIT $3`
      return (await pool.query<AuditEventRow>(text, values)).rows
    },

    async ofUser (userId, { time, id }, count) {
      return (await pool.query<AuditEventRow>({ name: 'events-of-user', text: OF_USER, values: [userId, time, id, count] })).rows
    }
  }
}
