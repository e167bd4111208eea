import { createServer, type RequestListener } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { answerJson } from '../fakes/answers.ts'
import { createBrowser, type BrowserResponse } from '../fakes/browser.ts'
import type { Call } from '../fakes/calls.ts'
import type { Fault } from '../fakes/faults.ts'
import { GITHUB_PATHS, startFakeGitHub, type FakeGitHub } from '../fakes/github.ts'
import { startHttpFake, type HttpFake } from '../fakes/http-fake.ts'
import { startFakeOidc, type FakeOidc } from '../fakes/oidc.ts'
import { freePort } from '../free-port.ts'
import { eventually, setup } from '../helper.ts'
import { CANARY, refused, rows } from './failed-login.ts'

/** Providers that fail, in every way and at every step (SEC-11, SEC-12, SEC-15, SEC-16, SEC-85 to SEC-89; F6 and F7). */

const exchanges = (fake: FakeGitHub | FakeOidc) => fake.calls('paths' in fake ? fake.paths.token : GITHUB_PATHS.token).length

/** A plain HTTP server, for what the fakes do not play. */
async function serve (t: Test, listener: RequestListener, port = 0): Promise<string> {
  const server = createServer(listener).listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close().closeAllConnections() })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function joined (fakes: Record<string, FakeOidc>): Record<string, string> {
  return Object.assign({}, ...Object.entries(fakes).map(([id, fake]) => fake.settings(id)), { OIDC_PROVIDERS: Object.keys(fakes).join() })
}

