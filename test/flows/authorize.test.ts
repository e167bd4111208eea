import { createHash, randomBytes } from 'node:crypto'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import t from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { race, readJson, sharing } from '../helper.ts'
import { slow } from '../slow.ts'
import { basic, setupWithClients, SPA, WEB } from './setup-with-clients.ts'

const world = sharing(t, setupWithClients, ({ github }) => {
  github.reset()
  github.heal()
  github.allow()
})

t.test('a client signs a person in by code and PKCE, and gets an ID token', async (t) => {
  const { url, authorize, exchange, me, token, sql } = await world(t)
  const { code, codeVerifier, location } = await authorize()
  t.equal(`${location.origin}${location.pathname}`, 'https://app.example.com/callback')
  t.match(Object.fromEntries(location.searchParams), { tenant: '1', state: 'the state', iss: url, code: /^[\w-]{43}$/ })
  t.notMatch(location.href, 'eyJ', 'no token in a URL')

  const { status, body, headers } = await exchange(code, codeVerifier)
  t.equal(status, 200)
  t.match(headers.get('cache-control'), 'no-store')
  t.match(body, { token_type: 'Bearer', expires_in: 900, scope: 'openid profile email', refresh_token: /./ })
  const access = decodeJwt(body.access_token)
  t.match(access, { client_id: 'spa', aud: url, scope: 'openid profile email' })
  const jwks = createRemoteJWKSet(new URL(`${url}/.well-known/jwks.json`))
  const { payload } = await jwtVerify(body.id_token, jwks, { issuer: url, audience: 'spa', typ: 'JWT' })
  t.match(payload, {
    sub: access.sub,
    nonce: 'the nonce',
    sid: access['sid'],
    auth_time: access['auth_time'],
    email: 'octocat@github.com',
    email_verified: true,
    name: 'The Octocat',
    picture: 'https://example.com/octocat.png',
    at_hash: createHash('sha256').update(body.access_token).digest().subarray(0, 16).toString('base64url')
  })
  t.equal(await me(body.access_token), 200)
  t.equal(await me(body.id_token), 401, 'an ID token opens nothing')

  const refreshed = await token({ grant_type: 'refresh_token', refresh_token: body.refresh_token, client_id: 'spa' })
  t.equal(refreshed.status, 200)
  t.equal(
    (await token({ grant_type: 'refresh_token', refresh_token: refreshed.body.refresh_token })).body.error,
    'invalid_grant',
    'without its client it is of no use'
  )
  t.equal((await sql.query('SELECT 1 FROM sessions')).rowCount, 1)
})

t.test('a code works once; presented again it ends the session that it opened, and its access token', async (t) => {
  const { authorize, exchange, me, token } = await world(t)
  const { code, codeVerifier } = await authorize()
  const { body } = await exchange(code, codeVerifier)
  t.equal(await me(body.access_token), 200)
  const replay = await exchange(code, codeVerifier)
  t.equal(replay.status, 400)
  t.equal(replay.body.error, 'invalid_grant')
  t.equal(await me(body.access_token), 401)
  t.equal(
    (await token({ grant_type: 'refresh_token', refresh_token: body.refresh_token, client_id: 'spa' })).body.error,
    'invalid_grant'
  )
})

slow.test('of fifty exchanges of one code at once, on two instances, one wins', async (t) => {
  const { url, authorize, exchange, another } = await world(t)
  const { address } = await another()
  for (let round = 0; round < 5; round++) {
    const { code, codeVerifier } = await authorize()
    const answers = await race(50, (index) => exchange(code, codeVerifier, {}, {}, index % 2 ? url : address))
    t.equal(answers.filter(({ status }) => status === 200).length, 1)
    t.ok(answers.every(({ status, body }) => status === 200 || body.error === 'invalid_grant'))
  }
})

slow.test('of fifty callbacks of one request at once, on two instances, one brings a code', async (t) => {
  const { url, request, exchange, another, github, sql } = await world(t)
  const { address } = await another()
  for (let round = 0; round < 3; round++) {
    github.reset()
    const { path, codeVerifier } = request()
    const browser = createBrowser(url)
    const callback = await browser.authorize(await browser.start(path))
    const cookie = browser.cookieHeader()
    const answers = await race(50, async (index) => {
      const response = await fetch(index % 2 ? callback : callback.replace(url, address), {
        redirect: 'manual',
        headers: { cookie }
      })
      return Object.fromEntries(new URL(response.headers.get('location') ?? 'about:blank').searchParams)
    })
    const codes = answers.map(({ code }) => code).filter((code) => code !== undefined)
    t.equal(codes.length, 1)
    t.equal(answers.filter(({ error }) => error === 'invalid_state').length, 49)
    t.equal(github.calls('/login/oauth/access_token').length, 1)
    t.equal((await exchange(codes[0] ?? '', codeVerifier)).status, 200)
  }
  t.equal((await sql.query('SELECT 1 FROM sessions')).rowCount, 3)
})

