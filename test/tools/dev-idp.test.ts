import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { startDevIdp, type DevIdpOptions } from '../../tools/dev-idp/provider.ts'
import { personas } from '../../tools/dev-idp/personas.ts'
import { signInAs } from '../../tools/dev-idp/walk.ts'
import { slow } from '../slow.ts'

const REDIRECT_URI = 'http://localhost:3999/login/dev/callback'
const CLIENT = { client_id: 'test', client_secret: 'test-secret', redirect_uris: [REDIRECT_URI] }
const ES256_CLIENT = { ...CLIENT, client_id: 'test-es256', id_token_signed_response_alg: 'ES256' as const }

async function setup (t: Test, options: Partial<DevIdpOptions> = {}) {
  const log: string[] = []
  const idp = await startDevIdp({ clients: [CLIENT, ES256_CLIENT], onLog: (line) => log.push(line), ...options })
  t.teardown(() => idp.close())
  const discovery = await getJson(`${idp.issuer}/.well-known/openid-configuration`)

  function authorizationUrl (parameters: Record<string, string | undefined> = {}) {
    const verifier = randomBytes(32).toString('base64url')
    const url = new URL(discovery.authorization_endpoint)
    const all = {
      response_type: 'code',
      client_id: CLIENT.client_id,
      redirect_uri: REDIRECT_URI,
      scope: 'openid profile email',
      state: 'the-state',
      nonce: 'the-nonce',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...parameters
    }
    for (const [name, value] of Object.entries(all)) if (value !== undefined) url.searchParams.set(name, value)
    return { url: url.href, verifier }
  }

  function token (parameters: Record<string, string>, clientId = CLIENT.client_id) {
    return fetch(discovery.token_endpoint, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${clientId}:${CLIENT.client_secret}`)}` },
      body: new URLSearchParams(parameters)
    })
  }

  /** The whole of the code flow up to the token endpoint's answer. */
  async function login (persona: string, parameters: Record<string, string | undefined> = {}) {
    const { url, verifier } = authorizationUrl(parameters)
    const callback = new URL(await signInAs(url, persona)).searchParams
    const code = callback.get('code') ?? ''
    const exchange = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI, code_verifier: verifier }
    return { callback, exchange, response: await token(exchange, parameters.client_id) }
  }

  async function userinfo (persona: string) {
    const { access_token: accessToken } = await json((await login(persona)).response)
    return getJson(discovery.userinfo_endpoint, { authorization: `Bearer ${accessToken}` })
  }

  return { idp, log, discovery, authorizationUrl, token, login, userinfo }
}

type Json = Record<string, any>

async function getJson (url: string, headers: Record<string, string> = {}): Promise<Json> {
  return json(await fetch(url, { headers }))
}

async function json (response: Response): Promise<Json> {
  return (await response.json()) as Json
}

t.test('describes itself by discovery', async (t) => {
  const { idp, discovery } = await setup(t)
  t.match(idp.issuer, /^http:\/\/localhost:\d+$/)
  t.equal(discovery.issuer, idp.issuer)
  t.strictSame(discovery.code_challenge_methods_supported, ['S256'])
  t.equal(discovery.authorization_response_iss_parameter_supported, true)
  t.strictSame(discovery.scopes_supported.toSorted(), ['email', 'offline_access', 'openid', 'profile'])
  t.ok(['RS256', 'ES256'].every((alg) => discovery.id_token_signing_alg_values_supported.includes(alg)))
  t.match(discovery, { introspection_endpoint: /^http/, revocation_endpoint: /^http/, end_session_endpoint: undefined })
})

t.test(
  'signs the verified persona in by code and PKCE, with an ID token that verifies and a verified email',
  async (t) => {
    const { idp, discovery, login } = await setup(t)
    const { callback, response } = await login('verified')
    t.match(Object.fromEntries(callback), { code: /./, state: 'the-state', iss: idp.issuer })
    t.equal(response.status, 200)
    const tokens = await json(response)
    t.match(tokens, { token_type: 'Bearer', expires_in: 3600, refresh_token: undefined })

    const keys = createRemoteJWKSet(new URL(discovery.jwks_uri))
    const { payload, protectedHeader } = await jwtVerify(tokens.id_token, keys, {
      issuer: idp.issuer,
      audience: CLIENT.client_id
    })
    t.equal(protectedHeader.alg, 'RS256')
    t.match(payload, { sub: 'verified', nonce: 'the-nonce', email: undefined })
    t.strictSame(await getJson(discovery.userinfo_endpoint, { authorization: `Bearer ${tokens.access_token}` }), {
      sub: 'verified',
      name: 'Verified Vera',
      preferred_username: 'verified',
      picture: 'https://example.com/pictures/verified.png',
      locale: 'en',
      email: 'vera@example.com',
      email_verified: true
    })
  }
)

