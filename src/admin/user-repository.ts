import { recordEvents, type By, type NewEvent } from '../audit/events.ts'
import { activeSession } from '../database/active-session.ts'
import { retryingConflicts } from '../database/conflicts.ts'
import type { Database } from '../database/database.ts'
import type { Prisma } from '../database/generated/client.ts'
import { newestFirst, olderThan, type Position } from '../database/newest-first.ts'
import type { Transaction } from '../database/transaction.ts'
import { endSessions, type EndReason } from '../sessions/end-sessions.ts'
import { isLastAdmin } from '../users/last-admin.ts'
import type { Metadata } from '../users/metadata.ts'
import { isSameContent } from '../users/preferences.ts'
import { lockUser } from '../database/lock-user.ts'
import { updatedAfter } from '../users/updated-at.ts'
import { toUser, type User, type UserRow } from '../users/user.ts'
import { searchUsers, type Status, type UserFilter } from './user-search.ts'

export type { Status, UserFilter }
export type AdminUser = User & { status: Status }
export interface UserChange { status?: Status, roles?: string[], metadata?: Metadata }

/** Users as administrators see and change them. */
export interface AdminUserRepository {
  /** Newest first. */
  list: (filter: UserFilter, after: Position, count: number) => Promise<AdminUser[]>
  find: (userId: string) => Promise<AdminUser | undefined>
  /** `email` is in lower case, after NFKC. */
  findByEmail: (email: string) => Promise<AdminUser | undefined>
  /** Administrators who are not disabled, oldest first. */
  administrators: () => Promise<AdminUser[]>
  /**
   * Makes all changes or none. Ends all sessions of a user who is disabled. Once an administrator has set the roles of
   * a user, ADMIN_EMAILS no longer adds to them.
   */
  change: (userId: string, change: UserChange, by: By) => Promise<'changed' | 'last-admin' | 'not-found'>
  /** Ends all sessions of a user. False when there is no such user. */
  endSessions: (userId: string, by: By) => Promise<boolean>
}

/** A user with its accounts, in one statement. */
const WITH_ACCOUNTS = {
  include: { accounts: { omit: { sealedTokens: true, sealedRefreshToken: true } } },
  relationLoadStrategy: 'join'
} as const

export function createAdminUserRepository ({ prisma, clock }: Pick<Database, 'prisma' | 'clock'>): AdminUserRepository {
  /** Newest first. */
  async function read (ids: string[]): Promise<AdminUser[]> {
    if (ids.length === 0) return []
    const where = { id: { in: ids } }
    return (await prisma.user.findMany({ where, orderBy: newestFirst(), ...WITH_ACCOUNTS })).map(toAdminUser)
  }

  async function endAllSessions (tx: Transaction, userId: string, reason: EndReason, by: By): Promise<void> {
    const now = clock.now()
    await endSessions(tx, { where: { userId, ...activeSession(now) }, reason, now }, by)
  }

  return {
    async list (filter, position, count) {
      const { query, provider, status } = filter
      if (query !== undefined || provider !== undefined) {
        return await read(await searchUsers(prisma, filter, position, count))
      }
      const hasStatus = status === undefined ? {} : { disabledAt: status === 'disabled' ? { not: null } : null }
      const where = { ...hasStatus, ...olderThan(position) }
      const users = await prisma.user.findMany({ where, orderBy: newestFirst(), take: count, ...WITH_ACCOUNTS })
      return users.map(toAdminUser)
    },

    async find (id) {
      const user = await prisma.user.findFirst({ where: { id }, ...WITH_ACCOUNTS })
      return user ? toAdminUser(user) : undefined
    },

    async findByEmail (email) {
      const user = await prisma.user.findFirst({ where: { email }, ...WITH_ACCOUNTS })
      return user ? toAdminUser(user) : undefined
    },

    async administrators () {
      // Typed, `has` would not use the partial index users_admins_idx.
      const rows = await prisma.$queryRaw<{ id: string }[]>`
        SELECT id FROM users WHERE 'admin' = ANY(roles) AND disabled_at IS NULL`
      const newest = await read(rows.map(({ id }) => id))
      return newest.reverse()
    },

    change: (userId, change, by) => retryingConflicts(() => prisma.$transaction(async (tx) => {
      const { status, roles, metadata } = change
      const removesAdmin = status === 'disabled' || (roles !== undefined && !roles.includes('admin'))
      if (removesAdmin && await isLastAdmin(tx, userId)) return 'last-admin'
      if (!await lockUser(tx, userId)) return 'not-found'
      const before = await tx.user.findUniqueOrThrow({
        where: { id: userId },
        select: { roles: true, editedFields: true, metadata: true, disabledAt: true, updatedAt: true }
      })
      const now = clock.now()
      const after = {
        roles: roles ?? before.roles,
        editedFields: roles ? [...new Set([...before.editedFields, 'roles'])] : before.editedFields,
        disabledAt: status === 'active' ? null : status === 'disabled' ? before.disabledAt ?? now : before.disabledAt
      }
      const changesMetadata = metadata !== undefined && !isSameContent(before.metadata as Metadata, metadata)
      const events = eventsOf(userId, before, after, by, changesMetadata ? ['metadata'] : [])
      if (events.length === 0 && after.editedFields.length === before.editedFields.length) return 'changed'
      const data = {
        ...after,
        ...changesMetadata && { metadata: metadata as Prisma.InputJsonObject },
        updatedAt: updatedAfter(before.updatedAt, now)
      }
      await tx.user.update({ where: { id: userId }, data, select: { id: true } })
      await recordEvents(tx, events, by.caller)
      if (after.disabledAt && !before.disabledAt) await endAllSessions(tx, userId, 'user_disabled', by)
      return 'changed'
    })),

    endSessions: (userId, by) => retryingConflicts(() => prisma.$transaction(async (tx) => {
      // A concurrent sign-in either comes first, and its session ends too, or opens its session afterwards.
      if (!await lockUser(tx, userId)) return false
      await endAllSessions(tx, userId, 'logged_out_everywhere', by)
      return true
    }))
  }
}

function toAdminUser ({ disabledAt, ...row }: UserRow & { disabledAt: Date | null }): AdminUser {
  return { ...toUser(row), status: disabledAt ? 'disabled' : 'active' }
}

interface Changeable { roles: string[], disabledAt: Date | null }

function eventsOf (
  userId: string, before: Changeable, after: Changeable, { actorId, details }: By, fields: string[]
): NewEvent[] {
  const event = (type: NewEvent['type'], more: NewEvent['details'] = {}): NewEvent =>
    ({ type, userId, actorId, details: { ...details, ...more } })
  const events: NewEvent[] = []
  if (!before.disabledAt && after.disabledAt) events.push(event('user.disabled'))
  if (before.disabledAt && !after.disabledAt) events.push(event('user.enabled'))
  if (!isSameSet(before.roles, after.roles)) {
    events.push(event('user.roles_changed', { before: before.roles, roles: after.roles }))
  }
  if (fields.length > 0) events.push(event('user.updated', { fields }))
  return events
}

const isSameSet = (one: string[], other: string[]) =>
  one.length === other.length && one.every((role) => other.includes(role))
