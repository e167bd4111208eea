import t from 'tap'
import { race, readJson } from '../helper.ts'
import { ROUNDS, seesaw, world } from './races-world.ts'

t.test('taking a role away against a call that needs it', async (t) => {
  const { signIn, call, admin: makeAdmin, sql } = await world(t)
  const admin = await makeAdmin()
  const other = await signIn(2)
  const target = await signIn(3)
  const together = seesaw()
  let late = 0
  let served = 0
  const strange: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    await sql.query("UPDATE users SET roles = '{admin}' WHERE id = $1", [other.user.id])
    const [demoted, called] = await together(
      () => call(round, 'PATCH', `/admin/users/${other.user.id}`, admin, { roles: [] }),
      () => call(round + 1, 'PATCH', `/admin/users/${target.user.id}`, other, { roles: [`round${round}`] }),
      ({ status }) => status === 200
    )
    if (demoted.status !== 200) strange.push(demoted.status)
    if (![200, 403].includes(called.status)) strange.push(called.status)
    if (called.status === 200) served++
    const { rows: [{ roles }] } = await sql.query('SELECT roles FROM users WHERE id = $1', [target.user.id])
    if (roles.includes(`round${round}`) !== (called.status === 200)) strange.push(-1)
    if ((await call(round + 1, 'GET', '/admin/users', other)).status !== 403) late++
  }
  t.comment(
    `role change against an admin call: ${ROUNDS} rounds, served in ${served}; ` +
      `calls that worked after the role was gone: ${late}`
  )
  t.equal(late, 0)
  t.same(strange, [], 'a call did all or nothing, and said which')
})

t.test('two merge patches at once', async (t) => {
  const { signIn, call } = await world(t)
  const tokens = await signIn(2)
  let lost = 0
  const strange: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const answers = await race(2, (index) => call(index, 'PATCH', '/me/preferences', tokens, { [`by${index}`]: round }))
    strange.push(...answers.map(({ status }) => status).filter((status) => status !== 200))
    const now = await readJson(await call(round, 'GET', '/me/preferences', tokens))
    if (now.by0 !== round || now.by1 !== round) lost++
  }
  t.comment(`two merge patches: ${ROUNDS} rounds; patches that were lost: ${lost}`)
  t.equal(lost, 0)
  t.same(strange, [])
})
