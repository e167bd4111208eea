import type { PoolClient } from 'pg'
import type { Prisma } from '../database/generated/client.ts'
import { uuidV7 } from '../database/uuid-v7.ts'
import { CUT_OFF } from './old-revoke-access-tokens.ts'
import { outbox } from './old-outbox.ts'
import type { AuditEventType } from './audit-event.ts'
import type { Caller } from '../http/caller.ts'

/** What happened, to whom, by whom. */
export interface NewEvent {
  type: AuditEventType
  userId?: string | null
  /** Whom a deletion was of: webhooks name the user, and the audit trail no longer may. */
  deletedUserId?: string
  actorId?: string | null
  /** The one that it is about, else the caller's. */
  clientId?: string | null
  provider?: string | null
  details?: Record<string, unknown>
}

/** Who changes something: somebody who called, or the operator on the command line. */
export interface By { actorId: string | null, caller: Partial<Caller>, details?: Record<string, unknown> }

const recorded = (toldOf: string) => `recorded AS (
  INSERT INTO audit_events (id, type, user_id, actor_id, client_id, provider, ip_address, user_agent, request_id, details)
  SELECT ${uuidV7('row_number() OVER ()')}, type, user_id, actor_id, client_id, provider, ip_address, user_agent, request_id, details FROM events
  RETURNING id), ${CUT_OFF}, ${outbox(toldOf)}`

/**
 * For a statement that changes something: with a CTE named `events` of these columns (ip_address, user_agent and request_id
 * are the caller's), these CTEs write the events down with the change, or not at all, cut access tokens off where an event means
 * that, and have the webhooks told.
 */
export const RECORDED = recorded('user_id')

/** The column list of a CTE `events` that is read from JSON, as `eventsAsJson` writes it. */
export const EVENT_COLUMNS = `type text, user_id uuid, actor_id uuid, client_id text, provider text, ip_address text, user_agent text, request_id text,
  details jsonb`

export function eventsAsJson (events: NewEvent[], caller: Partial<Caller>): string {
  return JSON.stringify(events.map(({ type, userId, deletedUserId, actorId, clientId = caller.clientId, provider, details = {} }) => ({
    type,
    user_id: userId,
    deleted_user_id: deletedUserId,
    actor_id: actorId,
    client_id: clientId,
    provider,
    ip_address: caller.ipAddress,
    user_agent: caller.userAgent,
    request_id: caller.requestId,
    details
  })))
}

const RECORD = `WITH events AS (SELECT * FROM jsonb_to_recordset($1::jsonb) AS event(${EVENT_COLUMNS}, deleted_user_id uuid)),
  ${recorded('coalesce(user_id, deleted_user_id)')} SELECT 1`

/** Writes events down in the caller's transaction, be it Prisma's or a connection of the pool. */
export async function recordEvents (transaction: Pick<PoolClient, 'query'> | Prisma.TransactionClient, events: NewEvent[], caller: Partial<Caller>): Promise<void> {
  if (events.length === 0) return
  const json = eventsAsJson(events, caller)
  if ('query' in transaction) await transaction.query({ name: 'record-events', text: RECORD, values: [json] })
  else await transaction.$executeRawUnsafe(RECORD, json)
}
