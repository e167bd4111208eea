import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, type JSONWebKeySet } from 'jose'
import t, { type Test } from 'tap'
import { createPkce } from './pkce.ts'
import { startFakeOidc, type FakeOidcOptions } from './oidc.ts'
import type { IdTokenScript } from './oidc-id-token.ts'

const REDIRECT_URI = 'http://localhost:3000/login/acme/callback'
type Json = Record<string, any>

async function setup (t: Test, options: FakeOidcOptions = {}) {
  const oidc = await startFakeOidc(options)
  t.teardown(oidc.close)
  const pkce = createPkce()
  const read = async (path: string, init: RequestInit = {}): Promise<Json> =>
    (await (await fetch(oidc.url + path, init)).json()) as Json
  const keySet = async () => (await read(oidc.paths.jwks)) as unknown as JSONWebKeySet

  async function authorize (parameters: Record<string, string> = {}) {
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: oidc.clientId,
      redirect_uri: REDIRECT_URI,
      scope: 'openid profile email',
      state: 'the-state',
      nonce: 'the-nonce',
      code_challenge: pkce.challenge,
      code_challenge_method: 'S256',
      ...parameters
    })
    const response = await fetch(`${oidc.url}${oidc.paths.authorize}?${query}`, { redirect: 'manual' })
    const location = response.headers.get('location')
    return {
      status: response.status,
      location,
      callback: location ? Object.fromEntries(new URL(location).searchParams) : {}
    }
  }

  async function post (path: string, parameters: Record<string, string | undefined>, authorization?: string) {
    const body = new URLSearchParams(
      Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined)
    )
    return await fetch(oidc.url + path, { method: 'POST', body, headers: authorization ? { authorization } : {} })
  }

  const credentials = { client_id: oidc.clientId, client_secret: oidc.clientSecret }
  const exchange = (code: string | undefined) => ({
    grant_type: 'authorization_code',
    code,
    redirect_uri: REDIRECT_URI,
    code_verifier: pkce.verifier
  })

  async function logIn (parameters: Record<string, string> = {}): Promise<Json> {
    const { callback } = await authorize(parameters)
    return (await (await post(oidc.paths.token, { ...exchange(callback['code']), ...credentials })).json()) as Json
  }

  const userinfo = async ({ access_token: accessToken }: Json) =>
    await read(oidc.paths.userinfo, { headers: { authorization: `Bearer ${accessToken}` } })

  /** The ID token of a login, verified as a careful client would. */
  async function verified (script: IdTokenScript = {}) {
    oidc.idToken(script)
    const { id_token: idToken } = await logIn()
    return await jwtVerify(idToken, createLocalJWKSet(await keySet()), { issuer: oidc.issuer, audience: oidc.clientId })
  }

  return { oidc, read, keySet, authorize, post, credentials, exchange, logIn, userinfo, verified }
}

t.test('describes itself, at any issuer path, and as configured', async (t) => {
  const { oidc, read } = await setup(t, { issuerPath: '/realms/acme' })
  t.equal(oidc.issuer, `${oidc.url}/realms/acme`)
  t.match(await read('/realms/acme/.well-known/openid-configuration'), {
    issuer: oidc.issuer,
    jwks_uri: `${oidc.url}/jwks`,
    authorization_response_iss_parameter_supported: undefined
  })
  oidc.discovery({
    issuer: 'https://evil.example',
    code_challenge_methods_supported: ['plain'],
    userinfo_endpoint: undefined
  })
  const lying = await read(oidc.paths.discovery)
  t.match(lying, {
    issuer: 'https://evil.example',
    code_challenge_methods_supported: ['plain'],
    token_endpoint: `${oidc.url}/token`
  })
  t.notOk('userinfo_endpoint' in lying)
  oidc.discovery({})
  t.equal((await read(oidc.paths.discovery))['issuer'], oidc.issuer)

  const slashed = await setup(t, { issuerPath: '/' })
  t.equal((await slashed.read('/.well-known/openid-configuration'))['issuer'], `${slashed.oidc.url}/`)
})

