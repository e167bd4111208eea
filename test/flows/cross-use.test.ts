import { createHash } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose'
import t, { type Test } from 'tap'
import { createBrowser, type Browser } from '../fakes/browser.ts'
import { createDpopKey } from '../fakes/dpop.ts'
import { startLogoutReceiver } from '../fakes/logout-receiver.ts'
import { startFakeOidc } from '../fakes/oidc.ts'
import { readJson, setup, sharing } from '../helper.ts'
import { grid, isWhole } from '../slow.ts'
import { AS_WEB, setupWithClients, REDIRECT_URI, SPA, WEB } from './setup-with-clients.ts'

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'
const ORIGIN = 'https://app.example.com'
const API = 'https://api.example.com'
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const key = await generateKeyPair('ES256')
const JOBS = {
  client_id: 'jobs',
  name: 'Jobs',
  redirect_uris: [],
  grant_types: ['client_credentials'],
  scope: 'notes:write',
  jwks: { keys: [await exportJWK(key.publicKey)] }
}
const TV = { client_id: 'tv', name: 'The television', redirect_uris: [] }

/** GitHub, and two OpenID providers beside it. */
async function open (t: Test) {
  const [acme, umbrella] = await Promise.all([startFakeOidc(), startFakeOidc()])
  const receiver = await startLogoutReceiver()
  t.teardown(() => Promise.all([acme.close(), umbrella.close(), receiver.close()]))
  const signet = await setupWithClients(t, {
    ...acme.settings('acme'),
    ...umbrella.settings('umbrella'),
    OIDC_PROVIDERS: 'acme,umbrella',
    ALLOWED_ORIGINS: ORIGIN,
    RESOURCES: JSON.stringify([{ resource: API, name: 'The API' }]),
    CLIENTS: JSON.stringify([
      { ...SPA, backchannel_logout_uri: receiver.url },
      WEB,
      TV,
      { ...JOBS, assertion_issuer: acme.url, assertion_subject: 'the job' }
    ])
  })
  const { url, origin } = signet
  receiver.trust(url)

  /** A login that is done but for the callback. */
  async function begin (start = '/login/github') {
    const browser = createBrowser(url)
    const callback = new URL(await browser.authorize(await browser.start(start)))
    return {
      browser,
      callback,
      state: callback.searchParams.get('state') ?? '',
      providerCode: callback.searchParams.get('code') ?? ''
    }
  }

  const beginDevice = async (clientId = 'tv') =>
    (await signet.post('/oauth2/device_authorization', { client_id: clientId, scope: 'openid' })).body
  const poll = (deviceCode: string, clientId = 'tv') =>
    signet.token({ grant_type: DEVICE_GRANT, device_code: deviceCode, client_id: clientId })

  /** A browser that has typed a device's code and signed in, and not yet confirmed. */
  async function visit (userCode: string): Promise<Browser> {
    const browser = createBrowser(url)
    await browser.post('/device', { form: { user_code: userCode }, headers: { origin } })
    await browser.login('/device/login/github')
    return browser
  }
  return { ...signet, acme, umbrella, receiver, begin, beginDevice, poll, visit }
}

const world = sharing(t, open)

type World = Awaited<ReturnType<typeof world>>

/** The name under which a browser keeps the login attempt of a state (src/sign-in/login-attempt.ts). */
const attemptName = (state: string) =>
  `signet-login-${createHash('sha256').update(state).digest('base64url').slice(0, 16)}`

