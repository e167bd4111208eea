import type { User } from './user.ts'

/** The SQL of a timestamp as API responses format it: RFC 3339, in UTC, with milliseconds. */
export const time = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

/**
 * The SQL of a user of `users u`, accounts included, as one JSON value: a `User` as API responses have it. To read one
 * value takes this process half the time that reading twelve columns and formatting their timestamps does.
 */
export const USER = `json_build_object(
    'id', u.id, 'email', u.email, 'emailVerified', u.email IS NOT NULL, 'name', u.name, 'avatarUrl', u.avatar_url,
    'locale', u.locale, 'roles', u.roles, 'preferences', u.preferences,
    'metadata', u.metadata, 'createdAt', ${time('u.created_at')},
    'updatedAt', ${time('u.updated_at')}, 'lastLoginAt', ${time('u.last_login_at')},
    'accounts', ARRAY(
      SELECT json_build_object(
        'id', a.id, 'provider', a.provider, 'subject', a.subject, 'username', a.username, 'email', a.email,
        'emailVerified', a.email_verified, 'name', a.name, 'avatarUrl', a.avatar_url, 'scope', a.scope,
        'createdAt', ${time('a.created_at')}, 'lastLoginAt', ${time('a.last_login_at')})
      FROM accounts a WHERE a.user_id = u.id ORDER BY a.created_at, a.id
    ))`

export interface UserRow { user: User }
