import type { AuditEventRow } from '../audit/audit-event.ts'
import { inTransaction } from '../database/transaction.ts'
import type { Database } from '../database/database.ts'
import type { Preferences } from './preferences.ts'

type Row = Record<string, unknown>

/** All that is held about a user, but for secrets; times as Date. */
export interface Held { user: Row & { preferences: Preferences }, accounts: Row[], sessions: Row[], events: AuditEventRow[] }

export interface ExportRepository {
  /** As it stands at one moment. Undefined when there is no such user. */
  everythingOf: (userId: string) => Promise<Held | undefined>
}

const USER = `
  SELECT id, email, name, avatar_url AS "avatarUrl", locale, edited_fields AS "editedFields", roles, preferences, disabled_at AS "disabledAt",
    created_at AS "createdAt", updated_at AS "updatedAt", last_login_at AS "lastLoginAt"
  FROM users WHERE id = $1`

const ACCOUNTS = `
  SELECT id, provider, issuer, subject, username, email, email_verified AS "emailVerified", name, avatar_url AS "avatarUrl", locale, scope,
    created_at AS "createdAt", last_login_at AS "lastLoginAt"
  FROM accounts WHERE user_id = $1 ORDER BY created_at, id`

const SESSIONS = `
  SELECT id, client_id AS "clientId", provider, scope, counter, rotated_at AS "rotatedAt", ip_address AS "ipAddress", user_agent AS "userAgent",
    authenticated_at AS "authenticatedAt", created_at AS "createdAt", last_used_at AS "lastUsedAt", idle_expires_at AS "idleExpiresAt",
    expires_at AS "expiresAt", revoked_at AS "revokedAt", revocation_reason AS "revocationReason"
  FROM sessions WHERE user_id = $1 ORDER BY created_at DESC, id DESC`

const EVENT = `SELECT id, type, created_at AS "createdAt", user_id AS "userId", actor_id AS "actorId", client_id AS "clientId", provider,
    ip_address AS "ipAddress", user_agent AS "userAgent", request_id AS "requestId", details FROM audit_events`

/** What happened to the user, and what the user did to others; each from its index. */
const EVENTS = `${EVENT} WHERE user_id = $1 UNION ALL ${EVENT} WHERE actor_id = $1 AND actor_id IS DISTINCT FROM user_id ORDER BY "createdAt" DESC, id DESC`

export function createExportRepository ({ pool }: Database): ExportRepository {
  return {
    everythingOf: (userId) => inTransaction(pool, async (transaction) => {
      await transaction.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY')
      const read = async (text: string) => (await transaction.query(text, [userId])).rows
      const [user] = await read(USER)
      return user && { user, accounts: await read(ACCOUNTS), sessions: await read(SESSIONS), events: await read(EVENTS) }
    })
  }
}
