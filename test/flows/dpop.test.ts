import { randomUUID } from 'node:crypto'
import { decodeJwt, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { createDpopKey, type DpopKeyPair, type ProofOptions } from '../fakes/dpop.ts'
import { idTokenFrom } from '../fakes/oidc-app.ts'
import { startFakeOidc } from '../fakes/oidc.ts'
import { race, readJson, sharing } from '../helper.ts'
import { AS_WEB, REDIRECT_URI, setupWithClients, SPA, WEB } from './setup-with-clients.ts'

const ORIGIN = 'https://app.example.com'
const BOUND = { client_id: 'bound', name: 'The bank', redirect_uris: [REDIRECT_URI], dpop_bound_access_tokens: true }
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

/** Two instances of Signet, and what a client with a key does there. */
async function open (t: Test, environment: Record<string, string> = {}) {
  const google = await startFakeOidc()
  t.teardown(() => google.close())
  google.person({ sub: '1', email: 'jane@example.com', email_verified: true })
  const running = await setupWithClients(t, {
    ...google.googleSettings(),
    CLIENTS: JSON.stringify([SPA, WEB, BOUND]),
    ALLOWED_ORIGINS: ORIGIN,
    ...environment
  })
  const { url, token, authorize } = running
  const { address: elsewhere } = await running.another()
  const tokenUrl = `${url}/oauth2/token`
  const key = await createDpopKey()

  /** A token request with a proof of the key. */
  async function ask (by: DpopKeyPair, form: Record<string, string>, { at = url, ...proof }: At = {}) {
    const dpop = await by.prove('POST', tokenUrl, proof)
    return await token(form, { dpop }, at)
  }

  /** A sign-in that ends with an exchange with a proof. The token response. */
  async function signIn (by: DpopKeyPair, client: Record<string, string> = { client_id: 'spa' }) {
    const redirectUri = client['client_id'] === 'web' ? WEB.redirect_uris[0] as string : REDIRECT_URI
    const { code, codeVerifier } = await authorize({ client_id: client['client_id'], redirect_uri: redirectUri })
    const form = {
      grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: codeVerifier, ...client
    }
    const { status, body } = await ask(by, form)
    if (status !== 200) throw new Error(`The exchange was answered with ${status}: ${JSON.stringify(body)}`)
    return body
  }

  const refresh = (by: DpopKeyPair, refreshToken: string, more: Record<string, string> = {}, options: At = {}) =>
    ask(by, { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: 'spa', ...more }, options)

  /** A request with an access token and, unless undefined, a proof. */
  async function call (
    accessToken: string, dpop?: string, { path = '/me', method = 'GET', at = url, scheme = 'DPoP' } = {}
  ) {
    const headers = { authorization: `${scheme} ${accessToken}`, ...dpop === undefined ? {} : { dpop } }
    const response = await fetch(at + path, { method, headers })
    const text = await response.text()
    const challenge = response.headers.get('www-authenticate') ?? ''
    return { status: response.status, challenge, body: text === '' ? undefined : JSON.parse(text) }
  }

  return { ...running, google, elsewhere, tokenUrl, key, ask, signIn, refresh, call }
}

type At = ProofOptions & { at?: string }

const world = sharing(t, open)

t.test('a sign-in with a proof brings tokens that work with the key only (SEC-64)', async (t) => {
  const { url, key, signIn, call, me, post, sql } = await world(t)
  const tokens = await signIn(key)
  const { access_token: accessToken } = tokens
  t.match(tokens, { token_type: 'DPoP', expires_in: 900, id_token: /./ })
  t.same(decodeJwt(accessToken)['cnf'], { jkt: key.jkt })
  t.equal(decodeJwt(tokens.id_token)['cnf'], undefined)

  const prove = (path: string, method = 'GET', more: ProofOptions = {}) =>
    key.prove(method, url + path, { accessToken, ...more })
  for (const [method, path, expected] of [
    ['GET', '/me', 200], ['HEAD', '/me', 200], ['GET', '/me/sessions?limit=1', 200], ['GET', '/me/preferences', 200],
    ['GET', '/me/accounts', 200], ['GET', '/me/activity', 200], ['GET', '/oauth2/userinfo', 200],
    ['POST', '/oauth2/userinfo', 200], ['GET', '/admin/users', 403]
  ] as const) {
    const { status } = await call(accessToken, await prove(path, method), { path, method })
    t.equal(status, expected, `${method} ${path}`)
  }
  t.match((await call(accessToken, await prove('/'), { path: '/' })).body, { user: { name: 'The Octocat' } })
  t.equal((await call(accessToken, await prove('/'), { path: '/', scheme: 'Bearer' })).body.user, undefined)

  t.equal(await me(accessToken), 401, 'a bound token is no bearer token')
  const asBearer = await call(accessToken, undefined, { scheme: 'Bearer' })
  t.match(asBearer.challenge, /^DPoP realm="signet", algs="ES256 [^"]+", error="invalid_token", error_description="/)
  t.match(asBearer.body, { code: 'invalid_token' })
  t.equal((await call(accessToken, await prove('/me'), { scheme: 'Bearer' })).status, 401)

  t.match((await post('/oauth2/introspect', { token: accessToken, ...AS_WEB })).body, {
    active: true, token_type: 'DPoP', cnf: { jkt: key.jkt }
  })
  const counted = async () => (await sql.query('SELECT count(*)::int AS n FROM spent_states')).rows[0].n
  const before = await counted()
  t.equal((await call(accessToken, undefined, { path: '/logout', method: 'POST', scheme: 'Bearer' })).status, 401)
  t.equal((await call(accessToken, undefined, { path: '/logout', method: 'POST' })).status, 401)
  t.equal(await counted(), before, 'a request without a proof writes nothing')
  t.equal((await call(accessToken, await prove('/logout', 'POST'), { path: '/logout', method: 'POST' })).status, 204)
  const ended = await call(accessToken, await prove('/me'))
  t.equal(ended.status, 401, 'the session has ended')
  t.match(ended.challenge, /^DPoP realm="signet", algs="[^"]+", error="invalid_token"/)
})