t.test('the grid of faults: each step of each provider, each fault', async (t) => {
  const [recorder, github, acme] = await Promise.all([startHttpFake(() => answerJson({})), startFakeGitHub(), startFakeOidc()])
  t.teardown(() => Promise.all([recorder, github, acme].map((fake) => fake.close())))
  const { url, sql } = await setup(t, { ...github.settings, ...acme.settings('acme') })

  const oauthError = { error: 'invalid_grant', error_description: CANARY, access_token: CANARY }
  const faults: Record<string, Fault> = {
    'status 500': { kind: 'status', status: 500, body: { message: CANARY } },
    'status 400 with an OAuth error': { kind: 'status', status: 400, body: oauthError },
    'status 401': { kind: 'status', status: 401, body: CANARY },
    'status 429': { kind: 'status', status: 429, body: { message: CANARY }, headers: { 'retry-after': '3600' } },
    'status 204 without a body': { kind: 'status', status: 204 },
    'an empty body': { kind: 'status', status: 200, contentType: 'application/json' },
    'an empty object': { kind: 'json', value: {} },
    'an error with status 200': { kind: 'json', value: { error: 'bad_verification_code', error_description: CANARY, message: CANARY } },
    null: { kind: 'json', value: null },
    'a list': { kind: 'json', value: [CANARY] },
    'a text': { kind: 'json', value: CANARY },
    'a number': { kind: 'json', value: 42 },
    'JSON that breaks off': { kind: 'status', status: 200, body: `{"access_token":"${CANARY}","keys":[`, contentType: 'application/json' },
    'a web page': { kind: 'status', status: 200, body: `<!doctype html><title>${CANARY}</title>`, contentType: 'text/html' },
    'fifty megabytes': { kind: 'huge' },
    'a reset connection': { kind: 'reset' },
    'a redirect': { kind: 'redirect', location: `${recorder.url}/${CANARY}` }
  }

  /** Answers that would do, were it not for their status, type or size. */
  const almostRight = (value: object): Record<string, Fault> => {
    const padding = 'x'.repeat(2 * 1024 * 1024)
    return {
      'a right answer with status 500': { kind: 'status', status: 500, body: value },
      'a right answer with status 202': { kind: 'status', status: 202, body: value },
      'a right answer that calls itself a web page': { kind: 'status', status: 200, body: JSON.stringify(value), contentType: 'text/html' },
      'a right answer of two mebibytes': { kind: 'json', value: Array.isArray(value) ? [...value, padding] : { ...value, padding } }
    }
  }
  const document = async (path: string) => await (await fetch(acme.url + path)).json() as object

  interface Step { provider: string, name: string, fake: FakeGitHub | FakeOidc, path: string, right: object, kept?: boolean }
  const { paths } = acme
  const steps: Step[] = [
    { provider: 'acme', name: 'discovery', fake: acme, path: paths.discovery, right: await document(paths.discovery), kept: true },
    { provider: 'acme', name: 'keys', fake: acme, path: paths.jwks, right: await document(paths.jwks), kept: true },
    { provider: 'acme', name: 'token exchange', fake: acme, path: paths.token, right: { access_token: 'x', id_token: 'y' } },
    { provider: 'acme', name: 'user info', fake: acme, path: paths.userinfo, right: { sub: '248289761001' } },
    { provider: 'github', name: 'token exchange', fake: github, path: GITHUB_PATHS.token, right: { access_token: 'x' } },
    { provider: 'github', name: 'profile', fake: github, path: GITHUB_PATHS.user, right: { id: 583231 } },
    { provider: 'github', name: 'emails', fake: github, path: GITHUB_PATHS.emails, right: [] }
  ]

  for (const { provider, name, fake, path, right, kept } of steps) {
    const detail = new RegExp(`^${provider === 'github' ? 'GitHub' : provider}: the ${name} failed: `)
    for (const [fault, play] of Object.entries({ ...faults, ...almostRight(right) })) {
      // A list is what is asked for there; what is in it says nothing.
      if (path === GITHUB_PATHS.emails && fault === 'a list') continue
      // Key sets are served under many a type, and any success of an exchange is one: what is in it decides.
      if (name === 'keys' && fault === 'a right answer that calls itself a web page') continue
      if (name === 'token exchange' && fault === 'a right answer with status 202') continue
      await t.test(`${provider}, ${name}: ${fault}`, async (t) => {
        const before = await rows(sql)
        fake.reset()
        recorder.reset()
        fake.fault(path, play)
        const browser = createBrowser(url)
        if (name === 'discovery') {
          refused(t, await browser.get('/login/acme'), 502, 'provider_error', detail)
          t.same(browser.cookies(), [])
        } else {
          const callback = await browser.authorize(await browser.start(`/login/${provider}`))
          refused(t, await browser.callback(callback), 502, 'provider_error', detail)
          refused(t, await browser.callback(callback), 400, 'invalid_state', /./)
        }
        t.equal(exchanges(fake), name === 'discovery' ? 0 : 1)
        t.equal(fake.calls(path).length, 1, 'and no retry of the failed call')
        t.same(recorder.calls(), [], 'no redirect is followed')
        t.same(await rows(sql), before)
        await eventually('the connection is let go', () => fake.pending().length === 0)
        fake.heal()
        // Of what is kept once it was fetched well, the next login is the one at the end.
        if (!kept) t.equal((await createBrowser(url).login(`/login/${provider}`)).status, 200, 'and the next login succeeds')
      })
    }
    const browser = createBrowser(url)
    if (name === 'discovery') t.match(await browser.start('/login/acme'), `${acme.url}/authorize?`)
    else t.equal((await browser.login(`/login/${provider}`)).status, 200)
  }
})

t.test('a token response whose members are strange', async (t) => {
  const acme = await startFakeOidc()
  t.teardown(() => acme.close())
  const { url, sql } = await setup(t, acme.settings('acme'))

  for (const overrides of [
    { access_token: undefined }, { access_token: '' }, { access_token: null }, { access_token: 5 }, { access_token: [CANARY] },
    { access_token: { [CANARY]: 1 } }, { error: CANARY }, { error: { [CANARY]: 1 } }, { access_token: `${CANARY}\r\nx: y` }
  ]) {
    await t.test(`is no token: ${JSON.stringify(overrides)}`, async (t) => {
      const before = await rows(sql)
      acme.tokenResponse(overrides)
      refused(t, await createBrowser(url).login('/login/acme'), 502, 'provider_error', /^acme: /)
      t.same(await rows(sql), before)
    })
  }
  for (const overrides of [
    { expires_in: undefined }, { expires_in: null }, { expires_in: 'soon' }, { expires_in: -1 }, { expires_in: 1e308 }, { expires_in: {} },
    { expires_at: 'never' }, { scope: undefined }, { scope: null }, { scope: 5 }, { scope: ['openid'] }, { refresh_token: 5 }, { refresh_token: null }
  ]) {
    await t.test(`does no harm: ${JSON.stringify(overrides)}`, async (t) => {
      acme.tokenResponse(overrides)
      t.equal((await createBrowser(url).login('/login/acme')).status, 200)
    })
  }
  await t.test('a scope with what no scope holds (RFC 6749 section 3.3) is no fault of this server', async (t) => {
    for (const scope of ['openid a\0b', 'openid \u202eevil', `openid ${'x'.repeat(100_000)}`]) {
      acme.tokenResponse({ scope })
      const response = await createBrowser(url).login('/login/acme')
      t.ok([200, 502].includes(response.status), `${response.status} ${JSON.stringify(scope).slice(0, 30)}`)
      t.notMatch(response.text, /internal_error|\u202e|x{5000}/)
    }
  })
})

