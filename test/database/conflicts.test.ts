import t from 'tap'
import { Conflict, retryingConflicts } from '../../src/database/conflicts.ts'
import { sqlStateOf } from '../../src/database/sql-state.ts'
import { openDatabase } from '../open-database.ts'

t.test('work that lost a race runs again, and gives up after five attempts', async (t) => {
  let attempts = 0
  const failing = (times: number, error: unknown) => async () => {
    attempts++
    if (attempts <= times) throw error
    return 'done'
  }
  for (const error of [new Conflict(), { code: '40P01' }, { code: 'P2025' }]) {
    attempts = 0
    t.equal(await retryingConflicts(failing(4, error)), 'done')
    attempts = 0
    await t.rejects(retryingConflicts(failing(5, error)))
    t.equal(attempts, 5)
  }
  attempts = 0
  await t.rejects(retryingConflicts(failing(1, new Error('a fault'))), { message: 'a fault' })
  t.equal(attempts, 1)
})

t.test("PostgreSQL's code is found in the errors of typed and of raw statements", async (t) => {
  const { prisma } = await openDatabase(t)
  const { id } = await prisma.user.create({ data: { email: 'a@example.com' } })
  const codeOf = (work: Promise<unknown>) => work.then(() => undefined, sqlStateOf)
  t.equal(await codeOf(prisma.user.create({ data: { email: 'a@example.com' } })), '23505')
  t.equal(await codeOf(prisma.$executeRaw`INSERT INTO users (id) VALUES (${id}::uuid)`), '23505')
  t.equal(await codeOf(prisma.$executeRaw`UPDATE accounts SET nothing = 1`), '42703')
  t.equal(await codeOf(prisma.user.update({ where: { email: 'nobody@example.com' }, data: { name: 'x' } })), 'P2025')
  for (const error of [undefined, null, 'text', new Error('no code')]) t.equal(sqlStateOf(error), undefined)
})