t.test(
  'a code is of no use to another client, redirect URI or verifier, nor after a minute; and none of that spends it',
  async (t) => {
    const { authorize, exchange, sql } = await world(t)
    const { code, codeVerifier } = await authorize()
    const wrong = [
      exchange(code, randomBytes(32).toString('base64url')),
      exchange(code, 'short'),
      exchange(code, codeVerifier, { redirect_uri: 'http://127.0.0.1/callback' }),
      exchange(code, codeVerifier, { client_id: 'web', client_secret: WEB.client_secret }),
      exchange(`${code}x`, codeVerifier)
    ]
    for (const { status, body } of await Promise.all(wrong)) {
      t.equal(status, 400)
      t.equal(body.error, 'invalid_grant')
    }
    for (const missing of ['code', 'redirect_uri', 'code_verifier', 'client_id']) {
      t.match(
        await exchange(code, codeVerifier, { [missing]: '' }),
        { status: 400, body: { error: 'invalid_request' } },
        missing
      )
    }
    t.equal(
      (await exchange(code, codeVerifier, { client_secret: '', scope: '' })).status,
      200,
      'an empty parameter counts as absent (RFC 6749 section 3.2)'
    )
    const another = await authorize()
    const publicByHeader = await exchange(another.code, another.codeVerifier, { client_id: '' }, basic('', 'spa'))
    t.equal(publicByHeader.status, 200, 'a public client whose library sends an empty secret in the header')
    const late = await authorize()
    await sql.query("UPDATE authorization_codes SET expires_at = now() - interval '1 second' WHERE spent_at IS NULL")
    t.equal((await exchange(late.code, late.codeVerifier)).body.error, 'invalid_grant')
  }
)

t.test('a confidential client must prove itself, in the header or in the body', async (t) => {
  const { authorize, token } = await world(t)
  const form = async () => {
    const { code, codeVerifier } = await authorize({ client_id: 'web', redirect_uri: WEB.redirect_uris[0] })
    return {
      grant_type: 'authorization_code',
      code,
      redirect_uri: WEB.redirect_uris[0] as string,
      code_verifier: codeVerifier
    }
  }
  t.equal((await token({ ...(await form()), client_id: 'web', client_secret: WEB.client_secret })).status, 200)
  const good = await token(await form(), basic(WEB.client_secret))
  t.equal(good.status, 200)
  const refused = await token(await form(), basic('wrong'))
  t.equal(refused.status, 401)
  t.equal(refused.body.error, 'invalid_client')
  t.match(refused.headers.get('www-authenticate'), /^Basic/)
  t.equal((await token({ ...(await form()), client_id: 'web' })).body.error, 'invalid_client', 'without its secret')
  t.equal(
    (await token({ ...(await form()), client_id: 'web', client_secret: '' })).body.error,
    'invalid_client',
    'with an empty one'
  )
  t.equal((await token(await form(), basic(''))).body.error, 'invalid_client', 'with an empty one in the header')
  t.equal((await token({ ...(await form()), client_id: 'nobody' })).body.error, 'invalid_client')
  t.equal(
    (await token({ ...(await form()), client_secret: WEB.client_secret }, basic(WEB.client_secret))).body.error,
    'invalid_request',
    'both at once'
  )
  t.equal(
    (await token({ grant_type: 'refresh_token', refresh_token: good.body.refresh_token, client_id: 'web' })).body.error,
    'invalid_client'
  )
  t.equal(
    (await token({ grant_type: 'refresh_token', refresh_token: good.body.refresh_token }, basic(WEB.client_secret)))
      .status,
    200
  )
})

