import type { FastifyRequest } from 'fastify'

/** What is written down: see `AuditEvent` in prisma/schema.prisma. */
export type AuditEventType = 'login.succeeded' | 'login.failed' | 'account.linked' | 'account.unlinked' | 'token.reuse_detected'
  | 'session.revoked' | 'user.created' | 'user.updated' | 'user.deleted' | 'user.disabled' | 'user.enabled' | 'user.roles_changed'
  | 'client.created' | 'client.updated' | 'client.deleted' | 'client.secret_rotated' | 'key.rotated'

/** Where a request came from, for sessions and audit events. */
export interface Caller {
  ipAddress: string
  userAgent: string | null
  requestId: string
}

/** The caller as a request shows it. */
export function callerOf (request: FastifyRequest): Caller {
  return { ipAddress: request.ip, userAgent: request.headers['user-agent']?.slice(0, 500) ?? null, requestId: request.id }
}
