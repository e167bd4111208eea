import t, { type Test } from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { startFakeGitHub } from '../fakes/github.ts'
import { startFakeOidc } from '../fakes/oidc.ts'
import { eventually, race, readJson, setup } from '../helper.ts'
import { slow } from '../slow.ts'

async function world (t: Test, environment: Record<string, string> = {}) {
  const github = await startFakeGitHub()
  const acme = await startFakeOidc()
  t.teardown(() => Promise.all([github.close(), acme.close()]))
  github.user({ id: 1, login: 'jane', email: 'jane@example.com' })
  acme.person({ sub: 'jane', email: 'jane@example.com', email_verified: true, name: 'Jane Unmistakable' })
  const running = await setup(t, {
    ...github.settings,
    ...acme.settings('acme', { emailTrusted: true }),
    ...environment
  })
  const login = async (provider: string) => (await createBrowser(running.url).login(`/login/${provider}`)).json()
  const call = async (method: string, token: string, at = running.url) =>
    await fetch(`${at}/me`, { method, headers: { authorization: `Bearer ${token}` } })
  return { ...running, github, acme, login, call }
}

t.test('a user is deleted with all that hangs on it, and the grants are taken back at both providers', async (t) => {
  const { url, sql, github, acme, login, call } = await world(t)
  await login('github')
  const { access_token: token, refresh_token: refreshToken, user } = await login('acme')
  t.equal(user.accounts.length, 2)
  t.equal((await call('DELETE', token)).status, 204)
  t.equal((await call('GET', token)).status, 401)
  t.equal((await call('DELETE', token)).status, 401)
  const refreshed = await fetch(`${url}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken })
  })
  t.equal((await readJson(refreshed)).error, 'invalid_grant')

  await eventually(
    'the jobs are done',
    async () => (await sql.query('SELECT 1 FROM graphile_worker._private_jobs')).rowCount === 0
  )
  t.equal(acme.calls(acme.paths.revoke).length, 1)
  t.equal(github.calls(`/api/v3/applications/${github.clientId}/grant`).length, 1)

  const { rows: tables } = await sql.query(
    `SELECT table_schema || '.' || table_name AS name
    FROM information_schema.tables
    WHERE table_schema IN ('public', 'graphile_worker')`
  )
  let dump = ''
  for (const { name } of tables) {
    dump += (await sql.query(`SELECT coalesce(string_agg(t::text, ' '), '') AS text FROM ${name} t`)).rows[0].text
  }
  for (const trace of [user.id, user.accounts[0].id, 'jane', 'Jane']) t.notMatch(dump, trace)
  t.same((await sql.query('SELECT type, user_id, actor_id, ip_address, user_agent FROM audit_events')).rows, [
    { type: 'user.deleted', user_id: null, actor_id: null, ip_address: null, user_agent: null }
  ])
  t.not((await login('acme')).user.id, user.id, 'a deleted user who signs in is a new user')
})

t.test('it needs a sign-in of the last ten minutes, which a refresh is not', async (t) => {
  const { url, sql, login, call } = await world(t)
  const { refresh_token: refreshToken } = await login('acme')
  await sql.query("UPDATE sessions SET authenticated_at = now() - interval '11 minutes'")
  const refreshed = await readJson(
    await fetch(`${url}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken })
    })
  )
  const refused = await call('DELETE', refreshed.access_token)
  t.match([refused.status, await readJson(refused)], [403, { code: 'reauthentication_required' }])
  t.equal((await sql.query('SELECT 1 FROM users')).rowCount, 1)
  t.equal((await call('DELETE', (await login('acme')).access_token)).status, 204)
})

slow.test('races of deletions, refreshes and logins: no 500, and nothing is half deleted', async (t) => {
  const { url, sql, acme, login, call, another } = await world(t)
  // Else it would end the grants of the logins that run beside it: one person, one client.
  acme.discovery({ revocation_endpoint: undefined })
  const { address } = await another()
  // On a busy machine a lock may take longer than a request waits for one.
  let late = 0
  for (let round = 0; round < 10; round++) {
    const { access_token: token, refresh_token: refreshToken } = await login('acme')
    const refresh = async (at: string) =>
      (
        await fetch(`${at}/oauth2/token`, {
          method: 'POST',
          body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken })
        })
      ).status
    const statuses = await race(9, async (index) => {
      const at = index % 2 ? url : address
      if (index % 3 === 0) return (await call('DELETE', token, at)).status
      return index % 3 === 1 ? await refresh(at) : (await createBrowser(url).login('/login/acme')).status
    })
    late += statuses.filter((status) => status === 503).length
    t.ok(statuses.every((status) => [200, 204, 400, 401, 503].includes(status)), statuses.join())
    for (const table of ['accounts', 'sessions']) {
      t.equal((await sql.query(`SELECT 1 FROM ${table} WHERE user_id NOT IN (SELECT id FROM users)`)).rowCount, 0)
    }
    t.equal((await sql.query('SELECT 1 FROM users WHERE id NOT IN (SELECT user_id FROM accounts)')).rowCount, 0)
  }
  t.ok(late < 5, `${late} of 90`)
})