t.test('a wrong client or redirect URI is a 400 that names the rule, and never a redirect', async (t) => {
  const { url, request } = await world(t)
  const ask = async (more: Record<string, string | undefined>) => {
    const response = await fetch(url + request(more).path, { redirect: 'manual' })
    return { status: response.status, location: response.headers.get('location'), body: await readJson(response) }
  }
  const cases: [Record<string, string | undefined>, string][] = [
    [{ client_id: undefined }, 'client_id is missing'],
    [{ client_id: 'nobody' }, 'no client "nobody"'],
    [{ redirect_uri: undefined }, 'redirect_uri is missing'],
    [{ redirect_uri: 'http://app.example.com/callback?tenant=1' }, 'scheme'],
    [{ redirect_uri: 'https://evil.example/callback?tenant=1' }, 'host'],
    [{ redirect_uri: 'https://app.example.com:444/callback?tenant=1' }, 'port'],
    [{ redirect_uri: 'https://app.example.com/callback/../evil?tenant=1' }, 'path'],
    [{ redirect_uri: 'https://app.example.com/callback?tenant=2' }, 'query'],
    [{ redirect_uri: 'https://app.example.com/callback?tenant=1#x' }, 'fragment'],
    [{ redirect_uri: '/callback' }, 'absolute'],
    [{ redirect_uri: 'http://127.0.0.1.evil.example/callback' }, 'host'],
    [{ redirect_uri: 'http://127.0.0.1:99/other' }, 'path'],
    [{ redirect_uri: 'http://localhost/callback' }, 'host']
  ]
  for (const [more, rule] of cases) {
    const { status, location, body } = await ask(more)
    t.equal(status, 400, rule)
    t.equal(location, null, rule)
    t.equal(body.code, 'invalid_request', rule)
    t.equal(body.error, 'invalid_request', 'RFC 6749 section 5.2, as everywhere below /oauth2/')
    t.match(body.detail, rule)
    t.match(body.error_description, rule.replaceAll('"', "'"))
  }
  const page = await fetch(url + request({ redirect_uri: 'https://evil.example/<script>' }).path, {
    redirect: 'manual',
    headers: { accept: 'text/html' }
  })
  t.equal(page.status, 400)
  t.match(page.headers.get('content-type'), 'text/html')
  t.equal(page.headers.get('cache-control'), 'no-store')
  const text = await page.text()
  t.match(text, 'This sign-in cannot start')
  t.notMatch(text, '<script>')
})

t.test('a native app may listen on any port of its loopback address, or have a scheme of its own', async (t) => {
  const { authorize, exchange } = await world(t)
  for (const redirectUri of [
    'http://127.0.0.1:51004/callback',
    'http://127.0.0.1/callback',
    'com.example.app:/callback'
  ]) {
    const { code, codeVerifier, location } = await authorize({ redirect_uri: redirectUri })
    t.ok(location.href.startsWith(redirectUri))
    t.equal((await exchange(code, codeVerifier, { redirect_uri: redirectUri })).status, 200, redirectUri)
  }
})

t.test('other mistakes go to the client, with state and iss', async (t) => {
  const LONG = `https://app.example.com/${'x'.repeat(900)}`
  const { url, request, github } = await world(t, {
    CLIENTS: JSON.stringify([{ ...SPA, redirect_uris: [...SPA.redirect_uris, LONG] }, WEB])
  })
  const ask = async (more: Record<string, string | undefined>) => {
    const location = new URL(
      (await fetch(url + request(more).path, { redirect: 'manual' })).headers.get('location') ?? 'about:blank'
    )
    t.match(
      Object.fromEntries(location.searchParams),
      { state: 'the state', iss: url, tenant: '1', error_description: /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/ },
      JSON.stringify(more)
    )
    described = location.searchParams.get('error_description')
    return location.searchParams.get('error')
  }
  let described: string | null = null
  t.equal(await ask({ response_type: undefined }), 'invalid_request')
  t.equal(await ask({ response_type: 'token' }), 'unsupported_response_type')
  t.equal(await ask({ response_mode: 'fragment' }), 'invalid_request')
  t.equal(await ask({ code_challenge: undefined }), 'invalid_request')
  t.match(described, 'PKCE is required of this client')
  t.equal(await ask({ code_challenge_method: undefined }), 'invalid_request')
  t.equal(await ask({ code_challenge_method: 'plain' }), 'invalid_request')
  for (const challenge of ['short', 'x'.repeat(44), `${'x'.repeat(43)}!`, `!${'x'.repeat(43)}`]) {
    t.equal(await ask({ code_challenge: challenge }), 'invalid_request')
  }
  t.equal(await ask({ prompt: 'none' }), 'login_required')
  t.equal(await ask({ prompt: 'none login' }), 'invalid_request')
  for (const maxAge of ['-1', '1s', 'x1']) t.equal(await ask({ max_age: maxAge }), 'invalid_request')
  t.equal(await ask({ request: 'x' }), 'request_not_supported')
  t.equal(await ask({ provider: '"nope\\' }), 'invalid_request')
  t.equal(await ask({ nonce: 'x'.repeat(600) }), 'invalid_request')
  const twice = await fetch(`${url}${request().path}&nonce=another`, { redirect: 'manual' })
  t.equal(new URL(twice.headers.get('location') ?? 'about:blank').searchParams.get('error'), 'invalid_request')

  const tooLong = await fetch(
    url + request({ state: '"'.repeat(1024), nonce: 'n'.repeat(512), redirect_uri: LONG }).path,
    { redirect: 'manual' }
  )
  t.match(Object.fromEntries(new URL(tooLong.headers.get('location') ?? '').searchParams), {
    error: 'invalid_request',
    error_description: /too long/
  })
  t.same(tooLong.headers.getSetCookie(), [], 'a cookie that browsers would drop')
  const stateless = new URL(
    (await fetch(url + request({ state: '', prompt: 'none' }).path, { redirect: 'manual' })).headers.get('location') ??
      ''
  )
  t.notOk(stateless.searchParams.has('state'), 'an empty state is none')

  const finish = async () => new URL((await createBrowser(url).login(request().path)).location ?? '').searchParams
  github.deny()
  t.match(Object.fromEntries(await finish()), { error: 'access_denied', state: 'the state', iss: url })
  github.allow()
  github.fault('/api/v3/user', { kind: 'status', status: 500 })
  t.match(Object.fromEntries(await finish()), { error: 'server_error', state: 'the state' })
})

