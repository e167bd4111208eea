import { request } from 'node:http'
import t from 'tap'
import { createBrowser } from '../../fakes/browser.ts'
import { startFakeGitHub, GITHUB_PATHS } from '../../fakes/github.ts'
import { eventually, setup } from '../../helper.ts'

const github = await startFakeGitHub()
t.teardown(() => github.close())
const { url, sql, log } = await setup(t, github.settings)

/** Visits the callback with the browser's cookies, and hangs up as soon as the provider has been asked. */
async function hangUp (callback: string, cookie: string, path: string): Promise<void> {
  const asked = github.calls(path).length
  const leaving = request(callback, { headers: { cookie } }).end()
  leaving.on('error', () => {})
  await eventually('the provider was asked', () => github.calls(path).length > asked)
  await new Promise((resolve) => { leaving.once('close', resolve).destroy() })
}

const count = async (table: string) => Number((await sql.query(`SELECT count(*) FROM ${table}`)).rows[0].count)

t.test('a browser that hangs up during its login leaves nothing half-written, and can sign in again', async (t) => {
  for (const [index, path] of [GITHUB_PATHS.token, GITHUB_PATHS.user, GITHUB_PATHS.emails].entries()) {
    github.user({ id: 100 + index, login: `octo-${index}`, name: 'Octo', email: `octo-${index}@example.com` })
    github.fault(path, { kind: 'delay', ms: 200 }, { times: 1 })
    const browser = createBrowser(url)
    const callback = await browser.authorize(await browser.start('/login/github'))
    const cookie = browser.cookieHeader()
    await hangUp(callback, cookie, path)
    // The login goes on: the code of the provider is spent in any case.
    await eventually('the login was ended', async () => await count('sessions') === index * 2 + 1)

    const repeated = await browser.callback(callback)
    t.match(repeated, { status: 400 }, path)
    t.match(repeated.json(), { code: 'invalid_state' })
    const again = (await browser.login('/login/github')).json()
    t.match(again.user, { name: 'Octo', accounts: [{ username: `octo-${index}` }] })
    t.same([await count('users'), await count('accounts')], [index + 1, index + 1], 'one user, one account')
  }
  t.equal((await sql.query(`SELECT 1 FROM sessions s LEFT JOIN accounts a ON a.id = s.account_id
    WHERE a.id IS NULL OR a.user_id <> s.user_id`)).rowCount, 0)
  t.notMatch(log(), /"level":(50|60)/, 'nobody is called at night for it')
})