t.test('signs a person in', async (t) => {
  const { oidc, authorize, logIn, userinfo, verified } = await setup(t)
  const { location, callback } = await authorize()
  t.ok(location?.startsWith(`${REDIRECT_URI}?`))
  t.match(callback, { state: 'the-state', code: String, iss: undefined })
  oidc.person({ sub: 'ada-1', email: 'ada@example.com', email_verified: 'false', role: 'admin' })
  const tokens = await logIn()
  t.match(tokens, { token_type: 'Bearer', expires_in: 3599, scope: 'openid profile email', refresh_token: String })
  t.strictSame(await userinfo(tokens), {
    sub: 'ada-1',
    email: 'ada@example.com',
    email_verified: 'false',
    role: 'admin'
  })
  const { payload, protectedHeader } = await verified()
  t.equal(protectedHeader.alg, 'RS256')
  t.match(payload, { sub: 'ada-1', nonce: 'the-nonce', email: 'ada@example.com', role: 'admin' })
  t.equal((await logIn({ scope: 'email' }))['id_token'], undefined)
  t.strictSame(oidc.unexpected(), [])
})

t.test('puts claims where they are wanted', async (t) => {
  const { oidc, logIn, userinfo } = await setup(t)
  oidc.person({ sub: 'ada-1', name: 'Ada', email: 'ada@example.com' }, { idToken: ['name'], userinfo: ['email'] })
  const tokens = await logIn()
  t.match(decodeJwt(tokens['id_token']), { sub: 'ada-1', name: 'Ada', email: undefined })
  t.strictSame(await userinfo(tokens), { sub: 'ada-1', email: 'ada@example.com' })
  oidc.userinfo({ sub: 'somebody-else' })
  t.equal((await userinfo(tokens))['sub'], 'somebody-else')
})

t.test('exchanges a code once, for its client, redirect URI and verifier only', async (t) => {
  const { oidc, authorize, post, credentials, exchange } = await setup(t)
  const fresh = async () => exchange((await authorize()).callback['code'])
  const attempt = async (parameters: Record<string, string | undefined>, authorization?: string) => {
    const response = await post(oidc.paths.token, parameters, authorization)
    return `${response.status} ${((await response.json()) as Json)['error']}`
  }
  const spent = { ...(await fresh()), ...credentials }
  t.equal(await attempt(spent), '200 undefined')
  t.equal(await attempt(spent), '400 invalid_grant')
  t.equal(
    await attempt({ ...(await fresh()), ...credentials, redirect_uri: `${REDIRECT_URI}/` }),
    '400 redirect_uri_mismatch'
  )
  t.equal(
    await attempt({ ...(await fresh()), ...credentials, code_verifier: createPkce().verifier }),
    '400 invalid_grant'
  )
  t.equal(await attempt({ ...(await fresh()), ...credentials, code_verifier: undefined }), '400 invalid_grant')
  t.equal(await attempt({ ...(await fresh()), ...credentials, client_secret: 'wrong' }), '401 invalid_client')
  t.equal(await attempt(await fresh()), '401 invalid_client')
  const basic = `Basic ${btoa(`${oidc.clientId}:${oidc.clientSecret}`)}`
  t.equal(await attempt(await fresh(), basic), '200 undefined')
  t.equal(await attempt({ ...(await fresh()), ...credentials }, basic), '401 invalid_client', 'one method only')
  oidc.discovery({ token_endpoint_auth_methods_supported: ['client_secret_post'] })
  t.equal(await attempt(await fresh(), basic), '401 invalid_client', 'advertised methods only')
  t.equal(await attempt({ ...credentials, grant_type: 'password' }), '400 unsupported_grant_type')
})

t.test('refreshes and revokes', async (t) => {
  const { oidc, post, credentials, logIn, userinfo } = await setup(t)
  const tokens = await logIn()
  const refresh = { ...credentials, grant_type: 'refresh_token', refresh_token: tokens['refresh_token'] }
  const refreshed = (await (await post(oidc.paths.token, refresh)).json()) as Json
  t.not(refreshed['access_token'], tokens['access_token'])
  t.equal((await userinfo(refreshed))['sub'], '248289761001')
  t.equal((await post(oidc.paths.revoke, { token: refreshed['access_token'] })).status, 200)
  t.match(await (await post(oidc.paths.token, refresh)).json(), { error: 'invalid_grant' })
  t.match(await userinfo(tokens), { error: 'invalid_request' })
})

