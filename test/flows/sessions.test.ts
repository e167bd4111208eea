import t, { type Test } from 'tap'
import { decodeJwt } from 'jose'
import { createBrowser } from '../fakes/browser.ts'
import { startFakeGitHub } from '../fakes/github.ts'
import { inThePast, race, readJson, type Running, setup, sharing } from '../helper.ts'
import { slow } from '../slow.ts'

interface Tokens {
  access_token: string
  refresh_token: string
}

async function open (
  t: Test,
  environment: Record<string, string> = {}
): Promise<Running & { signIn: () => Promise<Tokens> }> {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const running = await setup(t, { ...github.settings, ...environment })
  return {
    ...running,
    signIn: async () => (await createBrowser(running.url).login(`${running.url}/login/github`)).json()
  }
}

const world = sharing(t, open)

async function refresh (url: string, refreshToken: string, more: Record<string, string> = {}) {
  const response = await fetch(`${url}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken, ...more })
  })
  return { status: response.status, headers: response.headers, body: await readJson(response) }
}

const me = async (url: string, { access_token: accessToken }: Tokens) =>
  (await fetch(`${url}/me`, { headers: { authorization: `Bearer ${accessToken}` } })).status

/** Moves the last rotation into the past: the database's clock decides, so the test turns that one. */
const age = (sql: Running['sql'], seconds: number) =>
  sql.query(`UPDATE sessions SET rotated_at = rotated_at - ${seconds} * interval '1 second'`)

const events = async (sql: Running['sql'], type: string) =>
  (await sql.query('SELECT user_id, details FROM audit_events WHERE type = $1 ORDER BY created_at', [type])).rows

t.test('a refresh token is exchanged for a new pair of the same session, as form or JSON', async (t) => {
  const { url, signIn } = await world(t)
  const first = await signIn()
  const second = await refresh(url, first.refresh_token)
  t.equal(second.status, 200)
  t.match(second.headers.get('cache-control'), 'no-store')
  t.match(second.body, { token_type: 'Bearer', expires_in: 900, scope: 'provider_token' })
  t.not(second.body.refresh_token, first.refresh_token)
  const [before, after] = [decodeJwt(first.access_token), decodeJwt(second.body.access_token)]
  t.equal(after['sid'], before['sid'])
  t.equal(after['auth_time'], before['auth_time'], 'a refresh is no sign-in')
  t.not(after.jti, before.jti)
  t.equal(await me(url, second.body), 200)

  const json = await fetch(`${url}/oauth2/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ grant_type: 'refresh_token', refresh_token: second.body.refresh_token, client_id: 'signet' })
  })
  t.equal(json.status, 200)
})

t.test('a token presented again within the window gets the same successor, on any instance', async (t) => {
  const { url, signIn, another } = await world(t)
  const { address } = await another()
  const { refresh_token: first } = await signIn()
  const one = await refresh(url, first)
  const other = await refresh(address, first)
  t.equal(other.status, 200)
  t.equal(other.body.refresh_token, one.body.refresh_token)
  t.equal((await refresh(url, one.body.refresh_token)).status, 200, 'and that one is live')
})

slow.test(
  'fifty refreshes of one token at once, on two instances: one successor, and every caller holds it',
  async (t) => {
    const { url, signIn, another, sql } = await world(t)
    const { address } = await another()
    let { refresh_token: token } = await signIn()
    for (let round = 0; round < 10; round++) {
      const answers = await race(50, (index) => refresh(index % 2 ? url : address, token))
      t.ok(
        answers.every(({ status }) => status === 200),
        `round ${round}: the session goes on`
      )
      const successors = new Set(answers.map(({ body }) => body.refresh_token))
      t.equal(successors.size, 1)
      token = [...successors][0]
    }
    t.equal((await sql.query('SELECT counter FROM sessions')).rows[0].counter, 10, 'ten rotations, not five hundred')
    t.same(await events(sql, 'token.reuse_detected'), [])
  }
)

