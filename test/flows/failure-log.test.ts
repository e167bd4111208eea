import t, { type Test } from 'tap'
import { createBrowser, type Browser } from '../fakes/browser.ts'
import { idTokenFrom } from '../fakes/oidc-app.ts'
import { startFakeOidc, type FakeOidcOptions } from '../fakes/oidc.ts'
import { createPkce } from '../fakes/pkce.ts'
import { eventually, readJson, setup } from '../helper.ts'
import { sendBytes } from '../hostile/wire.ts'
import { slow } from '../slow.ts'

/** The log says why (keycloak#23690, supabase/auth#106): each failed login and each 4xx leaves one line. */

const APP = { client_id: 'app', name: 'The app', redirect_uris: ['https://app.example.com/callback'] }
const RETURN_TO = `/login/acme?return_to=${encodeURIComponent('https://app.example.com/')}`
const AS_PERSON = { headers: { accept: 'text/html' } }
const WARN = 40
const INFO = 30

interface Line extends Record<string, unknown> { level: number, msg: string, reqId?: string }

async function world (t: Test, environment: Record<string, string> = {}, options: FakeOidcOptions = {}) {
  const acme = await startFakeOidc(options)
  t.teardown(() => acme.close())
  const running = await setup(t, {
    ...acme.settings('acme'),
    CLIENTS: JSON.stringify([APP]),
    ALLOWED_ORIGINS: 'https://app.example.com',
    ...environment
  })
  const { url, origin, log, sql } = running
  const lines = () => log().split('\n').filter(Boolean).map((line) => JSON.parse(line) as Line)
  /** The lines of a request that tell of a failure: neither its start nor its end. */
  const failures = (requestId?: string | null) => lines().filter(({ msg, reqId }) =>
    /failed$/.test(msg) && (requestId === undefined || reqId === requestId))
  /** Sends a request that fails: its status, and the lines that tell of it. */
  async function fail (path: string, init?: RequestInit) {
    const response = await fetch(url + path, { ...init, redirect: 'manual' })
    await response.text()
    const requestId = response.headers.get('x-request-id')
    await eventually('the request is logged', () => failures(requestId).length > 0)
    return { status: response.status, lines: failures(requestId) }
  }
  const events = async () =>
    (await sql.query(`SELECT details, request_id AS "requestId" FROM audit_events WHERE type = 'login.failed'
      ORDER BY created_at`)).rows

  function authorizePath (more: Record<string, string> = {}) {
    const { challenge } = createPkce()
    return `/oauth2/authorize?${new URLSearchParams({
      response_type: 'code',
      client_id: 'app',
      redirect_uri: APP.redirect_uris[0] as string,
      code_challenge: challenge,
      code_challenge_method: 'S256',
      provider: 'acme',
      ...more
    })}`
  }

  async function loginOnDevice (browser: Browser) {
    const begun = await fetch(`${url}/oauth2/device_authorization`, {
      method: 'POST', body: new URLSearchParams({ client_id: 'app' })
    })
    const { user_code: userCode } = await readJson(begun)
    await browser.post('/device', { form: { user_code: userCode }, headers: { origin } })
    return await browser.login('/device/login/acme')
  }

  return { ...running, acme, lines, failures, fail, events, authorizePath, loginOnDevice }
}

t.test('a wrong client secret in code mode: the line that an operator finds by the request id', async (t) => {
  const { url, acme, failures, events, authorizePath, log } = await world(t, { OIDC_ACME_CLIENT_SECRET: 'not-the-one' })
  const response = await createBrowser(url).login(authorizePath({ state: 's' }))
  const { searchParams: shown } = new URL(response.location ?? '')
  t.match(Object.fromEntries(shown), { error: 'server_error', state: 's' })
  const [, requestId] = /^acme: the token exchange failed: HTTP 401\. Request ([\w.-]+)$/.exec(
    shown.get('error_description') ?? ''
  ) ?? []
  t.equal(requestId, response.headers.get('x-request-id'), 'the app can show the request id')
  const found = failures(requestId)
  t.equal(found.length, 1)
  t.match(found[0], {
    level: WARN,
    msg: 'login failed',
    reqId: requestId,
    code: 'provider_error',
    status: 502,
    route: '/login/:provider/callback',
    step: 'token exchange',
    provider: 'acme',
    mode: 'code',
    clientId: 'app',
    reason: 'HTTP 401',
    providerStatus: 401,
    providerError: 'invalid_client'
  })
  t.comment(JSON.stringify(found[0]))
  t.same(await events(), [{
    requestId,
    details: { code: 'provider_error', step: 'token exchange', providerError: 'invalid_client' }
  }])
  for (const secret of ['not-the-one', acme.clientSecret]) t.notMatch(log(), secret)
})

