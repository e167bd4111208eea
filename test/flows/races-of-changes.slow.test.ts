import t, { type Test } from 'tap'
import { ROUNDS, seesaw, world, type Tokens, type World } from './races-world.ts'

/**
 * One change against one refresh of the same session, many times: in either order, no token of the session works
 * afterwards.
 */
async function againstRefresh (
  t: Test,
  { refresh, stillWorks }: World,
  what: string,
  begin: (
    round: number
  ) => Promise<{ tokens: Tokens, change: (round: number) => Promise<Response>, end?: () => Promise<unknown> }>
) {
  const together = seesaw()
  let refreshedFirst = 0
  let survivors = 0
  const strange: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const { tokens, change, end } = await begin(round)
    const [changed, refreshed] = await together(
      () => change(round),
      () => refresh(round + 1, tokens.refresh_token),
      ({ status }) => status === 200
    )
    if (![200, 204].includes(changed.status)) strange.push(changed.status)
    if (![200, 400].includes(refreshed.status)) strange.push(refreshed.status)
    if (refreshed.status === 200) refreshedFirst++
    if (await stillWorks(round, tokens, refreshed)) survivors++
    // Nor when the user is enabled again: it has ended, and is not only refused.
    else if (end && (await end(), await stillWorks(round, tokens, refreshed))) survivors++
  }
  t.comment(
    `${what}: ${ROUNDS} rounds, the refresh came first in ${refreshedFirst}; ` +
      `sessions that still worked afterwards: ${survivors}`
  )
  t.equal(survivors, 0)
  t.same(strange, [], 'and there were no other statuses')
}

t.test('disabling a user against a refresh', async (t) => {
  const signet = await world(t)
  const admin = await signet.admin()
  await againstRefresh(t, signet, 'disable against refresh', async () => {
    const tokens = await signet.signIn(2)
    const path = `/admin/users/${tokens.user.id}`
    return {
      tokens,
      change: (round) => signet.call(round, 'PATCH', path, admin, { status: 'disabled' }),
      end: () => signet.call(0, 'PATCH', path, admin, { status: 'active' })
    }
  })
})

t.test('deleting a user against a refresh', async (t) => {
  const signet = await world(t)
  await againstRefresh(t, signet, 'delete against refresh', async (round) => {
    const tokens = await signet.signIn(1000 + round)
    return { tokens, change: (round) => signet.call(round, 'DELETE', '/me', tokens) }
  })
  t.same(
    (
      await signet.sql.query(
        `SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM accounts)
          + (SELECT count(*) FROM sessions) AS left`
      )
    ).rows,
    [{ left: '0' }]
  )
})

t.test('ending a session against its refresh', async (t) => {
  const signet = await world(t)
  const keeper = await signet.signIn(2)
  await againstRefresh(t, signet, 'session revoke against refresh', async () => {
    const tokens = await signet.signIn(2)
    const sid = JSON.parse(Buffer.from(tokens.access_token.split('.')[1] as string, 'base64url').toString())
      .sid as string
    return { tokens, change: (round) => signet.call(round, 'DELETE', `/me/sessions/${sid}`, keeper) }
  })
})
