import t, { type Test } from 'tap'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { createBrowser } from '../fakes/browser.ts'
import { startFakeGitHub, type FakeGitHub } from '../fakes/github.ts'
import { startFakeOidc, type FakeOidc } from '../fakes/oidc.ts'
import { readJson, type Running, setup, sharing } from '../helper.ts'

interface World extends Running {
  github: FakeGitHub
  acme: FakeOidc
}

async function open (t: Test, environment: Record<string, string> = {}): Promise<World> {
  const [github, acme] = await Promise.all([startFakeGitHub(), startFakeOidc()])
  t.teardown(() => Promise.all([github.close(), acme.close()]))
  const running = await setup(t, {
    ...github.settings,
    ...acme.settings('acme', { emailTrusted: true }),
    ...environment
  })
  return { ...running, github, acme }
}

const world = sharing(t, open, ({ github, acme }) => {
  for (const fake of [github, acme]) {
    fake.reset()
    fake.heal()
  }
  github.allow()
})

async function count (sql: World['sql'], table: string): Promise<number> {
  return Number((await sql.query(`SELECT count(*) FROM ${table}`)).rows[0].count)
}

t.test('a login ends in a token response, a user, and tokens that anyone can verify', async (t) => {
  const { url, github, sql } = await world(t)
  github.user({ id: 583231, login: 'octocat', name: 'The Octocat', email: 'octocat@github.com' })
  const response = await createBrowser(url).login(`${url}/login/github`)

  t.equal(response.status, 200)
  t.match(response.headers.get('content-type'), /^application\/json/)
  t.equal(response.headers.get('cache-control'), 'no-store')
  const { access_token: accessToken, user, ...rest } = response.json()
  t.match(rest, { token_type: 'Bearer', expires_in: 900, refresh_token: /^[\w-]{100,}$/, scope: 'provider_token' })
  t.match(user, {
    email: 'octocat@github.com',
    emailVerified: true,
    name: 'The Octocat',
    preferences: {},
    lastLoginAt: /T.*\.\d{3}Z$/
  })
  t.same(user.roles, [])
  t.match(user.accounts, [
    { provider: 'github', subject: '583231', username: 'octocat', scope: 'read:user user:email' }
  ])

  const jwks = createRemoteJWKSet(new URL(`${url}/.well-known/jwks.json`))
  const { payload, protectedHeader } = await jwtVerify(accessToken, jwks, {
    issuer: url,
    audience: url,
    typ: 'at+jwt',
    algorithms: ['ES256']
  })
  t.type(protectedHeader.kid, 'string')
  t.same(
    Object.keys(payload).sort(),
    ['aud', 'auth_time', 'client_id', 'exp', 'iat', 'iss', 'jti', 'roles', 'scope', 'sid', 'sub'],
    'no email, no name'
  )
  t.match(payload, { sub: user.id, client_id: 'signet' })
  t.same(payload['roles'], [])
  t.equal(payload.exp! - payload.iat!, 900)

  const me = await fetch(`${url}/me`, { headers: { authorization: `Bearer ${accessToken}` } })
  t.equal(me.status, 200)
  t.same(await readJson(me), user)
  const home = await readJson(await fetch(url, { headers: { authorization: `Bearer ${accessToken}` } }))
  t.same(home.user, { id: user.id, name: 'The Octocat' })
  t.equal(github.calls('/login/oauth/access_token').length, 1, 'one exchange')
  t.same(github.unexpected(), [])
  t.same(await Promise.all(['users', 'accounts', 'sessions'].map((table) => count(sql, table))), [1, 1, 1])
})

