import t from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { idTokenFrom } from '../fakes/oidc-app.ts'
import { startFakeOidc } from '../fakes/oidc.ts'
import { race, readJson } from '../helper.ts'
import { slow } from '../slow.ts'
import { setupWithClients } from './setup-with-clients.ts'
import { sessionOf, signedIn } from './signed-in.ts'

t.test('one login too many ends the session that was used longest ago, at once, and says so', async (t) => {
  const { login, call, refresh, events, sql } = await signedIn(t, { MAX_SESSIONS_PER_USER: '3' })
  const other = await login('acme')
  const [first, second, third] = [await login(), await login(), await login()]
  await sql.query("UPDATE sessions SET last_used_at = last_used_at - interval '1 hour'")
  t.equal(await refresh(first.refresh_token), 200, 'used a moment ago')
  t.equal((await events('session.revoked')).length, 0)

  const fourth = await login()
  t.same([(await call('GET', '/me', second.access_token)).status, await refresh(second.refresh_token)], [401, 400])
  for (const { access_token: token } of [first, third, fourth, other]) {
    t.equal((await call('GET', '/me', token)).status, 200)
  }
  const reason = 'too_many_sessions'
  t.same(await events('session.revoked'), [
    {
      userId: fourth.user.id,
      actorId: fourth.user.id,
      ipAddress: '127.0.0.1',
      details: { sessionId: sessionOf(second.access_token), reason }
    }
  ])
  t.same((await sql.query('SELECT revocation_reason FROM sessions WHERE revoked_at IS NOT NULL')).rows, [
    { revocation_reason: reason }
  ])
  t.equal(
    (await sql.query('SELECT 1 FROM revocations WHERE session_id = $1', [sessionOf(second.access_token)])).rowCount,
    1,
    'and its access tokens are cut off'
  )
  t.match(
    (await call('GET', '/me/activity?limit=2', fourth.access_token)).body.items.map(
      ({ userAgent }: { userAgent: string }) => userAgent
    ),
    ['curl/8.5.0', 'curl/8.5.0']
  )
})

t.test('ended sessions do not count, and a lowered limit ends all surplus sessions', async (t) => {
  const { url, login, call, another, events, sql } = await signedIn(t, { MAX_SESSIONS_PER_USER: '3' })
  const tokens = [(await login()).access_token, (await login()).access_token, (await login()).access_token]
  for (const [index, column] of ['revoked_at', 'idle_expires_at', 'expires_at'].entries()) {
    await sql.query(`UPDATE sessions SET ${column} = now() WHERE id = $1`, [sessionOf(tokens[index])])
  }
  const living = [await login(), await login(), await login()]
  t.equal((await events('session.revoked')).length, 0)

  const { address } = await another({ MAX_SESSIONS_PER_USER: '1' })
  const browser = createBrowser(address)
  const callback = await browser.authorize(await browser.start('/login/github'))
  const last = (await browser.get(callback.replace(url, address))).json()
  t.equal((await call('GET', '/me', last.access_token)).status, 200)
  for (const { access_token: token } of living) t.equal((await call('GET', '/me', token)).status, 401)
  t.equal((await events('session.revoked')).length, 3)
})

t.test('without the setting nothing ends', async (t) => {
  const { login, sql } = await signedIn(t)
  for (let index = 0; index < 5; index++) await login()
  t.equal((await sql.query('SELECT 1 FROM sessions WHERE revoked_at IS NULL')).rowCount, 5)
})

slow.test(
  'logins at once, first ones too, on two instances: every one gets through, and the limit holds',
  async (t) => {
    const { url, another, sql } = await signedIn(t, { MAX_SESSIONS_PER_USER: '2' })
    const { address } = await another()
    // Each waits for the ones before it. Twice as many do not always get their connection in time on a busy machine.
    const LOGINS = 12

    /** A login before its callback. */
    async function prepare (provider: string, index: number) {
      const browser = createBrowser(url)
      const callback = await browser.authorize(await browser.start(`/login/${provider}`))
      const cookie = browser.cookieHeader()
      return async () => {
        const response = await fetch(index % 2 ? callback.replace(url, address) : callback, { headers: { cookie } })
        return { status: response.status, body: await readJson(response) }
      }
    }
    for (let round = 0; round < 5; round++) {
      const callbacks: Awaited<ReturnType<typeof prepare>>[] = []
      for (let index = 0; index < LOGINS; index++) callbacks.push(await prepare('github', index))
      const answers = await race(LOGINS, (index) => callbacks[index]!())
      t.same([...new Set(answers.map(({ status }) => status))], [200])
      const { rows: alive } = await sql.query('SELECT id FROM sessions WHERE revoked_at IS NULL')
      t.equal(alive.length, 2, `${alive.length} are alive`)
      t.ok(
        alive.every(({ id }) => answers.some(({ body }) => sessionOf(body.access_token) === id)),
        'two of those that just came'
      )
      const statuses = await Promise.all(
        answers.map(
          async ({ body }) =>
            (await fetch(`${url}/me`, { headers: { authorization: `Bearer ${body.access_token}` } })).status
        )
      )
      t.same(statuses.filter((status) => status === 200).length, 2)
      t.equal(
        (await sql.query("SELECT 1 FROM audit_events WHERE type = 'session.revoked'")).rowCount,
        LOGINS * (round + 1) - 2,
        'each ended session is reported once'
      )
    }
  }
)

t.test('the limit counts sessions of every kind: direct, by code, native, of a device', async (t) => {
  const google = await startFakeOidc()
  t.teardown(() => google.close())
  google.person({
    sub: '110169484474386274334',
    email: 'octocat@github.com',
    email_verified: true,
    name: 'The Octocat'
  })
  const { url, origin, signIn, post, me, sql } = await setupWithClients(t, {
    ...google.googleSettings(),
    MAX_SESSIONS_PER_USER: '1'
  })

  const ways: Record<string, () => Promise<string>> = {
    direct: async () => (await createBrowser(url).login('/login/github')).json().access_token,
    code: async () => (await signIn()).access_token,
    async native () {
      const { body } = await post('/oauth2/token', {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: await idTokenFrom(google),
        subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
        provider: 'google',
        client_id: 'spa'
      })
      return body.access_token
    },
    async device () {
      const { body: grant } = await post('/oauth2/device_authorization', { client_id: 'signet' })
      const browser = createBrowser(url)
      const submit = (path: string, form: Record<string, string>) =>
        browser.post(path, { form, headers: { origin } })
      await submit('/device', { user_code: grant.user_code })
      await browser.get((await browser.login('/device/login/github')).location ?? '')
      await submit('/device/confirm', { decision: 'approve' })
      const { body } = await post('/oauth2/token', {
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        device_code: grant.device_code,
        client_id: 'signet'
      })
      return body.access_token
    }
  }
  let before: string | undefined
  for (const way of ['direct', 'code', 'native', 'device', 'native', 'direct']) {
    const token = await ways[way]!()
    t.equal(await me(token), 200, way)
    if (before !== undefined) t.equal(await me(before), 401, `${way} ends the one before`)
    before = token
  }
  t.equal((await sql.query('SELECT 1 FROM users')).rowCount, 1)
})