t.test('a proof works once, on whichever instance (SEC-64)', async (t) => {
  const { url, elsewhere, tokenUrl, key, signIn, call, token } = await world(t)
  const { access_token: accessToken, refresh_token: refreshToken } = await signIn(key)
  for (const [one, other] of [[url, url], [url, elsewhere], [elsewhere, url]] as const) {
    const proof = await key.prove('GET', `${url}/me`, { accessToken })
    t.equal((await call(accessToken, proof, { at: one })).status, 200)
    const again = await call(accessToken, proof, { at: other })
    t.equal(again.status, 401)
    t.match(again.challenge, /^DPoP .+ error="invalid_dpop_proof", error_description="The DPoP proof was used before/)
  }
  const proof = await key.prove('GET', `${url}/me`, { accessToken })
  const answers = await race(20, (n) => call(accessToken, proof, { at: n % 2 === 0 ? url : elsewhere }))
  t.equal(answers.filter(({ status }) => status === 200).length, 1, 'of twenty at once on two instances, one passes')

  const form = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: 'spa' }
  const dpop = await key.prove('POST', tokenUrl)
  t.equal((await token(form, { dpop })).status, 200)
  for (const at of [url, elsewhere]) {
    t.match(await token(form, { dpop }, at), { status: 400, body: { error: 'invalid_dpop_proof' } })
  }
  const jti = randomUUID()
  const other = await createDpopKey()
  const spent = { claims: { jti }, accessToken }
  t.equal((await call(accessToken, await other.prove('GET', `${url}/me`, spent))).status, 401)
  t.equal((await call(accessToken, await key.prove('GET', `${url}/me`, spent))).status, 200, 'a jti is of its key')
})

