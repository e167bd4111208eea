import { createHash } from 'node:crypto'
import t from 'tap'
import { readForm } from '../fakes/answers.ts'
import { startFakeApple } from '../fakes/apple.ts'
import { createBrowser } from '../fakes/browser.ts'
import { REDIRECT_URI } from '../flows/setup-with-clients.ts'
import { ORIGIN, attemptName, cookieHeader, world } from './world.ts'

/**
 * What others got wrong about the state of a login and the cookie that it is kept in. Each test is named after them.
 */

const apple = await startFakeApple()
t.teardown(() => apple.close())
const { url, app, another, github, acme, login, begin, call, token, post, exchanges, rows, authorize } = await world(
  t,
  apple.settings()
)

t.test('CVE-2023-31999: each login has a state of its own, which another browser cannot use', async (t) => {
  const [one, other] = [await begin(), await begin()]
  t.not(one.state, other.state)
  t.match(one.state, /^[\w-]{43}$/)
  t.equal((await other.browser.callback(one.callback.href)).json().code, 'invalid_state')
  t.equal((await one.browser.callback(one.callback.href)).status, 200)
})

t.test('CVE-2026-73419, GHSA-x445-f3h2-j279: what began at one provider does not end at another', async (t) => {
  const before = exchanges()
  for (const [from, to] of [
    ['github', 'acme'],
    ['acme', 'github'],
    ['acme', 'umbrella']
  ] as const) {
    const { browser, callback } = await begin(`/login/${from}`)
    t.equal(
      (await browser.callback(callback.href.replace(`/login/${from}/`, `/login/${to}/`))).json().code,
      'invalid_state',
      `${from} to ${to}`
    )
  }
  t.equal(exchanges(), before)
})

t.test('CVE-2026-110862, CVE-2026-114607: a state opens nothing but its own callback', async (t) => {
  const { state } = await begin()
  const { access_token: accessToken } = await login()
  const code = { code: state, code_verifier: 'v'.repeat(43), redirect_uri: REDIRECT_URI, client_id: 'spa' }
  t.equal((await token({ grant_type: 'authorization_code', ...code })).body.error, 'invalid_grant')
  t.equal((await token({ grant_type: 'refresh_token', refresh_token: state })).body.error, 'invalid_grant')
  t.equal(
    (
      await token({
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        device_code: state,
        client_id: 'signet'
      })
    ).body.error,
    'invalid_grant'
  )
  t.equal((await call('POST', '/me/accounts', accessToken, code)).body.code, 'invalid_grant')
  t.equal((await call('GET', '/me', state)).status, 401)
  for (const path of ['/magic-link', '/magic-link/verify', '/verify', '/verify-email']) {
    t.equal((await call('GET', `${path}?token=${state}`)).status, 404, `there is no ${path}`)
  }
})

t.test('CVE-2026-81888: without a state there is no login, and no link', async (t) => {
  const before = exchanges()
  const plain = await begin()
  const link = await begin(
    `/oauth2/authorize?${new URLSearchParams({
      response_type: 'code',
      client_id: 'spa',
      redirect_uri: REDIRECT_URI,
      code_challenge: 'c'.repeat(43),
      code_challenge_method: 'S256',
      provider: 'github',
      intent: 'link'
    })}`
  )
  for (const { browser, callback, code } of [plain, link]) {
    callback.search = new URLSearchParams({ code }).toString()
    const answer = await browser.callback(callback.href)
    t.match([answer.status, answer.json().code, answer.location], [400, 'invalid_state', undefined])
  }
  t.equal(exchanges(), before)
})

t.test('GHSA-wxw3-q3m9-c3jr: a login that is kept in a cookie is sealed there, and has PKCE besides', async (t) => {
  const browser = createBrowser(url)
  const authorization = new URL(await browser.start('/login/github'))
  const callback = new URL(await browser.authorize(authorization.href))
  const state = callback.searchParams.get('state') ?? ''
  const [cookie] = browser.cookies()
  t.notMatch(
    Buffer.from(cookie?.value ?? '', 'base64url').toString('latin1'),
    new RegExp(`${state}|github|codeVerifier`)
  )
  // The attacker's whole login, and the attacker's cookie under the name that the victim's state has.
  const attacker = await begin()
  const answer = await call('GET', `${callback.pathname}${callback.search}`, undefined, undefined, {
    cookie: `${attemptName(state)}=${attacker.browser.cookies()[0]?.value}`
  })
  t.equal(answer.body.code, 'invalid_state')
  t.equal((await browser.callback(callback.href)).status, 200)
  const verifier = String(
    (github.calls('/login/oauth/access_token').at(-1)?.body as Record<string, unknown>)['code_verifier']
  )
  t.equal(createHash('sha256').update(verifier).digest('base64url'), authorization.searchParams.get('code_challenge'))
})

