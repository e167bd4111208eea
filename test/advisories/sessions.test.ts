import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { REDIRECT_URI } from '../flows/setup-with-clients.ts'
import { sessionOf } from '../flows/signed-in.ts'
import { eventually, race } from '../helper.ts'
import { slow } from '../slow.ts'
import { ORIGIN, cookieHeader, world } from './world.ts'

/** What others got wrong about sessions, refresh tokens and the database below them. Each test is named after them. */

const { url, another, database, sql, github, acme, login, call, token, post, renew, authorize, me } = await world(t)
const { address } = await another()
const at = (index: number) => (index % 2 === 0 ? url : address)

/** Moves the last rotation of a session past the window in which a token may come again. */
const age = (accessToken: string) =>
  sql.query("UPDATE sessions SET rotated_at = rotated_at - interval '60 seconds' WHERE id = $1", [
    sessionOf(accessToken)
  ])

const event = async (type: string, accessToken: string) =>
  (
    await sql.query("SELECT 1 FROM audit_events WHERE type = $1 AND details->>'sessionId' = $2", [
      type,
      sessionOf(accessToken)
    ])
  ).rowCount

async function someone (id: number) {
  github.user({ id, login: `person-${id}`, email: `person-${id}@example.com` })
  return await login()
}

t.test('CVE-2026-1035, GHSA-392p-2q2v-4372: of many refreshes at once there is one successor', async (t) => {
  const { access_token: accessToken, refresh_token: refreshToken } = await login()
  const answers = await race(30, (index) => renew(refreshToken, at(index)))
  t.ok(answers.every(({ status }) => status === 200))
  t.equal(new Set(answers.map(({ body }) => body.refresh_token)).size, 1)
  t.equal((await sql.query('SELECT counter FROM sessions WHERE id = $1', [sessionOf(accessToken)])).rows[0].counter, 1)
})

t.test('CVE-2026-126280: a rotation that changes no row makes no token', async (t) => {
  const { access_token: accessToken, refresh_token: refreshToken } = await login()
  await renew(refreshToken)
  await age(accessToken)
  const answers = await race(30, (index) => renew(refreshToken, at(index)))
  t.ok(answers.every(({ status, body }) => status === 400 && body.access_token === undefined))
  t.equal(await event('token.reuse_detected', accessToken), 1)
})

t.test('GHSA-7w99-5wm4-3g79, GoTrue #2612: a code is exchanged by one of many, and never again', async (t) => {
  const { code, codeVerifier } = await authorize()
  const form = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: REDIRECT_URI,
    client_id: 'spa',
    code_verifier: codeVerifier
  }
  const answers = await race(20, (index) => token(form, {}, at(index)))
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  t.equal((await token(form)).body.error, 'invalid_grant')
})

t.test('CVE-2026-9802: what was revoked stays so on an instance that has just started', async (t) => {
  const { access_token: accessToken, refresh_token: stolen } = await login()
  const { body: { refresh_token: successor } } = await renew(stolen)
  await age(accessToken)
  t.equal((await renew(stolen)).status, 400)
  const fresh = await another()
  for (const refreshToken of [stolen, successor]) {
    t.equal((await renew(refreshToken, fresh.address)).body.error, 'invalid_grant')
  }
  await fresh.app.close()
})

t.test('GHSA-2vg6-77g8-24mp: nothing outlives the user that it is of', async (t) => {
  const { access_token: accessToken, refresh_token: refreshToken, user } = await someone(901)
  const { access_token: elsewhere } = await someone(901)
  t.equal((await call('DELETE', '/me', accessToken)).status, 204)
  for (const bearer of [accessToken, elsewhere]) t.equal(await me(bearer), 401)
  t.equal((await renew(refreshToken)).status, 400)
  t.not((await someone(901)).user.id, user.id)
})

t.test('GHSA-x4vh-j75g-268g: a refresh token ends with the session, however that ended', async (t) => {
  const admin = await someone(902)
  await sql.query("UPDATE users SET roles = '{admin}' WHERE id = $1", [admin.user.id])
  for (const end of [
    async (accessToken: string) => await call('POST', '/logout', accessToken),
    async (accessToken: string) =>
      await call('DELETE', `/me/sessions/${sessionOf(accessToken)}`, (await someone(903)).access_token),
    async () => await call('POST', `/admin/users/${(await someone(903)).user.id}/logout`, admin.access_token),
    async (accessToken: string) => await post('/oauth2/revoke', { token: accessToken })
  ]) {
    const { access_token: accessToken, refresh_token: refreshToken } = await someone(903)
    t.match((await end(accessToken)).status, /^20[04]$/)
    t.equal((await renew(refreshToken)).body.error, 'invalid_grant')
    t.equal(await me(accessToken), 401)
  }
})

