import { REUSED_IN_WINDOW, type AuditEventRow } from '../audit/audit-event.ts'
import type { Database } from '../database/database.ts'
import type { Prisma } from '../database/generated/client.ts'
import { newestFirst, olderThan, type Position } from '../database/newest-first.ts'
import { SESSION_USE, SHOW_USE_AFTER_SECONDS, shownUse } from '../database/session-use.ts'
import { START } from '../http/lists.ts'

// Everything stored about a user except secrets, and except what tells of a rotation of a refresh token at once
// (src/database/session-use.ts): a column is exported when it is named here.

const USER = {
  id: true,
  email: true,
  name: true,
  avatarUrl: true,
  locale: true,
  editedFields: true,
  roles: true,
  preferences: true,
  metadata: true,
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
      emailDisabledAt: true,
      disabledByProviderAt: true,
      createdAt: true,
      lastLoginAt: true
    },
    orderBy: [{ createdAt: 'asc' as const }, { id: 'asc' as const }]
  },
  consents: {
    select: {
      id: true,
      clientId: true,
      clientName: true,
      clientHost: true,
      resource: true,
      scopes: true,
      createdAt: true,
      updatedAt: true
    },
    orderBy: [{ createdAt: 'asc' as const }, { id: 'asc' as const }]
  }
} satisfies Prisma.UserSelect

const SESSION = {
  id: true,
  clientId: true,
  provider: true,
  scope: true,
  resources: true,
  accountId: true,
  ipAddress: true,
  userAgent: true,
  authenticatedAt: true,
  ...SESSION_USE,
  revokedAt: true,
  revocationReason: true
} satisfies Prisma.SessionSelect

export type ExportedUser = Prisma.UserGetPayload<{ select: typeof USER }>
type StoredSession = Prisma.SessionGetPayload<{ select: typeof SESSION }>
export type ExportedSession = Omit<StoredSession, 'previouslyUsedAt'> & { idleExpiresAt: Date }

export interface ExportRepository {
  /** The user and the accounts. Undefined when there is no such user. */
  readUser: (userId: string) => Promise<ExportedUser | undefined>
  /** The sessions, newest first. Each page is a statement of its own, sent when the page is asked for. */
  sessions: (userId: string) => AsyncIterable<ExportedSession[]>
  /** What happened to the user, and what the user did to others, likewise. */
  events: (userId: string) => AsyncIterable<AuditEventRow[]>
}

/** About 200 KB of JSON. */
const PAGE_SIZE = 500

export function createExportRepository (
  { prisma, clock }: Pick<Database, 'prisma' | 'clock'>, { idleSeconds }: { idleSeconds: number }
): ExportRepository {
  function toExported (session: StoredSession): ExportedSession {
    const { previouslyUsedAt: _, ...exported } = session
    return { ...exported, ...shownUse(session, idleSeconds, clock.now()) }
  }

  return {
    async readUser (userId) {
      const select = USER
      const user = await prisma.user.findUnique({ where: { id: userId }, select, relationLoadStrategy: 'join' })
      return user ?? undefined
    },

    sessions: (userId) => pages(async (after) => {
      const where = { userId, ...olderThan(after) }
      const rows = await prisma.session.findMany({ where, select: SESSION, orderBy: newestFirst(), take: PAGE_SIZE })
      return rows.map(toExported)
    }),

    /**
     * Two lists, each read by its index and merged: the events about the user, and those about others. The second
     * condition is spelled as the partial index audit_events_actor_id_idx has it, which a typed query cannot.
     */
    events: (userId) => pages(({ time, id }) => prisma.$queryRaw<AuditEventRow[]>`
      SELECT id, type, created_at AS "createdAt", user_id AS "userId", actor_id AS "actorId", client_id AS "clientId",
        provider, ip_address AS "ipAddress", user_agent AS "userAgent", request_id AS "requestId", details
      FROM (
        (SELECT * FROM audit_events
          WHERE user_id = ${userId}::uuid AND (created_at, id) < (${time}, ${id}::uuid)
            AND (type <> ${REUSED_IN_WINDOW} OR created_at <= now() - ${SHOW_USE_AFTER_SECONDS} * interval '1 second')
          ORDER BY created_at DESC, id DESC LIMIT ${PAGE_SIZE})
        UNION ALL
        (SELECT * FROM audit_events
          WHERE actor_id = ${userId}::uuid AND actor_id IS DISTINCT FROM user_id
            AND (created_at, id) < (${time}, ${id}::uuid)
          ORDER BY created_at DESC, id DESC LIMIT ${PAGE_SIZE})
      ) events
      ORDER BY created_at DESC, id DESC LIMIT ${PAGE_SIZE}`)
  }
}

/** Reads a list whose newest item comes first, a page at a time. */
async function * pages<Row extends { createdAt: Date, id: string }> (
  readAfter: (position: Position) => Promise<Row[]>
): AsyncGenerator<Row[]> {
  for (let position = START; ;) {
    const page = await readAfter(position)
    yield page
    const last = page.at(-1)
    if (!last || page.length < PAGE_SIZE) return
    position = { time: last.createdAt, id: last.id }
  }
}