t.test('without a provider there is a page to choose from', async (t) => {
  const { url, request } = await world(t, { GOOGLE_CLIENT_ID: 'x', GOOGLE_CLIENT_SECRET: 'y' })
  const browser = createBrowser(url)
  const page = await browser.get(`${request({ provider: undefined }).path}&unknown=1&unknown=2`)
  t.equal(page.status, 200)
  t.equal(page.headers.get('cache-control'), 'no-store')
  t.match(page.text, '<h1>Sign in to The app</h1>')
  t.notMatch(page.text, 'unknown', 'a repeated parameter is ignored, and not passed on')
  t.notMatch(page.text, '<script')
  const href = /href="([^"]+provider=github)"/.exec(page.text)?.[1]?.replaceAll('&amp;', '&') ?? ''
  const done = await browser.login(new URL(href, `${url}/oauth2/authorize`).href)
  t.ok(new URL(done.location ?? '').searchParams.get('code'))
})

t.test('userinfo tells by GET and POST what the scope allows, and nothing without openid', async (t) => {
  const { url, authorize, exchange } = await world(t)
  const signIn = async (scope: string) => {
    const { code, codeVerifier } = await authorize({ scope })
    return (await exchange(code, codeVerifier)).body
  }
  const ask = (accessToken: string, method = 'GET') =>
    fetch(`${url}/oauth2/userinfo`, { method, headers: { authorization: `Bearer ${accessToken}` } })
  const full = await signIn('openid profile email')
  const { sub } = decodeJwt(full.id_token)
  for (const method of ['GET', 'POST']) {
    t.same(await readJson(await ask(full.access_token, method)), {
      sub,
      email: 'octocat@github.com',
      email_verified: true,
      name: 'The Octocat',
      picture: 'https://example.com/octocat.png',
      preferred_username: 'octocat'
    })
  }
  t.same(await readJson(await ask((await signIn('openid')).access_token)), { sub })
  const plain = await signIn('profile nonsense')
  t.equal(plain.scope, 'profile')
  t.notOk('id_token' in plain)
  const refused = await ask(plain.access_token)
  t.equal(refused.status, 403)
  t.match(await readJson(refused), { error: 'insufficient_scope' })
  t.match(
    refused.headers.get('www-authenticate'),
    /^Bearer realm="signet", error="insufficient_scope", .*scope="openid"$/
  )
  const anonymous = await fetch(`${url}/oauth2/userinfo`)
  t.equal(anonymous.status, 401)
  t.equal(anonymous.headers.get('www-authenticate'), 'Bearer realm="signet"')
})