t.test('a proof of another key, method, URL, time, token or kind is refused, on both instances (SEC-64)', async (t) => {
  const { url, elsewhere, tokenUrl, key, signIn, call, token } = await world(t)
  const tokens = await signIn(key)
  const { access_token: accessToken } = tokens
  const other = await createDpopKey()
  const now = Math.floor(Date.now() / 1000)
  const hmac = (claims: Record<string, unknown>, header: object) =>
    new SignJWT({ jti: randomUUID(), htm: 'GET', htu: `${url}/me`, iat: now, ...claims })
      .setProtectedHeader({ alg: 'HS256', typ: 'dpop+jwt', ...header }).sign(new Uint8Array(32))
  type Make = (method: string, htu: string, accessToken?: string) => Promise<string>
  const by = (claims: ProofOptions['claims'] = {}, header: ProofOptions['header'] = {}): Make =>
    (method, htu, accessToken) => key.prove(method, htu, { accessToken, claims, header })

  const everywhere: Record<string, Make> = {
    'another method': by({ htm: 'PUT' }),
    'another spelling of the method': by({ htm: 'get' }),
    'no method': by({ htm: undefined }),
    'another path': by({ htu: `${url}/me/sessions` }),
    'another host': by({ htu: 'https://evil.example/me' }),
    'the address of the instance': by({ htu: `${elsewhere}/me` }),
    'no URL': by({ htu: undefined }),
    'a URL that is none': by({ htu: '/me' }),
    'an old one': by({ iat: now - 400 }),
    'one from the future': by({ iat: now + 90 }),
    'no time': by({ iat: undefined }),
    'a time that is a text': by({ iat: String(now) }),
    'one that has expired': by({ exp: now - 60 }),
    'no jti': by({ jti: undefined }),
    'an empty jti': by({ jti: '' }),
    'another type': by({}, { typ: 'JWT' }),
    'no type': by({}, { typ: undefined }),
    'no key': by({}, { jwk: undefined }),
    'another key in its header': by({}, { jwk: other.jwk }),
    'the private key in its header': by({}, { jwk: key.privateJwk }),
    'a header that must be understood': by({}, { crit: ['x'], x: 1 }),
    'a symmetric key': () => hmac({}, { jwk: { kty: 'oct', k: Buffer.alloc(32).toString('base64url') } }),
    'no signature': async (...request) => {
      const [header = '', payload] = (await by()(...request)).split('.')
      const none = { ...JSON.parse(Buffer.from(header, 'base64url').toString()), alg: 'none' }
      return `${Buffer.from(JSON.stringify(none)).toString('base64url')}.${payload}.`
    },
    'two proofs': async (...request) => `${await by()(...request)}, ${await by()(...request)}`,
    'no JWT': async () => 'proof',
    nothing: async () => '',
    'an access token': async () => accessToken,
    'an ID token': async () => tokens.id_token,
    'too long a proof': by({ more: 'x'.repeat(4000) })
  }
  const refused = async (name: string, make: Make) => {
    for (const at of [url, elsewhere]) {
      const answer = await call(accessToken, await make('GET', `${url}/me`, accessToken), { at })
      t.equal(answer.status, 401, name)
      t.match(answer.challenge, 'error="invalid_dpop_proof"', name)
    }
  }
  for (const [name, make] of Object.entries(everywhere)) {
    await refused(name, make)
    const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, client_id: 'spa' }
    const { status, body } = await token(form, { dpop: await make('POST', tokenUrl) })
    t.equal(status, 400, name)
    t.equal(body.error, 'invalid_dpop_proof', `${name}: ${body.error_description}`)
  }
  await refused('no token', by({ ath: undefined }))
  await refused('another token', (method, htu) => key.prove(method, htu, { accessToken: tokens.refresh_token }))
  const wrong = await call(accessToken, await other.prove('GET', `${url}/me`, { accessToken }))
  t.equal(wrong.status, 401, 'another key')
  t.match(wrong.challenge, 'error="invalid_token", error_description="The DPoP proof is of another key')
  t.match((await call(accessToken)).challenge, 'error_description="The DPoP proof is missing."')

  const odd = { claims: { htu: `${url.replace('http', 'HTTP')}/me?query#fragment` }, accessToken }
  t.equal((await call(accessToken, await key.prove('GET', '', odd))).status, 200, 'a URL counts after normalization')
  t.equal((await call(accessToken, await key.prove('GET', `${url}/me`, { accessToken }))).status, 200)
})

