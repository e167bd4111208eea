import t from 'tap'
import { startFakeGitHub } from '../fakes/github.ts'
import { createBrowser } from '../fakes/browser.ts'
import { readJson, setup, sharing } from '../helper.ts'
import { sendBytes } from '../hostile/wire.ts'

const usual = sharing(t, setup)

t.test('bad input gets a 4xx with a stable code, a problem, and no stack', async (t) => {
  const { url, log } = await usual(t)
  const json = { 'content-type': 'application/json' }
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const cases: [string, string, RequestInit, number, string][] = [
    ['an unknown route', '/nope?code=1', {}, 404, 'not_found'],
    ['an unknown method', '/me', { method: 'PUT' }, 404, 'not_found'],
    ['an unknown problem', '/problems/nope', {}, 404, 'not_found'],
    ['a prototype for a problem', '/problems/__proto__', {}, 404, 'not_found'],
    ['a path parameter that is too long', `/login/${'x'.repeat(200)}`, {}, 400, 'validation_failed'],
    ['no token', '/me', {}, 401, 'unauthorized'],
    ['another scheme', '/me', { headers: { authorization: 'Basic abc' } }, 401, 'unauthorized'],
    ['a token in the query', '/me?access_token=x', {}, 401, 'unauthorized'],
    ['rubbish for a token', '/me', { headers: { authorization: 'Bearer rubbish' } }, 401, 'invalid_token'],
    ['two tokens', '/me', { headers: { authorization: 'Bearer a b' } }, 401, 'invalid_token'],
    ['no state', '/login/github/callback', {}, 404, 'unknown_provider']
  ]
  for (const [name, path, init, status, code] of cases) {
    const response = await fetch(url + path, init)
    const body = await readJson(response)
    t.equal(response.status, status, name)
    t.match(response.headers.get('content-type'), /^application\/problem\+json/, name)
    t.match(
      body,
      {
        type: `${url}/problems/${code}`,
        title: /./,
        status,
        detail: /./,
        code,
        requestId: response.headers.get('x-request-id')
      },
      name
    )
    t.notMatch(JSON.stringify(body), /node_modules|\.ts:\d|at \w+ \(/, name)
  }
  const oauth: [string, RequestInit, number, string][] = [
    ['no body', {}, 400, 'invalid_request'],
    ['an empty form', { headers: form, body: '' }, 400, 'invalid_request'],
    ['broken JSON', { headers: json, body: '{' }, 400, 'invalid_request'],
    ['an array', { headers: json, body: '[]' }, 400, 'invalid_request'],
    ['null', { headers: json, body: 'null' }, 400, 'invalid_request'],
    [
      'a poisoned prototype',
      { headers: json, body: '{"__proto__":{"x":1},"grant_type":"refresh_token"}' },
      400,
      'invalid_request'
    ],
    [
      'another type',
      { headers: { 'content-type': 'text/plain' }, body: 'grant_type=refresh_token' },
      415,
      'invalid_request'
    ],
    [
      'a tab in the type',
      { headers: { 'content-type': 'application/json\ta' }, body: '{"grant_type":1}' },
      415,
      'invalid_request'
    ],
    ['an object for a string', { headers: json, body: '{"grant_type":{"a":1}}' }, 400, 'invalid_request'],
    [
      'a parameter twice',
      { headers: form, body: 'grant_type=refresh_token&refresh_token=a&refresh_token=b' },
      400,
      'invalid_request'
    ],
    ['too large', { headers: json, body: JSON.stringify({ grant_type: 'x'.repeat(70_000) }) }, 413, 'invalid_request'],
    [
      'too long',
      { headers: json, body: JSON.stringify({ grant_type: 'refresh_token', refresh_token: 'x'.repeat(5_000) }) },
      400,
      'invalid_request'
    ],
    [
      'an unknown grant',
      { headers: form, body: 'grant_type=password&username=a&password=b' },
      400,
      'unsupported_grant_type'
    ],
    ['a grant and no token', { headers: form, body: 'grant_type=refresh_token' }, 400, 'invalid_request'],
    ['a NUL', { headers: form, body: 'grant_type=refresh_token&refresh_token=%00' }, 400, 'invalid_grant'],
    [
      'a NUL in the name of a client',
      { headers: form, body: 'grant_type=refresh_token&refresh_token=x&client_id=a%00b' },
      401,
      'invalid_client'
    ]
  ]
  for (const [name, init, status, error] of oauth) {
    const response = await fetch(`${url}/oauth2/token`, { method: 'POST', ...init })
    t.equal(response.status, status, name)
    const body = await readJson(response)
    t.same(Object.keys(body).sort(), ['error', 'error_description'], name)
    t.equal(body.error, error, name)
    t.match(response.headers.get('cache-control'), 'no-store', name)
  }
  t.notMatch(log(), '"level":50', 'nothing of that is an error of the server')
})

t.test('what Node and Fastify refuse by themselves is answered too', async (t) => {
  const { url } = await usual(t)
  for (const [method, path, status, code] of [
    ['PROPFIND', '/', 404, 'not_found'],
    ['GET', '/login/%E0%A4%A', 400, 'validation_failed']
  ] as const) {
    const response = await fetch(url + path, { method })
    t.match(response.headers.get('content-type'), /^application\/problem\+json/)
    t.match(await readJson(response), { type: `${url}/problems/${code}`, status, code, detail: /./ })
  }
  t.match(
    await sendBytes(url, 'GET / HTTP/1.1\r\nHost: x\r\nBad Header: x\r\n\r\n'),
    /^HTTP\/1\.1 400 [^]*validation_failed/
  )
  t.match(
    await sendBytes(url, `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`),
    /^HTTP\/1\.1 431 [^]*request_header_fields_too_large/
  )
})

t.test('a request id is kept when it is plain and replaced when not', async (t) => {
  const { url } = await usual(t)
  const id = async (incoming: string) =>
    (await fetch(`${url}/healthz`, { headers: { 'x-request-id': incoming } })).headers.get('x-request-id')
  for (const plain of ['a', 'A-1._z', 'x'.repeat(128)]) t.equal(await id(plain), plain)
  for (const odd of ['x'.repeat(129), 'a b', 'a/b', 'a"b', 'ä']) t.match(await id(odd), /^[0-9a-f-]{36}$/)
})

t.test('every answer has the security headers', async (t) => {
  const { url } = await usual(t)
  for (const path of [
    '/',
    '/healthz',
    '/nope',
    '/me',
    '/login',
    '/openapi.json',
    '/metrics',
    '/problems/invalid_state'
  ]) {
    const { headers } = await fetch(url + path)
    t.equal(headers.get('x-content-type-options'), 'nosniff', path)
    t.equal(headers.get('referrer-policy'), 'no-referrer', path)
    t.match(headers.get('content-security-policy'), "default-src 'none'", path)
    const openerPolicy = path === '/login' ? null : 'same-origin'
    t.equal(headers.get('cross-origin-opener-policy'), openerPolicy, path)
    t.equal(headers.get('server'), null, path)
    t.ok(headers.get('x-request-id'), path)
  }
  const secure = await setup(t, { ISSUER_URL: 'https://id.example.com' })
  t.match((await secure.app.inject('/')).headers['strict-transport-security'], 'max-age=63072000; includeSubDomains')
})

t.test('what a popup shows on its way has no opener policy, everything else has one', async (t) => {
  const { url } = await usual(t)
  const policyOf = async (path: string, method = 'GET') =>
    (await fetch(url + path, { method, redirect: 'manual' })).headers.get('cross-origin-opener-policy')
  for (const path of [
    '/login',
    '/login?return_to=x',
    '/login/nobody',
    '/login/nobody/callback',
    '/login/a/b/c',
    '/oauth2/authorize',
    '/oauth2/authorize?client_id=x',
    '/oauth2/logout',
    '/docs/static/oauth2-redirect.html'
  ]) {
    for (const method of ['GET', 'POST']) t.equal(await policyOf(path, method), null, `${method} ${path}`)
  }
  for (const path of ['/', '/logout', '/logins', '/login-x', '/oauth2/authorizer', '/docs/json', '/device', '/me']) {
    t.equal(await policyOf(path), 'same-origin', path)
  }
  for (const path of ['/docs', '/docs/']) {
    t.equal(await policyOf(path), 'same-origin-allow-popups', `${path} opens such a popup`)
  }
})

t.test('no header moves the URLs that the server prints', async (t) => {
  const { url, app } = await setup(t, {
    OIDC_PROVIDERS: 'acme',
    OIDC_ACME_ISSUER: 'http://127.0.0.1:9',
    OIDC_ACME_CLIENT_ID: 'x',
    OIDC_ACME_CLIENT_SECRET: 'y'
  })
  const hostile = {
    host: 'evil.example',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'https',
    forwarded: 'host=evil.example'
  }
  for (const path of ['/', '/login', '/nope', '/openapi.json', '/.well-known/openid-configuration']) {
    const { body } = await app.inject({ url: path, headers: hostile })
    t.notMatch(body, 'evil.example', path)
    t.match(body, url, path)
  }
})

t.test('CORS answers allowed origins only, never a wildcard, and never for a navigation', async (t) => {
  const { url } = await setup(t, {
    ALLOWED_ORIGINS: 'https://app.example.com',
    CLIENTS: '[{"client_id":"spa","name":"SPA","redirect_uris":["http://localhost:5173/cb"]}]'
  })
  const allowed = async (path: string, origin: string) =>
    (await fetch(url + path, { headers: { origin }, redirect: 'manual' })).headers.get('access-control-allow-origin')
  t.equal(await allowed('/me', 'https://app.example.com'), 'https://app.example.com')
  t.equal(await allowed('/oauth2/token', 'http://localhost:5173'), 'http://localhost:5173')
  for (const origin of [
    'https://evil.example',
    'null',
    'http://app.example.com',
    'https://app.example.com.evil.example',
    'https://app.example.com:444'
  ]) {
    t.equal(await allowed('/me', origin), null, origin)
  }
  t.equal(await allowed('/login/github', 'https://app.example.com'), null)
  t.match((await fetch(`${url}/me`)).headers.get('vary'), 'Origin')
})

t.test('an access token is refused when any of its claims or its header is not right', async (t) => {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const { url, sql } = await setup(t, github.settings)
  const { access_token: token } = (await createBrowser(url).login('/login/github')).json()
  const call = async (candidate: string) =>
    (await fetch(`${url}/me`, { headers: { authorization: `Bearer ${candidate}` } })).status
  t.equal(await call(token), 200)
  const [header, payload, signature] = token.split('.')
  const { rows: [key] } = await sql.query("SELECT kid, public_jwk FROM signing_keys WHERE status = 'current'")
  const { createHmac, createPublicKey, generateKeyPairSync, sign } = await import('node:crypto')
  const pem = createPublicKey({ key: key.public_jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }) as string
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ownSignature = (head: unknown) => {
    const input = `${encode(head)}.${payload}`
    const signature = sign('sha256', Buffer.from(input), { key: stranger.privateKey, dsaEncoding: 'ieee-p1363' })
    return `${input}.${signature.toString('base64url')}`
  }
  const hmac = (alg: string, secret: string, kid = key.kid) => {
    const input = `${encode({ alg, typ: 'at+jwt', kid })}.${payload}`
    return `${input}.${createHmac(alg.replace('HS', 'sha'), secret).update(input).digest('base64url')}`
  }
  const bad: Record<string, string> = {
    'alg none': `${encode({ alg: 'none', typ: 'at+jwt', kid: key.kid })}.${payload}.`,
    'no signature': `${header}.${payload}.`,
    'another payload': `${header}.${encode({ ...claims, roles: ['admin'] })}.${signature}`,
    'an array for a payload': `${header}.${encode([])}.${signature}`,
    'null for a payload': `${header}.${encode(null)}.${signature}`,
    "a key of one's own": ownSignature({ alg: 'ES256', typ: 'at+jwt', kid: key.kid }),
    "a key of one's own in the header": ownSignature({
      alg: 'ES256',
      typ: 'at+jwt',
      kid: key.kid,
      jwk: stranger.publicKey.export({ format: 'jwk' })
    }),
    'an unknown kid': ownSignature({ alg: 'ES256', typ: 'at+jwt', kid: 'unknown' }),
    'no kid': ownSignature({ alg: 'ES256', typ: 'at+jwt' }),
    'HS256 with the public key': hmac('HS256', pem),
    'HS512 with the public key and a line break': hmac('HS512', `\n${pem}`),
    'HS256 with an empty key and an unknown kid': hmac('HS256', '', 'unknown'),
    'four parts': `${token}.x`,
    'two parts': `${header}.${payload}`,
    'white space': `${header}.${payload}. ${signature}`,
    padding: `${token}=`,
    // The last of its 86 characters has two bits that count: A, Q, g or w.
    'another spelling of the same signature':
      token.slice(0, -1) + String.fromCharCode(token.charCodeAt(token.length - 1) + 1)
  }
  for (const [name, candidate] of Object.entries(bad)) t.equal(await call(candidate), 401, name)
  t.equal(await call(token), 200, 'and the good one is good again')
})

t.test('signed by us but not an access token of ours: 401, for each claim in turn', async (t) => {
  const { url, sql } = await usual(t)
  const { createSealer } = await import('../../src/vault/sealing.ts')
  const { SignJWT, importPKCS8 } = await import('jose')
  const { ENCRYPTION_KEYS } = await import('../helper.ts')
  const [id = '', key = ''] = ENCRYPTION_KEYS.split(':')
  const { rows: [row] } = await sql.query("SELECT kid, sealed_private_key FROM signing_keys WHERE status = 'current'")
  const pem = createSealer([{ id, key: Buffer.from(key, 'base64') }], 'signing-key').open(
    row.sealed_private_key,
    row.kid
  ) as string
  const privateKey = await importPKCS8(pem, 'ES256')
  const now = Math.floor(Date.now() / 1000)
  const { rows: [user] } = await sql.query('INSERT INTO users (id) VALUES (gen_random_uuid()) RETURNING id')
  const { rows: [session] } = await sql.query(
    `INSERT INTO sessions (id, user_id, client_id, provider, scope, secret_hash, authenticated_at, idle_expires_at,
      expires_at)
    VALUES (gen_random_uuid(), $1, 'signet', 'x', '', '', now(), now() + interval '1 day', now() + interval '1 day')
    RETURNING id`,
    [user.id]
  )
  const right = {
    iss: url,
    sub: user.id,
    aud: url,
    exp: now + 60,
    iat: now,
    jti: 'x',
    client_id: 'signet',
    sid: session.id,
    scope: '',
    roles: [],
    auth_time: now
  }
  const call = async (claims: object, typ = 'at+jwt') => {
    const token = await new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: row.kid, typ })
      .sign(privateKey)
    return (await fetch(`${url}/me`, { headers: { authorization: `Bearer ${token}` } })).status
  }
  t.equal(await call(right), 200)
  for (const name of ['iss', 'sub', 'aud', 'exp', 'iat', 'jti', 'client_id', 'sid'] as const) {
    const { [name]: _left, ...rest } = right
    t.equal(await call(rest), 401, `without ${name}`)
  }
  t.equal(await call({ ...right, iss: 'https://evil.example' }), 401)
  t.equal(await call({ ...right, aud: 'https://evil.example' }), 401)
  t.equal(await call({ ...right, exp: now - 1 }), 401)
  t.equal(await call(right, 'JWT'), 401, 'an ID token is no access token')
  t.equal(await call(right, 'logout+jwt'), 401)
})

t.test('unknown routes are limited too', async (t) => {
  const { url } = await setup(t, { RATE_LIMITS: 'on' })
  // Within the minute of the limit, however busy the machine is: thirty at a time.
  for (let round = 0; round < 10; round++) {
    await Promise.all(Array.from({ length: 30 }, (_, index) => fetch(`${url}/nope/${30 * round + index}`)))
  }
  const limited = await fetch(`${url}/nope`)
  t.equal(limited.status, 429)
  t.ok(limited.headers.get('retry-after'))
})