t.test('a provider that hangs: 504 in five seconds a request, fifteen in all, and nobody else notices', async (t) => {
  const github = await startFakeGitHub()
  const [healthy, acme, hangsAtDiscovery, dripsAtDiscovery, hangsAtKeys, dripsAtKeys, slow, late] = await Promise.all([
    startFakeOidc(), startFakeOidc(), startFakeOidc(), startFakeOidc(), startFakeOidc(), startFakeOidc(), startFakeOidc(), startFakeOidc()
  ])
  const issuers = {
    acme, 'hangs-at-discovery': hangsAtDiscovery, 'drips-at-discovery': dripsAtDiscovery, 'hangs-at-keys': hangsAtKeys, 'drips-at-keys': dripsAtKeys, slow, late
  }
  const fakes = [github, healthy, ...Object.values(issuers)]
  t.teardown(() => Promise.all(fakes.map((fake) => fake.close())))
  const { url, sql, another } = await setup(t, { ...github.settings, ...healthy.googleSettings(), ...joined(issuers) })
  const { address } = await another()
  const me = (await createBrowser(url).login('/login/google')).json()
  const before = await rows(sql)

  // Headers after four seconds, and then no end: the five seconds are those of the whole request.
  const lateToken = await serve(t, (_request, response) => {
    const headers = setTimeout(() => response.writeHead(200, { 'content-type': 'application/json' }).write('{'), 4_000)
    const drip = setInterval(() => response.headersSent && response.write(' '), 200)
    response.once('close', () => { clearTimeout(headers); clearInterval(drip) })
  })
  late.discovery({ token_endpoint: `${lateToken}/token` })

  interface Attempt { name: string, started: number, answer: Promise<BrowserResponse>, detail: RegExp, withinMs: number }
  const attempts: Attempt[] = []
  const attempt = (name: string, detail: RegExp, answer: Promise<BrowserResponse>, withinMs = 14_000) =>
    attempts.push({ name, detail, withinMs, started: Date.now(), answer: answer.then((response) => Object.assign(response, { at: Date.now() })) })

  /** A login that gets stuck at `path`; resolves when it is stuck. */
  async function stick (provider: string, fake: HttpFake, path: string, kind: 'hang' | 'drip', detail: RegExp, times = 1) {
    const browsers = Array.from({ length: times }, () => createBrowser(url))
    const callbacks: string[] = []
    for (const browser of browsers) callbacks.push(await browser.authorize(await browser.start(`/login/${provider}`)))
    const already = fake.calls(path).length
    fake.fault(path, { kind }, { times })
    browsers.forEach((browser, index) => attempt(`${provider} ${path} ${kind}`, detail, browser.callback(callbacks[index] as string)))
    await eventually(`${provider} ${path} ${kind}: the calls have arrived`, () => fake.calls(path).length === already + times)
  }
  await stick('github', github, GITHUB_PATHS.token, 'hang', /^GitHub: the token exchange took too long/, 30)
  await stick('github', github, GITHUB_PATHS.token, 'drip', /^GitHub: the token exchange took too long/)
  await stick('github', github, GITHUB_PATHS.user, 'hang', /^GitHub: the profile took too long/)
  await stick('github', github, GITHUB_PATHS.user, 'drip', /^GitHub: the profile took too long/)
  await stick('github', github, GITHUB_PATHS.emails, 'hang', /^GitHub: the emails took too long/)
  await stick('github', github, GITHUB_PATHS.emails, 'drip', /^GitHub: the emails took too long/)
  await stick('acme', acme, acme.paths.token, 'hang', /^acme: the token exchange took too long/)
  await stick('acme', acme, acme.paths.token, 'drip', /^acme: the token exchange took too long/)
  await stick('hangs-at-keys', hangsAtKeys, hangsAtKeys.paths.jwks, 'hang', /^hangs-at-keys: the keys took too long/)
  await stick('drips-at-keys', dripsAtKeys, dripsAtKeys.paths.jwks, 'drip', /^drips-at-keys: the keys took too long/)
  for (const [id, fake, kind] of [['hangs-at-discovery', hangsAtDiscovery, 'hang'], ['drips-at-discovery', dripsAtDiscovery, 'drip']] as const) {
    fake.fault(fake.paths.discovery, { kind }, { times: 1 })
    attempt(`${id} start`, new RegExp(`^${id}: the discovery took too long`), createBrowser(url).get(`/login/${id}`))
    attempt(`${id} start, at the same time`, new RegExp(`^${id}: the discovery took too long`), createBrowser(url).get(`/login/${id}`))
  }
  const lateBrowser = createBrowser(url)
  attempt('late token', /^late: the token exchange took too long/, lateBrowser.callback(await lateBrowser.authorize(await lateBrowser.start('/login/late'))))

  // Each step within its five seconds, but more than fifteen together: at an instance that knows nothing of the issuer yet.
  const slowBrowser = createBrowser(url)
  const slowCallback = await slowBrowser.authorize(await slowBrowser.start('/login/slow'))
  const cookie = slowBrowser.cookies().map(({ name, value }) => `${name}=${value}`).join('; ')
  for (const path of [slow.paths.discovery, slow.paths.token, slow.paths.jwks, slow.paths.userinfo]) slow.fault(path, { kind: 'delay', ms: 4_300 })
  slow.idToken({ header: { kid: 'unknown' } })
  attempt('slow', /^slow: .* took too long/, createBrowser(address).get(slowCallback.replace(url, address), { headers: { cookie } }), 25_000)

  await t.test('another provider, /me and the probes answer meanwhile', async (t) => {
    const timed = async (what: string, work: () => Promise<{ status: number }>) => {
      const started = Date.now()
      t.equal((await work()).status, 200, what)
      t.ok(Date.now() - started < 4_500, `${what}: ${Date.now() - started} ms`)
    }
    t.ok(github.pending().length >= 30, 'they are hanging')
    for (let round = 0; round < 3; round++) {
      await timed('a login at Google', () => createBrowser(url).login('/login/google'))
      await timed('/me', () => fetch(`${url}/me`, { headers: { authorization: `Bearer ${me.access_token}` } }))
      await timed('/readyz', () => fetch(`${url}/readyz`))
    }
    await timed('a login at GitHub itself, whose calls hang for others', () => createBrowser(url).login('/login/github'))
    t.ok(github.pending().length >= 30, 'they are hanging still')
  })

  await Promise.all(attempts.map(async ({ name, started, answer, detail, withinMs }) => {
    const response = await answer
    const took = (response as unknown as { at: number }).at - started
    await t.test(name, async (t) => {
      refused(t, response, 504, 'provider_timeout', detail)
      t.ok(took >= 4_000 && took < withinMs, `after ${took} ms`)
    })
  }))

  await t.test('nothing is left: no row, no connection, no second exchange', async (t) => {
    const [users = 0, accounts = 0, sessions = 0] = before
    t.same(await rows(sql), [users + 1, accounts + 1, sessions + 4], 'only the logins that succeeded meanwhile')
    for (const fake of fakes) await eventually('the connections are let go', () => fake.pending().length === 0)
    t.equal(exchanges(github), 31 + 4 + 1, 'one exchange a login')
    t.equal(exchanges(acme), 2)
    t.equal(hangsAtDiscovery.calls(hangsAtDiscovery.paths.discovery).length, 1, 'two logins shared one discovery')
  })

  await t.test('and every one of them comes back', async (t) => {
    slow.heal()
    slow.idToken({})
    late.discovery({})
    for (const id of ['github', ...Object.keys(issuers)].filter((id) => id !== 'late')) {
      t.equal((await createBrowser(url).login(`/login/${id}`)).status, 200, id)
    }
  })
})

