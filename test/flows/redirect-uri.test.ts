import t, { type Test } from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { readJson, sharing } from '../helper.ts'
import { grid } from '../slow.ts'
import { setupWithClients } from './setup-with-clients.ts'

/**
 * One client a spelling, so that no other registered URI helps an attack. Each may also be returned to after a logout.
 */
const REGISTERED = {
  web: 'https://app.example.com/callback',
  query: 'https://app.example.com/callback?tenant=1',
  port: 'https://app.example.com:8443/callback',
  loopback: 'http://127.0.0.1/callback',
  loopback6: 'http://[::1]:7777/callback',
  localhost: 'http://localhost:8080/callback',
  mobile: 'com.example.app:/callback'
}
type ClientId = keyof typeof REGISTERED

const CLIENTS = JSON.stringify(
  Object.entries(REGISTERED).map(([id, uri]) => ({
    client_id: id,
    name: id,
    redirect_uris: [uri],
    post_logout_redirect_uris: [uri]
  }))
)

/** A redirect URI, its client, and the expected result. */
type Attack = [client: ClientId, uri: string, rule: string]

const NOT_ASCII = 'printable ASCII'

/** Everything before the path is another place: refused as a `return_to` too. */
const OTHER_PLACES: Record<string, Attack[]> = {
  'another scheme': [
    ['web', 'http://app.example.com/callback', 'scheme'],
    ['web', 'ftp://app.example.com/callback', 'scheme'],
    ['web', 'ws://app.example.com/callback', 'scheme'],
    ['web', 'custom://app.example.com/callback', 'scheme'],
    ['web', 'javascript:alert(document.domain)', 'scheme'],
    ['web', 'JaVaScRiPt://app.example.com/callback?%0aalert(1)', 'scheme'],
    ['web', 'data:text/html,<script>alert(1)</script>', 'scheme'],
    ['web', 'data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==', 'scheme'],
    ['web', 'vbscript:msgbox(1)', 'scheme'],
    ['web', 'file:///etc/passwd', 'scheme'],
    ['web', 'blob:https://app.example.com/callback', 'scheme'],
    ['web', 'view-source:https://app.example.com/callback', 'scheme'],
    ['web', 'about:blank', 'scheme']
  ],
  'another host': [
    ['web', 'https://evil.example/callback', 'host'],
    ['web', 'https://evil.example/"><script>alert(1)</script>', 'host'],
    ['web', 'https://evil.example/<img src=x onerror=alert(1)>', 'host'],
    ['web', "https://evil.example/' onmouseover='alert(1)", 'host'],
    ['web', 'https://example.com/callback', 'host'],
    ['web', 'https://other.example.com/callback', 'host'],
    ['web', 'https://deep.app.example.com/callback', 'host'],
    ['web', 'https://app.example.com.evil.example/callback', 'host'],
    ['web', 'https://evilapp.example.com/callback', 'host'],
    ['web', 'https://app.example.comevil.example/callback', 'host'],
    ['web', 'https://app-example.com/callback', 'host'],
    ['web', 'https://app.example.co/callback', 'host'],
    ['web', 'https://app.example.com./callback', 'host'],
    ['web', 'https://app%2eexample.com.evil.example/callback', 'host'],
    ['web', 'https://evil.example/https://app.example.com/callback', 'host'],
    ['web', 'https://evil.example?https://app.example.com/callback', 'host'],
    ['web', 'https://evil.example#https://app.example.com/callback', 'fragment'],
    ['web', 'https://xn--pp-6kc.example.com/callback', 'host']
  ],
  'letters that look alike': [
    ['web', 'https://\u0430pp.example.com/callback', NOT_ASCII],
    ['web', 'https://app.ex\u0430mple.com/callback', NOT_ASCII],
    ['web', 'https://app\u200b.example.com.evil.example/callback', NOT_ASCII],
    ['web', 'https://app.example.com\uff0fevil.example/callback', NOT_ASCII],
    ['web', 'https://evil.example\u2044app.example.com/callback', NOT_ASCII]
  ],
  'a user name before the host': [
    ['web', 'https://app.example.com@evil.example/callback', 'host'],
    ['web', 'https://app.example.com:443@evil.example/callback', 'host'],
    ['web', 'https://app.example.com%2fcallback@evil.example/', 'host'],
    ['web', 'https://app.example.com&@evil.example#@app.example.com/callback', 'fragment'],
    ['web', 'https://me@app.example.com/callback', 'spelled'],
    ['web', 'https://me:secret@app.example.com/callback', 'spelled'],
    ['web', 'https://@evil.example@app.example.com/callback', 'spelled']
  ],
  'another port': [
    ['web', 'https://app.example.com:444/callback', 'port'],
    ['web', 'https://app.example.com:80/callback', 'port'],
    ['web', 'https://app.example.com:65536/callback', 'absolute'],
    ['port', 'https://app.example.com:8444/callback', 'port']
  ],
  'backslashes and what browsers drop': [
    ['web', 'https:\\\\evil.example\\callback', 'host'],
    ['web', 'https://evil.example\\@app.example.com/callback', 'host'],
    ['web', 'https://app.example.com\\@evil.example/callback', 'path'],
    ['web', 'https:/\\evil.example/callback', 'host'],
    ['web', '\\\\evil.example/callback', 'absolute'],
    ['web', '/\\evil.example/callback', 'absolute'],
    ['web', 'https://app.example.com/callback\t', NOT_ASCII],
    ['web', 'ht\ttps://app.example.com/callback', NOT_ASCII],
    ['web', 'https://evil.example\n/app.example.com/callback', NOT_ASCII],
    ['web', 'https://app.example.com/callback\r\nSet-Cookie: a=b', NOT_ASCII],
    ['web', 'https://app.example.com/callback\0', NOT_ASCII],
    ['web', 'https://app.example.com\0.evil.example/callback', NOT_ASCII],
    ['web', ' https://app.example.com/callback', 'spelled'],
    ['web', 'https://app.example.com/callback ', 'spelled']
  ],
  'not a whole URL': [
    ['web', '//evil.example/callback', 'absolute'],
    ['web', '///evil.example/callback', 'absolute'],
    ['web', '//app.example.com/callback', 'absolute'],
    ['web', '/callback', 'absolute'],
    ['web', 'callback', 'absolute'],
    ['web', 'app.example.com/callback', 'absolute'],
    ['web', 'https://', 'absolute'],
    ['web', 'https:', 'absolute'],
    ['web', '*', 'absolute'],
    ['web', 'null', 'absolute'],
    ['web', 'https://*.example.com/callback', 'host'],
    ['web', `https://app.example.com/${'x'.repeat(10_240)}`, NOT_ASCII]
  ],
  'a loopback address that is none, or another': [
    ['loopback', 'http://localhost.evil.example/callback', 'host'],
    ['loopback', 'http://127.0.0.1.evil.example/callback', 'host'],
    ['loopback', 'http://evil.example:127.0.0.1/callback', 'absolute'],
    ['loopback', 'http://127.0.0.1@evil.example/callback', 'host'],
    ['loopback', 'http://127.0.0.1:80@evil.example/callback', 'host'],
    ['loopback', 'http://0.0.0.0/callback', 'host'],
    ['loopback', 'http://127.0.0.2/callback', 'host'],
    ['localhost', 'http://127.0.0.1:8080/callback', 'host'],
    ['localhost', 'http://localhost.evil.example:8080/callback', 'host'],
    ['localhost', 'http://localhost:8080@evil.example/callback', 'host'],
    ['loopback', 'http://localhost/callback', 'host'],
    ['loopback', 'http://localhost:51004/callback', 'host'],
    ['loopback', 'http://[::1]/callback', 'host'],
    ['loopback', 'http://[::1]:51004/callback', 'host'],
    ['loopback', 'http://[::ffff:127.0.0.1]/callback', 'host'],
    ['loopback', 'http://[::]/callback', 'host'],
    ['loopback6', 'http://127.0.0.1:7777/callback', 'host'],
    ['loopback', 'https://127.0.0.1/callback', 'scheme'],
    ['loopback', 'https://127.0.0.1:51004/callback', 'scheme'],
    ['loopback', 'http://127.0.0.1:99999/callback', 'absolute'],
    ['loopback', 'http://127.0.0.1:-1/callback', 'absolute'],
    ['loopback', 'http://user@127.0.0.1:51004/callback', 'spelled'],
    ['web', 'http://127.0.0.1/callback', 'scheme|host'],
    ['web', 'http://127.0.0.1:51004/callback', 'scheme|host']
  ],
  'another private-use scheme': [
    ['mobile', 'com.example.appx:/callback', 'scheme'],
    ['mobile', 'com.example.ap:/callback', 'scheme'],
    ['mobile', 'app:/callback', 'scheme'],
    ['mobile', 'com.example.app://callback', 'host'],
    ['mobile', 'com.example.app://evil.example/callback', 'host'],
    ['mobile', 'com.example.app:/callback2', 'path'],
    ['mobile', 'com.example.app:/callback/', 'path'],
    ['mobile', 'com.example.app:callback', 'path'],
    ['mobile', 'com.example.app:///callback', 'spelled'],
    ['mobile', 'com.example.app:/callback?x=1', 'query'],
    ['mobile', 'com.example.app:/callback#x', 'fragment'],
    ['mobile', 'COM.EXAMPLE.APP:/callback', 'spelled']
  ]
}

