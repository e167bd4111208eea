import { REUSED_IN_WINDOW, type AuditEventRow } from '../audit/audit-event.ts'
import type { Database } from '../database/database.ts'
import type { Prisma } from '../database/generated/client.ts'
import { newestFirst } from '../database/newest-first.ts'
import { SESSION_USE, SHOW_USE_AFTER_SECONDS, shownUse } from '../database/session-use.ts'
import type { Transaction } from '../database/transaction.ts'

/**
 * Everything stored about a user except secrets, and except what tells of the last exchange of a refresh token at once
 * (src/database/session-use.ts): a column is exported when it is named here.
 */
const EXPORTED = {
  id: true,
  email: true,
  name: true,
  avatarUrl: true,
  locale: true,
  editedFields: true,
  roles: true,
  preferences: true,
  disabledAt: true,
  createdAt: true,
  updatedAt: true,
  lastLoginAt: true,
  accounts: {
    select: {
      id: true,
      provider: true,
      issuer: true,
      subject: true,
      username: true,
      email: true,
      emailVerified: true,
      name: true,
      avatarUrl: true,
      locale: true,
      scope: true,
      createdAt: true,
      lastLoginAt: true
    },
    orderBy: [{ createdAt: 'asc' as const }, { id: 'asc' as const }]
  },
  sessions: {
    select: {
      id: true,
      clientId: true,
      provider: true,
      scope: true,
      accountId: true,
      ipAddress: true,
      userAgent: true,
      authenticatedAt: true,
      ...SESSION_USE,
      revokedAt: true,
      revocationReason: true
    },
    orderBy: newestFirst<'id'>()
  }
} satisfies Prisma.UserSelect

type StoredUser = Prisma.UserGetPayload<{ select: typeof EXPORTED }>
export type ExportedUser = Omit<StoredUser, 'sessions'> & {
  sessions: (Omit<StoredUser['sessions'][number], 'previouslyUsedAt'> & { idleExpiresAt: Date })[]
  events: AuditEventRow[]
}

export interface ExportRepository {
  /** What was stored at one moment. Undefined when there is no such user. */
  read: (userId: string) => Promise<ExportedUser | undefined>
}

export function createExportRepository (
  { prisma, clock }: Pick<Database, 'prisma' | 'clock'>, { idleSeconds }: { idleSeconds: number }
): ExportRepository {
  return {
    read: (userId) => prisma.$transaction(async (tx) => {
      const user = await tx.user.findUnique({ where: { id: userId }, select: EXPORTED, relationLoadStrategy: 'join' })
      if (!user) return undefined
      const now = clock.now()
      const sessions = user.sessions.map((session) => {
        const { previouslyUsedAt: _, ...rest } = session
        return { ...rest, ...shownUse(session, idleSeconds, now) }
      })
      return { ...user, sessions, events: await readEvents(tx, userId) }
    }, { isolationLevel: 'RepeatableRead' })
  }
}

/**
 * What happened to the user, and what the user did to others. The second condition is spelled as the partial index
 * audit_events_actor_id_idx has it, which a typed query cannot.
 */
function readEvents (tx: Transaction, userId: string) {
  return tx.$queryRaw<AuditEventRow[]>`
    SELECT id, type, created_at AS "createdAt", user_id AS "userId", actor_id AS "actorId", client_id AS "clientId",
      provider, ip_address AS "ipAddress", user_agent AS "userAgent", request_id AS "requestId", details
    FROM audit_events
    WHERE (user_id = ${userId}::uuid OR (actor_id = ${userId}::uuid AND actor_id IS DISTINCT FROM user_id))
      AND NOT (type = ${REUSED_IN_WINDOW} AND created_at > now() - ${SHOW_USE_AFTER_SECONDS} * interval '1 second')
    ORDER BY created_at DESC, id DESC`
}