t.test('a provider that is down', async (t) => {
  const down = `http://127.0.0.1:${await freePort()}`
  const late = await freePort()
  const github = await startFakeGitHub()
  const [good, keys, token, userinfo, absent] = await Promise.all([startFakeOidc(), startFakeOidc(), startFakeOidc(), startFakeOidc(), startFakeOidc()])
  const issuers = { good, keys, token, userinfo, absent }
  t.teardown(() => Promise.all([github, ...Object.values(issuers)].map((fake) => fake.close())))
  keys.discovery({ jwks_uri: `${down}/jwks` })
  token.discovery({ token_endpoint: `${down}/token` })
  userinfo.discovery({ userinfo_endpoint: `${down}/userinfo` })
  // The issuer `absent` will stand at a port where nobody listens yet.
  const absentIssuer = `http://127.0.0.1:${late}`
  const settings = { ...github.settings, GITHUB_API_URL: `${down}/api/v3`, ...joined(issuers), OIDC_ABSENT_ISSUER: absentIssuer }
  const { url, sql } = await setup(t, settings)

  await t.test('stops nobody else at the start', async (t) => {
    t.equal((await fetch(`${url}/readyz`)).status, 200)
    t.equal((await fetch(`${url}/healthz`)).status, 200)
    refused(t, await createBrowser(url).get('/login/absent'), 502, 'provider_error', /^absent: the discovery failed: ECONNREFUSED/)
    t.equal((await createBrowser(url).login('/login/good')).status, 200)
    t.equal((await fetch(`${url}/readyz`)).status, 200)
  })

  for (const [id, detail] of [
    ['keys', /^keys: the keys failed: ECONNREFUSED/],
    ['token', /^token: the token exchange failed: ECONNREFUSED/],
    ['userinfo', /^userinfo: the user info failed: ECONNREFUSED/],
    ['github', /^GitHub: the profile failed: ECONNREFUSED/]
  ] as const) {
    await t.test(`is 502 at ${id}`, async (t) => {
      const before = await rows(sql)
      const response = await createBrowser(url).login(`/login/${id}`)
      refused(t, response, 502, 'provider_error', detail)
      t.notMatch(response.text, new URL(down).port, 'no address of the inner network')
      t.same(await rows(sql), before)
    })
  }

  await t.test('is 502 when it goes away between the two redirects', async (t) => {
    const browser = createBrowser(url)
    const callback = await browser.authorize(await browser.start('/login/github'))
    await github.close()
    refused(t, await browser.callback(callback), 502, 'provider_error', /^GitHub: the token exchange failed: ECONNREFUSED/)
  })

  await t.test('comes back by itself', async (t) => {
    const { issuer: _, ...endpoints } = await (await fetch(good.url + good.paths.discovery)).json() as Record<string, unknown>
    const document = JSON.parse(JSON.stringify(endpoints).replaceAll(good.url, absent.url))
    await serve(t, (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ...document, issuer: absentIssuer }))
    }, late)
    absent.idToken({ claims: { iss: absentIssuer } })
    t.equal((await createBrowser(url).login('/login/absent')).status, 200)
  })
})

