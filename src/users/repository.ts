import type { Caller } from '../audit/audit-event.ts'
import { recordEvents } from '../audit/events.ts'
import { inTransaction } from '../database/transaction.ts'
import type { Database } from '../plugins/database.ts'
import type { Preferences } from './preferences.ts'
import type { ProfilePatch } from './profile.ts'
import { toUser, type User } from './user.ts'

export interface UserRepository {
  /** The user behind a session that is alive: not ended, not expired, user not disabled. One statement. */
  bySession: (sessionId: string, userId: string) => Promise<User | undefined>
  /** Sets fields of a user's profile and remembers that the user did. A patch that says nothing new writes nothing. */
  edit: (userId: string, patch: ProfilePatch, caller: Caller) => Promise<void>
  /** Undefined when there is no such user. */
  preferences: (userId: string) => Promise<Preferences | undefined>
  /** Runs `change` while the user's row is locked, and returns what is stored now. What `change` throws leaves all as it was. */
  changePreferences: (userId: string, change: (current: Preferences) => Preferences, caller: Caller) => Promise<Preferences | undefined>
}

/** Measured beside Prisma's `findUnique` with the same joins in docs/architecture.md: the hot path of every signed-in client. */
const BY_SESSION = `
  SELECT u.id, u.email, u.name, u.avatar_url AS "avatarUrl", u.locale, u.roles, u.preferences,
    u.created_at AS "createdAt", u.updated_at AS "updatedAt", u.last_login_at AS "lastLoginAt",
    ARRAY(
      SELECT json_build_object('id', a.id, 'provider', a.provider, 'subject', a.subject, 'username', a.username, 'email', a.email,
        'emailVerified', a.email_verified, 'name', a.name, 'avatarUrl', a.avatar_url, 'scope', a.scope,
        'createdAt', a.created_at, 'lastLoginAt', a.last_login_at)
      FROM accounts a WHERE a.user_id = u.id ORDER BY a.created_at, a.id
    ) AS accounts
  FROM sessions s JOIN users u ON u.id = s.user_id
  WHERE s.id = $1 AND s.user_id = $2 AND s.revoked_at IS NULL AND s.idle_expires_at > now() AND s.expires_at > now()
    AND u.disabled_at IS NULL`

const FIELDS = ['name', 'avatarUrl', 'locale'] as const

/** Strictly forward: a login writes only if the user is as it read them, and knows by this (src/sign-in/statements.ts). */
const UPDATED = "updated_at = GREATEST(now(), updated_at + interval '1 millisecond')"

interface AccountJson { createdAt: string, lastLoginAt: string }

export function createUserRepository ({ pool }: Database): UserRepository {
  return {
    async bySession (sessionId, userId) {
      const { rows: [row] } = await pool.query({ name: 'user-by-session', text: BY_SESSION, values: [sessionId, userId] })
      if (!row) return undefined
      const accounts = row.accounts.map((account: AccountJson) => ({
        ...account, createdAt: new Date(account.createdAt), lastLoginAt: new Date(account.lastLoginAt)
      }))
      return toUser({ ...row, accounts })
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