t.test('GHSA-xc49-mgwh-9pjv: a state that is empty, repeated, a list or another one is none', async (t) => {
  const { browser, callback, state, code } = await begin()
  const before = exchanges()
  for (const query of [
    'state=',
    `state=${state}&state=${state}`,
    `state[]=${state}`,
    'state=undefined',
    'state=null',
    `state=${state}x`,
    `state=%20${state}`
  ]) {
    t.match(
      (await browser.get(`${callback.pathname}?code=${code}&${query}`)).json(),
      { status: 400, code: 'invalid_state' },
      query
    )
  }
  t.equal(exchanges(), before)
  t.equal((await browser.callback(callback.href)).status, 200, 'and none of that spends it')
})

for (const [ids, order] of Object.entries({ 'GHSA-rc4q-9m69-gqp8': 'before', 'GHSA-4m3m-ppvx-xgw9': 'after' })) {
  t.test(
    `${ids}: over https a cookie that a sibling host has planted, here ${order} the own one, is not read`,
    async (t) => {
      const { app: secure } = await another({ ISSUER_URL: 'https://id.example.com' })
      const start = async () => {
        const { headers } = await secure.inject('/login/github')
        const [, name = '', value = ''] = /^(__Host-[^=]+)=([^;]+)/.exec(String(headers['set-cookie'])) ?? []
        const back = new URL(
          (await fetch(String(headers.location), { redirect: 'manual' })).headers.get('location') ?? ''
        )
        return { name, value, path: back.pathname + back.search }
      }
      const [attacker, victim] = [await start(), await start()]
      const own = `${victim.name}=${victim.value}`
      // __Host- is what no other host can set: the twin has the name without it.
      const planted = `${attacker.name.replace('__Host-', '')}=${attacker.value}`
      const cookie = order === 'before' ? `${planted}; ${own}` : `${own}; ${planted}`
      t.equal((await secure.inject({ url: attacker.path, headers: { cookie } })).json().code, 'invalid_state')
      t.equal((await secure.inject({ url: victim.path, headers: { cookie } })).statusCode, 200)
    }
  )
}

t.test(
  'GHSA-2ccf-ffrj-m4qw: there is no CSRF token that could be planted: where a request comes from decides',
  async (t) => {
    const browser = createBrowser(url)
    await browser.login(`/login/github?return_to=${encodeURIComponent(`${ORIGIN}/`)}`)
    const planted = {
      cookie: `${cookieHeader(browser)}; _csrf=x; csrf-token=x`,
      'x-csrf-token': 'x',
      'csrf-token': 'x'
    }
    for (const origin of [{ origin: 'https://evil.example' }, { origin: 'null' }, {}]) {
      t.equal((await token({ grant_type: 'refresh_token', _csrf: 'x' }, { ...planted, ...origin })).status, 403)
      t.equal((await fetch(`${url}/logout`, { method: 'POST', headers: { ...planted, ...origin } })).status, 403)
      t.equal(
        (
          await fetch(`${url}/device`, {
            method: 'POST',
            headers: { ...planted, ...origin },
            body: new URLSearchParams({ user_code: 'BCDF-GHJK', _csrf: 'x' })
          })
        ).status,
        403
      )
    }
    t.equal(
      (await token({ grant_type: 'refresh_token' }, { cookie: cookieHeader(browser), origin: ORIGIN })).status,
      200,
      'and the session is alive'
    )
  }
)

t.test('CVE-2021-41580: an error with status 200 is no token', async (t) => {
  const before = await rows('users')
  for (const value of [
    { error: 'bad_verification_code' },
    { error: 'x', access_token: 'gho_x', token_type: 'bearer' },
    { token_type: 'bearer' },
    { access_token: '', token_type: 'bearer' }
  ]) {
    github.user({ id: 4_158, login: 'nobody' })
    const { browser, callback } = await begin()
    github.fault('/login/oauth/access_token', { kind: 'json', value }, { times: 1 })
    t.match(
      (await browser.callback(callback.href)).json(),
      { status: 502, code: 'provider_error' },
      JSON.stringify(value)
    )
  }
  github.user({ id: 1, login: 'octocat', email: 'octocat@github.com' })
  t.equal(await rows('users'), before)
})

