import { createHash, generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto'
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { idTokenFrom } from '../fakes/oidc-app.ts'
import { createDpopKey } from '../fakes/dpop.ts'
import { startLogoutReceiver } from '../fakes/logout-receiver.ts'
import { startFakeOidc } from '../fakes/oidc.ts'
import { readJson } from '../helper.ts'
import { grid } from '../slow.ts'
import { AS_WEB, basic, setupWithClients, REDIRECT_URI, SPA, WEB, type Parameters } from './setup-with-clients.ts'

// What the metadata document says, line by line, against what the endpoints do. A key without a check fails, so does a
// listed value that nothing here tries, and so does what works without being listed.

const DOCUMENTS = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const EVERYTHING = 'openid profile email roles offline_access'

/** An issuer whose ID tokens apps bring. */
const acme = await startFakeOidc()
t.teardown(() => acme.close())

const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const [p256, p384, p521, ed25519] = [ec('P-256'), ec('P-384'), ec('P-521'), generateKeyPairSync('ed25519')]
const KEYS: Record<string, { publicKey: KeyObject, privateKey: KeyObject }> = {
  RS256: rsa,
  RS384: rsa,
  RS512: rsa,
  PS256: rsa,
  PS384: rsa,
  PS512: rsa,
  ES256: p256,
  ES384: p384,
  ES512: p521,
  EdDSA: ed25519,
  Ed25519: ed25519
}
/** Confidential, with a secret and with a key. */
const BOTH = {
  ...WEB,
  grant_types: ['authorization_code', 'client_credentials'],
  jwks: { keys: [rsa, p256, p384, p521, ed25519].map(({ publicKey }) => publicKey.export({ format: 'jwk' })) }
}
/** Each works once. */
const assertions: Record<string, string>[] = []

async function signAssertion (issuer: string, alg = 'ES256'): Promise<Record<string, string>> {
  const jwt = new SignJWT({ jti: randomUUID() }).setProtectedHeader({ alg }).setIssuer('web').setSubject('web')
    .setAudience(issuer).setExpirationTime('1m')
  const key = KEYS[alg]?.privateKey ?? Buffer.alloc(64)
  return { client_assertion_type: ASSERTION_TYPE, client_assertion: await jwt.sign(key) }
}

type Signet = Awaited<ReturnType<typeof setupWithClients>>
type Check = (t: Test, value: any, signet: Signet, document: Record<string, any>) => Promise<void>

/** For each method of client authentication: its client, and the parameters and headers that it sends. */
const CREDENTIALS: Record<
  string,
  { client: 'spa' | 'web', form: Record<string, string>, headers: Record<string, string> }
> = {
  none: { client: 'spa', form: { client_id: 'spa' }, headers: {} },
  client_secret_basic: { client: 'web', form: {}, headers: basic(WEB.client_secret) },
  client_secret_post: { client: 'web', form: AS_WEB, headers: {} },
  private_key_jwt: { client: 'web', get form () { return assertions.pop() ?? {} }, headers: {} }
}

/** Ways to name a client that has a secret, without it. */
const NO_CREDENTIALS: Record<string, { form: Record<string, string>, headers: Record<string, string> }> = {
  'no secret': { form: { client_id: 'web' }, headers: {} },
  'a wrong secret in the header': { form: {}, headers: basic('wrong') },
  'an empty secret in the header': { form: {}, headers: basic('') },
  'a wrong secret in the body': { form: { client_id: 'web', client_secret: 'wrong' }, headers: {} },
  'an empty secret in the body': { form: { client_id: 'web', client_secret: '' }, headers: {} },
  'a bearer': { form: { client_id: 'web' }, headers: { authorization: `Bearer ${WEB.client_secret}` } },
  client_secret_jwt: { form: await assertion(), headers: {} },
  private_key_jwt: { form: { ...(await assertion()), client_id: 'web' }, headers: {} }
}

/** RFC 7523 section 2.2, under the secret itself. */
async function assertion (): Promise<Record<string, string>> {
  const jwt = await new SignJWT({ iss: 'web', sub: 'web', aud: 'signet', jti: 'x' })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1m')
    .sign(Buffer.from(WEB.client_secret))
  return { client_assertion_type: ASSERTION_TYPE, client_assertion: jwt }
}

/** A token response of each grant type. One line for each new one. */
const GRANTS: Record<string, (signet: Signet) => Promise<any>> = {
  authorization_code: ({ signIn }) => signIn(),
  refresh_token: async ({ signIn, refresh }) => (await refresh((await signIn()).refresh_token)).body,
  client_credentials: async ({ token }) => (await token({ grant_type: 'client_credentials', ...AS_WEB })).body,
  [DEVICE_GRANT]: async ({ url, origin, post, token }) => {
    const { body: grant } = await post('/oauth2/device_authorization', { client_id: 'spa', scope: 'openid' })
    const browser = createBrowser(url)
    await browser.post('/device', { form: { user_code: grant.user_code }, headers: { origin } })
    await browser.login('/device/login/github')
    await browser.post('/device/confirm', { form: { decision: 'approve' }, headers: { origin } })
    return (await token({ grant_type: DEVICE_GRANT, device_code: grant.device_code, client_id: 'spa' })).body
  },
  [TOKEN_EXCHANGE]: async ({ token }) =>
    (
      await token({
        grant_type: TOKEN_EXCHANGE,
        subject_token: await idTokenFrom(acme),
        subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
        provider: 'acme',
        client_id: 'spa'
      })
    ).body
}

const UNLISTED_GRANTS = [
  'password',
  'implicit',
  'urn:ietf:params:oauth:grant-type:jwt-bearer',
  'urn:ietf:params:oauth:grant-type:saml2-bearer',
  'urn:openid:params:grant-type:ciba',
  'Authorization_Code',
  'constructor',
  '__proto__'
]

const PROMPTS: Record<string, (t: Test, signet: Signet) => Promise<unknown>> = {
  none: async (t, signet) => t.equal((await errorOf(signet, { prompt: 'none' })).get('error'), 'login_required'),
  login: async (t, { authorize }) => t.ok((await authorize({ prompt: 'login' })).code),
  select_account: async (t, { authorize }) => t.ok((await authorize({ prompt: 'select_account' })).code),
  consent: async (t, { authorize }) => t.ok((await authorize({ prompt: 'consent' })).code)
}

/** One line for each key of the document. */
const CHECKS: Record<string, Check> = {
  async issuer (t, issuer, { url, signIn }) {
    const tokens = await signIn()
    t.equal(issuer, url)
    for (const token of [tokens.access_token, tokens.id_token]) t.equal(decodeJwt(token).iss, issuer)
  },

  async authorization_endpoint (t, endpoint, { request, github, url }) {
    const { location } = await createBrowser(url).get(`${endpoint}?${request().query}`)
    t.ok(location?.startsWith(github.url))
  },

  async token_endpoint (t, endpoint, { authorize }) {
    const { code, codeVerifier } = await authorize()
    const response = await fetch(endpoint, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code,
        redirect_uri: REDIRECT_URI,
        client_id: 'spa',
        code_verifier: codeVerifier
      })
    })
    t.equal(response.status, 200)
  },

  async userinfo_endpoint (t, endpoint, { signIn }) {
    const tokens = await signIn()
    const headers = { authorization: `Bearer ${tokens.access_token}` }
    for (const method of ['GET', 'POST']) {
      t.equal((await readJson(await fetch(endpoint, { method, headers }))).sub, decodeJwt(tokens.id_token).sub)
    }
  },

  async jwks_uri (t, endpoint, { signIn }) {
    const tokens = await signIn()
    for (const token of [tokens.access_token, tokens.id_token]) {
      t.ok((await jwtVerify(token, createRemoteJWKSet(new URL(endpoint)))).payload.sub)
    }
  },

  async revocation_endpoint (t, endpoint, { signIn, me }) {
    const tokens = await signIn()
    t.equal(
      (
        await fetch(endpoint, {
          method: 'POST',
          body: new URLSearchParams({ token: tokens.refresh_token, client_id: 'spa' })
        })
      ).status,
      200
    )
    t.equal(await me(tokens.access_token), 401)
  },

  async introspection_endpoint (t, endpoint, { signIn }) {
    const token = (await signIn()).access_token
    t.match(
      await readJson(await fetch(endpoint, { method: 'POST', body: new URLSearchParams({ token, ...AS_WEB }) })),
      { active: true, client_id: 'spa' }
    )
  },

  async end_session_endpoint (t, endpoint, { signIn, me }) {
    const [one, other] = [await signIn(), await signIn()]
    t.equal((await fetch(`${endpoint}?id_token_hint=${one.id_token}`)).status, 200)
    t.equal(
      (await fetch(endpoint, { method: 'POST', body: new URLSearchParams({ id_token_hint: other.id_token }) })).status,
      200
    )
    for (const tokens of [one, other]) t.equal(await me(tokens.access_token), 401)
  },

  async device_authorization_endpoint (t, endpoint) {
    t.match(
      await readJson(await fetch(endpoint, { method: 'POST', body: new URLSearchParams({ client_id: 'spa' }) })),
      { device_code: /./, user_code: /./ }
    )
  },

  async backchannel_logout_supported (t, supported, { signIn, logout }) {
    const tokens = await signIn()
    await logout({ id_token_hint: tokens.id_token })
    t.equal(supported, true)
    t.match((await receiver.came(1)).map(({ claims }) => claims), [{ aud: 'spa', sub: decodeJwt(tokens.id_token).sub }])
  },

  async backchannel_logout_session_supported (t, supported) {
    t.equal(supported, true)
    t.match((await receiver.came(1)).map(({ claims }) => claims), [{ sid: /./ }])
  },

  async dpop_signing_alg_values_supported (t, algorithms, { url, token }) {
    for (const alg of algorithms) {
      const key = await createDpopKey(alg)
      const form = { grant_type: 'client_credentials', ...AS_WEB }
      const { body } = await token(form, { dpop: await key.prove('POST', `${url}/oauth2/token`) })
      t.match([body.token_type, decodeJwt(body.access_token)], ['DPoP', { cnf: { jkt: key.jkt } }], alg)
    }
  },

  async service_documentation (t, page) {
    const response = await fetch(page)
    t.equal(response.status, 200)
    t.match(response.headers.get('content-type'), /^text\/html/)
  },

  async scopes_supported (t, listed, { signIn }) {
    const grantedFor = async (scope: string) => (await signIn({ scope })).scope
    for (const scope of listed) t.equal(await grantedFor(scope), scope)
    t.equal(await grantedFor(listed.join(' ')), listed.join(' '))
    for (const scope of ['address', 'phone', 'admin', 'OPENID', 'profile:read', '*']) {
      t.notOk(listed.includes(scope) || (await grantedFor(scope)) !== undefined, scope)
    }
  },

  async response_types_supported (t, listed, signet) {
    await every(t, listed, { code: async () => t.ok((await signet.authorize({ response_type: 'code' })).code) })
    for (const type of [
      'token',
      'id_token',
      'code token',
      'code id_token',
      'id_token token',
      'code id_token token',
      'none',
      'device_code',
      'CODE',
      'code code'
    ]) {
      t.notOk(listed.includes(type))
      t.equal((await errorOf(signet, { response_type: type })).get('error'), 'unsupported_response_type', type)
    }
  },

  async response_modes_supported (t, listed, signet) {
    const posted = async () => await (await signet.ask({ response_mode: 'form_post', prompt: 'none' })).text()
    await every(t, listed, {
      query: async () => t.ok((await signet.authorize({ response_mode: 'query' })).code),
      form_post: async () => t.match(await posted(), /<form method="post"[^]*name="error" value="login_required"/)
    })
    for (const mode of [
      'fragment',
      'web_message',
      'jwt',
      'query.jwt',
      'fragment.jwt',
      'form_post.jwt',
      'QUERY'
    ]) {
      t.notOk(listed.includes(mode))
      t.equal((await errorOf(signet, { response_mode: mode })).get('error'), 'invalid_request', mode)
    }
  },

  async grant_types_supported (t, listed: string[], signet) {
    await every(
      t,
      listed,
      Object.fromEntries(
        Object.entries(GRANTS).map(([type, grant]) => [
          type,
          // A client's own token is no user's.
          async () => t.equal(
            await signet.me((await grant(signet)).access_token), type === 'client_credentials' ? 401 : 200, type)
        ])
      )
    )
    const { code, codeVerifier } = await signet.authorize()
    for (const type of UNLISTED_GRANTS.filter((type) => !listed.includes(type))) {
      // With everything that the listed ones ask for.
      const { status, body } = await signet.exchange(code, codeVerifier, {
        grant_type: type,
        username: 'a',
        password: 'b',
        assertion: 'x',
        subject_token: 'x',
        scope: 'openid'
      })
      t.equal(status, 400, type)
      t.equal(body.error, 'unsupported_grant_type', type)
    }
    t.equal((await signet.exchange(code, codeVerifier)).status, 200)
  },

  async subject_types_supported (t, listed, { signIn, signInWeb }) {
    t.same(listed, ['public'])
    t.equal(
      decodeJwt((await signIn()).id_token).sub,
      decodeJwt((await signInWeb()).id_token).sub,
      'one person, one sub'
    )
  },

  async id_token_signing_alg_values_supported (t, listed, { signIn }) {
    t.same([decodeProtectedHeader((await signIn()).id_token).alg], listed)
    for (const algorithm of grid(['EdDSA', 'RS256'], () => 'another algorithm')) {
      const other = await setupWithClients(t, { ...acme.settings('acme'), SIGNING_ALG: algorithm })
      const document = await readJson(await fetch(other.url + DOCUMENTS[0]))
      const { id_token: idToken } = await other.signIn()
      t.same(document.id_token_signing_alg_values_supported, [algorithm])
      t.equal((await jwtVerify(idToken, createRemoteJWKSet(new URL(document.jwks_uri)))).protectedHeader.alg, algorithm)
    }
  },

  async token_endpoint_auth_methods_supported (t, listed, signet) {
    const exchangeBy = async (
      { form, headers }: { form: Record<string, string>, headers: Record<string, string> },
      client: 'spa' | 'web'
    ) => {
      const redirectUri = client === 'web' ? (WEB.redirect_uris[0] as string) : REDIRECT_URI
      const { code, codeVerifier } = await signet.authorize({ client_id: client, redirect_uri: redirectUri })
      return await signet.token(
        { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: codeVerifier, ...form },
        headers
      )
    }
    await everyMethod(t, listed, async (method, credentials) =>
      t.equal((await exchangeBy(credentials, credentials.client)).status, 200, method)
    )
    for (const [name, credentials] of Object.entries(NO_CREDENTIALS)) {
      t.match((await exchangeBy(credentials, 'web')).body.error, /^invalid_(client|request)$/, name)
    }
  },

  async revocation_endpoint_auth_methods_supported (t, listed, { signIn, signInWeb, post, me }) {
    await everyMethod(t, listed, async (method, { client, form, headers }) => {
      const tokens = client === 'web' ? await signInWeb() : await signIn()
      t.equal((await post('/oauth2/revoke', { token: tokens.refresh_token, ...form }, headers)).status, 200, method)
      t.equal(await me(tokens.access_token), 401, method)
    })
    const tokens = await signInWeb()
    for (const [name, { form, headers }] of Object.entries(NO_CREDENTIALS).filter(
      ([, { form, headers }]) => 'client_id' in form || 'authorization' in headers
    )) {
      t.equal((await post('/oauth2/revoke', { token: tokens.refresh_token, ...form }, headers)).status, 401, name)
    }
    t.equal(await me(tokens.access_token), 200)
  },

  async introspection_endpoint_auth_methods_supported (t, listed: string[], { signIn, post }) {
    const { access_token: token } = await signIn()
    const introspect = ({ form, headers }: { form: Record<string, string>, headers: Record<string, string> }) =>
      post('/oauth2/introspect', { token, ...form }, headers)
    await everyMethod(t, listed, async (method, credentials) =>
      t.equal((await introspect(credentials)).body.active, true, method)
    )
    const unlisted = Object.entries(CREDENTIALS).filter(([method]) => !listed.includes(method))
    for (const [name, credentials] of [...unlisted, ...Object.entries(NO_CREDENTIALS)]) {
      t.equal((await introspect(credentials)).status, 401, name)
    }
  },

  async token_endpoint_auth_signing_alg_values_supported (t, listed, { url, token }) {
    const grant = { grant_type: 'client_credentials' }
    await every(t, listed, Object.fromEntries(Object.keys(KEYS).map((alg) => [
      alg,
      async () => t.equal((await token({ ...grant, ...await signAssertion(url, alg) })).status, 200, alg)
    ])))
    t.equal((await token({ ...grant, ...await signAssertion(url, 'HS256') })).status, 401)
  },

  async revocation_endpoint_auth_signing_alg_values_supported (t, listed, _signet, document) {
    t.strictSame(listed, document['token_endpoint_auth_signing_alg_values_supported'])
  },

  async introspection_endpoint_auth_signing_alg_values_supported (t, listed, _signet, document) {
    t.strictSame(listed, document['token_endpoint_auth_signing_alg_values_supported'])
  },

  async code_challenge_methods_supported (t, listed, signet) {
    await every(t, listed, {
      S256: async () => t.ok((await signet.signIn({ code_challenge_method: 'S256' })).access_token)
    })
    for (const method of ['plain', 's256', 'S512', undefined]) {
      t.equal((await errorOf(signet, { code_challenge_method: method })).get('error'), 'invalid_request', `${method}`)
    }
    t.equal(
      (await errorOf(signet, { code_challenge: undefined, code_challenge_method: undefined })).get('error'),
      'invalid_request',
      'no PKCE at all'
    )
    // The verifier of `plain` would be the challenge itself.
    const { code, codeVerifier } = await signet.authorize()
    t.equal(
      (await signet.exchange(code, createHash('sha256').update(codeVerifier).digest('base64url'))).body.error,
      'invalid_grant'
    )
  },

  async authorization_response_iss_parameter_supported (t, value, signet) {
    t.equal(value, true)
    t.equal((await signet.authorize()).location.searchParams.get('iss'), signet.url)
    t.equal((await errorOf(signet, { response_type: 'token' })).get('iss'), signet.url)
    signet.github.deny()
    t.match(Object.fromEntries((await signet.authorize()).location.searchParams), {
      iss: signet.url,
      error: 'access_denied'
    })
    signet.github.allow()
  },

  async request_parameter_supported (t, value, signet) {
    t.equal(value, false)
    t.equal((await errorOf(signet, { request: 'eyJhbGciOiJub25lIn0.e30.' })).get('error'), 'request_not_supported')
  },

  async request_uri_parameter_supported (t, value, signet) {
    t.equal(value, false)
    t.equal(
      (await errorOf(signet, { request_uri: 'https://app.example.com/request.jwt' })).get('error'),
      'request_uri_not_supported'
    )
  },

  async claims_supported (t, listed: string[], { signIn, userinfo }) {
    const tokens = await signIn({ scope: EVERYTHING })
    const told = new Set([
      ...Object.keys(decodeJwt(tokens.id_token)),
      ...Object.keys((await userinfo(tokens.access_token)).body)
    ])
    t.same([...told].sort(), listed.toSorted(), 'each of them is there, and nothing else')
  },

  async prompt_values_supported (t, listed, signet) {
    await every(
      t,
      listed,
      Object.fromEntries(Object.entries(PROMPTS).map(([value, check]) => [value, () => check(t, signet)]))
    )
  }
}