t.test('an issuer that goes away after it was read', async (t) => {
  const acme = await startFakeOidc()
  t.teardown(() => acme.close())
  const { url } = await setup(t, acme.settings('acme'))
  t.equal((await createBrowser(url).login('/login/acme')).status, 200)
  acme.fault(acme.paths.discovery, { kind: 'status', status: 503 })
  acme.fault(acme.paths.jwks, { kind: 'status', status: 503 })
  t.equal((await createBrowser(url).login('/login/acme')).status, 200, 'its document and keys are kept')
  const now = Date.now
  t.teardown(() => { Date.now = now })
  Date.now = () => now() + 61 * 60_000
  t.match(await createBrowser(url).start('/login/acme'), `${acme.url}/authorize?`, 'an hour later the old document serves on')
  await eventually('while it is asked for anew', () => acme.calls(acme.paths.discovery).length === 2)
})

const ENDPOINTS = ['authorization_endpoint', 'token_endpoint', 'jwks_uri', 'userinfo_endpoint']

t.test('what a discovery document may say', async (t) => {
  const [acme, basic, post, unsaid, slash, realm] = await Promise.all([
    startFakeOidc(),
    startFakeOidc({ clientId: 'a:b c', clientSecret: 'p@ss:w%rd +/&="' }),
    startFakeOidc({ clientId: 'a:b c', clientSecret: 'p@ss:w%rd +/&="' }),
    startFakeOidc(),
    startFakeOidc({ issuerPath: '/' }),
    startFakeOidc({ issuerPath: '/realms/acme' })
  ])
  const issuers = { acme, basic, post, unsaid, slash, realm }
  t.teardown(() => Promise.all(Object.values(issuers).map((fake) => fake.close())))
  const far = { OIDC_FAR_ISSUER: 'https://id.example.com', OIDC_FAR_CLIENT_ID: 'far', OIDC_FAR_CLIENT_SECRET: 'far-fake-secret' }
  const { url, sql } = await setup(t, { ...joined(issuers), ...far, OIDC_PROVIDERS: `${Object.keys(issuers).join()},far` })
  const login = async (id: string) => await createBrowser(url).login(`/login/${id}`)

  await t.test('no endpoint that is missing, is no URL, or points at a cloud\'s metadata service', async (t) => {
    const bad = [
      undefined, null, '', 42, 'nowhere', '/token', 'javascript:alert(1)', 'file:///etc/passwd', 'ftp://127.0.0.1/',
      'http://169.254.169.254/latest/meta-data/', 'https://169.254.169.254/', 'http://[fd00:ec2::254]/', 'http://[fe80::1]/'
    ]
    for (const endpoint of ENDPOINTS) {
      for (const value of bad) {
        // An issuer need not have a userinfo endpoint.
        if (endpoint === 'userinfo_endpoint' && value === undefined) continue
        acme.discovery({ [endpoint]: value })
        refused(t, await createBrowser(url).get('/login/acme'), 502, 'provider_error', /^acme: the discovery failed: /)
      }
    }
    t.same(await rows(sql), [0, 0, 0])
    acme.discovery({})
    t.equal((await login('acme')).status, 200)
  })

  /** The document of an issuer that is not on this machine, without a network. */
  function farAway (t: Test, overrides: Record<string, unknown>) {
    const endpoints = Object.fromEntries(ENDPOINTS.map((name) => [name, `https://id.example.com/${name}`]))
    const document = { issuer: 'https://id.example.com', ...endpoints, ...overrides }
    t.intercept(globalThis, 'fetch', {
      value: async (input: string | URL, init?: RequestInit) => {
        if (String(input) !== 'https://id.example.com/.well-known/openid-configuration') return await realFetch(input, init)
        return new Response(JSON.stringify(document), { headers: { 'content-type': 'application/json' } })
      }
    })
  }
  const realFetch = globalThis.fetch

  const unsafe = [
    'http://id.example.com/', 'http://localhost/', 'https://localhost/', 'https://127.0.0.1/', 'https://127.1/', 'https://2130706433/', 'https://[::1]/',
    'https://169.254.169.254/', 'https://0xa9fea9fe/', 'https://169.254.169.254./',
    // The same places by rarer names.
    'https://0.0.0.0/', 'https://[::]/', 'https://[::ffff:127.0.0.1]/', 'https://[::ffff:169.254.169.254]/', 'https://[febf::1]/',
    'https://localhost./', 'https://id.localhost/'
  ]
  for (const address of unsafe) {
    await t.test(`an https issuer has no endpoint in the clear or inside this machine: ${address}`, async (t) => {
      farAway(t, { token_endpoint: `${address}token` })
      const response = await createBrowser(url).get('/login/far')
      t.equal(response.status, 502)
      if (response.status === 502) refused(t, response, 502, 'provider_error', /^far: the discovery failed: token_endpoint/)
    })
  }
  await t.test('of an https issuer, endpoints on other hosts', async (t) => {
    farAway(t, { token_endpoint: 'https://oauth2.example.net/token' })
    t.match(await createBrowser(url).start('/login/far'), /^https:\/\/id\.example\.com\/authorization_endpoint\?/)
  })

  await t.test('endpoints with a query keep it (Azure AD B2C)', async (t) => {
    const { paths } = realm
    const withQuery = (path: string) => `${realm.url}${path}?p=b2c_1&x=a%20b`
    const { authorize, token, userinfo, jwks } = paths
    realm.discovery({
      authorization_endpoint: withQuery(authorize), token_endpoint: withQuery(token), userinfo_endpoint: withQuery(userinfo), jwks_uri: withQuery(jwks)
    })
    t.equal((await login('realm')).status, 200)
    for (const path of [authorize, token, userinfo, jwks]) {
      t.same(realm.calls(path).map(({ query }) => [query['p'], query['x']]), [['b2c_1', 'a b']], path)
    }
    t.type(realm.calls(authorize)[0]?.query['state'], 'string')
  })

  await t.test('an issuer that ends in a slash', async (t) => {
    t.equal((await login('slash')).status, 200)
    t.equal(slash.calls('/.well-known/openid-configuration').length, 1)
  })

  await t.test('the client authentication: Basic, or in the body, and never both', async (t) => {
    basic.discovery({ token_endpoint_auth_methods_supported: ['client_secret_basic'] })
    post.discovery({ token_endpoint_auth_methods_supported: ['client_secret_post'] })
    unsaid.discovery({ token_endpoint_auth_methods_supported: undefined })
    const call = async (id: 'basic' | 'post' | 'unsaid'): Promise<Call> => {
      t.equal((await login(id)).status, 200, id)
      return issuers[id].calls('/token')[0] as Call
    }
    for (const id of ['basic', 'unsaid'] as const) {
      const { headers, body } = await call(id)
      t.match(headers.authorization, /^Basic /, id)
      t.notOk(Object.hasOwn(body as object, 'client_secret'), id)
    }
    const { headers, body } = await call('post')
    t.equal(headers.authorization, undefined)
    t.match(body, { client_id: post.clientId, client_secret: post.clientSecret })
  })
})

