import type { Test } from 'tap'
import t from 'tap'
import { ConnectionPool } from '../../src/database/connection-pool.ts'
import { createDatabase } from '../../src/database/database.ts'
import type { PrismaClient } from '../../src/database/generated/client.ts'
import { isDatabaseUnavailable } from '../../src/database/unavailable.ts'
import { createDatabase as createTestDatabase } from '../database.ts'
import { eventually } from '../helper.ts'
import { startTcpProxy } from '../tcp-proxy.ts'

/** Every way in which Signet reaches the database through Prisma. */
const CALLS: Record<string, (prisma: PrismaClient) => Promise<unknown>> = {
  'a typed read': (prisma) => prisma.user.findFirst(),
  'a typed write': (prisma) => prisma.user.create({ data: {} }),
  'a raw read': (prisma) => prisma.$queryRaw`SELECT count(*) FROM users`,
  'a raw write': (prisma) => prisma.$executeRaw`DELETE FROM users`,
  'a batch': (prisma) => prisma.$transaction([prisma.user.count(), prisma.$executeRaw`DELETE FROM users`]),
  'a transaction': (prisma) => prisma.$transaction(async (tx) => await tx.$executeRaw`DELETE FROM users`)
}

async function startWorld (t: Test) {
  const { url, sql, giveBack } = await createTestDatabase()
  const { port, pathname, username, password } = new URL(url)
  const proxy = await startTcpProxy(Number(port))
  const credentials = password === '' ? username : `${username}:${password}`
  const pool = new ConnectionPool(`postgresql://${credentials}@127.0.0.1:${proxy.port}${pathname}`, 2)
  // As in the app: a lost idle connection would end the process.
  pool.on('error', () => {})
  const { prisma } = createDatabase(pool)
  t.teardown(async () => {
    await prisma.$disconnect()
    await pool.end()
    await proxy.close()
    await giveBack()
  })
  return { proxy, prisma, sql }
}

/** The error of a call that waits for the table while `interrupt` runs. */
async function interrupted (t: Test, call: (prisma: PrismaClient) => Promise<unknown>, interrupt: 'reset' | 'close') {
  const { proxy, prisma, sql } = await startWorld(t)
  const locker = await sql.connect()
  try {
    await locker.query('BEGIN')
    await locker.query('LOCK TABLE users IN ACCESS EXCLUSIVE MODE')
    const failed = call(prisma).then(() => undefined, (error: unknown) => error)
    const waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'users'::regclass"
    await eventually('it waits', async () => (await locker.query(waits)).rowCount === 1)
    await proxy[interrupt]()
    return await failed
  } finally {
    await locker.query('ROLLBACK')
    locker.release()
  }
}

for (const [name, call] of Object.entries(CALLS)) {
  t.test(`${name} means "not now" when the connection is reset, closed or refused`, async (t) => {
    t.equal(isDatabaseUnavailable(await interrupted(t, call, 'reset')), true, 'reset')
    t.equal(isDatabaseUnavailable(await interrupted(t, call, 'close')), true, 'closed')
    const { proxy, prisma } = await startWorld(t)
    await proxy.close()
    t.equal(isDatabaseUnavailable(await call(prisma).catch((error: unknown) => error)), true, 'refused')
  })
}

t.test('an error of the statement itself is no such thing', async (t) => {
  const { prisma } = await startWorld(t)
  const wrong = await prisma.$executeRaw`DELETE FROM nowhere`.catch((error: unknown) => error)
  t.type(wrong, Error)
  t.equal(isDatabaseUnavailable(wrong), false)
})
