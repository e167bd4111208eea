import pg from 'pg'
import type { Source } from './source.ts'

const CONNECT_MS = 10_000
const ROWS = 500

/**
 * The records of the source's own database, by a cursor in a read-only transaction: nothing can be written, and all are
 * of one moment. The connection stays open until the last record was taken.
 */
export async function * readDatabase (
  connectionString: string, query: NonNullable<Source['query']>
): AsyncGenerator<unknown> {
  const client = new pg.Client({
    connectionString, application_name: 'signet import', connectionTimeoutMillis: CONNECT_MS
  })
  // What fails later fails the query that waits for it.
  client.on('error', () => {})
  await client.connect().catch((error: unknown) => { throw explain(error) })
  try {
    await client.query('BEGIN TRANSACTION READ ONLY, ISOLATION LEVEL REPEATABLE READ')
    const text = await query((candidates) => findTable(client, candidates))
    await client.query(`DECLARE people NO SCROLL CURSOR FOR ${text}`)
    const next = () => client.query<{ person: unknown }>(`FETCH ${ROWS} FROM people`)
    for (let page = await next(); page.rows.length > 0; page = await next()) {
      for (const { person } of page.rows) yield person
    }
  } finally {
    await client.end()
  }
}

async function findTable (client: pg.Client, candidates: string[]): Promise<string> {
  const { rows: [row] } = await client.query<{ name: string }>(
    'SELECT name FROM unnest($1::text[]) WITH ORDINALITY AS c (name, n) WHERE to_regclass(name) IS NOT NULL ORDER BY n',
    [candidates]
  )
  if (row) return row.name
  throw new Error(
    `The database of IMPORT_DATABASE_URL has no table ${candidates.join(' or ')} that this user can see. For tables ` +
    'in another schema add ?options=-c%20search_path%3DNAME to the URL.'
  )
}

/** pg's messages name host and user, never the password. */
function explain (error: unknown): Error {
  const { message, code } = error as { message?: string, code?: string }
  return new Error(`The database of IMPORT_DATABASE_URL cannot be used: ${message || code || 'no answer'}`)
}
