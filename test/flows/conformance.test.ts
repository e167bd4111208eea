import { createHash } from 'node:crypto'
import {
  createRemoteJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  generateKeyPair,
  jwtVerify,
  SignJWT,
  UnsecuredJWT,
  type JWTPayload,
  type JWTHeaderParameters
} from 'jose'
import t, { type Test } from 'tap'
import { createBrowser, type Browser } from '../fakes/browser.ts'
import { GITHUB_PATHS } from '../fakes/github.ts'
import { readJson } from '../helper.ts'
import { readSettings } from '../../src/settings.ts'
import { slow } from '../slow.ts'
import { AS_WEB, basic, setupWithClients, SPA, WEB, type Parameters } from './setup-with-clients.ts'

// The modules of the OpenID conformance suite that apply to Signet, under their own names, each with what the module
// looks at:
// https://gitlab.com/openid/conformance-suite/-/tree/master/src/main/java/net/openid/conformance/openid
// As in its basic plan, the client is a registered one with a secret, sent in the header, unless a module says
// otherwise. Where Signet answers otherwise than the module wants, the test says so and holds Signet to its own
// contract.

const CALLBACK = WEB.redirect_uris[0] as string
const BYE = WEB.post_logout_redirect_uris[0] as string

interface Authenticated {
  tokens: any
  idToken: JWTPayload
  location: URL
  userinfo: any
}

/** One Signet for all of them: no module asks for an untouched one. */
const usual = await setupWithClients(t)

async function world (t: Test, environment?: Record<string, string>) {
  const signet = environment ? await setupWithClients(t, environment) : usual
  const { url, request, token, userinfo, github } = signet
  github.reset()
  const jwks = createRemoteJWKSet(new URL(`${url}/.well-known/jwks.json`))
  const of = (more: Parameters) => ({ client_id: 'web', redirect_uri: CALLBACK, scope: 'openid', ...more })

  /** From the request to userinfo, with the checks that every module makes (AbstractOIDCCServerTest). */
  async function authenticate (more: Parameters = {}, browser: Browser = createBrowser(url)): Promise<Authenticated> {
    const parameters = of(more)
    const { path, codeVerifier, query } = request(parameters)
    const { location } = await comeBack(browser, path)
    const answer = Object.fromEntries(location.searchParams)
    t.equal(answer['error'], undefined)
    t.equal(answer['state'], query.get('state'), 'state comes back as it is (CheckMatchingStateParameter)')
    t.equal(answer['iss'], url, 'RFC 9207')
    t.match(answer['code'], /^[\w-]{43}$/, 'EnsureMinimumAuthorizationCodeLength and -Entropy')

    const form = {
      grant_type: 'authorization_code',
      code: answer['code'] ?? '',
      redirect_uri: query.get('redirect_uri') ?? '',
      code_verifier: codeVerifier
    }
    const { status, body: tokens, headers } = await token(form, basic(WEB.client_secret))
    t.equal(status, 200)
    t.match(headers.get('content-type'), /^application\/json/)
    t.match(headers.get('cache-control'), 'no-store')
    t.match(tokens, { token_type: 'Bearer', access_token: /^[\x20-\x7e]+$/, expires_in: 900 })

    const idToken = await checkIdToken(tokens, query.get('nonce'))
    const info = await userinfo(tokens.access_token)
    t.equal(info.status, 200)
    t.match(info.headers.get('content-type'), /^application\/json/)
    t.equal(info.body.sub, idToken.sub, 'OpenID Connect Core section 5.3.2')
    return { tokens, idToken, location, userinfo: info.body }
  }

  async function comeBack (browser: Browser, path: string) {
    const answer = await browser.login(path)
    t.equal(answer.status, 302)
    return { location: new URL(answer.location ?? '') }
  }

  /** OpenID Connect Core section 3.1.3.7, and EnsureIdTokenContainsKid. */
  async function checkIdToken (tokens: any, nonce: string | null): Promise<JWTPayload> {
    const { payload, protectedHeader } = await jwtVerify(tokens.id_token, jwks, {
      issuer: url,
      audience: 'web',
      requiredClaims: ['sub', 'iat', 'exp']
    })
    const now = Date.now() / 1000
    t.match(protectedHeader, { kid: /./, alg: environment?.['SIGNING_ALG'] ?? 'ES256' })
    t.match(payload.sub, /^[\x21-\x7e]{1,255}$/)
    t.equal(payload['nonce'], nonce ?? undefined)
    t.ok(Math.abs((payload.iat ?? 0) - now) < 30)
    t.ok((payload.exp ?? 0) > now)
    t.equal(
      payload['at_hash'],
      createHash('sha256').update(tokens.access_token).digest().subarray(0, 16).toString('base64url')
    )
    t.notOk('azp' in payload || 'c_hash' in payload)
    return payload
  }

  /** The parameters that the authorization endpoint sends back at once, without a visit to the provider. */
  async function refused (more: Parameters): Promise<Record<string, string>> {
    const before = github.calls().length
    const response = await fetch(url + request(of(more)).path, { redirect: 'manual' })
    t.equal(response.status, 302)
    const location = new URL(response.headers.get('location') ?? '')
    t.equal(`${location.origin}${location.pathname}`, CALLBACK)
    t.equal(location.hash, '')
    const answer = Object.fromEntries(location.searchParams)
    t.match(answer, { state: 'the state', iss: url, error: /./, error_description: /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/ })
    t.notOk('code' in answer)
    t.equal(github.calls().length, before, 'the provider is not called')
    return answer
  }

  /** An error page, and no redirect. */
  async function errorPage (path: string): Promise<string> {
    const response = await fetch(url + path, { redirect: 'manual', headers: { accept: 'text/html' } })
    t.equal(response.status, 400)
    t.equal(response.headers.get('location'), null)
    t.match(response.headers.get('content-type'), /^text\/html/)
    return await response.text()
  }

  /** How often people were sent to the provider to sign in. */
  const visits = () => github.calls(GITHUB_PATHS.authorize).length

  return { ...signet, of, authenticate, refused, errorPage, visits }
}