t.test('a token that is bound to no key is a bearer token, without a proof', async (t) => {
  const { url, key, authorize, exchange, call, me } = await world(t)
  const { code, codeVerifier } = await authorize()
  const { body: { access_token: accessToken, token_type: tokenType } } = await exchange(code, codeVerifier)
  t.equal(tokenType, 'Bearer')
  const prove = () => key.prove('GET', `${url}/me`, { accessToken })
  for (const scheme of ['DPoP', 'Bearer']) {
    const answer = await call(accessToken, await prove(), { scheme })
    t.equal(answer.status, 401, scheme)
    t.match(answer.challenge, /^DPoP .+ error="invalid_token", error_description="The access token is bound to no key/)
  }
  t.equal((await call(accessToken, undefined, { scheme: 'DPoP' })).status, 401)
  t.equal(await me(accessToken), 200)
  t.match((await call('nonsense', await prove())).challenge, /^DPoP realm="signet", algs=/)
})

t.test('the refresh tokens of a public client are bound to the key for their whole chain (SEC-64)', async (t) => {
  const { url, elsewhere, key, signIn, refresh, call, token, sql, post } = await world(t)
  const thief = await createDpopKey()
  let { refresh_token: refreshToken } = await signIn(key)
  for (let link = 0; link < 4; link++) {
    const form = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: 'spa' }
    for (const at of [url, elsewhere]) {
      t.match(await token(form, {}, at), { status: 400, body: { error: 'invalid_grant' } }, 'without a proof')
      t.match(await refresh(thief, refreshToken, {}, { at }), { status: 400, body: { error: 'invalid_grant' } })
    }
    const { status, body } = await refresh(key, refreshToken, {}, { at: link % 2 === 0 ? elsewhere : url })
    t.equal(status, 200, `link ${link}`)
    t.match(body, { token_type: 'DPoP' })
    t.same(decodeJwt(body.access_token)['cnf'], { jkt: key.jkt })
    const again = await refresh(key, refreshToken)
    t.equal(again.body.refresh_token, body.refresh_token, 'a repeat brings the same successor')
    t.equal((await refresh(thief, refreshToken)).status, 400, 'and none to another key')
    const accessToken = body.access_token
    t.equal((await call(accessToken, await key.prove('GET', `${url}/me`, { accessToken }))).status, 200)
    refreshToken = body.refresh_token
  }
  t.same((await sql.query('SELECT dpop_jkt, counter FROM sessions')).rows, [{ dpop_jkt: key.jkt, counter: 4 }])
  t.match((await post('/oauth2/introspect', { token: refreshToken, ...AS_WEB })).body, { active: true })

  await sql.query("UPDATE sessions SET rotated_at = now() - interval '1 minute'")
  const [{ id }] = (await sql.query('SELECT id FROM sessions')).rows
  const first = (await signIn(key)).refresh_token
  const [second] = [(await refresh(key, first)).body.refresh_token]
  await refresh(key, second)
  t.equal((await refresh(thief, first)).status, 400)
  const { rows } = await sql.query('SELECT id FROM sessions WHERE revoked_at IS NOT NULL')
  t.equal(rows.length, 1, 'a token from two rotations back is theft, whatever the key')
  t.not(rows[0].id, id, 'and ends no other session')
})

