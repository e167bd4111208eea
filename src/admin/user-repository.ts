import { RECORDED, recordEvents, type By, type NewEvent } from '../audit/old-events.ts'
import { retryingConflicts } from '../database/conflicts.ts'
import { inTransaction, type PoolTransaction as Transaction } from '../database/transaction.ts'
import type { Position } from '../http/lists.ts'
import type { Database } from '../database/database.ts'
import { isLastAdmin } from '../users/old-last-admin.ts'
import type { User } from '../users/user.ts'
import { UPDATED, USER, type UserRow } from '../users/user-row.ts'

export type Status = 'active' | 'disabled'
export type AdminUser = User & { status: Status }
export interface UserFilter { query?: string, status?: Status, provider?: string }
export interface UserChange { status?: Status, roles?: string[] }

/** Users as an administrator sees and changes them. */
export interface AdminUserRepository {
  /** Newest first. `query` finds words of the name and of the email by how they begin; all of its words must be there. */
  list: (filter: UserFilter, after: Position, count: number) => Promise<AdminUser[]>
  find: (userId: string) => Promise<AdminUser | undefined>
  /** By email, which is in lower case after NFKC. */
  idByEmail: (email: string) => Promise<string | undefined>
  administrators: () => Promise<AdminUser[]>
  /** All or nothing; who is disabled has no session any more. */
  change: (userId: string, change: UserChange, by: By) => Promise<'changed' | 'last-admin' | 'not-found'>
  /** Ends all sessions of a user. False when there is no such user. */
  endSessions: (userId: string, by: By) => Promise<boolean>
}

const SELECT_FROM = `SELECT ${USER} AS "user", u.id, u.created_at, u.disabled_at IS NOT NULL AS disabled FROM`
const SELECT = `${SELECT_FROM} users u`
const NEWEST_FIRST = 'ORDER BY u.created_at DESC, u.id DESC'

/**
 * A word that many have is found among so many of the newest; one that few have, by its index. Nobody knows before which it is:
 * PostgreSQL takes the beginning of any word for one that two in a hundred have.
 */
const NEWEST = 1000

/** As the indexes have it (users_words_idx, users_disabled_words_idx). An address is taken apart where its words are. */
const WORDS = "to_tsvector('simple', coalesce(u.name, '') || ' ' || translate(coalesce(u.email, ''), '@.+_-', '     '))"

const END_SESSIONS = `
  WITH ended AS (
    UPDATE sessions SET revoked_at = now(), revocation_reason = $2
    WHERE user_id = $1 AND revoked_at IS NULL AND idle_expires_at > now() AND expires_at > now()
    RETURNING id, user_id, client_id, provider
  ), events AS (
    SELECT 'session.revoked' AS type, user_id, $3::uuid AS actor_id, client_id, provider, $4::text AS ip_address, $5::text AS user_agent,
      $6::text AS request_id, $7::jsonb || jsonb_build_object('sessionId', id, 'reason', $2::text) AS details
    FROM ended
  ), ${RECORDED}
  SELECT 1`