const wait = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000))

/** A request with something in it that must at least not hurt (OpenID Connect Core section 15.1). */
function succeeds (name: string, more: Parameters): void {
  t.test(name, async (t) => {
    const { authenticate } = await world(t)
    const { idToken } = await authenticate(more)
    t.equal(idToken['nonce'], 'the nonce')
  })
}

t.test('oidcc-server', async (t) => {
  const { authenticate } = await world(t)
  const { idToken, userinfo, location } = await authenticate()
  t.same(
    Object.keys(idToken).sort(),
    ['at_hash', 'aud', 'auth_time', 'exp', 'iat', 'iss', 'nonce', 'sid', 'sub'],
    'EnsureIdTokenDoesNotContainNonRequestedClaims'
  )
  t.same(Object.keys(userinfo), ['sub'])
  t.same([...location.searchParams.keys()].sort(), ['code', 'iss', 'state'])
  t.equal(location.hash, '', 'nothing in a fragment')
})

t.test('oidcc-response-type-missing', async (t) => {
  const { refused } = await world(t)
  t.equal((await refused({ response_type: undefined }))['error'], 'invalid_request')
})

// Both of them register a client anew, which Signet does not offer; what they look at is a setting here.
slow.test('oidcc-idtoken-rs256, oidcc-idtoken-signature', async (t) => {
  const { authenticate, url } = await world(t, { SIGNING_ALG: 'RS256' })
  const { tokens } = await authenticate()
  t.match(decodeProtectedHeader(tokens.id_token), { alg: 'RS256', kid: /./ })
  t.same(
    (await readJson(await fetch(`${url}/.well-known/openid-configuration`))).id_token_signing_alg_values_supported,
    ['RS256']
  )
})