/** The same place as a registered one for a browser, and yet not the same to the letter (RFC 9700 section 2.1). */
const OTHER_SPELLINGS: Record<string, Attack[]> = {
  'another path': [
    ['web', 'https://app.example.com/', 'path'],
    ['web', 'https://app.example.com', 'path'],
    ['web', 'https://app.example.com/callback/', 'path'],
    ['web', 'https://app.example.com/callback2', 'path'],
    ['web', 'https://app.example.com/callbac', 'path'],
    ['web', 'https://app.example.com/Callback', 'path'],
    ['web', 'https://app.example.com//callback', 'path'],
    ['web', 'https://app.example.com/callback;x=1', 'path'],
    ['web', 'https://app.example.com/callback/open-redirect', 'path'],
    ['web', 'https://app.example.com/callback/../open-redirect', 'path'],
    ['web', 'https://app.example.com/callback/..%2fopen-redirect', 'path'],
    ['web', 'https://app.example.com/callback/%2e%2e/open-redirect', 'path'],
    ['web', 'https://app.example.com/callback%2f%2fevil.example', 'path'],
    ['web', 'https://app.example.com/callback%00', 'path'],
    ['web', 'https://app.example.com/%63allback', 'path'],
    ['web', 'https://app.example.com/callback%20', 'path'],
    ['web', 'https://app.example.com/./callback', 'spelled'],
    ['web', 'https://app.example.com/x/../callback', 'spelled'],
    ['web', 'https://app.example.com/%2e/callback', 'spelled']
  ],
  'another path on a loopback address': [
    ['loopback', 'http://127.0.0.1/other', 'path'],
    ['loopback', 'http://127.0.0.1:51004/other', 'path'],
    ['loopback', 'http://127.0.0.1:51004/callback/', 'path'],
    ['loopback', 'http://127.0.0.1:51004/callback?x=1', 'query'],
    ['loopback', 'http://127.0.0.1:51004/callback#x', 'fragment'],
    ['loopback', 'http://127.0.0.1:51004', 'path'],
    ['loopback', 'http://127.1/callback', 'spelled'],
    ['loopback', 'http://2130706433/callback', 'spelled'],
    ['loopback', 'http://0x7f.1/callback', 'spelled'],
    ['loopback', 'http://0177.0.0.1/callback', 'spelled'],
    ['loopback', 'http://127.0.0.1./callback', 'spelled'],
    ['loopback6', 'http://[0:0:0:0:0:0:0:1]:7777/callback', 'spelled']
  ],
  'another query, or a fragment': [
    ['web', 'https://app.example.com/callback?x=1', 'query'],
    ['web', 'https://app.example.com/callback?code=stolen', 'query'],
    ['web', 'https://app.example.com/callback?', 'spelled'],
    ['query', 'https://app.example.com/callback', 'query'],
    ['query', 'https://app.example.com/callback?tenant=2', 'query'],
    ['query', 'https://app.example.com/callback?tenant=1&x=1', 'query'],
    ['query', 'https://app.example.com/callback?x=1&tenant=1', 'query'],
    ['query', 'https://app.example.com/callback?Tenant=1', 'query'],
    ['query', 'https://app.example.com/callback?tenant=%31', 'query'],
    ['web', 'https://app.example.com/callback#', 'fragment'],
    ['web', 'https://app.example.com/callback#access_token', 'fragment'],
    ['web', 'https://app.example.com/callback%23', 'path']
  ],
  'another case, or a default said aloud': [
    ['web', 'HTTPS://app.example.com/callback', 'spelled'],
    ['web', 'https://APP.example.com/callback', 'spelled'],
    ['web', 'https://app%2eexample.com/callback', 'spelled'],
    ['web', 'https:app.example.com/callback', 'spelled'],
    ['web', 'https:/app.example.com/callback', 'spelled'],
    ['web', 'https:///app.example.com/callback', 'spelled'],
    ['web', 'https://app.example.com:443/callback', 'spelled'],
    ['web', 'https://app.example.com:/callback', 'spelled'],
    ['web', 'https://app.example.com:0443/callback', 'spelled'],
    ['web', 'https://\uff41pp.example.com/callback', NOT_ASCII],
    ['web', 'https://app\u3002example.com/callback', NOT_ASCII],
    ['port', 'https://app.example.com:08443/callback', 'spelled'],
    ['port', 'https://app.example.com/callback', 'port']
  ]
}