t.test('starting a login sends state, PKCE and nonce, and writes nothing', async (t) => {
  const { url, acme, sql } = await world(t)
  const seen = new Set<string>()
  for (let round = 0; round < 20; round++) {
    const response = await fetch(
      `${url}/login/acme?redirect_uri=https://evil.example&scope=repo&client_id=z&state=mine&nonce=mine`,
      { redirect: 'manual' }
    )
    t.equal(response.status, 302)
    t.equal(response.headers.get('cache-control'), 'no-store')
    const location = new URL(response.headers.get('location') ?? '')
    const parameter = (name: string) => location.searchParams.get(name) ?? ''
    t.equal(location.origin + location.pathname, `${acme.url}/authorize`)
    t.equal(parameter('response_type'), 'code')
    t.equal(parameter('client_id'), acme.clientId, 'not what the query said')
    t.equal(parameter('redirect_uri'), `${url}/login/acme/callback`)
    t.equal(parameter('scope'), 'openid profile email')
    t.equal(parameter('code_challenge_method'), 'S256')
    for (const name of ['state', 'nonce', 'code_challenge']) {
      t.match(parameter(name), /^[\w-]{43}$/)
      seen.add(parameter(name))
    }
  }
  t.equal(seen.size, 60, 'all fresh')
  for (const table of ['users', 'accounts', 'sessions', 'spent_states', 'audit_events']) {
    t.equal(await count(sql, table), 0, table)
  }
})