t.test('oidcc-idtoken-unsigned: there are none', async (t) => {
  const { authenticate, url, logout } = await world(t)
  const { tokens, idToken } = await authenticate()
  t.notMatch(
    (await readJson(await fetch(`${url}/.well-known/openid-configuration`))).id_token_signing_alg_values_supported,
    ['none']
  )
  t.not(decodeProtectedHeader(tokens.id_token).alg, 'none')
  t.equal((await logout({ id_token_hint: new UnsecuredJWT(idToken).encode() })).status, 400)
})

t.test('oidcc-userinfo-get', async (t) => {
  const { authenticate } = await world(t)
  const { userinfo } = await authenticate({ scope: 'openid profile email' })
  t.match(userinfo, { sub: String, name: String, picture: String, email: String, email_verified: Boolean })
})

t.test('oidcc-userinfo-post-header', async (t) => {
  const { authenticate, userinfo } = await world(t)
  const { tokens, userinfo: byGet } = await authenticate({ scope: 'openid profile email' })
  const byPost = await userinfo(tokens.access_token, 'POST')
  t.equal(byPost.status, 200)
  t.same(byPost.body, byGet)
})

// RFC 6750 section 2.2 leaves it to the server; the module then ends with a warning.
t.test('oidcc-userinfo-post-body: not taken', async (t) => {
  const { authenticate, url } = await world(t)
  const { tokens } = await authenticate()
  const response = await fetch(`${url}/oauth2/userinfo`, {
    method: 'POST',
    body: new URLSearchParams({ access_token: tokens.access_token })
  })
  t.equal(response.status, 401)
  t.match(response.headers.get('www-authenticate'), /^Bearer/)
})

t.test('oidcc-ensure-request-without-nonce-succeeds-for-code-flow', async (t) => {
  const { authenticate } = await world(t)
  t.notOk('nonce' in (await authenticate({ nonce: undefined })).idToken)
})

t.test('oidcc-scope-profile', async (t) => {
  const { authenticate } = await world(t)
  const { userinfo, tokens } = await authenticate({ scope: 'openid profile' })
  t.same(Object.keys(userinfo).sort(), ['name', 'picture', 'preferred_username', 'sub'])
  t.equal(tokens.scope, 'openid profile')
})

t.test('oidcc-scope-email', async (t) => {
  const { authenticate } = await world(t)
  const { userinfo, idToken } = await authenticate({ scope: 'openid email' })
  t.same(userinfo, { sub: idToken.sub, email: 'octocat@github.com', email_verified: true })
  t.notOk('name' in idToken)
})

// Providers tell neither; the scopes are not in scopes_supported, and what is granted is said (RFC 6749 section 3.3).
for (const scope of ['address', 'phone']) {
  t.test(`oidcc-scope-${scope}`, async (t) => {
    const { authenticate } = await world(t)
    const { userinfo, tokens } = await authenticate({ scope: `openid ${scope}` })
    t.same(Object.keys(userinfo), ['sub'])
    t.equal(tokens.scope, 'openid')
  })
}

t.test('oidcc-scope-all', async (t) => {
  const { authenticate } = await world(t)
  const { userinfo, tokens } = await authenticate({ scope: 'openid profile email address phone' })
  t.same(Object.keys(userinfo).sort(), ['email', 'email_verified', 'name', 'picture', 'preferred_username', 'sub'])
  t.equal(tokens.scope, 'openid profile email')
})

t.test('oidcc-ensure-other-scope-order-succeeds', async (t) => {
  const { authenticate } = await world(t)
  t.equal((await authenticate({ scope: 'email openid' })).userinfo.email, 'octocat@github.com')
})