const ALL_ATTACKS = [...Object.entries(OTHER_PLACES), ...Object.entries(OTHER_SPELLINGS)].flatMap(([group, attacks]) =>
  attacks.map((attack) => ({ group, attack }))
)
const ATTACKS = grid(ALL_ATTACKS, ({ group, attack: [client, , rule] }) => `${group} ${client} ${rule}`)

/** The parameter `name` in every form but that of one string; `good` would be right if it came once, by its name. */
const malformed = (name: string, good: string): string[] => {
  const [value, evil] = [good, 'https://evil.example/callback'].map(encodeURIComponent)
  return [
    `${name}=${value}&${name}=${evil}`,
    `${name}=${evil}&${name}=${value}`,
    `${name}=${value}&${name}=${value}`,
    `${name}=`,
    '',
    `${name}`,
    `${name}[]=${value}`,
    `${name}[0]=${value}`,
    `${name}[href]=${value}`,
    `${name}.href=${value}`,
    `${name.toUpperCase()}=${value}`,
    `${name}=${value},${evil}`,
    `${name}=${encodeURIComponent(JSON.stringify([good]))}`,
    `${name}=${encodeURIComponent(JSON.stringify({ href: good }))}`,
    `__proto__[${name}]=${value}`
  ]
}

const world = sharing(
  t,
  (t) => setupWithClients(t, { CLIENTS, ALLOWED_ORIGINS: 'https://app.example.com' }),
  ({ github }) => github.reset()
)