t.test('signs the ID token with ES256 for a client that wants it so', async (t) => {
  const { discovery, login } = await setup(t)
  const { response } = await login('verified', { client_id: ES256_CLIENT.client_id })
  const { protectedHeader } = await jwtVerify(
    (await json(response)).id_token,
    createRemoteJWKSet(new URL(discovery.jwks_uri))
  )
  t.equal(protectedHeader.alg, 'ES256')
})

t.test('gives an email that is not verified', async (t) => {
  const { userinfo } = await setup(t)
  t.match(await userinfo('unverified'), { sub: 'unverified', email: /@/, email_verified: false })
})

t.test('gives the impostor the address of the verified persona, not verified', async (t) => {
  const { userinfo } = await setup(t)
  t.match(await userinfo('impostor'), {
    sub: 'impostor',
    email: (await userinfo('verified')).email,
    email_verified: false
  })
})

t.test('gives no email at all', async (t) => {
  const { userinfo } = await setup(t)
  const claims = await userinfo('no-email')
  t.equal(claims.sub, 'no-email')
  t.notOk('email' in claims || 'email_verified' in claims)
})

t.test('gives the same person another verified email at the next login', async (t) => {
  const { userinfo } = await setup(t)
  const [first, second] = [await userinfo('changes-email'), await userinfo('changes-email')]
  t.equal(first.sub, second.sub)
  t.not(first.email, second.email)
  t.match(
    [first, second],
    [
      { email: /@/, email_verified: true },
      { email: /@/, email_verified: true }
    ]
  )
})

t.test('declines with access_denied, state and iss', async (t) => {
  const { idp, authorizationUrl } = await setup(t)
  const callback = new URL(await signInAs(authorizationUrl().url, 'says-no'))
  t.equal(callback.origin + callback.pathname, REDIRECT_URI)
  t.match(Object.fromEntries(callback.searchParams), {
    error: 'access_denied',
    state: 'the-state',
    iss: idp.issuer,
    code: undefined
  })
})

t.test('answers 500 from the token endpoint', async (t) => {
  const { login } = await setup(t)
  const { callback, response } = await login('breaks')
  t.ok(callback.get('code'))
  t.equal(response.status, 500)
  t.equal(await response.text(), 'Internal Server Error')
})

t.test('answers slowly from the token endpoint, and well', async (t) => {
  const { authorizationUrl, token } = await setup(t, { slowMilliseconds: 300 })
  const { url, verifier } = authorizationUrl()
  const code = new URL(await signInAs(url, 'slow')).searchParams.get('code')!
  const before = performance.now()
  const response = await token({
    grant_type: 'authorization_code',
    code,
    redirect_uri: REDIRECT_URI,
    code_verifier: verifier
  })
  t.equal(response.status, 200)
  t.ok(performance.now() - before > 290)
})

t.test('closes at once while a slow answer is pending', async (t) => {
  const { idp, login } = await setup(t)
  const pending = login('slow').then(
    () => 'answered',
    () => 'dropped'
  )
  while (!idp.calls.some(({ path }) => /^\/auth\/./.test(path))) await new Promise((resolve) => setTimeout(resolve, 10))
  await new Promise((resolve) => setTimeout(resolve, 200))
  const before = Date.now()
  await idp.close()
  t.ok(Date.now() - before < 2000)
  t.equal(await pending, 'dropped')
})

t.test(
  'rotates refresh tokens for a client that asks for offline_access, and ends all when one comes back',
  async (t) => {
    const { login, token } = await setup(t)
    const { response } = await login('rotating', { scope: 'openid email offline_access' })
    const first = await json(response)
    t.match(first, { expires_in: 30, refresh_token: /./ })
    const refresh = (refreshToken: string) => token({ grant_type: 'refresh_token', refresh_token: refreshToken })

    const second = await json(await refresh(first.refresh_token))
    t.match(second, { access_token: /./, refresh_token: /./ })
    t.not(second.refresh_token, first.refresh_token)

    const replay = await refresh(first.refresh_token)
    t.equal(replay.status, 400)
    t.match(await json(replay), { error: 'invalid_grant' })
    t.equal((await refresh(second.refresh_token)).status, 400)
  }
)

