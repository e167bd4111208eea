import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'

/** What a database is made of, beside its rows: changes when a test alters a table, a trigger, a right or a setting. */
const FINGERPRINT = `
  SELECT string_agg(part, ',') AS fingerprint FROM (
    SELECT count(*) || ':' || sum(xmin::text::bigint) AS part FROM pg_class WHERE oid >= 16384
    UNION ALL SELECT count(*) || ':' || sum(xmin::text::bigint) FROM pg_attribute WHERE attrelid >= 16384
    UNION ALL SELECT count(*) || ':' || sum(xmin::text::bigint) FROM pg_trigger
    UNION ALL SELECT count(*) || ':' || sum(xmin::text::bigint) FROM pg_constraint WHERE oid >= 16384
    UNION ALL SELECT count(*) || ':' || sum(xmin::text::bigint) FROM pg_proc WHERE oid >= 16384
    UNION ALL SELECT count(*) || ':' FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
      WHERE d.datname = current_database()
  ) parts`

/** The tables that hold data, and the sequences, as one statement that empties and restarts them. */
const RENEWAL = `
  SELECT 'SET session_replication_role = replica; '
    || (SELECT string_agg(format('DELETE FROM %I.%I', schemaname, tablename), '; ') FROM pg_tables
        WHERE schemaname IN ('public', 'graphile_worker') AND tablename NOT IN ('_prisma_migrations', 'migrations'))
    || (SELECT coalesce(string_agg(format('; SELECT setval(''%I.%I'', 1, false)', schemaname, sequencename), ''), '')
        FROM pg_sequences WHERE schemaname = 'public')
    || '; SET session_replication_role = origin' AS renewal`

export const APPLICATION_NAME = 'test'

/** Connections of the app that was closed. PostgreSQL ends them a moment later. */
const OTHERS = `
  SELECT count(*) FROM pg_stat_activity
  WHERE datname = current_database() AND application_name <> '${APPLICATION_NAME}'`
const CLOSING_MS = 2_000

/** A database that outgrew this is not worth emptying. */
const MAX_GROWTH_BYTES = 8 * 1024 * 1024

/** Makes a database as good as new by emptying it, which costs a fraction of making one. */
export interface Renewal {
  /** False when that is not possible, or somebody is still connected: then it has to be dropped. */
  renew: () => Promise<boolean>
}

/** Reads how the database is now, before it is used. */
export async function createRenewal (sql: pg.Pool): Promise<Renewal> {
  const read = async (statement: string) => Object.values((await sql.query(statement)).rows[0])[0] as string
  const size = async () => Number(await read('SELECT pg_database_size(current_database())'))
  const [fingerprint, renewal, newSize] = [await read(FINGERPRINT), await read(RENEWAL), await size()]
  return {
    async renew () {
      if (await read(FINGERPRINT) !== fingerprint || await size() > newSize + MAX_GROWTH_BYTES) return false
      for (const endsAt = Date.now() + CLOSING_MS; await read(OTHERS) !== '0'; await sleep(10)) {
        if (Date.now() > endsAt) return false
      }
      await sql.query(renewal)
      return true
    }
  }
}
