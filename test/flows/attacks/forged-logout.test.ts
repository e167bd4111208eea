import t from 'tap'
import { createBrowser } from '../../fakes/browser.ts'
import { startFakeGitHub } from '../../fakes/github.ts'
import { setup } from '../../helper.ts'

const APP = 'https://app.example.com'

t.test('wanted: a person signed out, by a form of another site', async (t) => {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const { url, sql } = await setup(t, { ...github.settings, ALLOWED_ORIGINS: APP })
  const browser = createBrowser(url)
  await browser.login(`/login/github?return_to=${APP}/`)
  const logout = (headers: Record<string, string>) => fetch(`${url}/logout`, {
    method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers }, body: 'a=b'
  })
  const sessions = async () => (await sql.query('SELECT 1 FROM sessions WHERE revoked_at IS NULL')).rowCount

  // The cookie is SameSite=Strict, so that a browser leaves it out: the answer must not clear it all the same.
  for (const headers of [
    { origin: 'https://evil.example' },
    { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    { origin: 'null', 'sec-fetch-site': 'cross-site' },
    { origin: 'null' },
    { origin: APP, 'sec-fetch-site': 'cross-site' },
    { origin: `${APP}.evil.example` },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' }
  ] as Record<string, string>[]) {
    const name = JSON.stringify(headers)
    for (const more of [{}, { cookie: 'signet-refresh=rubbish' }, { authorization: 'Basic eDp5' }]) {
      const response = await logout({ ...headers, ...more as Record<string, string> })
      t.equal(response.status, 403, name)
      t.same(response.headers.getSetCookie(), [], name)
    }
    const withBearer = await logout({ ...headers, authorization: 'Bearer rubbish' })
    t.same([withBearer.status, withBearer.headers.getSetCookie()], [401, []], name)
  }
  t.equal(await sessions(), 1)

  t.equal((await logout({})).status, 204, 'curl is no site')
  t.equal((await logout({ origin: APP, 'sec-fetch-site': 'same-site' })).status, 204, 'nor is there anything to end')
  t.equal(await sessions(), 1)
  const done = await browser.post('/logout', { headers: { origin: APP, 'sec-fetch-site': 'same-site' } })
  t.equal(done.status, 204)
  t.same(browser.cookies(), [])
  t.equal(await sessions(), 0)
})

t.test('an app on another site ends its session by its access token, and clears no cookie', async (t) => {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const { url, sql } = await setup(t, { ...github.settings, ALLOWED_ORIGINS: APP })
  const tokens = (await createBrowser(url).login('/login/github')).json()
  const response = await fetch(`${url}/logout`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokens.access_token}`, origin: APP, 'sec-fetch-site': 'cross-site' }
  })
  t.same([response.status, response.headers.getSetCookie()], [204, []])
  t.equal((await sql.query('SELECT 1 FROM sessions WHERE revoked_at IS NULL')).rowCount, 0)
})