t.test('a failed login leaves one line in every mode, with its step and the word of the provider', async (t) => {
  const { url, acme, failures, events, authorizePath, loginOnDevice } = await world(t)
  acme.fault(acme.paths.token, { kind: 'status', status: 400, body: { error: 'invalid_grant' } })
  const modes: Record<string, (browser: Browser) => Promise<{ headers: Headers }>> = {
    direct: (browser) => browser.login('/login/acme'),
    cookie: (browser) => browser.login(RETURN_TO),
    code: (browser) => browser.login(authorizePath()),
    link: (browser) => browser.login(authorizePath({ intent: 'link' })),
    device: loginOnDevice
  }
  for (const [mode, login] of Object.entries(modes)) {
    const { headers } = await login(createBrowser(url))
    const found = failures(headers.get('x-request-id'))
    t.equal(found.length, 1, mode)
    const expected = { step: 'token exchange', providerStatus: 400, providerError: 'invalid_grant' }
    t.match(found[0], { level: WARN, mode, provider: 'acme', code: 'provider_error', status: 502, ...expected }, mode)
    t.match((await events()).at(-1).details, { step: 'token exchange', providerError: 'invalid_grant' }, mode)
  }
  acme.heal()
  acme.idToken({ sign: 'wrong-key' })
  const native = await fetch(`${url}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      subject_token: await idTokenFrom(acme),
      provider: 'acme',
      client_id: 'app'
    })
  })
  t.equal(native.status, 400)
  const found = failures(native.headers.get('x-request-id'))
  t.equal(found.length, 1)
  t.match(found, [{ level: INFO, mode: 'native', code: 'invalid_grant', step: 'ID token', reason: /signature/ }])
  t.match((await events()).at(-1).details, { code: 'invalid_id_token', step: 'ID token' })
})

slow.test('each step of a login has its name in the log', async (t) => {
  const { url, acme, failures, events } = await world(t)
  const refused = { kind: 'status', status: 403, body: { error: 'not_today' } } as const
  const words = { providerStatus: 403, providerError: 'not_today' }
  const steps: [step: string, arrange: () => unknown, more: object, isEvent?: boolean][] = [
    ['discovery', () => acme.fault(acme.paths.discovery, refused), words, false],
    ['authorization response', () => acme.deny('temporarily_unavailable'), {
      level: WARN, code: 'provider_error', providerError: 'temporarily_unavailable'
    }],
    ['authorization response', () => acme.deny('user_cancelled_login'), {
      level: INFO, code: 'access_denied', providerError: 'user_cancelled_login'
    }],
    ['token exchange', () => acme.fault(acme.paths.token, refused), words],
    ['keys', () => acme.fault(acme.paths.jwks, refused), { providerStatus: 403 }],
    ['ID token', () => acme.idToken({ claims: { aud: 'another' } }), { code: 'invalid_id_token' }],
    ['user info', () => acme.fault(acme.paths.userinfo, refused), words],
    ['user info', () => acme.fault(acme.paths.userinfo, {
      kind: 'status', status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' }
    }), { providerStatus: 401, providerError: 'invalid_token' }]
  ]
  for (const [step, arrange, more, isEvent = true] of steps) {
    arrange()
    const before = (await events()).length
    const browser = createBrowser(url)
    const response = step === 'discovery' ? await browser.get('/login/acme') : await browser.login('/login/acme')
    const found = failures(response.headers.get('x-request-id'))
    t.equal(found.length, 1, step)
    t.match(found[0], { msg: 'login failed', step, mode: 'direct', provider: 'acme', ...more })
    const recorded = (await events()).slice(before)
    t.equal(recorded.length, isEvent ? 1 : 0)
    if (isEvent) t.match(recorded[0].details, { step })
    acme.heal()
    acme.allow()
    acme.idToken({})
  }
})

t.test('a login that its browser did not start, or that is answered without a code', async (t) => {
  const { url, failures, acme } = await world(t)
  const browser = createBrowser(url)
  const stray = await browser.get('/login/acme/callback?state=forged&code=x', AS_PERSON)
  t.match(stray.text, stray.headers.get('x-request-id'), 'the page shows the request id')
  t.match(failures(stray.headers.get('x-request-id')), [
    { level: INFO, msg: 'login failed', code: 'invalid_state', status: 400, step: 'authorization response' }
  ])
  acme.response({ code: undefined })
  const without = await browser.login('/login/acme')
  const found = failures(without.headers.get('x-request-id'))
  t.match(found, [{ code: 'invalid_request', status: 400, step: 'authorization response', mode: 'direct' }])
  t.equal(found.length, 1)
})

t.test('every 4xx leaves one line with its code and route', async (t) => {
  const { url, origin, failures, fail, authorizePath } = await world(t)
  const form = (values: Record<string, string>) => ({ method: 'POST', body: new URLSearchParams(values) })
  const json = (body: string) => ({ method: 'POST', body, headers: { 'content-type': 'application/json' } })
  const requests: [path: string, init: RequestInit, status: number, code: string | undefined][] = [
    ['/me', {}, 401, 'unauthorized'],
    ['/me', { headers: { authorization: 'Bearer nonsense' } }, 401, 'invalid_token'],
    ['/admin/users', {}, 401, 'unauthorized'],
    ['/nowhere', {}, 404, 'not_found'],
    ['/nowhere', AS_PERSON, 404, 'not_found'],
    ['/login/nobody', {}, 404, 'unknown_provider'],
    ['/login/acme?return_to=https://evil.example', {}, 400, 'invalid_return_to'],
    ['/login/acme?return_to=https://evil.example', AS_PERSON, 400, 'invalid_return_to'],
    ['/oauth2/authorize?client_id=nobody', {}, 400, 'invalid_request'],
    ['/oauth2/authorize?client_id=nobody', AS_PERSON, 400, 'invalid_request'],
    [authorizePath({ redirect_uri: 'https://evil.example' }), AS_PERSON, 400, 'invalid_request'],
    ['/oauth2/token', form({}), 400, 'invalid_request'],
    ['/oauth2/token', form({ grant_type: 'refresh_token', refresh_token: 'x' }), 400, 'invalid_grant'],
    ['/oauth2/token', json('{'), 400, 'invalid_request'],
    ['/oauth2/token', json(`"${'x'.repeat(70_000)}"`), 413, 'invalid_request'],
    ['/oauth2/introspect', form({ token: 'x' }), 401, 'invalid_client'],
    ['/oauth2/userinfo', {}, 401, 'invalid_token'],
    ['/device', { ...form({ user_code: 'BBBB-BBBB' }), headers: { origin } },
      400, 'invalid_request'],
    ['/device/confirm', AS_PERSON, 400, 'invalid_state'],
    ['/oauth2/logout?id_token_hint=x', AS_PERSON, 400, 'invalid_request'],
    ['/oauth2/token', { method: 'POST', headers: { 'content-type': 'text/xml' }, body: '<a/>' }, 415,
      'invalid_request'],
    ['/login/acme/callback', form({}), 404, 'not_found'],
    ['/me', { method: 'OPTIONS', headers: { origin: 'https://app.example.com' } }, 400, undefined]
  ]
  for (const [path, init, status, code] of requests) {
    const failed = await fail(path, init)
    t.same([failed.status, failed.lines.length], [status, 1], path)
    t.match(failed.lines[0], { level: INFO, status, ...code === undefined ? {} : { code } }, path)
  }

  const refused = await fetch(url + authorizePath({ response_type: 'token' }), { redirect: 'manual' })
  t.match(new URL(refused.headers.get('location') ?? '').searchParams.get('error'), 'unsupported_response_type')
  t.match(failures(refused.headers.get('x-request-id')), [
    { code: 'unsupported_response_type', mode: 'code', clientId: 'app', step: 'authorization request' }
  ])
})

t.test('what Node and Fastify refuse by themselves leaves one line, too', async (t) => {
  const { url, failures, fail } = await world(t)
  const line = { level: INFO, status: 400, code: 'validation_failed' }
  t.match(await fail('/%'), { status: 400, lines: [line] })

  const answer = await sendBytes(url, 'GET / HTTP/1.1\r\nbroken header\r\n\r\n')
  const [, requestId] = /"requestId":"([^"]+)"/.exec(answer) ?? []
  t.match(failures(requestId), [line], 'also what is no HTTP')
})

t.test('what succeeds leaves no such line', async (t) => {
  const { url, failures } = await world(t)
  const { access_token: accessToken, refresh_token: refreshToken } =
    (await createBrowser(url).login('/login/acme')).json()
  const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken })
  t.equal((await fetch(`${url}/oauth2/token`, { method: 'POST', body })).status, 200)
  t.equal((await fetch(`${url}/me`, { headers: { authorization: `Bearer ${accessToken}` } })).status, 200)
  t.same(failures(), [])
})

t.test('nobody writes lines or secrets into the log', async (t) => {
  const { url, acme, failures, lines, log, authorizePath } = await world(t, {}, {
    clientSecret: 'a-secret-that-is-repeated'
  })
  const forged = '{"level":50,"msg":"forged"}'
  const words: [error: unknown, word: string | undefined][] = [
    [`invalid_client\r\n${forged}`, 'invalid_client'],
    [`invalid_client\u2028${forged}\u001b[2K`, 'invalid_client'],
    ['<script>alert(1)</script>', undefined],
    ['x'.repeat(5_000), 'x'.repeat(64)],
    ['The code was used', 'The'],
    ['a-secret-that-is-repeated', undefined],
    ['bad secret: a-secret-that-is-repeated', undefined],
    [{ message: 'secret words', type: 'OAuthException', code: 190 }, 'OAuthException'],
    [{ message: 'secret words', code: 401, status: 'UNAUTHENTICATED' }, 'UNAUTHENTICATED'],
    [['invalid_client'], undefined],
    [42, undefined]
  ]
  for (const [error, word] of words) {
    const body = { error, error_description: 'secret words', error_uri: 'https://secret.example' }
    acme.fault(acme.paths.token, { kind: 'status', status: 401, body })
    const { headers, location } = await createBrowser(url).login(authorizePath())
    const found = failures(headers.get('x-request-id'))
    t.equal(found.length, 1)
    t.equal(found[0]?.['providerError'], word)
    t.notMatch(decodeURIComponent(location ?? ''), /secret|<|forged|OAuthException|invalid_client/)
  }
  acme.heal()

  // A provider that repeats the code or the access token.
  for (const [path, repeated] of [
    [acme.paths.token, () => (acme.calls(acme.paths.token).at(-1)?.body as Record<string, string>)['code']],
    [acme.paths.userinfo, () => acme.calls(acme.paths.userinfo).at(-1)?.headers.authorization?.split(' ')[1]]
  ] as const) {
    acme.alter(path, (answer) => ({ ...answer, status: 400, body: JSON.stringify({ error: repeated() }) }))
    const { headers } = await createBrowser(url).login('/login/acme')
    const [line] = failures(headers.get('x-request-id'))
    t.match(line, { code: 'provider_error', providerStatus: 400 })
    t.equal(line?.['providerError'], undefined)
    t.ok(repeated())
    t.notMatch(log(), repeated())
    acme.heal()
  }

  for (const error of [`no%0d%0a${forged}`, '<script>', 'x'.repeat(200)]) {
    const browser = createBrowser(url)
    const callback = new URL(await browser.authorize(await browser.start('/login/acme')))
    callback.searchParams.delete('code')
    await browser.callback(`${callback.href}&error=${error}&error_description=secret%20words`)
  }
  t.match(failures().slice(-3).map((line) => line['providerError']), [undefined, undefined, 'x'.repeat(64)])
  t.notMatch(log(), /secret words|secret\.example|a-secret-that-is-repeated|script|"forged"/)
  t.ok(lines().every(({ level, time }) => level <= WARN && time !== undefined), 'every line is one of ours')
})

t.test('an origin that is not allowed is logged once a minute, with the setting that would allow it', async (t) => {
  const { url, origin: own, lines } = await world(t)
  const told = () => lines().filter(({ origin }) => origin !== undefined)
  const send = async (origin: string, method = 'GET') => {
    const headers = { origin, ...method === 'OPTIONS' ? { 'access-control-request-method': 'POST' } : {} }
    await (await fetch(`${url}/me`, { method, headers })).text()
  }
  for (const method of ['GET', 'OPTIONS', 'GET']) await send('http://localhost:5173', method)
  t.equal(told().length, 1)
  t.match(told()[0], {
    level: WARN, origin: 'http://localhost:5173', setting: 'ALLOWED_ORIGINS', msg: /add the origin to ALLOWED_ORIGINS/
  })
  for (const origin of ['https://app.example.com', own]) await send(origin)
  t.equal(told().length, 1, 'allowed ones, and our own pages, are not told of')

  const clock = performance.now
  t.teardown(() => { performance.now = clock })
  performance.now = () => clock.call(performance) + 61_000
  await send('http://localhost:5173')
  await send('http://localhost:5173')
  t.equal(told().length, 2, 'a minute later it is told of again')

  await send('null')
  t.match(told().at(-1), { origin: 'null', msg: /no setting allows it/ })
  for (let n = 0; n < 120; n++) await send(`https://${n}.example/${'x'.repeat(n)}`)
  t.equal(told().length, 101, 'a hundred origins a minute, however many there are')
  t.ok(told().every(({ origin }) => String(origin).length <= 250))
})
