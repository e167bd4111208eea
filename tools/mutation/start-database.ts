// Starts the tests' PostgreSQL before Stryker's processes use it, in a hurry rather than safely: its data live for one
// run.
import pg from 'pg'
import { createDatabase } from '../../test/database.ts'

const { url, giveBack } = await createDatabase()
const client = new pg.Client({ connectionString: url })
await client.connect()
for (const setting of ['fsync', 'synchronous_commit', 'full_page_writes', 'autovacuum']) {
  await client.query(`ALTER SYSTEM SET ${setting} = off`)
}
await client.query('SELECT pg_reload_conf()')
await client.end()
await giveBack()