t.test('introspection is for confidential clients, and false at once after logout', async (t) => {
  const { url, authorize, exchange } = await world(t)
  const { code, codeVerifier } = await authorize()
  const { body } = await exchange(code, codeVerifier)
  const ask = async (
    token: string,
    credentials: Record<string, string> = { client_id: 'web', client_secret: WEB.client_secret }
  ) => {
    const response = await fetch(`${url}/oauth2/introspect`, {
      method: 'POST',
      body: new URLSearchParams({ token, ...credentials })
    })
    return { status: response.status, body: await readJson(response) }
  }
  t.match((await ask(body.access_token)).body, {
    active: true,
    sub: decodeJwt(body.access_token).sub,
    client_id: 'spa',
    iss: url
  })
  t.match((await ask(body.refresh_token)).body, {
    active: true,
    sub: decodeJwt(body.access_token).sub,
    client_id: 'spa'
  })
  t.same((await ask('rubbish')).body, { active: false })
  t.same((await ask(body.id_token)).body, { active: false })
  t.equal((await ask(body.access_token, {})).status, 401)
  t.equal((await ask(body.access_token, { client_id: 'spa' })).status, 401)
  await fetch(`${url}/logout`, { method: 'POST', headers: { authorization: `Bearer ${body.access_token}` } })
  t.same((await ask(body.access_token)).body, { active: false })
  t.same((await ask(body.refresh_token)).body, { active: false })
})

t.test('a client may revoke its own tokens only', async (t) => {
  const { url, authorize, exchange, me } = await world(t)
  const { code, codeVerifier } = await authorize()
  const { body } = await exchange(code, codeVerifier)
  const revoke = (form: Record<string, string>) =>
    fetch(`${url}/oauth2/revoke`, { method: 'POST', body: new URLSearchParams(form) })
  t.equal((await revoke({ token: body.refresh_token, client_id: 'web', client_secret: WEB.client_secret })).status, 400)
  t.equal((await revoke({ token: body.access_token, client_id: 'web', client_secret: 'wrong' })).status, 401)
  t.equal(await me(body.access_token), 200)
  t.equal((await revoke({ token: body.refresh_token, client_id: 'spa' })).status, 200)
  t.equal(await me(body.access_token), 401)
})

t.test('logout from a client ends the session of the ID token, and returns to registered places only', async (t) => {
  const { url, authorize, exchange, me } = await world(t)
  const { code, codeVerifier } = await authorize()
  const { body } = await exchange(code, codeVerifier)
  const logout = (query: Record<string, string>) =>
    fetch(`${url}/oauth2/logout?${new URLSearchParams(query)}`, { redirect: 'manual' })
  const bye = 'https://app.example.com/bye'
  for (const bad of [
    {},
    { id_token_hint: 'rubbish' },
    { id_token_hint: body.access_token },
    { id_token_hint: body.id_token, client_id: 'web' },
    { id_token_hint: body.id_token, post_logout_redirect_uri: 'https://evil.example/' },
    { id_token_hint: body.id_token, post_logout_redirect_uri: `${bye}/` }
  ]) {
    const response = await logout(bad as Record<string, string>)
    t.equal(response.status, 400, JSON.stringify(Object.keys(bad)))
    t.match(await readJson(response), { error: 'invalid_request', error_description: /./, code: 'invalid_request' })
    t.equal(response.headers.get('location'), null)
  }
  t.equal(await me(body.access_token), 200)
  const done = await logout({ id_token_hint: body.id_token, post_logout_redirect_uri: bye, state: 'x y' })
  t.equal(done.status, 302)
  t.equal(done.headers.get('location'), `${bye}?state=x+y`)
  t.equal(await me(body.access_token), 401)
  t.equal((await logout({ id_token_hint: body.id_token })).status, 200, 'again, with nowhere to go: a page')
})

t.test('every endpoint and feature of the metadata works', async (t) => {
  const { url } = await world(t)
  const metadata = await readJson(await fetch(`${url}/.well-known/openid-configuration`))
  t.same(await readJson(await fetch(`${url}/.well-known/oauth-authorization-server`)), metadata)
  t.equal(metadata.issuer, url)
  for (const [name, value] of Object.entries<string>(metadata).filter(([name]) =>
    /_endpoint$|_uri$|documentation$/.test(name)
  )) {
    const statuses = await Promise.all(
      ['GET', 'POST'].map(async (method) => (await fetch(value, { method, redirect: 'manual' })).status)
    )
    t.ok(
      statuses.some((status) => status !== 404),
      name
    )
    t.ok(
      statuses.every((status) => status < 500),
      name
    )
  }
})