t.test('a refresh token that was issued without a key is bound by the first proof', async (t) => {
  const { key, authorize, exchange, refresh, token } = await world(t)
  const { code, codeVerifier } = await authorize()
  const { body: { refresh_token: refreshToken } } = await exchange(code, codeVerifier)
  const { body } = await refresh(key, refreshToken)
  t.match(body, { token_type: 'DPoP' })
  const form = { grant_type: 'refresh_token', refresh_token: body.refresh_token, client_id: 'spa' }
  t.match(await token(form), { status: 400, body: { error: 'invalid_grant' } })
  t.equal((await refresh(await createDpopKey(), body.refresh_token)).status, 400)
  t.equal((await refresh(key, body.refresh_token)).status, 200)
})

t.test('a confidential client may change its key: its refresh tokens need its secret anyway', async (t) => {
  const { key, signIn, refresh, token, sql } = await world(t)
  const tokens = await signIn(key, AS_WEB)
  t.same(decodeJwt(tokens.access_token)['cnf'], { jkt: key.jkt })
  const other = await createDpopKey('RS256')
  const { body } = await refresh(other, tokens.refresh_token, AS_WEB)
  t.same(decodeJwt(body.access_token)['cnf'], { jkt: other.jkt })
  const unbound = await token({ grant_type: 'refresh_token', refresh_token: body.refresh_token, ...AS_WEB })
  t.match(unbound, { status: 200, body: { token_type: 'Bearer' } })
  t.equal(decodeJwt(unbound.body.access_token)['cnf'], undefined)
  t.same((await sql.query('SELECT dpop_jkt FROM sessions')).rows, [{ dpop_jkt: null }])
})

t.test('a code that was asked for with dpop_jkt works with that key only, and no other spends it', async (t) => {
  const { key, ask, authorize, token, url, request } = await world(t)
  const thief = await createDpopKey()
  for (const round of ['a new person', 'a known person']) {
    const { code, codeVerifier } = await authorize({ dpop_jkt: key.jkt })
    const form = {
      grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI, code_verifier: codeVerifier, client_id: 'spa'
    }
    t.match(await token(form), { status: 400, body: { error: 'invalid_grant' } }, round)
    t.match(await ask(thief, form), { status: 400, body: { error: 'invalid_grant' } })
    t.match(await ask(key, form), { status: 200, body: { token_type: 'DPoP' } })
  }
  for (const jkt of ['short', 'x'.repeat(44), `${key.jkt.slice(1)}!`]) {
    const location = new URL((await fetch(url + request({ dpop_jkt: jkt }).path, { redirect: 'manual' }))
      .headers.get('location') ?? '')
    t.equal(location.searchParams.get('error'), 'invalid_request', jkt)
  }
})

t.test('a client that is registered so gets no token without a proof', async (t) => {
  const { key, authorize, exchange, ask, token, refresh } = await world(t)
  const { code, codeVerifier } = await authorize({ client_id: 'bound' })
  const refused = await exchange(code, codeVerifier, { client_id: 'bound' })
  t.match(refused, { status: 400, body: { error: 'invalid_dpop_proof', error_description: /must send a DPoP proof/ } })
  const { status, body } = await ask(key, {
    grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI, code_verifier: codeVerifier, client_id: 'bound'
  })
  t.equal(status, 200, 'the code was not spent')
  const form = { grant_type: 'refresh_token', refresh_token: body.refresh_token, client_id: 'bound' }
  t.match(await token(form), { status: 400, body: { error: 'invalid_dpop_proof' } })
  t.equal((await refresh(key, body.refresh_token, { client_id: 'bound' })).status, 200)
  for (const grantType of [DEVICE_GRANT, TOKEN_EXCHANGE]) {
    const { body } = await token({
      grant_type: grantType,
      client_id: 'bound',
      device_code: 'x',
      subject_token: 'x',
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      provider: 'google'
    })
    t.equal(body.error, 'invalid_dpop_proof', grantType)
  }
})

