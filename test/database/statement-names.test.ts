import t from 'tap'
import { createStatementNames, isGeneratedName, PLAN_EACH_TIME } from '../../src/database/statement-names.ts'

t.test('a text is prepared under one name, and texts have different names', async (t) => {
  const nameOf = createStatementNames()
  const [one, other] = [nameOf({ sql: 'SELECT 1' }), nameOf({ sql: 'SELECT 2' })]
  t.match([one, other].map(isGeneratedName), [true, true])
  t.not(one, other)
  t.equal(nameOf({ sql: 'SELECT 1' }), one)
})

t.test('transaction commands are not prepared, nor what must be planned with its values', async (t) => {
  const nameOf = createStatementNames()
  for (const sql of ['BEGIN', 'COMMIT', 'ROLLBACK', `SELECT 1 ${PLAN_EACH_TIME.sql}`]) t.equal(nameOf({ sql }), '', sql)
})

t.test('statements without end do not fill the memory of PostgreSQL', async (t) => {
  const nameOf = createStatementNames()
  const names = Array.from({ length: 1000 }, (_, index) => nameOf({ sql: `SELECT ${index}` }))
  t.equal(new Set(names).size, 501)
  t.equal(names.at(-1), '')
  t.equal(nameOf({ sql: 'SELECT 0' }), names[0], 'those that were first stay prepared')
})
