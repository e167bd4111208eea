import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createConnection, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import t, { type Test } from 'tap'
import { difference, migrate, readMigrations } from '../../src/database/migrations.ts'
import { packageRoot } from '../../src/package-root.ts'
import { createDatabase, createEmptyDatabase } from '../database.ts'

const schema = await readFile(join(packageRoot, 'prisma/schema.prisma'), 'utf8')

async function query (t: Test, url: string) {
  const pool = new pg.Pool({ connectionString: url })
  // The database may be dropped, and with it the connection, before the pool has ended.
  pool.on('error', () => {})
  t.teardown(() => pool.end())
  return pool
}

t.test('schema.prisma and the migrations agree', async (t) => {
  const { url, giveBack } = await createDatabase()
  t.teardown(giveBack)
  t.equal(await difference(url, schema), '')
  const other = await difference(
    url,
    schema.replace('  email        String?   @unique', '  email        String?   @unique\n  shoeSize     Int?')
  )
  t.match(other, 'ADD COLUMN', 'a schema that says more is noticed')
})

t.test(
  "five instances that start at once on an empty database apply the migrations once, with Prisma's bookkeeping",
  async (t) => {
    const { url, giveBack } = await createEmptyDatabase()
    t.teardown(giveBack)
    const migrations = await readMigrations()
    const applied = await Promise.all(Array.from({ length: 5 }, () => migrate(url)))
    t.same(applied.sort(), [0, 0, 0, 0, migrations.length])
    const pool = await query(t, url)
    const { rows } = await pool.query('SELECT * FROM _prisma_migrations ORDER BY started_at')
    t.same(
      rows.map(({ migration_name: name }) => name),
      migrations.map(({ name }) => name)
    )
    for (const [index, row] of rows.entries()) {
      t.equal(
        row.checksum,
        createHash('sha256')
          .update(migrations[index]?.sql ?? '')
          .digest('hex')
      )
      t.ok(row.finished_at)
      t.equal(row.applied_steps_count, 1)
    }
    t.equal(await migrate(url), 0)
  }
)

t.test('when nothing is pending, no right to change tables is needed', async (t) => {
  const { url, giveBack } = await createDatabase()
  t.teardown(giveBack)
  const pool = await query(t, url)
  const role = `reader_${Date.now()}`
  await pool.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`)
  t.teardown(async () => {
    await pool.query(`DROP OWNED BY ${role}`)
    await pool.query(`DROP ROLE ${role}`)
  })
  await pool.query(`GRANT SELECT ON _prisma_migrations TO ${role}`)
  const asReader = new URL(url)
  asReader.username = role
  asReader.password = 'x'
  t.equal(await migrate(asReader.href), 0)
})

t.test('a proxy that closes connections while no server leads is asked again', async (t) => {
  const { url, giveBack } = await createDatabase()
  t.teardown(giveBack)
  let taken = 0
  const proxy = createServer((client) => {
    client.on('error', () => {})
    if (++taken <= 3) return client.end()
    const server = createConnection(Number(new URL(url).port), '127.0.0.1')
    server.on('error', () => {})
    client.pipe(server).pipe(client)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => { proxy.close() })
  const throughProxy = new URL(url)
  throughProxy.host = `127.0.0.1:${(proxy.address() as AddressInfo).port}`
  t.equal(await migrate(throughProxy.href), 0)
  t.equal(taken, 4)
})
