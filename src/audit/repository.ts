import type { Database } from '../plugins/database.ts'
import type { AuditEventType, Caller } from './audit-event.ts'

export interface AuditRepository {
  record: (event: { type: AuditEventType, caller: Caller, provider?: string, clientId?: string, details?: Record<string, string> }) => Promise<void>
}

export function createAuditRepository ({ prisma }: Database): AuditRepository {
  return {
    async record ({ caller, ...event }) {
      await prisma.auditEvent.create({ data: { ...event, ...caller } })
    }
  }
}
