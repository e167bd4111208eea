import type { Database } from '../plugins/database.ts'
import type { Caller } from './audit-event.ts'
import { recordEvents, type NewEvent } from './events.ts'

export interface AuditRepository {
  /** For what changes nothing else; a change writes its events down with itself (events.ts). */
  record: (event: NewEvent, caller: Caller) => Promise<void>
}

export function createAuditRepository ({ pool }: Database): AuditRepository {
  return { record: (event, caller) => recordEvents(pool, [event], caller) }
}