/** The parameters of a request for one of the clients, the redirect URI in `uri`'s place. */
const of = (client: ClientId, uri: string | undefined = REGISTERED[client]) => ({
  client_id: client,
  redirect_uri: uri
})

/** What no refusal may carry: the way to the wrong place, or a login that has begun (SEC-41). */
function goesNowhere (t: Test, response: Response, name: string): void {
  t.equal(response.headers.get('location'), null, `${name}: no Location`)
  t.same(response.headers.getSetCookie(), [], `${name}: no cookie`)
}

t.test('the list is long enough, and nothing is there twice', async (t) => {
  t.ok(ALL_ATTACKS.length >= 70)
  t.equal(new Set(ALL_ATTACKS.map(({ attack: [client, uri] }) => `${client} ${uri}`)).size, ALL_ATTACKS.length)
  t.ok(ALL_ATTACKS.every(({ attack: [client, uri] }) => uri !== REGISTERED[client]))
})

t.test('at /oauth2/authorize a redirect URI of the list is a 400 that names the rule, and goes nowhere', async (t) => {
  const { ask, github } = await world(t)
  for (const {
    group,
    attack: [client, uri, rule]
  } of ATTACKS) {
    const name = `${group}: ${uri.slice(0, 100)}`
    const response = await ask(of(client, uri))
    t.equal(response.status, 400, name)
    goesNowhere(t, response, name)
    t.match(response.headers.get('content-type'), /^application\/problem\+json/, name)
    const { code, detail } = await readJson(response)
    t.equal(code, 'invalid_request', name)
    t.match(detail, new RegExp(rule), name)
  }
  t.same(github.calls(), [])
})

/** All elements of the page but the link back to the app. */
const PAGE_MARKUP = '<h1></h1><p role="alert"></p><details><summary></summary><p lang="en" dir="ltr"></p>' +
  '<p><code></code><br><code></code></p></details>'