t.test('answers the authorization request as configured', async (t) => {
  const { oidc, read, authorize } = await setup(t)
  oidc.sendIss()
  t.equal((await authorize()).callback['iss'], oidc.issuer)
  t.equal((await read(oidc.paths.discovery))['authorization_response_iss_parameter_supported'], true)
  oidc.response({ iss: 'https://evil.example', state: undefined })
  t.match((await authorize()).callback, { iss: 'https://evil.example', state: undefined, code: String })
  oidc.response({})
  oidc.deny()
  t.match((await authorize()).callback, {
    error: 'access_denied',
    state: 'the-state',
    iss: oidc.issuer,
    code: undefined
  })
  oidc.deny('temporarily_unavailable', 'Come back later.')
  t.match((await authorize()).callback, { error: 'temporarily_unavailable', error_description: 'Come back later.' })
  oidc.allow()
  t.equal((await authorize({ response_type: 'token' })).callback['error'], 'unsupported_response_type')
  t.match(await authorize({ client_id: 'wrong' }), { status: 401, location: null })
  t.match(await authorize({ redirect_uri: 'nonsense' }), { status: 400, location: null })
  oidc.discovery({ code_challenge_methods_supported: ['S256'] })
  t.equal((await authorize({ code_challenge_method: 'plain' })).callback['error'], 'invalid_request')
})

t.test('signs ID tokens rightly with RS256 and ES256', async (t) => {
  const { verified } = await setup(t)
  t.equal((await verified({ sign: 'rs256' })).protectedHeader.alg, 'RS256')
  t.equal((await verified({ sign: 'es256' })).protectedHeader.alg, 'ES256')
})