t.test('a token presented after the window is theft: that session ends, and no other', async (t) => {
  const { url, signIn, sql } = await world(t)
  const [stolen, other] = [await signIn(), await signIn()]
  const { body: second } = await refresh(url, stolen.refresh_token)
  await age(sql, 31)
  const replay = await refresh(url, stolen.refresh_token)
  t.equal(replay.status, 400)
  t.equal(replay.body.error, 'invalid_grant')
  t.equal((await refresh(url, second.refresh_token)).body.error, 'invalid_grant', 'the successor is dead too')
  t.equal(await me(url, second), 401)
  t.equal(await me(url, other), 200)
  t.equal((await refresh(url, other.refresh_token)).status, 200)
  t.match(await events(sql, 'token.reuse_detected'), [
    { user_id: decodeJwt(stolen.access_token).sub, details: { sessionId: decodeJwt(stolen.access_token)['sid'] } }
  ])
})

t.test('a token two rotations back is theft even inside the window', async (t) => {
  const { url, signIn, sql } = await world(t)
  const first = await signIn()
  const { body: second } = await refresh(url, first.refresh_token)
  const { body: third } = await refresh(url, second.refresh_token)
  t.equal((await refresh(url, first.refresh_token)).body.error, 'invalid_grant')
  t.equal((await refresh(url, third.refresh_token)).body.error, 'invalid_grant')
  t.equal((await events(sql, 'token.reuse_detected')).length, 1)
})

slow.test('a hundred refreshes of a stale token: no success, one revocation, one event', async (t) => {
  const { url, signIn, sql, another } = await world(t)
  const { address } = await another()
  const { refresh_token: stale } = await signIn()
  await refresh(url, stale)
  await age(sql, 60)
  const answers = await race(100, (index) => refresh(index % 2 ? url : address, stale))
  t.ok(answers.every(({ status, body }) => status === 400 && body.error === 'invalid_grant'))
  t.equal((await events(sql, 'token.reuse_detected')).length, 1)
})

t.test('the window is a setting, and 0 closes it', async (t) => {
  const { url, signIn } = await world(t, { REFRESH_REUSE_GRACE: '0' })
  const { refresh_token: first } = await signIn()
  t.equal((await refresh(url, first)).status, 200)
  t.equal((await refresh(url, first)).status, 400)
})

t.test('a session ends when it was not used for long, and on its last day whatever happens', async (t) => {
  const { url, signIn, sql } = await world(t)
  const idle = await signIn()
  await sql.query("UPDATE sessions SET idle_expires_at = now() - interval '1 second'")
  t.equal((await refresh(url, idle.refresh_token)).body.error, 'invalid_grant')
  t.equal(await me(url, idle), 401)

  const old = await signIn()
  await sql.query("UPDATE sessions SET expires_at = now() + interval '1 hour' WHERE id = $1", [
    decodeJwt(old.access_token)['sid']
  ])
  const { body } = await refresh(url, old.refresh_token)
  const { rows: [row] } = await sql.query('SELECT idle_expires_at, expires_at FROM sessions WHERE id = $1', [
    decodeJwt(old.access_token)['sid']
  ])
  t.same(row.idle_expires_at, row.expires_at, 'a refresh does not move the last day')
  await sql.query("UPDATE sessions SET expires_at = now() - interval '1 second'")
  t.equal((await refresh(url, body.refresh_token)).body.error, 'invalid_grant')
  t.equal(await me(url, body), 401)
})

