import type { Database } from '../plugins/database.ts'
import { toUser, type User } from './user.ts'

export interface UserRepository {
  /** The user behind a session that is alive: not ended, not expired, user not disabled. One statement. */
  bySession: (sessionId: string, userId: string) => Promise<User | undefined>
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
    }
  }
}
