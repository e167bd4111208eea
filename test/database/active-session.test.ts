import { randomUUID } from 'node:crypto'
import t from 'tap'
import {
  ACTIVE_SESSION, USABLE_SESSION, activeSession, openingEndValues, openingEnds, usableSession
} from '../../src/database/active-session.ts'
import { openDatabase } from '../open-database.ts'

t.test('the rule in SQL and the rule of typed queries find the same sessions', async (t) => {
  const { prisma, pool, clock } = await openDatabase(t)
  const past = clock.inSeconds(-60)
  const future = clock.inSeconds(60)
  const expected: Record<string, boolean[]> = {}
  for (const disabledAt of [null, past]) {
    const { id: userId } = await prisma.user.create({ data: { disabledAt } })
    for (const revokedAt of [null, past]) {
      for (const idleExpiresAt of [past, future]) {
        for (const expiresAt of [past, future]) {
          const id = randomUUID()
          await prisma.session.create({
            data: {
              id,
              userId,
              clientId: 'c',
              provider: 'p',
              scope: '',
              secretHash: Buffer.from('h'),
              authenticatedAt: past,
              idleExpiresAt,
              expiresAt,
              revokedAt
            }
          })
          const isActive = revokedAt === null && idleExpiresAt === future && expiresAt === future
          expected[id] = [isActive, isActive && disabledAt === null]
        }
      }
    }
  }
  const active = await prisma.session.findMany({ where: activeSession(clock.now()) })
  const usable = await prisma.session.findMany({ where: usableSession(clock.now()) })
  const from = 'FROM sessions s JOIN users u ON u.id = s.user_id WHERE'
  const activeInSql = await pool.query<{ id: string }>(`SELECT s.id ${from} ${ACTIVE_SESSION}`)
  const usableInSql = await pool.query<{ id: string }>(`SELECT s.id ${from} ${USABLE_SESSION}`)
  const idsOf = (rows: { id: string }[]) => rows.map(({ id }) => id).sort()
  const expectedIds = (index: number) => Object.keys(expected).filter((id) => expected[id]?.[index]).sort()
  t.same([expectedIds(0).length, expectedIds(1).length], [2, 1])
  t.same(idsOf(active), expectedIds(0))
  t.same(idsOf(activeInSql.rows), expectedIds(0))
  t.same(idsOf(usable), expectedIds(1))
  t.same(idsOf(usableInSql.rows), expectedIds(1))
})

t.test('a new session has the same ends in SQL and in typed queries', async (t) => {
  const { prisma, clock } = await openDatabase(t)
  await clock.synchronize()
  for (const lifetime of [{ idleSeconds: 60, maximumSeconds: 3600 }, { idleSeconds: 3600, maximumSeconds: 600 }]) {
    const { idleExpiresAt, expiresAt } = openingEnds(clock, lifetime)
    const [[idleEnd, end] = []] = await prisma.$queryRaw<{ ends: Date[] }[]>`
      SELECT ARRAY[${openingEndValues(lifetime)}] AS ends`.then((rows) => rows.map(({ ends }) => ends))
    t.ok(Math.abs(Number(idleEnd) - idleExpiresAt.getTime()) < 5_000, 'idle')
    t.ok(Math.abs(Number(end) - expiresAt.getTime()) < 5_000, 'at the latest')
  }
})
