import { recordEvents } from '../audit/events.ts'
import { USABLE_SESSION, usableSession } from '../database/active-session.ts'
import type { Database } from '../database/database.ts'
import type { Prisma } from '../database/generated/client.ts'
import type { Caller } from '../http/caller.ts'
import { lockUser } from '../database/lock-user.ts'
import { isSameContent, type Preferences } from './preferences.ts'
import { PROFILE_FIELDS, PROFILE_SELECT, type ProfilePatch } from './profile.ts'
import { updatedAfter } from './updated-at.ts'
import { USER, type UserRow } from './user-row.ts'
import { toUser, type User } from './user.ts'

export interface UserRepository {
  find: (userId: string) => Promise<User | undefined>
  /** The user of an active session, unless the user is disabled. */
  bySession: (sessionId: string, userId: string) => Promise<User | undefined>
  /** The roles of that user. */
  rolesBySession: (sessionId: string, userId: string) => Promise<string[] | undefined>
  /** Sets fields of a user's profile, and records that the user set them. Writes nothing when nothing changes. */
  edit: (userId: string, patch: ProfilePatch, caller: Caller) => Promise<void>
  /** Undefined when there is no such user. */
  preferences: (userId: string) => Promise<Preferences | undefined>
  /**
   * Runs `change` while the user's row is locked, and returns the preferences as stored. Writes nothing when `change`
   * throws or changes nothing. Undefined when there is no such user.
   */
  changePreferences: (
    userId: string, change: (current: Preferences) => Preferences, caller: Caller
  ) => Promise<Preferences | undefined>
}

/** Runs on the pool, as one statement that returns JSON: `GET /me` is the hot path of every signed-in client. */
const USER_BY_SESSION = `
  SELECT ${USER} AS "user" FROM sessions s JOIN users u ON u.id = s.user_id
  WHERE s.id = $1 AND s.user_id = $2 AND ${USABLE_SESSION}`

export function createUserRepository ({ prisma, pool, clock }: Database): UserRepository {
  return {
    async find (id) {
      const user = await prisma.user.findFirst({
        where: { id }, include: { accounts: true }, relationLoadStrategy: 'join'
      })
      return user ? toUser(user) : undefined
    },

    async bySession (sessionId, userId) {
      const statement = { name: 'user-by-session', text: USER_BY_SESSION, values: [sessionId, userId] }
      const { rows } = await pool.query<UserRow>(statement)
      return rows[0]?.user
    },

    async rolesBySession (sessionId, userId) {
      const session = await prisma.session.findFirst({
        where: { id: sessionId, userId, ...usableSession(clock.now()) },
        select: { user: { select: { roles: true } } },
        relationLoadStrategy: 'join'
      })
      return session?.user.roles
    },

    edit: (userId, patch, caller) => prisma.$transaction(async (tx) => {
      if (!await lockUser(tx, userId)) return
      const { updatedAt, editedFields, ...before } = await tx.user.findUniqueOrThrow({
        where: { id: userId },
        select: { ...PROFILE_SELECT, editedFields: true, updatedAt: true }
      })
      const isNew = (field: keyof ProfilePatch) => patch[field] !== before[field] || !editedFields.includes(field)
      const fields = PROFILE_FIELDS.filter((field) => patch[field] !== undefined && isNew(field))
      if (fields.length === 0) return
      await tx.user.update({
        where: { id: userId },
        data: {
          ...before,
          ...patch,
          editedFields: [...new Set([...editedFields, ...fields])],
          updatedAt: updatedAfter(updatedAt, clock.now())
        },
        select: { id: true }
      })
      await recordEvents(tx, [{ type: 'user.updated', userId, actorId: userId, details: { fields } }], caller)
    }),

    async preferences (userId) {
      const user = await prisma.user.findFirst({ where: { id: userId }, select: { preferences: true } })
      return user?.preferences as Preferences | undefined
    },

    changePreferences: (userId, change, caller) => prisma.$transaction(async (tx) => {
      if (!await lockUser(tx, userId)) return undefined
      const select = { preferences: true, updatedAt: true }
      const before = await tx.user.findUniqueOrThrow({ where: { id: userId }, select })
      const current = before.preferences as Preferences
      const wanted = change(current)
      if (isSameContent(current, wanted)) return current
      const data = {
        preferences: wanted as Prisma.InputJsonObject,
        updatedAt: updatedAfter(before.updatedAt, clock.now())
      }
      const after = await tx.user.update({ where: { id: userId }, data, select })
      const details = { fields: ['preferences'] }
      await recordEvents(tx, [{ type: 'user.updated', userId, actorId: userId, details }], caller)
      return after.preferences as Preferences
    })
  }
}