t.test('keeps the refresh token of the other personas', async (t) => {
  const { login, token } = await setup(t)
  const first = await json((await login('verified', { scope: 'openid offline_access', prompt: 'consent' })).response)
  const second = await json(await token({ grant_type: 'refresh_token', refresh_token: first.refresh_token }))
  t.ok(first.refresh_token)
  t.equal(second.refresh_token, first.refresh_token)
})

t.test('revokes and introspects tokens', async (t) => {
  const { discovery, login } = await setup(t)
  const { access_token: accessToken } = await json((await login('verified')).response)
  const ask = (endpoint: string) =>
    fetch(endpoint, {
      method: 'POST',
      body: new URLSearchParams({
        client_id: CLIENT.client_id,
        client_secret: CLIENT.client_secret,
        token: accessToken
      })
    })
  t.match(await json(await ask(discovery.introspection_endpoint)), { active: true, sub: 'verified' })
  t.equal((await ask(discovery.revocation_endpoint)).status, 200)
  t.strictSame(await json(await ask(discovery.introspection_endpoint)), { active: false })
})

t.test('spends a code once', async (t) => {
  const { login, token } = await setup(t)
  const { exchange } = await login('verified')
  const again = await token(exchange)
  t.equal(again.status, 400)
  t.match(await json(again), { error: 'invalid_grant' })
})

t.test('refuses a login without PKCE', async (t) => {
  const { authorizationUrl } = await setup(t)
  const { url } = authorizationUrl({ code_challenge: undefined, code_challenge_method: undefined })
  t.equal(new URL(await signInAs(url, 'verified')).searchParams.get('error'), 'invalid_request')
})

t.test('refuses a wrong code verifier', async (t) => {
  const { authorizationUrl, token } = await setup(t)
  const code = new URL(await signInAs(authorizationUrl().url, 'verified')).searchParams.get('code')!
  const response = await token({
    grant_type: 'authorization_code',
    code,
    redirect_uri: REDIRECT_URI,
    code_verifier: 'x'.repeat(43)
  })
  t.match(await json(response), { error: 'invalid_grant' })
})

t.test('shows an error and goes nowhere when the redirect URI is not registered', async (t) => {
  const { authorizationUrl, log } = await setup(t)
  const { url } = authorizationUrl({ redirect_uri: 'http://localhost:3999/elsewhere' })
  await t.rejects(signInAs(url, 'verified'), { message: /answered 400 .*redirect_uri/ })
  t.ok(log.some((line) => line.includes('invalid_redirect_uri')))
})

t.test('shows every persona on a page without scripts', async (t) => {
  const { authorizationUrl } = await setup(t)
  const { url } = authorizationUrl({ scope: 'openid', redirect_uri: REDIRECT_URI })
  const start = await fetch(url, { redirect: 'manual' })
  const page = await fetch(new URL(start.headers.get('location')!, url), { headers: { cookie: cookiesOf(start) } })
  const html = await page.text()
  t.match(page.headers.get('content-type'), /^text\/html/)
  for (const { id, lesson } of personas) {
    t.ok(html.includes(`name="persona" value="${id}"`) && html.includes(lesson.replaceAll("'", '&#39;')), id)
  }
  t.ok(html.includes(REDIRECT_URI) && html.includes('No passwords'))
  t.notMatch(html, /<script/)
})

t.test('signs in at once, without the page, as the persona in login_hint', async (t) => {
  const { authorizationUrl } = await setup(t)
  const { url } = authorizationUrl({ login_hint: 'verified' })
  const start = await fetch(url, { redirect: 'manual' })
  const interaction = new URL(start.headers.get('location')!, url)
  const answer = await fetch(interaction, { redirect: 'manual', headers: { cookie: cookiesOf(start) } })
  t.equal(answer.status, 303)
  t.match(Object.fromEntries(new URL(await signInAs(url, 'nobody is asked')).searchParams), { code: /./ })
})

t.test('shows the page when login_hint names no persona', async (t) => {
  const { authorizationUrl } = await setup(t)
  await t.rejects(signInAs(authorizationUrl({ login_hint: 'someone@example.com' }).url, 'nobody'), {
    message: /no persona "nobody".*verified/
  })
})