succeeds('oidcc-display-page', { display: 'page' })
succeeds('oidcc-display-popup', { display: 'popup' })
succeeds('oidcc-ensure-request-with-unknown-parameter-succeeds', { extra: 'foobar' })
succeeds('oidcc-login-hint', { login_hint: 'buffy@signet.example' })
succeeds('oidcc-ui-locales', { ui_locales: 'se' })
succeeds('oidcc-claims-locales', { claims_locales: 'se' })
succeeds('oidcc-ensure-request-with-acr-values-succeeds', { acr_values: '1 2' })
succeeds('oidcc-ensure-request-with-valid-pkce-succeeds', {})

t.test('oidcc-prompt-login', async (t) => {
  const { authenticate, url, visits } = await world(t)
  const browser = createBrowser(url)
  const first = await authenticate({}, browser)
  await wait(1.1)
  const second = await authenticate({ prompt: 'login' }, browser)
  t.ok(
    (second.idToken['auth_time'] as number) > (first.idToken['auth_time'] as number),
    'CheckSecondIdTokenAuthTimeIsLater'
  )
  t.equal(second.idToken.sub, first.idToken.sub)
  t.equal(visits(), 2)
})

t.test('oidcc-prompt-none-not-logged-in', async (t) => {
  const { refused } = await world(t)
  t.equal((await refused({ prompt: 'none' }))['error'], 'login_required')
})

// The modules want a code without a visit to the provider. Signet keeps no session of its own in the browser: every
// sign-in is at a provider, so `prompt=none` is always `login_required` (OpenID Connect Core section 3.1.2.6).
t.test('oidcc-prompt-none-logged-in, oidcc-id-token-hint: login_required', async (t) => {
  const { authenticate, url, request, of, visits } = await world(t)
  const browser = createBrowser(url)
  const { tokens } = await authenticate({}, browser)
  for (const more of [{ prompt: 'none' }, { prompt: 'none', id_token_hint: tokens.id_token }]) {
    const answer = await browser.get(request(of(more)).path)
    t.match(Object.fromEntries(new URL(answer.location ?? '').searchParams), {
      error: 'login_required',
      state: 'the state',
      iss: url
    })
  }
  t.equal(visits(), 1)
  t.equal(
    (await authenticate({ id_token_hint: tokens.id_token }, browser)).idToken.sub,
    decodeJwt(tokens.id_token).sub,
    'the hint alone does no harm'
  )
})

t.test('oidcc-max-age-1', async (t) => {
  const { authenticate, url, visits } = await world(t)
  const browser = createBrowser(url)
  const first = await authenticate({}, browser)
  await wait(2)
  const before = Math.floor(Date.now() / 1000)
  const second = await authenticate({ max_age: '1' }, browser)
  const authTime = second.idToken['auth_time'] as number
  t.type(authTime, 'number', 'CheckIdTokenAuthTimeClaimPresentDueToMaxAge')
  t.ok(authTime > (first.idToken['auth_time'] as number), 'CheckSecondIdTokenAuthTimeIsLater')
  t.ok(authTime >= before && authTime <= Date.now() / 1000, 'CheckIdTokenAuthTimeIsRecent')
  t.equal(visits(), 2)
})

// The module wants the second request answered without a new sign-in and so with the first one's auth_time. Here both
// are new ones, which keeps max_age all the more.
t.test('oidcc-max-age-10000', async (t) => {
  const { authenticate, url } = await world(t)
  const browser = createBrowser(url)
  const before = Math.floor(Date.now() / 1000)
  const [first, second] = [
    await authenticate({ max_age: '15000' }, browser),
    await authenticate({ max_age: '10000' }, browser)
  ]
  t.equal(second.idToken.sub, first.idToken.sub)
  for (const { idToken } of [first, second]) {
    t.ok((idToken['auth_time'] as number) >= before && (idToken['auth_time'] as number) <= Date.now() / 1000)
  }
})