t.test('GoTrue #2642: who is disabled is out at once, with a token that has not expired', async (t) => {
  const { access_token: accessToken, refresh_token: refreshToken, user } = await someone(904)
  const admin = await someone(902)
  t.equal((await call('PATCH', `/admin/users/${user.id}`, admin.access_token, { status: 'disabled' })).status, 200)
  for (const path of ['/me', '/me/sessions', '/me/accounts']) {
    t.equal((await call('GET', path, accessToken)).status, 401, path)
  }
  t.equal((await renew(refreshToken)).status, 400)
  github.user({ id: 904, login: 'person-904', email: 'person-904@example.com' })
  t.equal((await createBrowser(url).login('/login/github')).json().code, 'account_disabled')
  github.user({ id: 1, login: 'octocat', email: 'octocat@github.com' })
})

t.test('CVE-2024-31999: a cookie that was deleted is of no more use', async (t) => {
  const browser = createBrowser(url)
  await browser.login(`/login/github?return_to=${encodeURIComponent(`${ORIGIN}/`)}`)
  const kept = cookieHeader(browser)
  t.equal((await call('POST', '/logout', undefined, undefined, { cookie: kept, origin: ORIGIN })).status, 204)
  t.equal((await token({ grant_type: 'refresh_token' }, { cookie: kept, origin: ORIGIN })).body.error, 'invalid_grant')
})

for (const [id, cookies] of Object.entries({
  'CVE-2023-29019': ['signet-refresh'],
  'CVE-2022-25896': ['signet-refresh', 'signet-device'],
  'CVE-2026-7507': ['signet-refresh', 'sessionid', 'connect.sid', 'AUTH_SESSION_ID']
})) {
  t.test(`${id}: a login makes a session of its own, and leaves one that was planted as it was`, async (t) => {
    github.user({ id: 905, login: 'attacker' })
    const attacker = createBrowser(url)
    await attacker.login(`/login/github?return_to=${encodeURIComponent(`${ORIGIN}/`)}`)
    const planted = attacker.cookies().find(({ name }) => name === 'signet-refresh')?.value ?? ''
    github.user({ id: 906, login: 'victim' })
    const victim = createBrowser(url)
    for (const name of cookies) victim.plantCookie(`${name}=${planted}; Path=/`)
    await victim.login(`/login/github?return_to=${encodeURIComponent(`${ORIGIN}/`)}`)
    const own = victim.cookies().find(({ name }) => name === 'signet-refresh')?.value ?? ''
    t.not(own, planted)
    const whose = async (cookie: string) => {
      const { body } = await token(
        { grant_type: 'refresh_token' },
        { cookie: `signet-refresh=${cookie}`, origin: ORIGIN }
      )
      return (await call('GET', '/me', body.access_token)).body.accounts[0].username
    }
    t.same([await whose(planted), await whose(own)], ['attacker', 'victim'])
    github.user({ id: 1, login: 'octocat', email: 'octocat@github.com' })
  })
}

t.test(
  "CVE-2026-62376, CVE-2026-77250: no token stands in the database in a form that could be used, ours or a provider's",
  async (t) => {
    const { refresh_token: refreshToken, access_token: accessToken } = await login('acme')
    const { code } = await authorize()
    const lent = (
      await call(
        'POST',
        `/me/accounts/${(await call('GET', '/me/accounts', accessToken)).body.items[0].id}/token`,
        accessToken
      )
    ).body.accessToken
    t.match(lent, /^ya29\./)
    const { rows: tables } = await sql.query(
      `SELECT table_schema || '.' || table_name AS name
      FROM information_schema.tables
      WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'`
    )
    let dump = ''
    for (const { name } of tables) {
      for (const { row } of (await sql.query(`SELECT to_jsonb(x)::text AS row FROM ${name} x`)).rows) dump += row
    }
    t.ok(dump.includes(sessionOf(accessToken)), 'it is a dump')
    const secret = Buffer.from(refreshToken, 'base64url').subarray(20, 52)
    for (const one of [refreshToken, accessToken, code, lent]) {
      for (const form of [
        one,
        Buffer.from(one).toString('hex'),
        Buffer.from(one).toString('base64'),
        Buffer.from(one, 'base64url').toString('hex')
      ]) {
        t.notOk(dump.includes(form))
      }
    }
    for (const form of ['hex', 'base64', 'base64url'] as const) t.notOk(dump.includes(secret.toString(form)), form)
    // What is sealed is sealed for its own row.
    const { rows: columns } = await sql.query(
      `SELECT column_name AS name
      FROM information_schema.columns
      WHERE table_name = 'accounts' AND column_name LIKE 'sealed%'`
    )
    t.not(columns.length, 0)
    const other = await (async () => {
      acme.person({ sub: 'another' })
      return await login('acme')
    })()
    const set = columns
      .map(
        ({ name }) =>
          `${name} = (SELECT a.${name} FROM accounts a WHERE a.user_id <> $1 AND a.provider = 'acme' LIMIT 1)`
      )
      .join(', ')
    await sql.query(`UPDATE accounts SET ${set} WHERE user_id = $1`, [other.user.id])
    t.not(
      (await call('POST', `/me/accounts/${other.user.accounts[0]?.id}/token`, other.access_token)).status,
      200,
      "another's opens for nobody"
    )
  }
)