t.test('devices, native apps and the refresh cookie get bound tokens, too', async (t) => {
  const { url, origin, key, ask, refresh, post, token, google, tokenUrl, sql } = await world(t)
  const thief = await createDpopKey()
  const grant = (await post('/oauth2/device_authorization', { client_id: 'spa' })).body
  const browser = createBrowser(url)
  await browser.post('/device', { form: { user_code: grant.user_code }, headers: { origin } })
  await browser.login('/device/login/github')
  await browser.post('/device/confirm', { form: { decision: 'approve' }, headers: { origin } })
  const device = await ask(key, { grant_type: DEVICE_GRANT, device_code: grant.device_code, client_id: 'spa' })
  t.match(device, { status: 200, body: { token_type: 'DPoP' } })

  google.idToken({})
  const native = await ask(key, {
    grant_type: TOKEN_EXCHANGE,
    subject_token: await idTokenFrom(google),
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    provider: 'google',
    client_id: 'spa'
  })
  t.match(native, { status: 200, body: { token_type: 'DPoP' } })
  for (const { body } of [device, native]) {
    t.same(decodeJwt(body.access_token)['cnf'], { jkt: key.jkt })
    t.equal((await refresh(thief, body.refresh_token)).status, 400)
    t.equal((await refresh(key, body.refresh_token)).status, 200)
  }

  const page = createBrowser(url)
  await page.login(`/login/github?return_to=${encodeURIComponent(ORIGIN)}/`)
  const cookieOf = () => page.cookies().find(({ name }) => name === 'signet-refresh')?.value ?? ''
  const byCookie = async (by: DpopKeyPair | undefined, cookie: string) => await token(
    { grant_type: 'refresh_token' },
    {
      cookie: `signet-refresh=${cookie}`,
      origin: ORIGIN,
      ...by === undefined ? {} : { dpop: await by.prove('POST', tokenUrl) }
    }
  )
  const first = await byCookie(key, cookieOf())
  t.match(first, { status: 200, body: { token_type: 'DPoP' } })
  const successor = /signet-refresh=([^;]+)/.exec(first.headers.get('set-cookie') ?? '')?.[1] ?? ''
  t.equal((await byCookie(undefined, successor)).status, 400)
  t.equal((await byCookie(thief, successor)).status, 400)
  t.equal((await byCookie(key, successor)).status, 200)
  t.same((await sql.query('SELECT DISTINCT dpop_jkt FROM sessions')).rows, [{ dpop_jkt: key.jkt }])
})

t.test('proofs are for the URL that clients know: below a path, and whatever the algorithm', async (t) => {
  const { url, another, ask, token } = await world(t)
  const { address } = await another({ ISSUER_URL: `${url}/auth` })
  const key = await createDpopKey()
  const form = { grant_type: 'refresh_token', refresh_token: 'none', client_id: 'spa' }
  for (const path of ['/oauth2/token', '/auth/oauth2/token']) {
    for (const [htu, error] of [
      [`${url}/auth/oauth2/token`, 'invalid_grant'], [`${url}/oauth2/token`, 'invalid_dpop_proof']
    ] as const) {
      const dpop = await key.prove('POST', htu)
      const { body } = await token(form, { dpop }, address + path.replace('/oauth2/token', ''))
      t.match(body, { error }, `${htu} at ${path}`)
    }
  }
  const { dpop_signing_alg_values_supported: algorithms } =
    await readJson(await fetch(`${url}/.well-known/oauth-authorization-server`))
  t.same(algorithms, ['ES256', 'ES384', 'EdDSA', 'Ed25519', 'PS256', 'RS256'])
  for (const algorithm of algorithms) {
    t.equal((await ask(await createDpopKey(algorithm), form)).body.error, 'invalid_grant', algorithm)
  }
  for (const algorithm of ['ES512', 'RS512']) {
    t.match((await ask(await createDpopKey(algorithm), form)).body, { error: 'invalid_dpop_proof' }, algorithm)
  }
  const preflight = await fetch(`${url}/oauth2/token`, {
    method: 'OPTIONS',
    headers: {
      origin: ORIGIN, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,dpop'
    }
  })
  t.match(preflight.headers.get('access-control-allow-headers'), /\bdpop\b/)
})