const HOMES = Object.values(REGISTERED).map((uri) => `${new URL(uri).origin}/`)

t.test('the page that says so holds nothing of it as markup', async (t) => {
  const { ask } = await world(t)
  for (const {
    group,
    attack: [client, uri]
  } of ATTACKS) {
    const name = `${group}: ${uri.slice(0, 100)}`
    const response = await ask(of(client, uri), { accept: 'text/html' })
    t.equal(response.status, 400, name)
    goesNowhere(t, response, name)
    t.match(response.headers.get('content-type'), /^text\/html/, name)
    t.match(response.headers.get('content-security-policy'), "default-src 'none'", name)
    const main = /<main>([^]*)<\/main>/.exec(await response.text())?.[1] ?? ''
    t.same(main.replace(/<ul>[^]*<\/ul>/, '').match(/<[^>]*>/g)?.join(''), PAGE_MARKUP, name)
    for (const [, href] of main.matchAll(/href="([^"]*)"/g)) t.ok(HOMES.includes(href ?? ''), name)
  }
})

t.test('at /oauth2/authorize a redirect_uri that is no single string is a 400, and goes nowhere', async (t) => {
  const { url, request, ask } = await world(t)
  const { query } = request(of('web'))
  query.delete('redirect_uri')
  for (const form of malformed('redirect_uri', REGISTERED.web)) {
    const response = await fetch(`${url}/oauth2/authorize?${query}&${form}`, { redirect: 'manual' })
    t.equal(response.status, 400, form)
    goesNowhere(t, response, form)
    t.match(await readJson(response), { code: 'invalid_request', detail: /redirect_uri/ }, form)
  }
  t.equal((await ask(of('web'))).status, 302, 'the same request with one string is a good one')
})

t.test('at /oauth2/token none of the list fits a code, and none of it spends one', async (t) => {
  const { url, authorize, exchange } = await world(t)
  const clients = grid(Object.keys(REGISTERED) as ClientId[], (id) => /^(web|loopback|mobile)/.exec(id)?.[0])
  for (const client of clients) {
    const { code, codeVerifier } = await authorize(of(client))
    const form = { grant_type: 'authorization_code', code, code_verifier: codeVerifier, client_id: client }
    for (const {
      group,
      attack: [, uri]
    } of ATTACKS.filter(({ attack }) => attack[0] === client)) {
      const { status, body } = await exchange(code, codeVerifier, of(client, uri) as Record<string, string>)
      t.equal(status, 400, `${group}: ${uri.slice(0, 100)}`)
      // A value longer than any redirect URI is not compared.
      t.equal(body.error, uri.length > 4096 ? 'invalid_request' : 'invalid_grant', `${group}: ${uri.slice(0, 100)}`)
    }
    const bodies = [
      ...malformed('redirect_uri', REGISTERED[client]).map((more) => [
        `${new URLSearchParams(form)}&${more}`,
        'application/x-www-form-urlencoded'
      ]),
      ...[
        undefined,
        null,
        '',
        1,
        true,
        { href: REGISTERED[client] },
        [REGISTERED[client], 'https://evil.example/']
      ].map((uri) => [JSON.stringify({ ...form, redirect_uri: uri }), 'application/json'])
    ]
    for (const [body = '', type = ''] of bodies) {
      const response = await fetch(`${url}/oauth2/token`, { method: 'POST', body, headers: { 'content-type': type } })
      t.equal(response.status, 400, body.slice(-200))
      t.match((await readJson(response)).error, /^invalid_(grant|request)$/, body.slice(-200))
    }
    t.equal(
      (await exchange(code, codeVerifier, of(client) as Record<string, string>)).status,
      200,
      `${client}: the code has not been spent`
    )
  }
})