/** One of everything that Signet hands out, all of it good, and all of it unused. */
async function collect (
  { url, receiver, begin, beginDevice, visit, authorize, signIn, exchange, logout, sql, token }: World
) {
  // Its session has to end first.
  await logout({ id_token_hint: (await signIn()).id_token })
  const [told] = await receiver.came(1)
  await sql.query('DELETE FROM sessions WHERE revoked_at IS NOT NULL')
  await sql.query("DELETE FROM audit_events WHERE type = 'session.revoked'")
  const login = await begin()
  const { code, codeVerifier } = await authorize()
  const [waiting, typed] = [await beginDevice(), await beginDevice()]
  const deviceBrowser = await visit(typed.user_code)
  const tokens = await signIn()
  const cookieBrowser = createBrowser(url)
  await cookieBrowser.login(`/login/github?return_to=${encodeURIComponent(ORIGIN)}/`)
  const cookie = (browser: Browser, prefix: string) =>
    browser.cookies().find(({ name }) => name.startsWith(prefix))?.value ?? ''
  const claims = decodeJwt(tokens.access_token)
  const dpopKey = await createDpopKey()
  const proven = await authorize()
  const dpop = { dpop: await dpopKey.prove('POST', `${url}/oauth2/token`) }
  const bound = (await exchange(proven.code, proven.codeVerifier, {}, dpop)).body
  const personal = await readJson(await fetch(`${url}/me/tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokens.access_token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'a script', expiresInDays: 1 })
  }))
  const assertion = (jti: string) => new SignJWT({ jti }).setProtectedHeader({ alg: 'ES256' }).setIssuer('jobs')
    .setSubject('jobs').setAudience(url).setExpirationTime('1m').sign(key.privateKey)
  const proof = { client_assertion_type: ASSERTION_TYPE, client_assertion: await assertion('first') }
  const own = await token({ grant_type: 'client_credentials', ...proof })
  return {
    logoutToken: told?.token ?? '',
    boundAccessToken: bound.access_token as string,
    boundRefreshToken: bound.refresh_token as string,
    dpopProof: await dpopKey.prove('GET', `${url}/me`, { accessToken: bound.access_token }),
    dpopJkt: dpopKey.jkt,
    state: login.state,
    attemptCookie: cookie(login.browser, 'signet-login-'),
    providerCode: login.providerCode,
    code,
    codeVerifier,
    codeChallenge: createHash('sha256').update(codeVerifier).digest('base64url'),
    deviceCode: waiting.device_code as string,
    userCode: waiting.user_code as string,
    approvedDeviceCode: typed.device_code as string,
    deviceVisit: cookie(deviceBrowser, 'signet-device'),
    accessToken: tokens.access_token as string,
    refreshToken: tokens.refresh_token as string,
    idToken: tokens.id_token as string,
    resourceToken: (await signIn({ resource: API })).access_token as string,
    refreshCookie: cookie(cookieBrowser, 'signet-refresh'),
    personalToken: personal.refreshToken as string,
    clientAssertion: await assertion('second'),
    clientToken: own.body.access_token as string,
    clientSecret: WEB.client_secret,
    sessionId: claims['sid'] as string,
    tokenId: claims.jti as string,
    userId: claims.sub as string,
    keyId: decodeProtectedHeader(tokens.access_token).kid as string,
    sealedKey: (await sql.query('SELECT sealed_private_key FROM signing_keys')).rows[0].sealed_private_key as string
  }
}

type Artefacts = Awaited<ReturnType<typeof collect>>
type Artefact = keyof Artefacts

/** Somewhere to present a value: what belongs there, and what everything else is answered with. */
interface Place {
  home: Artefact[]
  refused: [status: number, code?: string]
  /** The same for one that is known here, and refused for another reason. */
  refusedOtherwise?: Partial<Record<Artefact, [status: number, code?: string]>>
  /** Longer values are refused unseen: `invalid_request`. */
  longest?: number
  present: (value: string) => Promise<{ status: number, body: any }>
}

/** Every place where Signet takes something that it, or a provider, has handed out. */
function places ({ url, origin, begin, token, post }: World, own: Artefacts): Record<string, Place> {
  const answer = async (response: Response) => {
    const isJson = response.headers.get('content-type')?.includes('json')
    return { status: response.status, body: isJson ? await readJson(response) : await response.text() }
  }
  const get = async (path: string, headers: Record<string, string> = {}) =>
    await answer(await fetch(url + path, { redirect: 'manual', headers }))
  const send = async (path: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
    await answer(
      await fetch(url + path, { method: 'POST', redirect: 'manual', body: new URLSearchParams(form), headers })
    )
  const bearer = (value: string) => ({ authorization: `Bearer ${value}` })
  const callback = (state: string, code: string, cookie: string) =>
    get(`/login/github/callback?${new URLSearchParams({ state, code })}`, { cookie })
  const code = (more: Record<string, string>) =>
    token({
      grant_type: 'authorization_code',
      code: own.code,
      redirect_uri: REDIRECT_URI,
      client_id: 'spa',
      code_verifier: own.codeVerifier,
      ...more
    })
  return {
    'state of a callback': {
      home: ['state'],
      refused: [400, 'invalid_state'],
      // With the cookie of the real attempt under the name that this state would have.
      present: (value) =>
        callback(
          value,
          own.providerCode,
          `${attemptName(value)}=${own.attemptCookie}; ${attemptName(own.state)}=${own.attemptCookie}`
        )
    },
    'login-attempt cookie': {
      home: ['attemptCookie'],
      refused: [400, 'invalid_state'],
      present: (value) =>
        callback(own.state, own.providerCode, `${attemptName(own.state)}=${encodeURIComponent(value)}`)
    },
    'code of a callback': {
      home: ['providerCode'],
      // The provider refuses the exchange, which is 502 `provider_error`.
      refused: [502, 'provider_error'],
      async present (value) {
        const { browser, state } = await begin()
        const response = await browser.get(`/login/github/callback?${new URLSearchParams({ state, code: value })}`)
        return { status: response.status, body: response.json() }
      }
    },
    'code of /oauth2/token': {
      home: ['code'],
      refused: [400, 'invalid_grant'],
      present: (value) => code({ code: value })
    },
    'code_verifier of /oauth2/token': {
      home: ['codeVerifier'],
      refused: [400, 'invalid_grant'],
      present: (value) => code({ code_verifier: value })
    },
    'client_id of /oauth2/token': {
      home: [],
      refused: [401, 'invalid_client'],
      longest: 200,
      present: (value) => code({ client_id: value })
    },
    'client_secret of /oauth2/token': {
      home: ['clientSecret'],
      refused: [401, 'invalid_client'],
      longest: 500,
      present: (value) =>
        token({ grant_type: 'refresh_token', refresh_token: 'x', client_id: 'web', client_secret: value })
    },
    'device_code of /oauth2/token': {
      home: ['deviceCode', 'approvedDeviceCode'],
      refused: [400, 'invalid_grant'],
      present: (value) => token({ grant_type: DEVICE_GRANT, device_code: value, client_id: 'tv' })
    },
    'refresh_token of a client': {
      home: ['refreshToken'],
      refused: [400, 'invalid_grant'],
      present: (value) => token({ grant_type: 'refresh_token', refresh_token: value, client_id: 'spa' })
    },
    'client_assertion of /oauth2/token': {
      home: ['clientAssertion'],
      refused: [401, 'invalid_client'],
      present: (value) => token({
        grant_type: 'client_credentials',
        client_id: 'jobs',
        client_assertion_type: ASSERTION_TYPE,
        client_assertion: value
      })
    },
    'client_assertion of another client': {
      home: [],
      refused: [401, 'invalid_client'],
      present: (value) => post('/oauth2/introspect', {
        token: 'x', client_id: 'web', client_assertion_type: ASSERTION_TYPE, client_assertion: value
      })
    },
    'refresh_token of nobody': {
      home: ['refreshCookie', 'personalToken'],
      refused: [400, 'invalid_grant'],
      present: (value) => token({ grant_type: 'refresh_token', refresh_token: value })
    },
    'DPoP proof at /me': {
      home: ['dpopProof'],
      refused: [401],
      present: (value) => get('/me', { authorization: `DPoP ${own.boundAccessToken}`, dpop: value })
    },
    'DPoP token at /me': {
      home: ['boundAccessToken'],
      refused: [401],
      present: (value) => get('/me', { authorization: `DPoP ${value}`, dpop: own.dpopProof })
    },
    'DPoP proof at /oauth2/token': {
      home: [],
      refused: [400, 'invalid_dpop_proof'],
      present: (value) =>
        token({ grant_type: 'refresh_token', refresh_token: own.refreshToken, client_id: 'spa' }, { dpop: value })
    },
    'refresh cookie': {
      home: ['refreshCookie'],
      refused: [400, 'invalid_grant'],
      present: (value) =>
        token(
          { grant_type: 'refresh_token' },
          { cookie: `signet-refresh=${encodeURIComponent(value)}`, origin: ORIGIN }
        )
    },
    'bearer at /me': { home: ['accessToken'], refused: [401], present: (value) => get('/me', bearer(value)) },
    'bearer at /oauth2/userinfo': {
      home: ['accessToken', 'resourceToken'],
      refused: [401],
      present: (value) => get('/oauth2/userinfo', bearer(value))
    },
    'bearer at /logout': {
      home: ['accessToken'],
      refused: [401],
      present: (value) => send('/logout', {}, bearer(value))
    },
    'bearer at /': {
      home: ['accessToken'],
      refused: [200],
      present: async (value) => {
        const { status, body } = await get('/', bearer(value))
        return { status: body.user ? 599 : status, body }
      }
    },
    'token of /oauth2/introspect': {
      home: [
        'accessToken', 'resourceToken', 'boundAccessToken', 'refreshToken', 'boundRefreshToken', 'refreshCookie',
        'personalToken', 'clientToken'
      ],
      refused: [200],
      async present (value) {
        const { status, body } = await post('/oauth2/introspect', { token: value, ...AS_WEB })
        return { status: body.active === false && Object.keys(body).length === 1 ? status : 599, body }
      }
    },
    // RFC 7009 section 2.2: an unknown token is no error. That nothing has ended is looked at afterwards.
    'token of /oauth2/revoke': {
      home: ['accessToken', 'resourceToken', 'boundAccessToken', 'refreshToken', 'boundRefreshToken', 'refreshCookie'],
      // RFC 7009 section 2.1: those of another client.
      refusedOtherwise: { personalToken: [400, 'invalid_grant'], clientToken: [400, 'invalid_grant'] },
      refused: [200],
      present: (value) => post('/oauth2/revoke', { token: value, client_id: 'spa' })
    },
    'cookie at /logout': {
      home: ['refreshCookie', 'refreshToken', 'boundRefreshToken'],
      refused: [204],
      present: (value) => send('/logout', {}, { cookie: `signet-refresh=${encodeURIComponent(value)}`, origin: ORIGIN })
    },
    'id_token_hint of a logout': {
      home: ['idToken'],
      refused: [400, 'invalid_request'],
      present: (value) => get(`/oauth2/logout?${new URLSearchParams({ id_token_hint: value, client_id: 'spa' })}`)
    },
    'id_token_hint of no client': {
      home: ['idToken'],
      refused: [400, 'invalid_request'],
      present: (value) => get(`/oauth2/logout?${new URLSearchParams({ id_token_hint: value })}`)
    },
    'user_code at /device': {
      home: ['userCode'],
      refused: [400],
      present: (value) => send('/device', { user_code: value }, { origin })
    },
    'device-visit cookie': {
      home: ['deviceVisit'],
      refused: [400, 'invalid_state'],
      present: (value) => get('/device/confirm', { cookie: `signet-device=${encodeURIComponent(value)}` })
    },
    'device-visit cookie, to approve': {
      home: ['deviceVisit'],
      refused: [400, 'invalid_state'],
      present: (value) =>
        send(
          '/device/confirm',
          { decision: 'approve' },
          { cookie: `signet-device=${encodeURIComponent(value)}`, origin }
        )
    }
  }
}

t.test('nothing that Signet hands out is good in the place of anything else (SEC-4, SEC-45)', async (t) => {
  const running = await world(t)
  const { url, sql, exchange, refresh, me, logout, poll, token, log } = running
  const own = await collect(running)
  const table = places(running, own)
  t.equal(new Set(Object.values(own)).size, Object.keys(own).length, 'no two of them are the same')
  t.ok(Object.values(own).every((value) => value.length > 5))

  let uses = 0
  for (const [place, { home, refused, refusedOtherwise = {}, longest = Infinity, present }] of Object.entries(table)) {
    const foreign = Object.entries(own).filter(([name]) => !home.includes(name as Artefact))
    for (const [name, value] of grid(foreign, ([, value]) => value.startsWith('eyJ'))) {
      const known = refusedOtherwise[name as Artefact] ?? refused
      const [status, code] = value.length > longest ? [400, 'invalid_request'] : known
      const answer = await present(value)
      t.equal(answer.status, status, `${name} as ${place}`)
      if (code !== undefined) t.equal(answer.body.code ?? answer.body.error, code, `${name} as ${place}`)
      t.notMatch(JSON.stringify(answer.body), 'eyJ', `${name} as ${place} brings no token`)
      uses++
    }
  }
  t.ok(uses >= (isWhole ? 500 : 50), 'the whole matrix')
  const errors = log()
    .split('\n')
    .filter((line) => line.includes('"level":50') && !line.includes('provider_error'))
  t.same(errors, [], 'none of it is an error of the server')
  t.same(
    (await sql.query('SELECT 1 FROM sessions WHERE revoked_at IS NOT NULL OR counter > 0')).rows,
    [],
    'no session has ended or moved'
  )
  t.same(
    (await sql.query("SELECT type FROM audit_events WHERE type IN ('token.reuse_detected', 'session.revoked')")).rows,
    []
  )

  // And each of them still works in its own place.
  const callback = await fetch(
    `${url}/login/github/callback?${new URLSearchParams({ state: own.state, code: own.providerCode })}`,
    { headers: { cookie: `${attemptName(own.state)}=${own.attemptCookie}` } }
  )
  t.equal(callback.status, 200, 'state, login-attempt cookie and the code of the provider')
  t.equal((await exchange(own.code, own.codeVerifier)).status, 200, 'code and verifier')
  t.match((await poll(own.deviceCode)).body.error, /^(authorization_pending|slow_down)$/, 'device code')
  t.equal((await table['user_code at /device']?.present(own.userCode))?.status, 200, 'user code')
  t.equal((await table['device-visit cookie']?.present(own.deviceVisit))?.status, 200, 'device visit')
  t.equal((await table['device-visit cookie, to approve']?.present(own.deviceVisit))?.status, 200, 'device visit')
  t.equal((await poll(own.approvedDeviceCode)).status, 200, 'approved device code')
  t.equal(
    (await table['client_secret of /oauth2/token']?.present(own.clientSecret))?.body.error,
    'invalid_grant',
    'client secret'
  )
  t.equal(await me(own.accessToken), 200, 'access token')
  t.match((await table['token of /oauth2/introspect']?.present(own.accessToken))?.body, { active: true })
  t.match((await table['token of /oauth2/introspect']?.present(own.resourceToken))?.body, { active: true, aud: API })
  t.equal((await table['bearer at /oauth2/userinfo']?.present(own.resourceToken))?.status, 200, 'resource-bound token')
  t.equal(
    (await token({ grant_type: 'refresh_token' }, { cookie: `signet-refresh=${own.refreshCookie}`, origin: ORIGIN }))
      .status,
    200,
    'refresh cookie'
  )
  t.equal((await refresh(own.refreshToken)).status, 200, 'refresh token')
  t.equal((await table['DPoP proof at /me']?.present(own.dpopProof))?.status, 200, 'DPoP proof')
  t.equal((await refresh(own.personalToken, {})).status, 200, 'personal token')
  t.equal(
    (await table['client_assertion of /oauth2/token']?.present(own.clientAssertion))?.status, 200, 'client assertion')
  t.match((await table['token of /oauth2/introspect']?.present(own.clientToken))?.body, { active: true, sub: 'jobs' })
  t.equal((await logout({ id_token_hint: own.idToken })).status, 200, 'ID token')
  t.equal(await me(own.accessToken), 401, 'whose session that ended')
})

t.test('the state of one provider is refused at the callback of another, and not spent by it', async (t) => {
  const { url, begin, acme, umbrella, github, sql } = await world(t)
  const providers = ['github', 'acme', 'umbrella']
  for (const one of providers) {
    for (const other of providers.filter((provider) => provider !== one)) {
      const login = await begin(`/login/${one}`)
      const stranger = await begin(`/login/${other}`)
      for (const code of [login.providerCode, stranger.providerCode]) {
        const calls = [github, acme, umbrella].map((fake) => fake.calls().length)
        const response = await login.browser.get(
          `/login/${other}/callback?${new URLSearchParams({ state: login.state, code })}`
        )
        t.equal(response.status, 400, `${one} at ${other}`)
        t.equal(response.json().code, 'invalid_state')
        t.same(
          [github, acme, umbrella].map((fake) => fake.calls().length),
          calls,
          'no provider was asked'
        )
      }
      t.equal((await login.browser.callback(login.callback.href)).status, 200, `${one} at home`)
      t.equal((await stranger.browser.callback(stranger.callback.href)).status, 200)
    }
  }
  t.equal((await sql.query('SELECT 1 FROM sessions')).rowCount, 12)
  t.equal((await fetch(`${url}/login/nobody/callback?state=x&code=x`)).status, 404)
})

t.test('a login ends in the way it began: no mode is finished as another', async (t) => {
  const { begin, request, sql } = await world(t)
  const starts = {
    direct: '/login/github',
    cookie: `/login/github?return_to=${encodeURIComponent(`${ORIGIN}/home`)}`,
    code: request().path
  }
  const asked = {
    return_to: `${ORIGIN}/stolen`,
    mode: 'direct',
    redirect_uri: 'https://app.example.com/callback?tenant=1',
    client_id: 'spa',
    response_mode: 'query',
    format: 'json'
  }
  for (const [mode, start] of Object.entries(starts)) {
    // Everything a request could say to get another answer.
    const { browser, callback } = await begin(start)
    for (const [name, value] of Object.entries(asked)) callback.searchParams.set(name, value)
    const done = await browser.get(callback.href, { headers: { accept: 'application/json', origin: ORIGIN } })
    t.equal(done.status, mode === 'direct' ? 200 : 302, mode)
    t.equal(done.text.includes('access_token'), mode === 'direct', mode)
    t.equal(
      browser.cookies().some(({ name }) => name === 'signet-refresh'),
      mode === 'cookie',
      mode
    )
    if (mode === 'cookie') t.equal(done.location, `${ORIGIN}/home`)
    if (mode === 'code') t.match(done.location, /^https:\/\/app\.example\.com\/callback\?tenant=1&code=[\w-]{43}&/)
  }

  // The sealed attempt of one mode in the place of another's, in one browser.
  const count = async () => (await sql.query('SELECT 1 FROM sessions')).rowCount
  const before = await count()
  for (const one of Object.values(starts)) {
    for (const other of Object.values(starts).filter((start) => start !== one)) {
      const [from, to] = [await begin(one), await begin(other)]
      const stolen = from.browser.cookies()[0]?.value
      const response = await fetch(to.callback, {
        redirect: 'manual',
        headers: { cookie: `${attemptName(to.state)}=${stolen}` }
      })
      t.equal(response.status, 400)
      t.equal((await readJson(response)).code, 'invalid_state')
    }
  }
  t.equal(await count(), before)
})

t.test(
  'a login for a device is no login of the browser, and a login of the browser is none for a device',
  async (t) => {
    const { url, origin, beginDevice, poll, begin, sql } = await world(t)
    const grant = await beginDevice()
    const browser = createBrowser(url)
    await browser.post('/device', { form: { user_code: grant.user_code }, headers: { origin } })
    const callback = await browser.authorize(await browser.start('/device/login/github'))
    const back = await browser.callback(callback)
    t.equal(back.location, `${url}/device/confirm`)
    t.notMatch(back.text, 'token')
    t.same(
      browser.cookies().map(({ name }) => name),
      ['signet-device'],
      'no refresh cookie comes of it'
    )

    // The seals of both, each under the other's name.
    const [visit, login] = [browser.cookies()[0]?.value ?? '', await begin()]
    const attempt = login.browser.cookies()[0]?.value ?? ''
    t.equal((await fetch(`${url}/device/confirm`, { headers: { cookie: `signet-device=${attempt}` } })).status, 400)
    t.equal((await fetch(login.callback, { headers: { cookie: `${attemptName(login.state)}=${visit}` } })).status, 400)
    t.equal(
      (
        await fetch(`${url}/device/login/github`, {
          redirect: 'manual',
          headers: { cookie: `signet-device=${attempt}` }
        })
      ).status,
      400
    )

    // A typed code with a direct login beside it is not yet a signed-in visit.
    const other = createBrowser(url)
    await other.post('/device', { form: { user_code: grant.user_code }, headers: { origin } })
    t.equal((await other.login('/login/github')).status, 200)
    t.equal(
      (await other.post('/device/confirm', { form: { decision: 'approve' }, headers: { origin } })).status,
      400
    )
    t.equal((await poll(grant.device_code)).body.error, 'authorization_pending')
    t.equal((await login.browser.callback(login.callback.href)).status, 200)
    t.equal((await sql.query('SELECT 1 FROM device_grants WHERE session_id IS NOT NULL')).rowCount, 0)
  }
)

t.test('what one client was given is of no use to another', async (t) => {
  const { origin, authorize, exchange, token, signIn, refresh, me, post, logout, beginDevice, poll, visit } =
    await world(t)
  const { code, codeVerifier } = await authorize()
  for (const thief of [AS_WEB, { client_id: 'tv' }, { client_id: 'signet' }]) {
    for (const redirectUri of [REDIRECT_URI, WEB.redirect_uris[0] as string]) {
      const { status, body } = await exchange(code, codeVerifier, { ...thief, redirect_uri: redirectUri })
      t.equal(status, thief.client_id === 'signet' ? 401 : 400)
      t.equal(body.error, thief.client_id === 'signet' ? 'invalid_client' : 'invalid_grant', thief.client_id)
    }
  }
  t.equal((await exchange(code, codeVerifier)).status, 200)

  const tokens = await signIn()
  for (const thief of [AS_WEB, { client_id: 'tv' }, { client_id: 'signet' }, {}]) {
    t.equal(
      (await token({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token, ...thief })).body.error,
      'invalid_grant'
    )
    t.equal(
      (
        await token(
          { grant_type: 'refresh_token', ...thief },
          { cookie: `signet-refresh=${tokens.refresh_token}`, origin: ORIGIN }
        )
      ).body.error,
      'invalid_grant'
    )
  }
  for (const thief of [AS_WEB, { client_id: 'tv' }]) {
    for (const stolen of [tokens.access_token, tokens.refresh_token]) {
      t.equal((await post('/oauth2/revoke', { token: stolen, ...thief })).body.error, 'invalid_grant')
    }
    t.equal((await logout({ id_token_hint: tokens.id_token, client_id: thief.client_id })).status, 400)
  }
  t.equal(
    (
      await logout({
        id_token_hint: tokens.id_token,
        post_logout_redirect_uri: WEB.post_logout_redirect_uris[0] as string
      })
    ).status,
    400
  )
  t.equal(await me(tokens.access_token), 200)
  t.equal((await refresh(tokens.refresh_token)).status, 200)

  const grant = await beginDevice()
  const browser = await visit(grant.user_code)
  await browser.post('/device/confirm', { form: { decision: 'approve' }, headers: { origin } })
  for (const thief of ['spa', 'signet']) t.equal((await poll(grant.device_code, thief)).body.error, 'invalid_grant')
  t.equal(
    (await token({ grant_type: DEVICE_GRANT, device_code: grant.device_code, ...AS_WEB })).body.error,
    'invalid_grant'
  )
  t.equal((await poll(grant.device_code)).status, 200)
})

t.test('a token of another issuer, or signed by another key, is none', async (t) => {
  const { url, signIn, me, userinfo, post, logout, database } = await world(t)
  const tokens = await signIn()
  const { privateKey } = await generateKeyPair('ES256')
  /** The same token to the letter, but for the signature. */
  const forge = (token: string) => {
    const { kid, typ } = decodeProtectedHeader(token)
    return new SignJWT(decodeJwt(token) as JWTPayload)
      .setProtectedHeader({
        alg: 'ES256',
        ...(kid === undefined ? {} : { kid }),
        ...(typ === undefined ? {} : { typ })
      })
      .sign(privateKey)
  }
  // Another Signet with the same issuer and keys of its own, and one with the same keys and an issuer of its own.
  const twin = await setupWithClients(t, { ISSUER_URL: url })
  const sibling = await setup(t, { DATABASE_URL: database.url, CLIENTS: JSON.stringify([SPA]), TOKEN_AUDIENCE: url })
  const siblingMe = async (token: string) =>
    (await fetch(`${sibling.url}/me`, { headers: { authorization: `Bearer ${token}` } })).status
  t.equal(await siblingMe(tokens.access_token), 401, 'the same keys, another issuer')

  t.not(twin.address, url)
  t.equal(
    (await fetch(`${twin.address}/me`, { headers: { authorization: `Bearer ${tokens.access_token}` } })).status,
    401,
    'the same issuer, another key'
  )

  const [access, id] = [await forge(tokens.access_token), await forge(tokens.id_token)]
  t.equal(await me(access), 401)
  t.equal((await userinfo(access)).status, 401)
  t.same((await post('/oauth2/introspect', { token: access, ...AS_WEB })).body, { active: false })
  t.equal((await post('/oauth2/revoke', { token: access })).status, 200)
  t.equal(
    (await fetch(`${url}/logout`, { method: 'POST', headers: { authorization: `Bearer ${access}` } })).status,
    401
  )
  t.equal((await logout({ id_token_hint: id })).status, 400)
  t.equal(await me(tokens.access_token), 200, 'and nothing of that has ended the session')
  t.equal((await userinfo(tokens.access_token)).status, 200)
})