t.test(
  'CVE-2026-45337: a device is approved by the browser that typed its code, and by no other session',
  async (t) => {
    const { body: grant } = await post('/oauth2/device_authorization', { client_id: 'tv' })
    const typed = createBrowser(url)
    await typed.post('/device', { form: { user_code: grant.user_code }, headers: { origin: url } })
    await typed.login('/device/login/github')
    const confirm = {
      form: { decision: 'approve', user_code: grant.user_code, device_code: grant.device_code },
      headers: { origin: url }
    }
    const stranger = createBrowser(url)
    await stranger.login(`/login/github?return_to=${encodeURIComponent(`${ORIGIN}/`)}`)
    t.equal(
      (await stranger.post('/device/confirm', confirm)).json().code,
      'invalid_state',
      'signed in, but has typed nothing'
    )
    const poll = () =>
      token({
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        device_code: grant.device_code,
        client_id: 'tv'
      })
    t.equal((await poll()).body.error, 'authorization_pending')
    t.equal((await typed.post('/device/confirm', confirm)).status, 200)
    await sql.query("UPDATE device_grants SET last_polled_at = last_polled_at - interval '1 minute'")
    t.equal((await poll()).status, 200)
  }
)

t.test(
  'auth-js #203, auth-js #213, supabase/auth #466, supabase/auth #2136, supabase-js #2126: a refresh can be repeated',
  async (t) => {
    let { refresh_token: refreshToken } = await login()
    for (let round = 0; round < 10; round++) {
      const gone = new AbortController()
      const lost = fetch(`${at(round)}/oauth2/token`, {
        method: 'POST',
        body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken }),
        signal: gone.signal
      }).catch(() => {})
      await sleep(round)
      gone.abort()
      await lost
      const [one, other] = [await renew(refreshToken, at(round)), await renew(refreshToken, at(round + 1))]
      t.equal(one.status, 200, `round ${round}`)
      t.equal(one.body.refresh_token, other.body.refresh_token)
      refreshToken = one.body.refresh_token
    }
  }
)

slow.test('keycloak #51312: a revocation beats the refresh beside it', async (t) => {
  for (let round = 0; round < 20; round++) {
    const { access_token: accessToken, refresh_token: refreshToken } = await login()
    const [, { body }] = await Promise.all([call('POST', '/logout', accessToken), renew(refreshToken, address)])
    for (const left of [refreshToken, body.refresh_token]) {
      if (left !== undefined) t.equal((await renew(left)).status, 400)
    }
    if (body.access_token !== undefined) t.equal(await me(body.access_token), 401)
  }
})

t.test('keycloak #51885: rotations within one second are told apart', async (t) => {
  const { access_token: accessToken, refresh_token: first } = await login()
  const { body: { refresh_token: second } } = await renew(first)
  const { body: { refresh_token: third } } = await renew(second)
  t.equal((await renew(third)).status, 200, 'the latest is good')
  t.equal((await renew(first)).status, 400, 'and one from long before, a moment ago, is not')
  t.equal(await event('token.reuse_detected', accessToken), 1)
})

t.test('supabase/auth #2675, prisma #3242, prisma #9972: parallel first logins make one user', async (t) => {
  github.user({ id: 907, login: 'many' })
  const statuses = await race(20, async () => (await createBrowser(url).login('/login/github')).status)
  t.same(new Set(statuses), new Set([200]))
  t.equal((await sql.query("SELECT 1 FROM accounts WHERE subject = '907'")).rowCount, 1)
  github.user({ id: 1, login: 'octocat', email: 'octocat@github.com' })
})

// The last: nothing else could be asked meanwhile.
t.test('prisma #27641, prisma #27673, prisma-client-js #446: the process survives a database outage', async (t) => {
  const { access_token: accessToken, refresh_token: refreshToken } = await login()
  await database.goAway()
  const answer = await call('GET', '/me', accessToken)
  t.match([answer.status, answer.body.code], [503, 'service_unavailable'])
  t.match(answer.headers.get('retry-after'), /^\d+$/)
  t.equal((await renew(refreshToken)).status, 503)
  t.equal((await call('GET', '/healthz')).status, 200)
  await database.comeBack()
  await eventually('the database is used again', async () => (await me(accessToken)) === 200)
  t.equal((await renew(refreshToken)).status, 200)
})