t.test('a logout redirects to no URI of the list, and ends no session', async (t) => {
  const { url, signIn, logout, me } = await world(t)
  for (const client of Object.keys(REGISTERED) as ClientId[]) {
    const tokens = await signIn(of(client), { client_id: client })
    for (const {
      group,
      attack: [, uri]
    } of ATTACKS.filter(({ attack }) => attack[0] === client)) {
      const response = await logout({ id_token_hint: tokens.id_token, post_logout_redirect_uri: uri, state: 'x' })
      t.equal(response.status, 400, `${group}: ${uri.slice(0, 100)}`)
      goesNowhere(t, response, `${group}: ${uri.slice(0, 100)}`)
    }
    t.equal(await me(tokens.access_token), 200, client)
    for (const form of malformed('post_logout_redirect_uri', REGISTERED[client])) {
      const response = await fetch(
        `${url}/oauth2/logout?${new URLSearchParams({ id_token_hint: tokens.id_token })}&${form}`,
        { redirect: 'manual' }
      )
      t.ok([200, 400].includes(response.status), form)
      goesNowhere(t, response, form)
    }
    const done = await logout({ id_token_hint: tokens.id_token, post_logout_redirect_uri: REGISTERED[client] })
    t.equal(done.headers.get('location'), REGISTERED[client], 'the registered one is gone to')
  }
})

t.test('as the return_to of a login every other place of the list is refused', async (t) => {
  const { url, github } = await world(t)
  const start = (query: string) => fetch(`${url}/login/github?${query}`, { redirect: 'manual' })
  // The origins of the clients count too.
  const origins = [
    'https://app.example.com',
    ...Object.values(REGISTERED).map((uri) => uri.split('/').slice(0, 3).join('/'))
  ]
  const places = Object.entries(OTHER_PLACES)
    .flatMap(([group, attacks]) => attacks.map(([, uri]) => ({ group, uri })))
    .filter(({ uri }) => !origins.some((origin) => uri === `${origin}/callback`))
  t.ok(places.length >= 70)
  for (const { group, uri } of grid(places, ({ group }) => group)) {
    const response = await start(new URLSearchParams({ return_to: uri }).toString())
    t.equal(response.status, 400, `${group}: ${uri.slice(0, 100)}`)
    t.equal((await readJson(response)).code, 'invalid_return_to', `${group}: ${uri.slice(0, 100)}`)
    goesNowhere(t, response, `${group}: ${uri.slice(0, 100)}`)
  }
  // Under another name it is not there, and with a comma it is one string, of the allowed origin.
  for (const form of malformed('return_to', 'https://app.example.com/').filter(
    (form) => /^return_to(=|$)/.test(form) && !form.includes(',')
  )) {
    const response = await start(form)
    t.equal(response.status, 400, form)
    t.equal((await readJson(response)).code, 'invalid_return_to', form)
    goesNowhere(t, response, form)
  }
  t.same(github.calls(), [])
  t.equal(
    (await start(new URLSearchParams({ return_to: 'https://app.example.com/anywhere?x=1' }).toString())).status,
    302
  )
})

t.test('a return_to spelled otherwise leads to the allowed origin, or nowhere', async (t) => {
  const { url } = await world(t)
  for (const [group, attacks] of Object.entries(OTHER_SPELLINGS)) {
    for (const [client, uri] of attacks.filter(([client]) => client === 'web' || client === 'query')) {
      const browser = createBrowser(url)
      const started = await browser.get(`/login/github?${new URLSearchParams({ return_to: uri })}`)
      if (started.status === 400) continue
      const done = await browser.callback(await browser.authorize(started.location ?? ''))
      t.equal(new URL(done.location ?? '').origin, 'https://app.example.com', `${group}: ${client} ${uri}`)
    }
  }
})

t.test('a registered URI matches exactly; a loopback address with any port (RFC 8252 section 7.3)', async (t) => {
  const { authorize, exchange } = await world(t)
  const good: [ClientId, string][] = [
    ...(Object.entries(REGISTERED) as [ClientId, string][]),
    ['loopback', 'http://127.0.0.1:1/callback'],
    ['loopback', 'http://127.0.0.1:51004/callback'],
    ['loopback', 'http://127.0.0.1:65535/callback'],
    ['loopback6', 'http://[::1]/callback'],
    ['loopback6', 'http://[::1]:51004/callback'],
    ['localhost', 'http://localhost/callback'],
    ['localhost', 'http://localhost:51004/callback']
  ]
  for (const [client, uri] of good) {
    const { code, codeVerifier, location } = await authorize(of(client, uri))
    t.ok(location.href.startsWith(`${uri}${uri.includes('?') ? '&' : '?'}code=`), uri)
    t.equal((await exchange(code, codeVerifier, of(client, uri) as Record<string, string>)).status, 200, uri)
  }
})