t.test('signs ID tokens wrongly, in each way by itself', async (t) => {
  const { oidc, verified, logIn, keySet } = await setup(t)
  for (const algorithm of ['RS256', 'ES256'] as const) {
    await t.rejects(
      verified({ sign: 'wrong-key', algorithm }),
      { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' },
      `wrong-key ${algorithm}`
    )
    await t.rejects(
      verified({ sign: 'corrupt', algorithm }),
      { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' },
      `corrupt ${algorithm}`
    )
  }
  await t.rejects(verified({ sign: 'none' }), { code: 'ERR_JOSE_NOT_SUPPORTED' })
  t.match((await logIn())['id_token'], /^[\w-]+\.[\w-]+\.$/, 'none has no signature')
  await t.rejects(verified({ header: { crit: ['made-up'], 'made-up': true } }), { code: 'ERR_JOSE_NOT_SUPPORTED' })
  await t.rejects(verified({ header: { alg: null } }), { code: 'ERR_JWS_INVALID' })
  await t.rejects(verified({ algorithm: 'PS256' }), { code: 'ERR_JWKS_NO_MATCHING_KEY' }, 'the key set says RS256')
  await oidc.jwks({ alg: false })
  for (const algorithm of ['PS256', 'RS384', 'RS512'] as const) {
    t.equal((await verified({ algorithm })).protectedHeader.alg, algorithm)
  }
  oidc.idToken({ sign: 'hs256-with-secret' })
  await t.resolves(jwtVerify((await logIn())['id_token'], Buffer.from(oidc.clientSecret)))
  oidc.idToken({ sign: 'hs256-with-public-key' })
  await t.rejects(jwtVerify((await logIn())['id_token'], createLocalJWKSet(await keySet())))
})

t.test('makes ID tokens whose own header would verify them', async (t) => {
  const { oidc, read, logIn } = await setup(t)
  const jwk = await oidc.strangerJwk()
  oidc.idToken({ sign: 'wrong-key', header: { jwk, jku: oidc.strangerJwksUri, kid: jwk['kid'] } })
  const { id_token: idToken } = await logIn()
  t.match(decodeProtectedHeader(idToken), { jwk: { kty: 'RSA', n: jwk['n'] }, jku: oidc.strangerJwksUri })
  t.notOk('d' in jwk)
  await t.resolves(jwtVerify(idToken, createLocalJWKSet((await read('/stranger/jwks')) as unknown as JSONWebKeySet)))
})

t.test('overrides, adds and leaves out claims and members', async (t) => {
  const { oidc, logIn } = await setup(t)
  oidc.idToken({
    claims: {
      iss: 'https://evil.example',
      sub: undefined,
      aud: [oidc.clientId, 'other'],
      azp: 'other',
      nonce: undefined,
      iat: undefined,
      exp: 1,
      nbf: 2
    }
  })
  const claims = decodeJwt((await logIn())['id_token'])
  t.match(claims, { iss: 'https://evil.example', aud: [oidc.clientId, 'other'], azp: 'other', exp: 1, nbf: 2 })
  for (const name of ['sub', 'nonce', 'iat']) t.notOk(name in claims, name)
  oidc.idToken({ raw: 'not-a-token' })
  t.equal((await logIn())['id_token'], 'not-a-token')
  oidc.idToken({ omit: true })
  t.notOk('id_token' in (await logIn()))
  oidc.tokenResponse({ access_token: undefined, error: 'server_error' })
  t.match(await logIn(), { access_token: undefined, error: 'server_error', token_type: 'Bearer' })
})

t.test('rotates its keys', async (t) => {
  const { oidc, keySet, verified } = await setup(t)
  const before = await keySet()
  await oidc.rotateKeys()
  const { protectedHeader } = await verified()
  t.notOk(before.keys.some(({ kid }) => kid === protectedHeader.kid))
  t.strictSame(
    (await keySet()).keys.map(({ alg }) => alg),
    ['RS256', 'ES256']
  )
  await oidc.rotateKeys({ keepOld: true })
  t.equal((await keySet()).keys.length, 4)
  await t.resolves(verified())
  t.ok(
    (await keySet()).keys.every((key) => !('d' in key)),
    'public halves only'
  )
})

t.test('shows key sets of every kind', async (t) => {
  const { oidc, keySet, verified } = await setup(t)
  await oidc.jwks({ algorithms: ['RS256'], kids: 'absent' })
  t.match(await keySet(), { keys: [{ kty: 'RSA', kid: undefined }] })
  t.equal((await verified()).protectedHeader.kid, undefined)
  await oidc.jwks({ kids: 'absent', spareKeys: 1 })
  await t.rejects(verified(), { code: 'ERR_JWKS_MULTIPLE_MATCHING_KEYS' })
  await oidc.jwks({ kids: 'duplicate', spareKeys: 1 })
  t.equal(new Set((await keySet()).keys.map(({ kid }) => kid)).size, 1)
  await t.rejects(verified(), { code: 'ERR_JWKS_MULTIPLE_MATCHING_KEYS' })
  await oidc.jwks({ unusableKeys: true, extra: [{ kty: 'oct', k: 'AAAA' }] })
  t.equal((await keySet()).keys.length, 8)
  await t.resolves(verified(), 'which a client passes over')
})

t.test('gives the settings of Signet', async (t) => {
  const { oidc } = await setup(t)
  t.strictSame(oidc.settings('my-idp', { emailTrusted: true }), {
    OIDC_PROVIDERS: 'my-idp',
    OIDC_MY_IDP_ISSUER: oidc.issuer,
    OIDC_MY_IDP_CLIENT_ID: oidc.clientId,
    OIDC_MY_IDP_CLIENT_SECRET: oidc.clientSecret,
    OIDC_MY_IDP_EMAIL_TRUSTED: 'true'
  })
  t.strictSame(oidc.googleSettings(), {
    GOOGLE_CLIENT_ID: oidc.clientId,
    GOOGLE_CLIENT_SECRET: oidc.clientSecret,
    GOOGLE_ISSUER: oidc.issuer
  })
})
