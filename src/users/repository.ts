import type { Caller } from '../http/caller.ts'
import { recordEvents } from '../audit/old-events.ts'
import { inTransaction } from '../database/transaction.ts'
import type { Database } from '../database/database.ts'
import type { Preferences } from './preferences.ts'
import type { ProfilePatch } from './profile.ts'
import type { User } from './user.ts'
import { UPDATED, USER, type UserRow } from './user-row.ts'

export interface UserRepository {
  /** The user behind a session that is alive: not ended, not expired, user not disabled. One statement. */
  bySession: (sessionId: string, userId: string) => Promise<User | undefined>
  /** The roles of the user behind a session that is alive. */
  rolesBySession: (sessionId: string, userId: string) => Promise<string[] | undefined>
  /** Sets fields of a user's profile and remembers that the user did. A patch that says nothing new writes nothing. */
  edit: (userId: string, patch: ProfilePatch, caller: Caller) => Promise<void>
  /** Undefined when there is no such user. */
  preferences: (userId: string) => Promise<Preferences | undefined>
  /** Runs `change` while the user's row is locked, and returns what is stored now. What `change` throws leaves all as it was. */
  changePreferences: (userId: string, change: (current: Preferences) => Preferences, caller: Caller) => Promise<Preferences | undefined>
}

/** Measured beside Prisma's `findUnique` with the same joins in docs/architecture.md: the hot path of every signed-in client. */
const BY_SESSION = `
  SELECT ${USER} AS "user"
  FROM sessions s JOIN users u ON u.id = s.user_id
  WHERE s.id = $1 AND s.user_id = $2 AND s.revoked_at IS NULL AND s.idle_expires_at > now() AND s.expires_at > now()
    AND u.disabled_at IS NULL`

const ROLES_BY_SESSION = `
  SELECT u.roles FROM sessions s JOIN users u ON u.id = s.user_id
  WHERE s.id = $1 AND s.user_id = $2 AND s.revoked_at IS NULL AND s.idle_expires_at > now() AND s.expires_at > now() AND u.disabled_at IS NULL`

const FIELDS = ['name', 'avatarUrl', 'locale'] as const

export function createUserRepository ({ pool }: Database): UserRepository {
  return {
    async bySession (sessionId, userId) {
      return (await pool.query<UserRow>({ name: 'user-by-session', text: BY_SESSION, values: [sessionId, userId] })).rows[0]?.user
    },

    async rolesBySession (sessionId, userId) {
      return (await pool.query({ name: 'roles-by-session', text: ROLES_BY_SESSION, values: [sessionId, userId] })).rows[0]?.roles
    },

    edit: (userId, patch, caller) => inTransaction(pool, async (transaction) => {
      const { rows: [before] } = await transaction.query(
        'SELECT name, avatar_url AS "avatarUrl", locale, edited_fields AS "editedFields" FROM users WHERE id = $1 FOR NO KEY UPDATE', [userId])
      if (!before) return
      const fields = FIELDS.filter((field) => patch[field] !== undefined && (patch[field] !== before[field] || !before.editedFields.includes(field)))
      if (fields.length === 0) return
      const { name, avatarUrl, locale, editedFields } = { ...before, ...patch, editedFields: [...new Set([...before.editedFields, ...fields])] }
      await transaction.query(`UPDATE users SET name = $2, avatar_url = $3, locale = $4, edited_fields = $5, ${UPDATED} WHERE id = $1`,
        [userId, name, avatarUrl, locale, editedFields])
      await recordEvents(transaction, [{ type: 'user.updated', userId, actorId: userId, details: { fields } }], caller)
    }),

    async preferences (userId) {
      return (await pool.query({ name: 'preferences', text: 'SELECT preferences FROM users WHERE id = $1', values: [userId] })).rows[0]?.preferences
    },

    changePreferences: (userId, change, caller) => inTransaction(pool, async (transaction) => {
      const { rows: [before] } = await transaction.query('SELECT preferences FROM users WHERE id = $1 FOR NO KEY UPDATE', [userId])
      if (!before) return undefined
      const { rows: [after] } = await transaction.query(
        `UPDATE users SET preferences = $2, ${UPDATED} WHERE id = $1 AND preferences <> $2::jsonb RETURNING preferences`,
        [userId, JSON.stringify(change(before.preferences))])
      if (after) await recordEvents(transaction, [{ type: 'user.updated', userId, actorId: userId, details: { fields: ['preferences'] } }], caller)
      return (after ?? before).preferences
    })
  }
}