t.test('asks anew at every login, and lets two tabs of one browser sign in as two people', async (t) => {
  const { authorizationUrl } = await setup(t)
  let session = ''
  const open = async () => {
    const response = await fetch(authorizationUrl().url, { redirect: 'manual', headers: { cookie: session } })
    return { page: response.headers.get('location')!, cookies: cookiesOf(response) }
  }
  const { origin } = new URL(authorizationUrl().url)
  const tabs = [
    { persona: 'verified', ...(await open()) },
    { persona: 'unverified', ...(await open()) }
  ]
  for (const { persona, page, cookies } of tabs) {
    const headers = { cookie: `${cookies}; ${session}` }
    const picked = await fetch(origin + page, {
      redirect: 'manual',
      headers,
      method: 'POST',
      body: new URLSearchParams({ persona })
    })
    const end = await fetch(picked.headers.get('location')!, { redirect: 'manual', headers })
    t.match(end.headers.get('location'), /code=/, persona)
    session = cookiesOf(end)
      .split('; ')
      .find((pair) => pair.startsWith('_session='))!
  }
  t.match((await open()).page, /^\/interaction\//)
})

t.test('answers prompt=none with login_required', async (t) => {
  const { authorizationUrl } = await setup(t)
  const callback = new URL(await signInAs(authorizationUrl({ prompt: 'none' }).url, 'verified'))
  t.equal(callback.searchParams.get('error'), 'login_required')
})

for (const prompt of ['login', 'consent', 'select_account', 'login consent']) {
  t.test(`asks once for prompt=${prompt}`, async (t) => {
    const { authorizationUrl } = await setup(t)
    t.match(await signInAs(authorizationUrl({ prompt }).url, 'verified'), /code=/)
  })
}

t.test('says so when an interaction belongs to another browser', async (t) => {
  const { idp } = await setup(t)
  const response = await fetch(`${idp.issuer}/interaction/whatever`)
  t.equal(response.status, 400)
  t.match(await response.text(), 'another browser')
})

t.test('records the calls that it answered', async (t) => {
  const { idp, log, login } = await setup(t)
  await login('breaks')
  t.strictSame(
    idp.calls.filter(({ path }) => path === '/token'),
    [{ method: 'POST', path: '/token', status: 500 }]
  )
  t.ok(log.includes('POST /token 500'))
  t.ok(log.includes('Broken Bruno (breaks) signs in at test'))
})

t.test('prints nothing by itself', async (t) => {
  const printed = (['warn', 'info', 'error', 'log'] as const).map((name) => t.capture(console, name))
  const { login, authorizationUrl } = await setup(t)
  await login('verified', { scope: 'openid offline_access' })
  await signInAs(authorizationUrl({ redirect_uri: 'http://localhost:1/' }).url, 'verified').catch(() => {})
  t.strictSame(
    printed.flatMap((calls) => calls().map(({ args }) => args)),
    []
  )
})

t.test('refuses to start in production', async (t) => {
  const { NODE_ENV } = process.env
  t.teardown(() => {
    if (NODE_ENV === undefined) delete process.env.NODE_ENV
    else process.env.NODE_ENV = NODE_ENV
  })
  process.env.NODE_ENV = 'production'
  await t.rejects(startDevIdp({ clients: [CLIENT] }), { message: /NODE_ENV=production/ })
})

t.test('refuses an issuer with a path', async (t) => {
  await t.rejects(startDevIdp({ clients: [CLIENT], issuer: 'http://localhost:4400/idp' }), {
    message: /must be an origin/
  })
})

t.test('refuses a client whose redirect URI is none', async (t) => {
  await t.rejects(startDevIdp({ clients: [{ ...CLIENT, redirect_uris: ['nonsense'] }] }), {
    message: /^Client test: redirect_uris/
  })
})

slow.test('as a command', async (t) => {
  const run = (environment: Record<string, string>) => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'tools/dev-idp/server.ts'], {
      env: { ...process.env, NODE_OPTIONS: '', DEV_IDP_PORT: '0', ...environment }
    })
    t.teardown(() => child.kill('SIGKILL'))
    let output = ''
    const readAll = (chunk: Buffer) => {
      output += chunk
    }
    child.stdout.on('data', readAll)
    child.stderr.on('data', readAll)
    return { child, output: () => output, exited: once(child, 'exit') }
  }

  t.test('prints its issuer, answers /healthz and ends on SIGTERM', async (t) => {
    const { child, output, exited } = run({})
    while (!output().includes('returns to')) await once(child.stdout, 'data')
    t.match(output(), /For development only/)
    const issuer = /http:\/\/localhost:\d+/.exec(output())![0]
    t.equal((await fetch(`${issuer}/healthz`)).status, 200)
    t.match(await (await fetch(issuer)).text(), /login_hint/)
    child.kill('SIGTERM')
    t.strictSame(await exited, [0, null])
  })

  t.test('does not start in production, and says why in one line', async (t) => {
    const { output, exited } = run({ NODE_ENV: 'production' })
    t.strictSame(await exited, [1, null])
    t.match(output(), /^.*NODE_ENV=production.*\n$/)
  })
})

function cookiesOf (response: Response): string {
  return response.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ')
}