for (const [module, seconds] of [
  ['oidcc-codereuse', 0],
  ['oidcc-codereuse-30seconds', 30]
] as const) {
  t.test(module, async (t) => {
    const { authorize, token, userinfo, me, refresh, sql } = await world(t)
    const { code, codeVerifier } = await authorize({ client_id: 'web', redirect_uri: CALLBACK })
    const exchange = () =>
      token(
        { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: codeVerifier },
        basic(WEB.client_secret)
      )
    const { status, body } = await exchange()
    t.equal(status, 200)
    // The database's clock decides, so that one is turned.
    await sql.query(
      `UPDATE authorization_codes
      SET spent_at = spent_at - interval '${seconds} seconds', expires_at = expires_at - interval '${seconds} seconds'`
    )
    const again = await exchange()
    t.equal(again.status, 400, 'CheckTokenEndpointHttpStatus400')
    t.match(again.headers.get('content-type'), /^application\/json/)
    t.equal(again.body.error, 'invalid_grant')
    t.match(again.body.error_description, /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/, 'RFC 6749 section 5.2')
    t.equal((await userinfo(body.access_token)).status, 401, 'the access token is revoked (RFC 6749 section 4.1.2)')
    t.equal(await me(body.access_token), 401)
    t.equal(
      (await refresh(body.refresh_token, { client_id: 'web', client_secret: WEB.client_secret })).body.error,
      'invalid_grant'
    )
  })
}

t.test('oidcc-ensure-registered-redirect-uri', async (t) => {
  const { errorPage, request, of } = await world(t)
  t.match(await errorPage(request(of({ redirect_uri: `${CALLBACK}/x7Gq` })).path), 'is not registered')
})

t.test('oidcc-ensure-redirect-uri-in-authorization-request', async (t) => {
  const { errorPage, request, of } = await world(t)
  t.match(await errorPage(request(of({ redirect_uri: undefined })).path), 'redirect_uri is missing')
})

t.test('oidcc-server-client-secret-post', async (t) => {
  const { signInWeb, userinfo } = await world(t)
  const tokens = await signInWeb({ scope: 'openid' })
  t.equal((await userinfo(tokens.access_token)).body.sub, decodeJwt(tokens.id_token).sub)
})

t.test('oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported', async (t) => {
  const { refused, github } = await world(t)
  t.equal((await refused({ request_uri: `${github.url}/request.jwt` }))['error'], 'request_uri_not_supported')
  t.same(github.calls(), [], 'and it is not fetched')
})

t.test('oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported', async (t) => {
  const { refused } = await world(t)
  const request = new UnsecuredJWT({
    client_id: 'web',
    response_type: 'code',
    redirect_uri: CALLBACK,
    scope: 'openid',
    nonce: 'another'
  }).encode()
  t.equal((await refused({ request }))['error'], 'request_not_supported')
})

t.test('oidcc-ensure-request-object-with-redirect-uri', async (t) => {
  const { errorPage, request, of } = await world(t)
  const object = new UnsecuredJWT({ client_id: 'web', redirect_uri: CALLBACK }).encode()
  t.match(await errorPage(request(of({ request: object, redirect_uri: `${CALLBACK}/x7Gq` })).path), 'is not registered')
})

// Without claims_parameter_supported the parameter is ignored; the module then warns that `name` is not there.
t.test('oidcc-claims-essential', async (t) => {
  const { authenticate } = await world(t)
  const { userinfo } = await authenticate({ claims: JSON.stringify({ userinfo: { name: { essential: true } } }) })
  t.same(Object.keys(userinfo), ['sub'])
})

t.test('oidcc-refresh-token', async (t) => {
  const { authenticate, token, refresh, userinfo, signIn } = await world(t)
  const { tokens, idToken } = await authenticate({ scope: 'openid offline_access', prompt: 'consent' })
  t.match(tokens.refresh_token, /^[\x20-\x7e]+$/, 'EnsureRefreshTokenContainsAllowedCharactersOnly')
  const next = await token(
    { grant_type: 'refresh_token', refresh_token: tokens.refresh_token },
    basic(WEB.client_secret)
  )
  t.equal(next.status, 200)
  t.match(next.body, { token_type: 'Bearer', scope: tokens.scope })
  t.not(next.body.access_token, tokens.access_token, 'CompareAccessTokens')
  t.equal((await userinfo(next.body.access_token)).body.sub, idToken.sub)

  const other = await signIn({ scope: 'openid offline_access' })
  const stolen = await token(
    { grant_type: 'refresh_token', refresh_token: other.refresh_token },
    basic(WEB.client_secret)
  )
  t.equal(stolen.status, 400)
  t.equal(stolen.body.error, 'invalid_grant', "client 2's refresh token with client 1")
  t.equal((await refresh(other.refresh_token)).status, 200, 'which client 2 has not lost by it')
})

