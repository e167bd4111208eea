import t, { type Test } from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { startFakeGitHub } from '../fakes/github.ts'
import { race, readJson, setup } from '../helper.ts'

/** What an administrator or the person changes while a client goes on (C4 of the design): two instances, so many rounds of each. */
const ROUNDS = 200

interface Tokens { access_token: string, refresh_token: string, user: { id: string } }

async function world (t: Test) {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const running = await setup(t, { ...github.settings, LOG_LEVEL: 'warn' })
  const { address } = await running.another()

  async function signIn (id: number): Promise<Tokens> {
    github.user({ id, login: `person${id}`, email: `person${id}@example.com` })
    return (await createBrowser(running.url).login('/login/github')).json()
  }

  /** A call with a bearer; even rounds go to one instance, odd ones to the other. */
  async function call (round: number, method: string, path: string, { access_token: token }: Tokens, body?: object) {
    const headers = { authorization: `Bearer ${token}`, ...body === undefined ? {} : { 'content-type': 'application/json' } }
    return await fetch((round % 2 === 0 ? running.url : address) + path, { method, headers, ...body === undefined ? {} : { body: JSON.stringify(body) } })
  }

  async function refresh (round: number, refreshToken: string) {
    const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken })
    const response = await fetch(`${round % 2 === 0 ? running.url : address}/oauth2/token`, { method: 'POST', body })
    return { status: response.status, body: await readJson(response) }
  }

  /** True when something of the session still works: its old access token, or what a refresh beside the change brought. */
  async function stillWorks (round: number, tokens: Tokens, refreshed: Awaited<ReturnType<typeof refresh>>): Promise<boolean> {
    const fresh: Tokens = refreshed.status === 200 ? { ...tokens, ...refreshed.body } : tokens
    const answers = [
      await call(round, 'GET', '/me', tokens), await call(round + 1, 'GET', '/me', fresh),
      await refresh(round, tokens.refresh_token), await refresh(round + 1, fresh.refresh_token)
    ]
    return answers.some(({ status }) => status === 200)
  }

  async function admin () {
    const tokens = await signIn(1)
    await running.sql.query("UPDATE users SET roles = '{admin}' WHERE id = $1", [tokens.user.id])
    return tokens
  }

  return { ...running, signIn, call, refresh, stillWorks, admin }
}

/** One change against one refresh of the same session, many times: whoever wins, nothing of the session works afterwards. */
async function againstRefresh (
  t: Test, { refresh, stillWorks }: Awaited<ReturnType<typeof world>>, what: string,
  begin: (round: number) => Promise<{ tokens: Tokens, change: (round: number) => Promise<Response>, end?: () => Promise<unknown> }>
) {
  let refreshedFirst = 0
  let survivors = 0
  const strange: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const { tokens, change, end } = await begin(round)
    const [changed, refreshed] = await Promise.all([change(round), refresh(round + 1, tokens.refresh_token)])
    if (![200, 204].includes(changed.status)) strange.push(changed.status)
    if (![200, 400].includes(refreshed.status)) strange.push(refreshed.status)
    if (refreshed.status === 200) refreshedFirst++
    if (await stillWorks(round, tokens, refreshed)) survivors++
    await end?.()
  }
  t.comment(`${what}: ${ROUNDS} rounds, the refresh came first in ${refreshedFirst}; sessions that still worked afterwards: ${survivors}`)
  t.equal(survivors, 0)
  t.same(strange, [], 'and nobody met another answer')
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
  t.same((await signet.sql.query('SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM accounts) + (SELECT count(*) FROM sessions) AS left')).rows, [{ left: '0' }])
})

t.test('ending a session against its refresh', async (t) => {
  const signet = await world(t)
  const keeper = await signet.signIn(2)
  await againstRefresh(t, signet, 'session revoke against refresh', async () => {
    const tokens = await signet.signIn(2)
    const sid = JSON.parse(Buffer.from(tokens.access_token.split('.')[1] as string, 'base64url').toString()).sid as string
    return { tokens, change: (round) => signet.call(round, 'DELETE', `/me/sessions/${sid}`, keeper) }
  })
})

t.test('taking a role away against a call that needs it', async (t) => {
  const { signIn, call, admin: makeAdmin, sql } = await world(t)
  const admin = await makeAdmin()
  const other = await signIn(2)
  const target = await signIn(3)
  let late = 0
  let served = 0
  const strange: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    await sql.query("UPDATE users SET roles = '{admin}' WHERE id = $1", [other.user.id])
    const [demoted, called] = await Promise.all([
      call(round, 'PATCH', `/admin/users/${other.user.id}`, admin, { roles: [] }),
      call(round + 1, 'PATCH', `/admin/users/${target.user.id}`, other, { roles: [`round${round}`] })
    ])
    if (demoted.status !== 200) strange.push(demoted.status)
    if (![200, 403].includes(called.status)) strange.push(called.status)
    if (called.status === 200) served++
    const { rows: [{ roles }] } = await sql.query('SELECT roles FROM users WHERE id = $1', [target.user.id])
    if (roles.includes(`round${round}`) !== (called.status === 200)) strange.push(-1)
    if ((await call(round + 1, 'GET', '/admin/users', other)).status !== 403) late++
  }
  t.comment(`role change against an admin call: ${ROUNDS} rounds, served in ${served}; calls that worked after the role was gone: ${late}`)
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