t.test('GO-2026-4861: nothing that a request says is markup in an answer', async (t) => {
  const script = '"><script>alert(1)</script>'
  const words = new URLSearchParams({
    error: script,
    error_description: script,
    error_hint: script,
    error_debug: script
  })
  const { browser, callback, state } = await begin()
  const pages = [
    await browser.get(`${callback.pathname}?state=${state}&${words}`, { headers: { accept: 'text/html' } }),
    ...(await Promise.all(
      [
        `/oauth2/authorize?client_id=${encodeURIComponent(script)}`,
        `/oauth2/logout?client_id=${encodeURIComponent(script)}&${words}`,
        `/device?user_code=${encodeURIComponent(script)}&${words}`,
        `/login/${encodeURIComponent(script)}?${words}`,
        `/problems/${encodeURIComponent(script)}`
      ].map((path) => browser.get(path, { headers: { accept: 'text/html' } }))
    ))
  ]
  for (const { headers, text, url: at } of pages) {
    const isMarkup = headers.get('content-type')?.startsWith('text/html') ?? true
    t.notOk(isMarkup && /<script>/.test(text), at)
    t.match(headers.get('content-security-policy'), "default-src 'none'", at)
    t.equal(headers.get('x-content-type-options'), 'nosniff', at)
  }
  t.ok(pages.some(({ text }) => text.includes('&lt;script&gt;')))
})

t.test(
  'oauth2-proxy #611, oauth2-proxy #817, oauth2-proxy #1708, oauth2-proxy #3258, envoy #42079: parallel logins succeed',
  async (t) => {
    const browser = createBrowser(url)
    const callbacks: string[] = []
    for (const provider of ['github', 'acme', 'github', 'acme']) {
      callbacks.push(await browser.authorize(await browser.start(`/login/${provider}`)))
    }
    for (const callback of callbacks.reverse()) t.equal((await browser.callback(callback)).status, 200)
    for (let round = 0; round < 40; round++) await browser.start('/login/github')
    t.ok(browser.cookieHeaderSize() < 4096, `${browser.cookieHeaderSize()} bytes`)
  }
)

t.test(
  "better-auth #5243, convex-auth #619, ash_authentication #1187, MAS #3521, freehire #1735: Apple's form POST works",
  async (t) => {
    const browser = createBrowser(url)
    const { action, fields } = readForm((await browser.get(await browser.start('/login/apple'))).text)
    const crossSite = browser
      .cookies()
      .filter(({ sameSite, secure }) => sameSite?.toLowerCase() === 'none' && secure)
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
    const answer = await fetch(action, {
      method: 'POST',
      body: new URLSearchParams(fields),
      headers: { cookie: crossSite, origin: 'https://appleid.apple.com', 'sec-fetch-site': 'cross-site' }
    })
    t.equal(answer.status, 200)
    t.equal((await post('/login/github/callback', fields)).status, 404, 'and only from a provider that posts')
  }
)

t.test(
  'fastify-oauth2 #209, better-auth #9096: a login that began on one instance ends on another, once',
  async (t) => {
    const { address } = await another()
    const { browser, callback } = await begin()
    const cookie = cookieHeader(browser)
    const at = (base: string) => fetch(base + callback.pathname + callback.search, { headers: { cookie } })
    t.equal((await at(address)).status, 200)
    t.equal((await at(url)).status, 400)
  }
)

t.test(
  'Better Auth #9560, Better Auth #9993, Better Auth #10000, GoTrue #2512: a state and a code work once',
  async (t) => {
    const { browser, callback } = await begin()
    const cookie = cookieHeader(browser)
    const before = exchanges()
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => app.inject({ url: callback.pathname + callback.search, headers: { cookie } }))
    )
    t.equal(answers.filter(({ statusCode }) => statusCode === 200).length, 1)
    t.equal(exchanges(), before + 1)
    const { code, codeVerifier } = await authorize()
    const exchanged = await Promise.all(
      Array.from({ length: 20 }, () =>
        token({
          grant_type: 'authorization_code',
          code,
          redirect_uri: REDIRECT_URI,
          client_id: 'spa',
          code_verifier: codeVerifier
        })
      )
    )
    t.equal(exchanged.filter(({ status }) => status === 200).length, 1)
  }
)

t.test('GoTrue #2389: what an issuer says of itself is asked for once', async (t) => {
  for (let round = 0; round < 3; round++) await login('acme')
  t.equal(acme.calls(acme.paths.discovery).length, 1)
})