t.test(
  'the cookie of an attempt is HttpOnly, Lax, for ten minutes; __Host- and Secure where the issuer speaks https',
  async (t) => {
    const { url } = await world(t)
    const plain = (await fetch(`${url}/login/github`, { redirect: 'manual' })).headers.get('set-cookie') ?? ''
    t.match(plain, /^signet-login-[\w-]{16}=[\w.-]+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/)
    const { app } = await world(t, { ISSUER_URL: 'https://id.example.com' })
    const secure = (await app.inject('/login/github')).headers['set-cookie'] as string
    t.match(secure, /^__Host-signet-login-[\w-]{16}=[\w.-]+; Max-Age=600; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  }
)

t.test("a login that starts on another loopback name than the issuer's is first sent to that one", async (t) => {
  const { app, url } = await world(t)
  const { port } = new URL(url)
  const starts = ['/login/github?return_to=x&prompt=login', '/oauth2/authorize?client_id=spa', '/device?user_code=x']
  const leadsTo = async (path: string, host: string, at = app) =>
    (await at.inject({ url: path, headers: { host } })).headers.location
  for (const path of starts) {
    for (const name of ['127.0.0.1', '127.0.0.2', '[::1]']) {
      t.equal(await leadsTo(path, `${name}:${port}`), url + path, name)
    }
  }
  for (const host of [
    `localhost:${port}`, '127.0.0.1:1', '127.0.0.1', `127.0.0.1.nip.io:${port}`, `localhost.evil.example:${port}`,
    `evil.example:${port}`, `127.0.0.1:${port}@evil.example`, 'x y'
  ]) t.notMatch(await leadsTo('/login/github', host), `${url}/`, host)
  const { app: deployed } = await world(t, { ISSUER_URL: 'https://id.example.com' })
  t.notMatch(await leadsTo('/login/github', '127.0.0.1', deployed), 'https://id.example.com/')
})

t.test('two tabs and two providers in one browser all get through, in any order', async (t) => {
  const { url } = await world(t)
  const browser = createBrowser(url)
  const callbacks = []
  for (const provider of ['github', 'acme', 'github', 'acme', 'github']) {
    callbacks.push(await browser.authorize(await browser.start(`/login/${provider}`)))
  }
  for (const callback of callbacks.reverse()) t.equal((await browser.callback(callback)).status, 200)
  t.same(browser.cookies(), [], 'nothing is left behind')
})

t.test(
  'two hundred logins begun and not ended keep the Cookie header small, and the last one still works',
  async (t) => {
    const { url } = await world(t)
    const browser = createBrowser(url)
    let last = ''
    for (let round = 0; round < 200; round++) last = await browser.start('/login/github')
    t.ok(browser.cookieHeaderSize() < 4096, `${browser.cookieHeaderSize()} bytes`)
    t.equal((await browser.callback(await browser.authorize(last))).status, 200)
  }
)

t.test('a state works once', async (t) => {
  const { url, github, sql } = await world(t)
  const browser = createBrowser(url)
  const callback = await browser.authorize(await browser.start('/login/github'))
  const cookies = browser.cookieHeader()
  t.equal((await browser.callback(callback)).status, 200)

  const replay = await fetch(callback, { headers: { cookie: cookies } })
  t.equal(replay.status, 400)
  t.match(await readJson(replay), {
    code: 'invalid_state',
    status: 400,
    type: `${url}/problems/invalid_state`,
    requestId: /./
  })
  t.equal(github.calls('/login/oauth/access_token').length, 1, 'the replay did not reach the provider')
  t.equal(await count(sql, 'sessions'), 1)
})

t.test(
  'a state is refused when it is missing, empty, repeated, forged, too long, or of another browser or provider',
  async (t) => {
    const { url, github, acme, sql } = await world(t)
    const browser = createBrowser(url)
    const callback = new URL(await browser.authorize(await browser.start('/login/github')))
    const withState = (...states: string[]) => {
      const changed = new URL(callback)
      changed.searchParams.delete('state')
      for (const state of states) changed.searchParams.append('state', state)
      return changed.href
    }
    const state = callback.searchParams.get('state') ?? ''
    const attempts = {
      missing: withState(),
      empty: withState(''),
      repeated: withState(state, state),
      'as an array': callback.href.replace('state=', 'state[]='),
      forged: withState(`${state.slice(0, -1)}${state.endsWith('A') ? 'B' : 'A'}`),
      'too long': withState(state.padEnd(8000, 'x')),
      'of another provider': callback.href.replace('/login/github/', '/login/acme/')
    }
    for (const [name, attempt] of Object.entries(attempts)) {
      const response = await browser.get(attempt)
      t.equal(response.status, 400, name)
      t.equal(response.json().code, 'invalid_state', name)
      t.match(response.headers.get('content-type'), /^application\/problem\+json/)
    }
    const stranger = await createBrowser(url).callback(callback.href)
    t.equal(stranger.json().code, 'invalid_state', 'of another browser')

    const other = createBrowser(url)
    await other.start('/login/github')
    t.equal((await other.callback(callback.href)).json().code, 'invalid_state', 'of a browser with a login of its own')
    t.equal(github.calls('/login/oauth/access_token').length + acme.calls('/token').length, 0, 'no exchange')
    t.equal(await count(sql, 'sessions'), 0)
    t.equal((await browser.callback(callback.href)).status, 200, 'and none of that spoils the right one')
  }
)

t.test('a state is refused after ten minutes', async (t) => {
  const { url, github } = await world(t)
  const browser = createBrowser(url)
  const callback = await browser.authorize(await browser.start('/login/github'))
  // Sent by hand: the browser of the tests has thrown the cookie away by then, as a real one would.
  const cookie = browser.cookieHeader()
  const now = Date.now
  t.teardown(() => {
    Date.now = now
  })
  Date.now = () => now() + 10 * 60 * 1000 + 1000
  const late = await fetch(callback, { headers: { cookie } })
  t.equal(late.status, 400)
  t.equal((await readJson(late)).code, 'invalid_state')
  Date.now = () => now() + 9 * 60 * 1000
  t.equal((await fetch(callback, { headers: { cookie } })).status, 200, 'nine minutes are fine')
  t.equal(github.calls('/login/oauth/access_token').length, 1)
})

t.test('a login may start on one instance and end on another', async (t) => {
  const { url, another } = await world(t)
  const { address } = await another()
  const browser = createBrowser(url)
  const callback = await browser.authorize(await browser.start('/login/github'))
  const cookie = browser.cookieHeader()
  const response = await fetch(callback.replace(url, address), { headers: { cookie } })
  t.equal(response.status, 200)
  const { access_token: accessToken, refresh_token: refreshToken } = await readJson(response)
  const me = await fetch(`${url}/me`, { headers: { authorization: `Bearer ${accessToken}` } })
  t.equal(me.status, 200, 'issued on B, good on A')
  const refreshed = await fetch(`${url}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken })
  })
  t.equal(refreshed.status, 200)
  const replay = await fetch(callback, { headers: { cookie } })
  t.equal(replay.status, 400, 'spent on B, spent on A')
})

t.test('of fifty callbacks of one login at once, on two instances, one gets through', async (t) => {
  const { url, another, github } = await world(t)
  const { address } = await another()
  const browser = createBrowser(url)
  const callback = await browser.authorize(await browser.start('/login/github'))
  const cookie = browser.cookieHeader()
  const statuses = await Promise.all(
    Array.from(
      { length: 50 },
      async (_, index) =>
        (await fetch(index % 2 ? callback : callback.replace(url, address), { headers: { cookie } })).status
    )
  )
  t.equal(statuses.filter((status) => status === 200).length, 1)
  t.equal(statuses.filter((status) => status === 400).length, 49)
  t.equal(github.calls('/login/oauth/access_token').length, 1)
})

t.test('the person says no', async (t) => {
  const { url, github, sql } = await world(t)
  github.deny()
  const response = await createBrowser(url).login('/login/github')
  t.equal(response.status, 403)
  t.equal(response.json().code, 'access_denied')
  t.equal(github.calls('/login/oauth/access_token').length, 0)
  t.same((await sql.query('SELECT type, provider, details FROM audit_events')).rows, [
    {
      type: 'login.failed',
      provider: 'github',
      details: { code: 'access_denied', step: 'authorization response', providerError: 'access_denied' }
    }
  ])
})

t.test('a disabled user cannot sign in, and is out at once', async (t) => {
  const { url, sql } = await world(t)
  const browser = createBrowser(url)
  const { access_token: accessToken, refresh_token: refreshToken } = (await browser.login('/login/github')).json()
  await sql.query('UPDATE users SET disabled_at = now()')
  const again = await browser.login('/login/github')
  t.equal(again.status, 403)
  t.equal(again.json().code, 'account_disabled')
  t.equal((await fetch(`${url}/me`, { headers: { authorization: `Bearer ${accessToken}` } })).status, 401)
  const refreshed = await fetch(`${url}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken })
  })
  t.match(await readJson(refreshed), { error: 'invalid_grant' })
  t.equal(await count(sql, 'sessions'), 1)
})

