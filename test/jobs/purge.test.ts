import pg from 'pg'
import t, { type Test } from 'tap'
import { createDatabase } from '../../src/database/database.ts'
import { purgeExpired } from '../../src/jobs/purge.ts'
import { createDatabase as createTestDatabase } from '../database.ts'
import { slow } from '../slow.ts'

const RETENTION = { auditRetentionSeconds: 400 * 86_400 }

/** A database without a Signet, whose own purge would come at the next minute. */
async function connect (t: Test) {
  const { url, giveBack } = await createTestDatabase()
  const sql = new pg.Pool({ connectionString: url, max: 4 })
  sql.on('error', () => {})
  const { prisma } = createDatabase(sql)
  t.teardown(async () => {
    await prisma.$disconnect()
    await sql.end()
    await giveBack()
  })
  return { sql, prisma, purge: () => purgeExpired({ prisma }, RETENTION) }
}

/** Rows of each kind: `age` is how long ago they were over, or were made. */
const INSERT: Record<string, (count: number, age: string) => string> = {
  spent_states: (count, age) => `
    INSERT INTO spent_states (hash, expires_at)
    SELECT uuid_send(gen_random_uuid()), now() - interval '${age}'
    FROM generate_series(1, ${count})`,
  authorization_codes: (count, age) => `
    INSERT INTO authorization_codes (hash, session_id, client_id, redirect_uri, code_challenge, expires_at)
    SELECT uuid_send(gen_random_uuid()), (SELECT id FROM sessions ORDER BY expires_at DESC LIMIT 1), 'x', 'x', 'x',
      now() - interval '${age}'
    FROM generate_series(1, ${count})`,
  link_codes: (count, age) => `
    INSERT INTO link_codes (hash, client_id, redirect_uri, code_challenge, sealed_identity, expires_at)
    SELECT uuid_send(gen_random_uuid()), 'x', 'x', 'x', 'x', now() - interval '${age}'
    FROM generate_series(1, ${count})`,
  device_grants: (count, age) => `
    INSERT INTO device_grants (device_code_hash, user_code, client_id, scope, expires_at)
    SELECT uuid_send(gen_random_uuid()), gen_random_uuid()::text, 'x', '', now() - interval '${age}'
    FROM generate_series(1, ${count})`,
  revocations: (count, age) => `
    INSERT INTO revocations (transaction_id, revoked_at, expires_at)
    SELECT 1, now(), now() - interval '${age}'
    FROM generate_series(1, ${count})`,
  audit_events: (count, age) => `
    INSERT INTO audit_events (id, type, created_at)
    SELECT gen_random_uuid(), 'login.failed', now() - interval '${age}'
    FROM generate_series(1, ${count})`,
  sessions: (count, age) => `
    INSERT INTO sessions (id, user_id, client_id, provider, scope, secret_hash, authenticated_at, idle_expires_at,
      expires_at, revoked_at)
    SELECT gen_random_uuid(), (SELECT id FROM users), 'x', 'x', '', '', now(), now(),
      now() - interval '${age}' + n % 2 * interval '1 year', CASE WHEN n % 2 = 1 THEN now() - interval '${age}' END
    FROM generate_series(1, ${count}) n`
}

t.test('what is over is deleted, in small batches, and what lives is kept', async (t) => {
  const { sql, prisma } = await connect(t)
  await sql.query('INSERT INTO users (id) VALUES (gen_random_uuid())')
  for (const table of Object.keys(INSERT).reverse()) {
    await sql.query(INSERT[table]!(2500, '401 days'))
    await sql.query(INSERT[table]!(3, '-1 minute'))
  }
  const batches: number[] = []
  const counting = prisma.$extends({
    query: {
      async $executeRaw ({ args, query }) {
        const count: number = await query(args)
        batches.push(count)
        return count
      }
    }
  })
  await purgeExpired({ prisma: counting }, RETENTION)
  for (const table of Object.keys(INSERT)) {
    t.equal((await sql.query(`SELECT 1 FROM ${table}`)).rowCount, 3, table)
  }
  t.equal(Math.max(...batches), 250)
  t.equal(
    batches.reduce((sum, count) => sum + count, 0),
    2500 * Object.keys(INSERT).length
  )
})

t.test('what was over a moment ago is kept as long as somebody may ask for it', async (t) => {
  const { sql, purge } = await connect(t)
  await sql.query('INSERT INTO users (id) VALUES (gen_random_uuid())')
  for (const [table, age] of [
    ['sessions', '29 days'],
    ['authorization_codes', '23 hours'],
    ['device_grants', '59 minutes'],
    ['audit_events', '399 days']
  ] as const) {
    await sql.query(INSERT[table]!(2, age))
    await purge()
    t.equal((await sql.query(`SELECT 1 FROM ${table}`)).rowCount, 2, table)
  }
})

slow.test('two instances that purge at once pass over each other, and a long run has an end', async (t) => {
  const { sql, purge } = await connect(t)
  await sql.query(INSERT['spent_states']!(20_000, '1 minute'))
  await Promise.all([purge(), purge()])
  t.equal((await sql.query('SELECT 1 FROM spent_states')).rowCount, 0)
  await sql.query(INSERT['spent_states']!(101_000, '1 minute'))
  await purge()
  t.equal((await sql.query('SELECT 1 FROM spent_states')).rowCount, 1000)
})