t.test('a refresh token is of no use to another client, altered, or as anything else', async (t) => {
  const { url, signIn, sql } = await world(t)
  const tokens = await signIn()
  t.equal((await refresh(url, tokens.refresh_token, { client_id: 'someone-else' })).body.error, 'invalid_client')
  for (const forged of [
    tokens.refresh_token.slice(0, -1),
    `${tokens.refresh_token}A`,
    tokens.refresh_token.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')),
    tokens.access_token,
    'x',
    '='
  ]) {
    const { status, body } = await refresh(url, forged)
    t.equal(status, 400)
    t.equal(body.error, 'invalid_grant')
  }
  t.equal((await fetch(`${url}/me`, { headers: { authorization: `Bearer ${tokens.refresh_token}` } })).status, 401)
  t.equal((await refresh(url, tokens.refresh_token)).status, 200, 'none of that cost the owner the session')
  t.same(await events(sql, 'token.reuse_detected'), [])
})

slow.test('nothing in the database can be presented as a token', async (t) => {
  const { url, signIn, sql } = await world(t)
  await signIn()
  const { rows: tables } = await sql.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
  for (const { tablename } of tables) {
    for (const row of (await sql.query(`SELECT * FROM ${tablename}`)).rows) {
      for (const value of Object.values(row)) {
        const text = Buffer.isBuffer(value)
          ? value.toString('base64url')
          : typeof value === 'string'
            ? value
            : (JSON.stringify(value) ?? '')
        t.not((await refresh(url, text.slice(0, 4000) || 'x')).status, 200, tablename)
      }
    }
  }
})

t.test('logout cuts /me off at once, ends the refresh token, and is 204 again', async (t) => {
  const { url, signIn, sql } = await world(t)
  const [tokens, other] = [await signIn(), await signIn()]
  const logout = () =>
    fetch(`${url}/logout`, { method: 'POST', headers: { authorization: `Bearer ${tokens.access_token}` } })
  t.equal((await logout()).status, 204)
  const after = await fetch(`${url}/me`, { headers: { authorization: `Bearer ${tokens.access_token}` } })
  t.equal(after.status, 401)
  t.equal((await readJson(after)).code, 'invalid_token')
  t.match(
    after.headers.get('www-authenticate'),
    /^Bearer realm="signet", error="invalid_token", error_description=".+"$/
  )
  t.equal((await refresh(url, tokens.refresh_token)).body.error, 'invalid_grant')
  t.equal((await logout()).status, 204)
  t.equal(await me(url, other), 200)
  t.equal((await events(sql, 'session.revoked')).length, 1)
  t.equal((await fetch(`${url}/logout`, { method: 'POST', headers: { authorization: 'Bearer rubbish' } })).status, 401)
})

t.test('an expired access token has its own error code, and still logs out', async (t) => {
  const { url, signIn } = await world(t)
  const tokens = await inThePast(901, signIn)
  const expired = await fetch(`${url}/me`, { headers: { authorization: `Bearer ${tokens.access_token}` } })
  t.equal(expired.status, 401)
  t.equal((await readJson(expired)).code, 'token_expired')
  t.match(expired.headers.get('www-authenticate'), /error="invalid_token"/)
  t.equal(
    (await fetch(`${url}/logout`, { method: 'POST', headers: { authorization: `Bearer ${tokens.access_token}` } }))
      .status,
    204
  )
  t.equal((await refresh(url, tokens.refresh_token)).body.error, 'invalid_grant')
})

t.test('revocation takes both kinds of token, and says 200 to any other', async (t) => {
  const { url, signIn } = await world(t)
  const revoke = (form: Record<string, string>) =>
    fetch(`${url}/oauth2/revoke`, { method: 'POST', body: new URLSearchParams(form) })
  const [one, other] = [await signIn(), await signIn()]
  t.equal((await revoke({ token: one.refresh_token, token_type_hint: 'refresh_token' })).status, 200)
  t.equal(await me(url, one), 401)
  t.equal(await me(url, other), 200)
  t.equal((await revoke({ token: other.access_token })).status, 200)
  t.equal((await refresh(url, other.refresh_token)).status, 400)
  t.equal((await revoke({ token: 'unknown' })).status, 200)
  t.equal((await revoke({ token: one.refresh_token })).status, 200)
  t.match(await readJson(await revoke({})), { error: 'invalid_request', error_description: /./ })
})