// RFC 6749 section 6. No module of the basic plan looks.
t.test('oidcc-refresh-token, with a scope', async (t) => {
  const { signInWeb, refresh } = await world(t)
  const as = (more: Parameters) => ({ ...AS_WEB, ...more }) as Record<string, string>
  const first = await signInWeb({ scope: 'openid email' })
  const less = await refresh(first.refresh_token, as({ scope: 'email unheard-of' }))
  t.match(less, { status: 200, body: { scope: 'email' } })
  t.equal(decodeJwt(less.body.access_token)['scope'], 'email')
  t.notOk('id_token' in less.body)
  t.equal((await refresh(first.refresh_token, as({ scope: 'email' }))).body.scope, 'email', 'also within the window')
  const more = await refresh(less.body.refresh_token, as({ scope: 'openid profile' }))
  t.same([more.status, more.body.error], [400, 'invalid_scope'])
  const all = await refresh(less.body.refresh_token, as({ scope: '' }))
  t.match(all, { status: 200, body: { scope: 'openid email', id_token: /./ } }, 'nothing is lost by it')
})

t.test('oidcc-redirect-uri-query-OK', async (t) => {
  const { authorize, exchange } = await world(t)
  const { location, code, codeVerifier } = await authorize({ redirect_uri: SPA.redirect_uris[0] })
  t.ok(location.href.startsWith(`${SPA.redirect_uris[0]}&code=`))
  t.equal((await exchange(code, codeVerifier)).status, 200)
})

t.test('oidcc-redirect-uri-query-mismatch', async (t) => {
  const { errorPage, request } = await world(t)
  t.match(
    await errorPage(request({ redirect_uri: 'https://app.example.com/callback?tenant=2' }).path),
    'the query differs'
  )
})

t.test('oidcc-redirect-uri-query-added', async (t) => {
  const { errorPage, request, of } = await world(t)
  t.match(await errorPage(request(of({ redirect_uri: `${CALLBACK}?foo=bar` })).path), 'the query differs')
})

t.test('oidcc-redirect-uri-regfrag', async (t) => {
  const register = (uri: string) => () => readSettings({ CLIENTS: JSON.stringify([{ ...WEB, redirect_uris: [uri] }]) })
  t.throws(register(`${CALLBACK}#fragment`), /without a fragment/)
  t.throws(register(`${CALLBACK}#`), /without a fragment/)
  t.doesNotThrow(register(CALLBACK))
})

t.test('oidcc-ensure-post-request-succeeds', async (t) => {
  const { url, request, of, token } = await world(t)
  const browser = createBrowser(url)
  const { query, codeVerifier } = request(of({}))
  const started = await browser.post('/oauth2/authorize', { form: Object.fromEntries(query) })
  t.equal(started.status, 302)
  const done = await browser.callback(await browser.authorize(started.location ?? ''))
  const code = new URL(done.location ?? '').searchParams.get('code') ?? ''
  t.equal(
    (
      await token(
        { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: codeVerifier },
        basic(WEB.client_secret)
      )
    ).status,
    200
  )
})