t.test('PKCE is S256, whatever is advertised', async (t) => {
  const [plain, none] = await Promise.all([startFakeOidc(), startFakeOidc()])
  t.teardown(() => Promise.all([plain.close(), none.close()]))
  plain.discovery({ code_challenge_methods_supported: ['plain'] })
  none.discovery({ code_challenge_methods_supported: undefined })
  const { url } = await setup(t, joined({ plain, none }))
  for (const [id, fake] of Object.entries({ plain, none })) {
    t.equal((await createBrowser(url).login(`/login/${id}`)).status, 200)
    t.match(fake.calls('/authorize')[0]?.query, { code_challenge_method: 'S256', code_challenge: /^[\w-]{43}$/ }, id)
    t.match(fake.calls('/token')[0]?.body, { code_verifier: /^[\w-]{43}$/ }, id)
  }
})

t.test('in production an issuer on this machine may speak http, but names no endpoint in the clear elsewhere', async (t) => {
  const acme = await startFakeOidc()
  t.teardown(() => acme.close())
  const { url } = await setup(t, { ...acme.settings('acme'), NODE_ENV: 'production' })
  acme.discovery({ authorization_endpoint: 'http://192.0.2.1/authorize' })
  const response = await createBrowser(url).get('/login/acme')
  t.equal(response.status, 502)
  if (response.status === 502) refused(t, response, 502, 'provider_error', /^acme: the discovery failed: authorization_endpoint/)
  acme.discovery({})
  t.equal((await createBrowser(url).login('/login/acme')).status, 200)
})

