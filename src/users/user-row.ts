import { toUser, type User } from './user.ts'

/** A user of `users u` with its accounts: what `readUser` reads. */
export const USER_COLUMNS = `u.id, u.email, u.name, u.avatar_url AS "avatarUrl", u.locale, u.roles, u.preferences,
    u.created_at AS "createdAt", u.updated_at AS "updatedAt", u.last_login_at AS "lastLoginAt",
    ARRAY(
      SELECT json_build_object('id', a.id, 'provider', a.provider, 'subject', a.subject, 'username', a.username, 'email', a.email,
        'emailVerified', a.email_verified, 'name', a.name, 'avatarUrl', a.avatar_url, 'scope', a.scope,
        'createdAt', a.created_at, 'lastLoginAt', a.last_login_at)
      FROM accounts a WHERE a.user_id = u.id ORDER BY a.created_at, a.id
    ) AS accounts`

/** Strictly forward: a login writes only if the user is as it read them, and knows by this (sign-in/statements.ts). */
export const UPDATED = "updated_at = GREATEST(now(), updated_at + interval '1 millisecond')"

type Account = Parameters<typeof toUser>[0]['accounts'][number]

/** As it comes from the database, the times of accounts as JSON. */
export type UserRow = Omit<Parameters<typeof toUser>[0], 'accounts'> & { accounts: (Omit<Account, 'createdAt' | 'lastLoginAt'> & { createdAt: string, lastLoginAt: string })[] }

export function readUser (row: UserRow): User {
  const accounts = row.accounts.map((account) => ({ ...account, createdAt: new Date(account.createdAt), lastLoginAt: new Date(account.lastLoginAt) }))
  return toUser({ ...row, accounts })
}