t.test('an unknown provider is 404, start and callback, GET and POST', async (t) => {
  const { url } = await world(t)
  for (const path of ['/login/nope', '/login/nope/callback?state=x&code=y', '/login/google']) {
    const response = await fetch(url + path, { redirect: 'manual' })
    t.equal(response.status, 404, path)
    t.equal((await readJson(response)).code, 'unknown_provider', path)
  }
  const post = await fetch(`${url}/login/nope/callback`, {
    method: 'POST',
    body: new URLSearchParams({ state: 'x', code: 'y' })
  })
  t.equal((await readJson(post)).code, 'unknown_provider')
  const refused = await fetch(`${url}/login/github/callback`, {
    method: 'POST',
    body: new URLSearchParams({ state: 'x', code: 'y' })
  })
  t.equal(refused.status, 404, 'a provider that does not answer by POST')
})

t.test('too many login starts, or callbacks, from one address are 429 with Retry-After', async (t) => {
  const { url } = await world(t, { RATE_LIMITS: 'on' })
  for (const [path, status] of [
    ['/login/github', 302],
    ['/login/github/callback?state=x', 400]
  ] as const) {
    const call = (forwardedFor: string) =>
      fetch(url + path, { redirect: 'manual', headers: { 'x-forwarded-for': forwardedFor } })
    for (let round = 0; round < 100; round++) t.equal((await call(`203.0.113.${round}`)).status, status)
    const refused = await call('198.51.100.1')
    t.equal(refused.status, 429, 'X-Forwarded-For of a client is ignored')
    t.match(refused.headers.get('retry-after'), /^[1-9]\d?$/)
    t.equal((await readJson(refused)).code, 'rate_limited')
  }
  t.equal((await fetch(`${url}/.well-known/jwks.json`)).status, 200, 'the rest goes on')
})

