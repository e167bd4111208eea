import { Type, type Static } from 'typebox'
import { NullableText } from '../http/nullable.ts'

/** What is written down: see `AuditEvent` in prisma/schema.prisma. */
export type AuditEventType =
  | 'login.succeeded'
  | 'login.failed'
  | 'account.linked'
  | 'account.unlinked'
  | 'provider.event'
  | 'personal_token.created'
  | 'consent.granted'
  | 'consent.revoked'
  | 'token.reuse_detected'
  | 'token.reused_in_window'
  | 'session.revoked'
  | 'user.created'
  | 'user.updated'
  | 'user.deleted'
  | 'user.disabled'
  | 'user.enabled'
  | 'user.roles_changed'
  | 'client.created'
  | 'client.updated'
  | 'client.deleted'
  | 'client.secret_rotated'
  | 'key.rotated'
  | 'webhook.created'
  | 'webhook.updated'
  | 'webhook.deleted'
  | 'webhook.secret_rotated'

/** Shown to the user as late as the rotation that it tells of (src/database/session-use.ts). */
export const REUSED_IN_WINDOW = 'token.reused_in_window' satisfies AuditEventType

const Text = NullableText()
const Id = NullableText({ format: 'uuid' })

export const AuditEventSchema = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    type: Type.String(),
    createdAt: Type.String({ format: 'date-time' }),
    userId: Id,
    actorId: Id,
    clientId: Text,
    provider: Text,
    ipAddress: Text,
    userAgent: Text,
    requestId: Text,
    details: Type.Object({}, { additionalProperties: true })
  },
  { title: 'AuditEvent', description: 'What happened to `userId`, and who did it: `actorId`.' }
)

export type AuditEvent = Static<typeof AuditEventSchema>

export type AuditEventRow = Omit<AuditEvent, 'createdAt' | 'details'> & { createdAt: Date, details: unknown }

export function toAuditEvent (row: AuditEventRow): AuditEvent {
  return { ...row, createdAt: row.createdAt.toISOString(), details: row.details as AuditEvent['details'] }
}

/**
 * An event as its user sees it. Leaves out the addresses and user agents of other actors, and those of a reused refresh
 * token: the viewer may be the thief.
 */
export function toOwnAuditEvent (row: AuditEventRow, viewerId: string): AuditEvent {
  const event = toAuditEvent(row)
  const nowhere = { ipAddress: null, userAgent: null, requestId: null }
  if (row.type === REUSED_IN_WINDOW) {
    const { sessionId } = row.details as { sessionId: string }
    return { ...event, ...nowhere, details: { sessionId } }
  }
  const isByAnother = row.actorId !== null && row.actorId !== viewerId
  return isByAnother ? { ...event, ...nowhere } : event
}