t.test(
  'oidcc-discovery-endpoint-verification, oidcc-rp-initiated-logout-discovery-endpoint-verification',
  async (t) => {
    const issuer = 'https://signet.example.com/auth'
    const { app } = await setupWithClients(t, { ISSUER_URL: issuer })
    const answer = await app.inject('/.well-known/openid-configuration')
    t.equal(answer.statusCode, 200)
    t.match(answer.headers['content-type'], /^application\/json/)
    const document = answer.json()
    t.equal(document.issuer, issuer)
    t.match(document, {
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
      code_challenge_methods_supported: ['S256']
    })
    t.ok(document.scopes_supported.includes('openid'))
    t.ok(
      document.scopes_supported.every((scope: string) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)),
      'RFC 6749 section 3.3'
    )
    t.ok(document.grant_types_supported.includes('authorization_code'))
    t.ok(document.claims_supported.includes('sub'))
    const endpoints = Object.keys(document).filter((name) => /_endpoint$|_uri$/.test(name))
    for (const required of [
      'authorization_endpoint',
      'token_endpoint',
      'userinfo_endpoint',
      'jwks_uri',
      'end_session_endpoint'
    ]) { t.ok(endpoints.includes(required), required) }
    for (const name of endpoints) t.ok(document[name].startsWith(`${issuer}/`), `${name}: https, below the issuer`)
    t.notOk(
      Object.keys(document).some(
        (name) => name.endsWith('_parameter_supported') && document[name] && name.startsWith('request')
      )
    )

    const { keys } = (await app.inject('/.well-known/jwks.json')).json()
    t.ok(keys.length > 0)
    t.equal(new Set(keys.map(({ kid }: { kid: string }) => kid)).size, keys.length, 'ValidateServerJWKs')
    for (const key of keys) {
      t.match(key, { kid: /./, kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig', x: /^[\w-]{43}$/, y: /^[\w-]{43}$/ })
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth']) {
        t.notOk(secret in key, 'EnsureServerJwksDoesNotContainPrivateOrSymmetricKeys')
      }
    }
  }
)

/** A sign-in, a logout, and the state afterwards. */
async function signedIn (t: Test) {
  const signet = await world(t)
  const { tokens } = await signet.authenticate()
  const end = (query: Record<string, string>) => signet.logout(query, { accept: 'text/html' })

  /** The page that says that it is done, or why it is not; never a redirect. */
  async function page (response: Response, status: number, title: RegExp, isOver: boolean) {
    t.equal(response.status, status)
    t.equal(response.headers.get('location'), null)
    t.match(response.headers.get('content-type'), /^text\/html/)
    const text = await response.text()
    t.match(text, title)
    t.equal(text.includes('You can close this page.'), isOver)
    t.equal(await signet.me(tokens.access_token), isOver ? 401 : 200)
  }
  return { ...signet, tokens, end, page, hint: tokens.id_token as string }
}

t.test('oidcc-rp-initiated-logout', async (t) => {
  const { end, hint, me, tokens, refresh } = await signedIn(t)
  const response = await end({ id_token_hint: hint, post_logout_redirect_uri: BYE, state: 'x7Gq ~!' })
  t.equal(response.status, 302)
  const location = new URL(response.headers.get('location') ?? '')
  t.equal(`${location.origin}${location.pathname}`, BYE)
  t.same(Object.fromEntries(location.searchParams), { state: 'x7Gq ~!' }, 'CheckPostLogoutState, and nothing else')
  t.equal(await me(tokens.access_token), 401)
  t.equal(
    (await refresh(tokens.refresh_token, { client_id: 'web', client_secret: WEB.client_secret })).body.error,
    'invalid_grant'
  )
})

