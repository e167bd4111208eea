import type { PoolClient } from 'pg'
import type { Prisma } from '../database/generated/client.ts'
import { CUT_OFF } from '../revocations/cut-off.ts'
import type { AuditEventType, Caller } from './audit-event.ts'

/** What happened, to whom, by whom. */
export interface NewEvent {
  type: AuditEventType
  userId?: string | null
  actorId?: string | null
  clientId?: string | null
  provider?: string | null
  details?: Record<string, unknown>
}

/** Who changes something: somebody who called, or the operator on the command line. */
export interface By { actorId: string | null, caller: Partial<Caller>, details?: Record<string, unknown> }

/** A UUIDv7 (RFC 9562 section 5.7) made in SQL; PostgreSQL has one of its own from version 18 on. */
const UUID_V7 = `encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
  PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid`

/**
 * For a statement that changes something: with a CTE named `events` of these columns (ip_address, user_agent and request_id
 * are the caller's), these CTEs write the events down with the change, or not at all, and cut access tokens off where an event means that.
 */
export const RECORDED = `recorded AS (
  INSERT INTO audit_events (id, type, user_id, actor_id, client_id, provider, ip_address, user_agent, request_id, details)
  SELECT ${UUID_V7}, type, user_id, actor_id, client_id, provider, ip_address, user_agent, request_id, details FROM events
  RETURNING id), ${CUT_OFF}`

/** The column list of a CTE `events` that is read from JSON, as `eventsAsJson` writes it. */
export const EVENT_COLUMNS = `type text, user_id uuid, actor_id uuid, client_id text, provider text, ip_address text, user_agent text, request_id text,
  details jsonb`

export function eventsAsJson (events: NewEvent[], { ipAddress, userAgent, requestId }: Partial<Caller>): string {
  return JSON.stringify(events.map(({ type, userId, actorId, clientId, provider, details = {} }) => ({
    type, user_id: userId, actor_id: actorId, client_id: clientId, provider, ip_address: ipAddress, user_agent: userAgent, request_id: requestId, details
  })))
}

const RECORD = `WITH events AS (SELECT * FROM jsonb_to_recordset($1::jsonb) AS event(${EVENT_COLUMNS})), ${RECORDED} SELECT 1`

/** Writes events down in the caller's transaction, be it Prisma's or a connection of the pool. */
export async function recordEvents (transaction: Pick<PoolClient, 'query'> | Prisma.TransactionClient, events: NewEvent[], caller: Partial<Caller>): Promise<void> {
  if (events.length === 0) return
  const json = eventsAsJson(events, caller)
  if ('query' in transaction) await transaction.query({ name: 'record-events', text: RECORD, values: [json] })
  else await transaction.$executeRawUnsafe(RECORD, json)
}