slow.test('revocation beats a refresh that runs beside it', async (t) => {
  const { url, another, signIn } = await world(t)
  const { address } = await another()
  for (let round = 0; round < 50; round++) {
    const tokens = await signIn()
    const [, refreshed] = await Promise.all([
      fetch(`${url}/oauth2/revoke`, { method: 'POST', body: new URLSearchParams({ token: tokens.refresh_token }) }),
      refresh(address, tokens.refresh_token)
    ])
    const latest = refreshed.status === 200 ? refreshed.body : tokens
    if ((await me(url, latest)) !== 401 || (await refresh(url, latest.refresh_token)).status !== 400) {
      t.fail(`round ${round}: a token of a revoked session works`)
    }
  }
  t.equal(await me(url, await signIn()), 200)
})

t.test('the refresh cookie works for allowed origins only, and its token never reaches a script', async (t) => {
  const origin = 'https://app.example.com'
  const { url, sql } = await world(t, { ALLOWED_ORIGINS: origin })
  const browser = createBrowser(url)
  await browser.login(`/login/github?return_to=${encodeURIComponent(origin)}/`)
  const post = (path: string, headers: Record<string, string>) =>
    browser.post(path, { form: { grant_type: 'refresh_token' }, headers })

  for (const headers of [
    {},
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: `${origin}.evil.example` },
    { origin, 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-origin' }
  ]) {
    const refused = await post('/oauth2/token', headers as Record<string, string>)
    t.equal(refused.status, 403)
    t.equal(refused.json().error, 'invalid_request')
    t.equal((await post('/logout', headers as Record<string, string>)).status, 403)
  }
  t.equal(
    (await sql.query('SELECT counter FROM sessions WHERE revoked_at IS NULL')).rows[0].counter,
    0,
    'nothing moved, nothing ended'
  )

  const refreshed = await post('/oauth2/token', { origin, 'sec-fetch-site': 'same-site' })
  t.equal(refreshed.status, 200)
  t.equal(refreshed.headers.get('access-control-allow-origin'), origin)
  t.equal(refreshed.headers.get('access-control-allow-credentials'), 'true')
  t.notOk('refresh_token' in refreshed.json())
  t.match(refreshed.headers.getSetCookie()[0], /^signet-refresh=.*HttpOnly/)
  t.equal(await me(url, refreshed.json()), 200)

  const emptyToken = await browser.post('/oauth2/token', {
    form: { grant_type: 'refresh_token', refresh_token: '', client_id: '' },
    headers: { origin, 'sec-fetch-site': 'same-origin' }
  })
  t.equal(emptyToken.status, 200, 'an empty parameter is none (RFC 6749 section 3.2)')
  t.equal((await post('/logout', { origin })).status, 204)
  t.same(browser.cookies(), [])
  t.equal(await me(url, refreshed.json()), 401)
  t.equal((await post('/logout', { origin })).status, 204)
})

slow.test('refreshes are limited by session, and failures by address', async (t) => {
  const { url, signIn } = await world(t, { RATE_LIMITS: 'on' })
  let [{ refresh_token: token }, other] = [await signIn(), await signIn()]
  for (let round = 0; round < 30; round++) token = (await refresh(url, token)).body.refresh_token
  const limited = await refresh(url, token)
  t.equal(limited.status, 429)
  t.match(limited.headers.get('retry-after'), /^[1-9]\d?$/)
  t.equal(typeof limited.body.error, 'string')
  t.equal((await refresh(url, other.refresh_token)).status, 200)

  for (let round = 0; round < 100; round++) t.equal((await refresh(url, 'rubbish')).status, 400)
  t.equal((await refresh(url, 'rubbish')).status, 429)
  other = await signIn()
  t.equal(
    (await refresh(url, other.refresh_token)).status,
    429,
    'limits are checked before the work, also of a good token'
  )
})