/** Runs the check of each listed value; one that nothing tries fails. */
async function every (t: Test, listed: string[], checks: Record<string, () => Promise<unknown>>): Promise<void> {
  t.ok(listed.length > 0)
  t.equal(new Set(listed).size, listed.length, 'nothing is there twice')
  t.same(
    Object.keys(checks).filter((value) => !listed.includes(value)),
    [],
    'nothing that is tried here is left out'
  )
  for (const value of listed) {
    const check = checks[value]
    if (check) await check()
    else t.fail(`${value} is listed, and nothing here tries it`)
  }
}

async function everyMethod (
  t: Test,
  listed: string[],
  check: (method: string, credentials: (typeof CREDENTIALS)[string]) => Promise<unknown>
): Promise<void> {
  await every(
    t,
    listed,
    Object.fromEntries(
      Object.entries(CREDENTIALS)
        .filter(([method]) => method !== 'none' || listed.includes(method))
        .map(([method, credentials]) => [method, () => check(method, credentials)])
    )
  )
}

/** The parameters of the error redirect for an invalid request. */
async function errorOf ({ ask }: Signet, more: Parameters): Promise<URLSearchParams> {
  const location = new URL((await ask(more)).headers.get('location') ?? 'about:blank')
  return new URLSearchParams(location.href.startsWith('https://app.example.com/callback?') ? location.search : '')
}

