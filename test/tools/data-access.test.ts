import t from 'tap'
import { packageRoot } from '../../src/package-root.ts'
import { findAccesses } from '../../tools/data-access/find.ts'
import { POOL_PLACES, findFaults, isAt, readDataAccess, toTable } from '../../tools/data-access/report.ts'
import { slow } from '../slow.ts'

slow.test('data is read and written through Prisma, and on the pool in the named places only', async (t) => {
  const accesses = await readDataAccess(packageRoot)
  t.same(findFaults(accesses), [])
  for (const place of POOL_PLACES) {
    t.ok(accesses.some((access) => access.kind === 'pool' && isAt(access, place)), `${place} still uses the pool`)
  }
})

const accessesOf = (text: string) => findAccesses(text).map(({ kind, hasRowType }) => [kind, hasRowType])

t.test('the three kinds of access are counted apart', async (t) => {
  t.same(accessesOf('prisma.user.findFirst({}); tx.webhookEndpoint.updateMany({}); await tx.auditEvent.create({})'),
    [['typed', true], ['typed', true], ['typed', true]])
  t.same(accessesOf('tx.$queryRaw<Row[]>`SELECT 1`; tx.$executeRaw`SELECT 1`; prisma.$queryRawUnsafe<Row[]>(text)'),
    [['raw', true], ['raw', true], ['raw', true]])
  t.same(accessesOf('pool.query<Row>(text); (await app.database.pool.query<Row>({ text })).rows'),
    [['pool', true], ['pool', true]])
  t.same(accessesOf('map.user.find(1); users.find(id); request.query; prisma.$transaction(work)'), [])
})

t.test('a statement without a row type is found', async (t) => {
  for (const text of [
    'tx.$queryRaw`SELECT 1`', 'tx.$queryRaw<any[]>`SELECT 1`', 'tx.$queryRaw<unknown[]>`SELECT 1`', 'pool.query(text)'
  ]) t.same(accessesOf(text).map(([, hasRowType]) => hasRowType), [false], text)
})

t.test('faults name the file and the line; the table counts by folder', async (t) => {
  const accesses = ['const repository = {', '  async list () {', '    await pool.query(text)', '  }', '}'].join('\n')
  const found = findAccesses(accesses).map((access) => ({ ...access, file: 'src/users/repository.ts' }))
  t.same(findFaults(found), ['src/users/repository.ts:3 uses the pool', 'src/users/repository.ts:3 has no row type'])
  t.same(findFaults(found.map((access) => ({ ...access, functionName: 'bySession', hasRowType: true }))), [])
  t.same(toTable(found), { 'src/users': { typed: 0, raw: 0, pool: 1 }, total: { typed: 0, raw: 0, pool: 1 } })
})