t.test('cookie mode sets the refresh cookie and returns; a failure returns with an error', async (t) => {
  const { url, github } = await world(t, { ALLOWED_ORIGINS: 'https://app.example.com' })
  const browser = createBrowser(url)
  const done = await browser.login(
    `/login/github?return_to=${encodeURIComponent('https://app.example.com/welcome?tab=1')}`
  )
  t.equal(done.status, 302)
  t.equal(done.location, 'https://app.example.com/welcome?tab=1')
  t.match(
    done.headers.getSetCookie().find((line) => line.startsWith('signet-refresh=')),
    /^signet-refresh=[\w-]+; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Strict$/
  )

  github.deny()
  const refused = await browser.login(
    `/login/github?return_to=${encodeURIComponent('https://app.example.com/welcome?tab=1')}`
  )
  const location = new URL(refused.location ?? '')
  t.equal(refused.status, 302)
  t.equal(location.origin + location.pathname, 'https://app.example.com/welcome')
  t.match(Object.fromEntries(location.searchParams), { tab: '1', error: 'access_denied', error_description: /./ })

  github.allow()
  github.fault('/api/v3/user', { kind: 'status', status: 500 }, { times: 1 })
  const broken = await browser.login(`/login/github?return_to=${encodeURIComponent('https://app.example.com/')}`)
  t.equal(new URL(broken.location ?? '').searchParams.get('error'), 'server_error')
  const evil = await fetch(`${url}/login/github?return_to=https://evil.example/`, { redirect: 'manual' })
  t.equal(evil.status, 400)
  t.equal((await readJson(evil)).code, 'invalid_return_to')
})

t.test('redirects of a login are 302 with no-store and no-referrer, errors included', async (t) => {
  const client = { client_id: 'spa', name: 'The app', redirect_uris: ['https://app.example.com/callback'] }
  const { url, github } = await world(t, { CLIENTS: JSON.stringify([client]) })
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: client.client_id,
    redirect_uri: client.redirect_uris[0] ?? '',
    code_challenge: 'x'.repeat(43),
    code_challenge_method: 'S256',
    provider: 'github'
  })
  const starts = {
    direct: '/login/github',
    cookie: `/login/github?return_to=${encodeURIComponent('https://app.example.com/')}`,
    code: `/oauth2/authorize?${query}`
  }
  for (const isDenied of [false, true]) {
    if (isDenied) github.deny()
    for (const [mode, start] of Object.entries(starts)) {
      const browser = createBrowser(url)
      const started = await browser.get(start)
      const ended = await browser.callback(await browser.authorize(started.location ?? ''))
      const expected = mode !== 'direct' ? 302 : isDenied ? 403 : 200
      t.same([started.status, ended.status], [302, expected], mode)
      for (const { headers } of [started, ended]) {
        t.equal(headers.get('cache-control'), 'no-store', mode)
        t.equal(headers.get('referrer-policy'), 'no-referrer', mode)
      }
    }
  }
})

t.test('the list of providers is JSON, or a page for a browser', async (t) => {
  const { url } = await world(t, { OIDC_ACME_NAME: '<Acme & "Sons">' })
  const list = await readJson(await fetch(`${url}/login`))
  t.same(list.providers, [
    { id: 'github', name: 'GitHub', loginUrl: `${url}/login/github` },
    { id: 'acme', name: '<Acme & "Sons">', loginUrl: `${url}/login/acme` }
  ])
  const page = await fetch(`${url}/login`, { headers: { accept: 'text/html,application/xhtml+xml' } })
  t.match(page.headers.get('content-type'), /^text\/html/)
  t.match(page.headers.get('content-security-policy'), /default-src 'none'; style-src 'sha256-/)
  const text = await page.text()
  t.match(text, 'Continue with &lt;Acme &amp; &quot;Sons&quot;&gt;')
  t.notMatch(text, '<Acme')
})

t.test('a user becomes an administrator by a verified address of ADMIN_EMAILS only', async (t) => {
  const { url, github, acme } = await world(t, { ADMIN_EMAILS: 'Boss@example.com' })
  github.user({
    id: 1,
    login: 'liar',
    emails: [{ email: 'boss@example.com', primary: true, verified: false, visibility: null }]
  })
  t.same((await createBrowser(url).login('/login/github')).json().user.roles, [], 'unverified')
  acme.person({ sub: 'boss', email: 'boss@EXAMPLE.com', email_verified: true })
  t.same((await createBrowser(url).login('/login/acme')).json().user.roles, ['admin'])
})