// RP-Initiated Logout 1.0 section 2: "OpenID Providers MUST support the use of the HTTP GET and POST methods". No
// module looks.
t.test('oidcc-rp-initiated-logout, by POST', async (t) => {
  const { url, hint, me, tokens } = await signedIn(t)
  const post = (form: Record<string, string>) =>
    fetch(`${url}/oauth2/logout`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams(form),
      headers: { accept: 'text/html' }
    })
  for (const form of [{ id_token_hint: 'x' }, { id_token_hint: hint, post_logout_redirect_uri: `${BYE}x` }]) {
    const response = await post(form as Record<string, string>)
    t.equal(response.status, 400)
    t.equal(response.headers.get('location'), null)
    t.match(await response.text(), 'You are not signed out')
  }
  t.equal(await me(tokens.access_token), 200)
  const done = await post({ id_token_hint: hint, post_logout_redirect_uri: BYE, state: 'x y' })
  t.equal(done.status, 302)
  t.equal(done.headers.get('location'), `${BYE}?state=x+y`)
  t.equal(await me(tokens.access_token), 401)
})

t.test('oidcc-rp-initiated-logout-no-state', async (t) => {
  const { end, hint } = await signedIn(t)
  t.equal((await end({ id_token_hint: hint, post_logout_redirect_uri: BYE })).headers.get('location'), BYE)
})

t.test('oidcc-rp-initiated-logout-bad-post-logout-redirect-uri', async (t) => {
  const { end, hint, page } = await signedIn(t)
  await page(
    await end({ id_token_hint: hint, post_logout_redirect_uri: `${BYE}/x7Gq`, state: 'x' }),
    400,
    /is not registered/,
    false
  )
})

t.test('oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri', async (t) => {
  const { end, hint, page } = await signedIn(t)
  await page(
    await end({ id_token_hint: hint, post_logout_redirect_uri: `${BYE}?foo=bar`, state: 'x' }),
    400,
    /is not registered/,
    false
  )
})

t.test('oidcc-rp-initiated-logout-modified-id-token-hint', async (t) => {
  const { end, hint, page } = await signedIn(t)
  const [header, payload, signature = ''] = hint.split('.')
  const other = Buffer.from(JSON.stringify({ ...decodeJwt(hint), sub: 'another' })).toString('base64url')
  for (const modified of [
    `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
    `${header}.${other}.${signature}`,
    `${header}.${payload}.`
  ]) {
    await page(
      await end({ id_token_hint: modified, post_logout_redirect_uri: BYE, state: 'x' }),
      400,
      /id_token_hint must be/,
      false
    )
  }
})

t.test('oidcc-rp-initiated-logout-bad-id-token-hint', async (t) => {
  const { end, hint, page } = await signedIn(t)
  const { privateKey } = await generateKeyPair('ES256')
  const forged = await new SignJWT(decodeJwt(hint))
    .setProtectedHeader(decodeProtectedHeader(hint) as JWTHeaderParameters)
    .sign(privateKey)
  const symmetric = await new SignJWT(decodeJwt(hint))
    .setProtectedHeader({ ...decodeProtectedHeader(hint), alg: 'HS256' })
    .sign(Buffer.from(WEB.client_secret))
  for (const bad of [forged, symmetric]) {
    await page(
      await end({ id_token_hint: bad, post_logout_redirect_uri: BYE, state: 'x' }),
      400,
      /id_token_hint must be/,
      false
    )
  }
})

t.test('oidcc-rp-initiated-logout-no-id-token-hint', async (t) => {
  const { end, page } = await signedIn(t)
  await page(await end({ post_logout_redirect_uri: BYE, state: 'x' }), 400, /needs an id_token_hint or/, false)
  await page(await end({ post_logout_redirect_uri: BYE, client_id: 'web' }), 200, /asks to sign you out of/, false)
})

t.test('oidcc-rp-initiated-logout-no-post-logout-redirect-uri', async (t) => {
  const { end, hint, page } = await signedIn(t)
  await page(await end({ id_token_hint: hint, state: 'x' }), 200, /Signed out/, true)
})

// The modules want "you are logged out". Without a hint any page could have sent the person: a page asks first.
t.test('oidcc-rp-initiated-logout-no-params, oidcc-rp-initiated-logout-only-state', async (t) => {
  const { end, page } = await signedIn(t)
  await page(await end({}), 200, /Sign out\?/, false)
  await page(await end({ state: 'x' }), 200, /Sign out\?/, false)
})