const receiver = await startLogoutReceiver()
t.teardown(() => receiver.close())
const signet = await setupWithClients(t, {
  ...acme.settings('acme'),
  CLIENTS: JSON.stringify([{ ...SPA, backchannel_logout_uri: receiver.url }, BOTH])
})
receiver.trust(signet.url)
for (let count = 0; count < 10; count++) assertions.push(await signAssertion(signet.url))
const document = await readJson(await fetch(signet.url + DOCUMENTS[0]))

t.test('both documents are one, as JSON, for a while, and for any page', async (t) => {
  for (const path of DOCUMENTS) {
    const response = await fetch(signet.url + path)
    t.equal(response.status, 200)
    t.match(response.headers.get('content-type'), /^application\/json/)
    t.match(response.headers.get('cache-control'), /max-age=\d+/)
    t.same(await readJson(response), document)
  }
})

t.test('each key has its check, and each check its key', async (t) => {
  t.same(Object.keys(document).sort(), Object.keys(CHECKS).sort())
})

for (const [key, value] of Object.entries(document)) {
  t.test(`${key} is as it says`, async (t) => {
    await CHECKS[key]?.(t, value, signet, document)
  })
}

t.test('each OAuth endpoint that there is, is named', async (t) => {
  const { paths } = await readJson(await fetch(`${signet.url}/openapi.json`))
  const named = Object.values(document).filter((value) => typeof value === 'string')
  // People come to the consent page, no client does.
  const endpoints = Object.keys(paths).filter((path) => /^\/oauth2\/(?!consent$)/.test(path))
  t.ok(endpoints.length >= 7)
  for (const path of endpoints) t.ok(named.includes(signet.url + path), path)
  for (const path of [
    '/oauth2/register',
    '/oauth2/par',
    '/oauth2/bc-authorize',
    '/oauth2/check_session',
    '/register',
    '/connect/register'
  ]) {
    for (const method of ['GET', 'POST']) t.equal((await fetch(signet.url + path, { method })).status, 404, path)
  }
})