export function createAdminUserRepository ({ pool }: Pick<Database, 'pool'>): AdminUserRepository {
  async function endSessions (transaction: Transaction, userId: string, reason: string, { actorId, caller, details = {} }: By): Promise<void> {
    const { ipAddress = null, userAgent = null, requestId = null } = caller
    await transaction.query(END_SESSIONS, [userId, reason, actorId, ipAddress, userAgent, requestId, JSON.stringify(details)])
  }

  return {
    async list ({ query, status, provider }, after, count) {
      const values: unknown[] = [after.time, after.id, count]
      const place = (value: unknown) => `$${values.push(value)}`
      const ofStatus = status === undefined ? '' : `AND u.disabled_at IS ${status === 'disabled' ? 'NOT ' : ''}NULL`
      const ofProvider = provider === undefined ? '' : `AND EXISTS (SELECT 1 FROM accounts p WHERE p.user_id = u.id AND p.provider = ${place(provider)})`
      const where = `WHERE (u.created_at, u.id) < ($1, $2) ${ofStatus}`
      const read = async (text: string) => (await pool.query<Row>(text, values)).rows.map(toAdminUser)
      if (query === undefined) return await read(`${SELECT} ${where} ${ofProvider} ${NEWEST_FIRST} LIMIT $3`)

      const matches = `${WORDS} @@ to_tsquery('simple', ${place(toTsQuery(query))})`
      const readFound = async () => await read(`
        WITH found AS MATERIALIZED (SELECT u.* FROM users u WHERE ${matches} ${ofStatus} ${ofProvider})
        ${SELECT_FROM} found u ${where} ${NEWEST_FIRST} LIMIT $3`)
      // They have an index of their own.
      if (status === 'disabled') return await readFound()

      const { rows } = await pool.query<Row & { scanned: number, id: string | null }>(`
        WITH newest AS MATERIALIZED (SELECT u.* FROM users u ${where} ${NEWEST_FIRST} LIMIT ${NEWEST})
        SELECT * FROM (SELECT count(*)::int AS scanned FROM newest) s
          LEFT JOIN LATERAL (${SELECT_FROM} newest u WHERE ${matches} ${ofProvider} ${NEWEST_FIRST} LIMIT $3) page ON true ORDER BY page.created_at DESC, page.id DESC`, values)
      const common = rows.filter(({ id }) => id !== null).map(toAdminUser)
      if (common.length === count || rows[0]!.scanned < NEWEST) return common
      return await readFound()
    },

    async find (userId) {
      const { rows: [row] } = await pool.query<Row>(`${SELECT} WHERE u.id = $1`, [userId])
      return row && toAdminUser(row)
    },

    async idByEmail (email) {
      return (await pool.query('SELECT id FROM users WHERE email = $1', [email])).rows[0]?.id
    },

    async administrators () {
      return (await pool.query<Row>(`${SELECT} WHERE 'admin' = ANY(u.roles) AND u.disabled_at IS NULL ORDER BY u.created_at, u.id`)).rows.map(toAdminUser)
    },

    change: (userId, { status, roles }, by) => retryingConflicts(() => inTransaction(pool, async (transaction) => {
      const takesAway = status === 'disabled' || (roles !== undefined && !roles.includes('admin'))
      if (takesAway && await isLastAdmin(transaction, userId)) return 'last-admin'
      const { rows: [before] } = await transaction.query<{ roles: string[], disabled: boolean }>(
        'SELECT roles, disabled_at IS NOT NULL AS disabled FROM users WHERE id = $1 FOR NO KEY UPDATE', [userId])
      if (!before) return 'not-found'
      const after = { roles: roles ?? before.roles, disabled: status === undefined ? before.disabled : status === 'disabled' }
      const event = (type: NewEvent['type'], details = {}): NewEvent => ({ type, userId, actorId: by.actorId, details: { ...by.details, ...details } })
      const events = [
        ...after.disabled === before.disabled ? [] : [event(after.disabled ? 'user.disabled' : 'user.enabled')],
        ...isSame(after.roles, before.roles) ? [] : [event('user.roles_changed', { before: before.roles, roles: after.roles })]
      ]
      if (events.length === 0) return 'changed'
      await transaction.query(
        `UPDATE users SET roles = $2, disabled_at = CASE WHEN $3 THEN coalesce(disabled_at, now()) END, ${UPDATED} WHERE id = $1`, [userId, after.roles, after.disabled])
      await recordEvents(transaction, events, by.caller)
      if (after.disabled && !before.disabled) await endSessions(transaction, userId, 'user_disabled', by)
      return 'changed'
    })),

    endSessions: (userId, by) => retryingConflicts(() => inTransaction(pool, async (transaction) => {
      // A login that is on its way comes before, and then its session ends too, or after.
      const { rowCount } = await transaction.query('SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE', [userId])
      await endSessions(transaction, userId, 'logged_out_everywhere', by)
      return rowCount === 1
    }))
  }
}

type Row = UserRow & { disabled: boolean }

function toAdminUser ({ user, disabled }: Row): AdminUser {
  return { ...user, status: disabled ? 'disabled' : 'active' }
}

/** Every word as the beginning of one; letters and digits only, so that nothing of it is an operator. */
function toTsQuery (query: string): string {
  return (query.normalize('NFKC').match(/[\p{L}\p{N}]+/gu) ?? []).map((word) => `${word}:*`).join(' & ')
}

const isSame = (one: string[], other: string[]) => one.length === other.length && one.every((role) => other.includes(role))
