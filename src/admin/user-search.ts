import type { Database } from '../database/database.ts'
import { Prisma } from '../database/generated/client.ts'
import type { Position } from '../database/newest-first.ts'
import { PLAN_EACH_TIME } from '../database/statement-names.ts'

export type Status = 'active' | 'disabled'
/** `query` matches words of name and email by their beginnings; each of its words must match. */
export interface UserFilter { query?: string, status?: Status, provider?: string }

/**
 * A word that many users share is looked for among so many of the newest users, a rare one through its index.
 * PostgreSQL cannot choose between the two: it estimates every prefix at two in a hundred users.
 */
const NEWEST = 1000

/** As the indexes users_words_idx and users_disabled_words_idx spell it. */
const WORDS = Prisma.sql`
  to_tsvector('simple', coalesce(u.name, '') || ' ' || translate(coalesce(u.email, ''), '@.+_-', '     '))`
const NEWEST_FIRST = Prisma.sql`ORDER BY u.created_at DESC, u.id DESC`

/** The ids of the users that a filter finds after a position, newest first. */
export async function searchUsers (
  prisma: Database['prisma'], { query, status, provider }: UserFilter, { time, id }: Position, count: number
): Promise<string[]> {
  const after = Prisma.sql`(u.created_at, u.id) < (${time}, ${id}::uuid)`
  const hasStatus = status === undefined
    ? Prisma.sql`true`
    : status === 'disabled' ? Prisma.sql`u.disabled_at IS NOT NULL` : Prisma.sql`u.disabled_at IS NULL`
  const hasProvider = provider === undefined
    ? Prisma.sql`true`
    : Prisma.sql`EXISTS (SELECT 1 FROM accounts a WHERE a.user_id = u.id AND a.provider = ${provider})`
  if (query === undefined) return await searchNewest(Prisma.sql`${after} AND ${hasStatus} AND ${hasProvider}`)

  const matches = Prisma.sql`${WORDS} @@ to_tsquery('simple', ${toTsQuery(query)})`
  // Disabled users are few, and have an index of words of their own.
  if (status === 'disabled') return await searchWords()
  const { scanned, ids } = await searchAmongNewest()
  return ids.length === count || scanned < NEWEST ? ids : await searchWords()

  async function searchNewest (condition: Prisma.Sql): Promise<string[]> {
    const rows = await prisma.$queryRaw<{ id: string }[]>`
      SELECT u.id FROM users u WHERE ${condition} ${NEWEST_FIRST} LIMIT ${count} ${PLAN_EACH_TIME}`
    return rows.map((row) => row.id)
  }

  async function searchWords (): Promise<string[]> {
    const rows = await prisma.$queryRaw<{ id: string }[]>`
      WITH found AS MATERIALIZED (
        SELECT u.id, u.created_at FROM users u WHERE ${matches} AND ${hasStatus} AND ${hasProvider})
      SELECT u.id FROM found u WHERE ${after} ${NEWEST_FIRST} LIMIT ${count} ${PLAN_EACH_TIME}`
    return rows.map((row) => row.id)
  }

  async function searchAmongNewest (): Promise<{ scanned: number, ids: string[] }> {
    const [result] = await prisma.$queryRaw<[{ scanned: number, ids: string[] }]>`
      WITH newest AS MATERIALIZED (
        SELECT u.id, u.created_at, u.name, u.email FROM users u WHERE ${after} AND ${hasStatus} ${NEWEST_FIRST}
        LIMIT ${NEWEST})
      SELECT (SELECT count(*)::int FROM newest) AS scanned, ARRAY(
        SELECT u.id FROM newest u WHERE ${matches} AND ${hasProvider} ${NEWEST_FIRST} LIMIT ${count}) AS ids
      ${PLAN_EACH_TIME}`
    return result
  }
}

/** Each word as a prefix. Letters and digits only, so that no part of it is an operator. */
function toTsQuery (query: string): string {
  return (query.normalize('NFKC').match(/[\p{L}\p{N}]+/gu) ?? []).map((word) => `${word}:*`).join(' & ')
}