t.test('what the browser brings back', async (t) => {
  const [github, acme] = await Promise.all([startFakeGitHub(), startFakeOidc()])
  t.teardown(() => Promise.all([github.close(), acme.close()]))
  const { url, sql } = await setup(t, { ...github.settings, ...acme.settings('acme'), ALLOWED_ORIGINS: 'https://app.example.com' })
  const MARKUP = `<script>alert('${CANARY}')</script>`
  let before = [0, 0, 0]
  const noExchange = async (t: Test) => {
    t.equal(exchanges(github) + exchanges(acme), 0, 'no exchange')
    t.same(await rows(sql), before)
  }
  t.beforeEach(async () => {
    before = await rows(sql)
    github.reset()
    acme.reset()
  })

  const errors: [string, number, string][] = [
    ['access_denied', 403, 'access_denied'],
    ['user_cancelled_login', 403, 'access_denied'],
    ['user_cancelled_authorize', 403, 'access_denied'],
    ['server_error', 502, 'provider_error'],
    ['temporarily_unavailable', 502, 'provider_error'],
    ['invalid_scope', 502, 'provider_error'],
    ['redirect_uri_mismatch', 502, 'provider_error'],
    ['login_required', 502, 'provider_error'],
    ['ACCESS_DENIED', 502, 'provider_error'],
    [MARKUP, 502, 'provider_error']
  ]
  for (const [error, status, code] of errors) {
    for (const [id, fake, name] of [['github', github, 'GitHub'], ['acme', acme, 'acme']] as const) {
      await t.test(`${id}: error=${error}`, async (t) => {
        fake.deny(error, MARKUP)
        const browser = createBrowser(url)
        refused(t, await browser.login(`/login/${id}`), status, code, new RegExp(name))
        t.same(browser.cookies(), [], 'the attempt is forgotten')
        const returned = new URL((await browser.login(`/login/${id}?return_to=${encodeURIComponent('https://app.example.com/x')}`)).location ?? '')
        t.equal(returned.origin + returned.pathname, 'https://app.example.com/x')
        t.equal(returned.searchParams.get('error'), status === 403 ? 'access_denied' : 'server_error')
        t.notMatch(decodeURIComponent(returned.search), new RegExp(`${CANARY}|<|alert`))
        await noExchange(t)
        fake.allow()
      })
    }
  }

  await t.test('an error beside a code is an error', async (t) => {
    for (const id of ['github', 'acme']) {
      const browser = createBrowser(url)
      const callback = await browser.authorize(await browser.start(`/login/${id}`))
      refused(t, await browser.callback(`${callback}&error=access_denied`), 403, 'access_denied', /declined/)
    }
    await noExchange(t)
  })

  const changes: Record<string, (callback: URL) => string> = {
    'no code': (callback) => { callback.searchParams.delete('code'); return callback.href },
    'an empty code': (callback) => { callback.searchParams.set('code', ''); return callback.href },
    'two codes': (callback) => `${callback.href}&code=2`,
    'the same code twice': (callback) => `${callback.href}&code=${callback.searchParams.get('code')}`,
    'a code as a list': (callback) => callback.href.replace('code=', 'code[]='),
    'a code as an object': (callback) => callback.href.replace('code=', 'code[a]='),
    'a code of 5 KB': (callback) => { callback.searchParams.set('code', 'x'.repeat(5 * 1024)); return callback.href },
    'a code with CR and LF': (callback) => callback.href.replace('code=', 'code=a%0d%0aX-Evil:%201'),
    'a code with a NUL': (callback) => callback.href.replace('code=', 'code=%00'),
    'a code beyond ASCII': (callback) => callback.href.replace('code=', 'code=%C3%A9'),
    'two errors': (callback) => `${callback.href}&error=access_denied&error=server_error`,
    'an error of 5 KB': (callback) => `${callback.href}&error=${'x'.repeat(5 * 1024)}`
  }
  for (const [name, change] of Object.entries(changes)) {
    for (const id of ['github', 'acme']) {
      await t.test(`${id}: ${name}`, async (t) => {
        const browser = createBrowser(url)
        const callback = new URL(await browser.authorize(await browser.start(`/login/${id}`)))
        refused(t, await browser.callback(change(callback)), 400, 'invalid_request', /code|error/)
        await noExchange(t)
      })
    }
  }

  await t.test('a code that the provider never gave is the provider\'s to refuse', async (t) => {
    for (const [id, detail] of [['github', /^GitHub: the token exchange failed/], ['acme', /^acme: the token exchange failed/]] as const) {
      const browser = createBrowser(url)
      const callback = new URL(await browser.authorize(await browser.start(`/login/${id}`)))
      callback.searchParams.set('code', CANARY)
      refused(t, await browser.callback(callback.href), 502, 'provider_error', detail)
    }
    t.equal(exchanges(github) + exchanges(acme), 2)
    t.same(await rows(sql), [0, 0, 0])
  })
})

t.test('an endpoint that no library takes for a URL is the issuer\'s mistake, and no end of this process', async (t) => {
  const acme = await startFakeOidc()
  t.teardown(() => acme.close())
  const { url } = await setup(t, acme.settings('acme'))
  acme.discovery({ token_endpoint: 'http://a{b/token' })
  refused(t, await createBrowser(url).get('/login/acme'), 502, 'provider_error', /^acme: the discovery failed: /)
  acme.discovery({})
  t.equal((await createBrowser(url).login('/login/acme')).status, 200)
})
