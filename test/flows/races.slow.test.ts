import t, { type Test } from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { startFakeGitHub } from '../fakes/github.ts'
import { startFakeOidc } from '../fakes/oidc.ts'
import { race, readJson, setup } from '../helper.ts'

async function world (t: Test, environment: Record<string, string> = {}) {
  const [github, acme] = await Promise.all([startFakeGitHub(), startFakeOidc()])
  t.teardown(() => Promise.all([github.close(), acme.close()]))
  const running = await setup(t, {
    ...github.settings,
    ...acme.settings('acme', { emailTrusted: true }),
    LOG_LEVEL: 'warn',
    ...environment
  })
  const { address } = await running.another()

  /** A login before its callback. `instance` 1 is another process. */
  async function prepare (provider: string, instance: number) {
    const browser = createBrowser(running.url)
    const callback = await browser.authorize(await browser.start(`/login/${provider}`))
    const cookie = browser.cookieHeader()
    return async () => {
      const response = await fetch(instance % 2 ? callback.replace(running.url, address) : callback, {
        headers: { cookie }
      })
      return { status: response.status, body: await readJson(response) }
    }
  }
  const count = async (table: string) =>
    Number((await running.sql.query(`SELECT count(*) FROM ${table}`)).rows[0].count)
  return { ...running, github, acme, prepare, count }
}

t.test('a hundred first logins of one identity at once, on two instances, make one user', async (t) => {
  const { url, prepare, count } = await world(t)
  for (let round = 0; round < 2; round++) {
    const callbacks: Awaited<ReturnType<typeof prepare>>[] = []
    for (let index = 0; index < 100; index++) callbacks.push(await prepare('github', index))
    const answers = await race(100, (index) => callbacks[index]!())
    t.same([...new Set(answers.map(({ status }) => status))], [200], 'every login got through')
    t.equal(new Set(answers.map(({ body }) => body.user.id)).size, 1)
    t.same(await Promise.all(['users', 'accounts', 'sessions'].map(count)), [1, 1, 100 * (round + 1)])
    const alive = await Promise.all(
      answers.map(
        async ({ body }) =>
          (await fetch(`${url}/me`, { headers: { authorization: `Bearer ${body.access_token}` } })).status
      )
    )
    t.ok(
      alive.every((status) => status === 200),
      'and every session is usable'
    )
  }
})

t.test('first logins at two providers with one verified email at once make one user with two accounts', async (t) => {
  const { prepare, count, github, acme, sql } = await world(t)
  for (let round = 0; round < 20; round++) {
    const email = `round${round}@example.com`
    github.user({ id: 1000 + round, login: `round${round}`, email })
    acme.person({ sub: `round${round}`, email, email_verified: true })
    const callbacks = await Promise.all([prepare('github', 0), prepare('acme', 1)])
    const answers = await race(2, (index) => callbacks[index]!())
    t.same(
      answers.map(({ status }) => status),
      [200, 200]
    )
    t.equal(answers[0]?.body.user.id, answers[1]?.body.user.id)
  }
  t.same(await Promise.all(['users', 'accounts'].map(count)), [20, 40])
  t.equal(
    (await sql.query('SELECT 1 FROM users u WHERE NOT EXISTS (SELECT 1 FROM accounts a WHERE a.user_id = u.id)'))
      .rowCount,
    0
  )
})

t.test('forty people with one unverified email are forty users', async (t) => {
  const { prepare, count, acme } = await world(t)
  const callbacks: Awaited<ReturnType<typeof prepare>>[] = []
  for (let index = 0; index < 40; index++) {
    acme.person({ sub: `person${index}`, email: 'shared@example.com', email_verified: false })
    callbacks.push(await prepare('acme', index))
  }
  const answers = await race(40, (index) => callbacks[index]!())
  t.ok(answers.every(({ status, body }) => status === 200 && body.user.email === null))
  t.same(await Promise.all(['users', 'accounts'].map(count)), [40, 40])
})

t.test('logging in while being disabled leaves no session that works', async (t) => {
  const { url, prepare, sql } = await world(t)
  await (
    await prepare('github', 0)
  )()
  for (let round = 0; round < 20; round++) {
    await sql.query('UPDATE users SET disabled_at = NULL')
    const callback = await prepare('github', round)
    const [answer] = await Promise.all([callback(), sql.query('UPDATE users SET disabled_at = now()')])
    if (answer.status === 200) {
      t.equal(
        (await fetch(`${url}/me`, { headers: { authorization: `Bearer ${answer.body.access_token}` } })).status,
        401
      )
    } else {
      t.equal(answer.body.code, 'account_disabled')
    }
  }
})
