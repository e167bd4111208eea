import type { FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import { NullableText } from '../nullable.ts'

/** What is written down: see `AuditEvent` in prisma/schema.prisma. */
export type AuditEventType = 'login.succeeded' | 'login.failed' | 'account.linked' | 'account.unlinked' | 'token.reuse_detected'
  | 'session.revoked' | 'user.created' | 'user.updated' | 'user.deleted' | 'user.disabled' | 'user.enabled' | 'user.roles_changed'
  | 'client.created' | 'client.updated' | 'client.deleted' | 'client.secret_rotated' | 'key.rotated'
  | 'webhook.created' | 'webhook.updated' | 'webhook.deleted' | 'webhook.secret_rotated'

const Text = NullableText()
const Id = NullableText({ format: 'uuid' })

export const AuditEventSchema = Type.Object({
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
}, { title: 'AuditEvent', description: 'What happened to `userId`, and who did it: `actorId`.' })

export type AuditEvent = Static<typeof AuditEventSchema>

export type AuditEventRow = Omit<AuditEvent, 'createdAt' | 'details'> & { createdAt: Date, details: unknown }

export function toAuditEvent (row: AuditEventRow): AuditEvent {
  return { ...row, createdAt: row.createdAt.toISOString(), details: row.details as AuditEvent['details'] }
}

/** An event as a user may see it who is no administrator: where somebody else sat who did it is not for them. */
export function toOwnAuditEvent (row: AuditEventRow, viewerId: string): AuditEvent {
  const isByAnother = row.actorId !== null && row.actorId !== viewerId
  return { ...toAuditEvent(row), ...isByAnother ? { ipAddress: null, userAgent: null, requestId: null } : {} }
}

/** Where a request came from, for sessions and audit events. */
export interface Caller {
  ipAddress: string
  userAgent: string | null
  requestId: string
  /** The client whose access token the request carried. */
  clientId: string | null
}

/** The caller as a request shows it. */
export function callerOf (request: FastifyRequest): Caller {
  const { ip, id, bearer, headers } = request
  return { ipAddress: ip, userAgent: headers['user-agent']?.slice(0, 500) ?? null, requestId: id, clientId: (bearer as typeof bearer | null)?.client_id ?? null }
}
