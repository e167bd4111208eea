import type { Caller } from '../http/caller.ts'
import type { AuditEventType } from './audit-event.ts'

export interface NewEvent {
  type: AuditEventType
  /** The user whom the event is about. */
  userId?: string | null
  /** The user who was deleted: webhooks name them, the audit trail no longer may. */
  deletedUserId?: string
  /** The user who caused it. */
  actorId?: string | null
  /** The client that the event is about, or else the caller's. */
  clientId?: string | null
  provider?: string | null
  details?: Record<string, string | string[] | boolean | number | null | undefined>
}

/** Who makes a change: a user who sent a request, or (`actorId` null) the operator or the service itself. */
export interface By { actorId: string | null, caller: Partial<Caller>, details?: NonNullable<NewEvent['details']> }
