import t from 'tap'
import { startHttpFake } from '../fakes/http-fake.ts'
import { answerJson } from '../fakes/answers.ts'
import { createBrowser } from '../fakes/browser.ts'
import { REDIRECT_URI } from '../flows/setup-with-clients.ts'
import { send } from '../hostile/wire.ts'
import { ORIGIN, world } from './world.ts'

/**
 * What others got wrong about where a browser is sent, and about headers, paths, bodies and ids. Each test is named
 * after them.
 */

const { url, acme, another, login, call, ask, authorize, sql } = await world(t)
const { access_token: accessToken } = await login()

/** Where a browser is sent by a login that is to end there; undefined where there is no login. */
async function startsFor (returnTo: string, encode = encodeURIComponent): Promise<string | undefined> {
  const { status, body } = await call('GET', `/login/github?return_to=${encode(returnTo)}`)
  if (status === 302) return 'a login'
  return status === 400 && body.code === 'invalid_return_to' ? undefined : `${status} ${JSON.stringify(body)}`
}

t.test('a return_to of an allowed origin is taken', async (t) => {
  t.equal(await startsFor(`${ORIGIN}/welcome?x=1`), 'a login')
})

t.test('CVE-2024-56734: a return_to without a scheme, or with another, leads nowhere', async (t) => {
  for (const to of [
    '//evil.example',
    '///evil.example',
    'evil.example',
    '/',
    '/welcome',
    'https:evil.example',
    'http:/evil.example',
    `ftp://${ORIGIN.slice(8)}`,
    'javascript:alert(1)',
    `javascript://${ORIGIN.slice(8)}/%0aalert(1)`,
    'data:text/html,x',
    `blob:${ORIGIN}/x`,
    ''
  ]) { t.equal(await startsFor(to), undefined, to) }
})

t.test('CVE-2025-27143: nor one that slashes, tabs or encoding turn into another', async (t) => {
  for (const to of [
    '/\\evil.example',
    '\\\\evil.example',
    '/\t/evil.example',
    '\t//evil.example',
    ' //evil.example',
    `${ORIGIN}\\@evil.example`,
    `${ORIGIN}\\.evil.example`,
    'https:\\\\evil.example',
    `${ORIGIN}\n.evil.example`,
    '%2f%2fevil.example',
    '/%5cevil.example',
    'https%3A%2F%2Fevil.example',
    '/..//evil.example'
  ]) { t.equal(await startsFor(to), undefined, JSON.stringify(to)) }
  t.equal(await startsFor('%252f%252fevil.example', String), undefined)
})

t.test('CVE-2025-71403: nor one that only contains an allowed origin', async (t) => {
  for (const to of [
    `${ORIGIN}.evil.example/`,
    `${ORIGIN}@evil.example/`,
    `https://evil.example/${ORIGIN}`,
    `https://evil.example?${ORIGIN}`,
    `https://evil.example#${ORIGIN}`,
    'https://evilapp.example.com',
    'https://x.app.example.com',
    'https://appxexample.com',
    `${ORIGIN}:444/`,
    ORIGIN.replace('https', 'http'),
    'https://аpp.example.com/',
    'https://*.example.com/',
    `https://user:pw@${ORIGIN.slice(8)}/`
  ]) { t.equal(await startsFor(to), undefined, to) }
})

t.test(
  'CVE-2022-29214: one that is no URL is told so, and a redirect_uri that is not registered is not gone to',
  async (t) => {
    for (const to of [
      'https://',
      'http://[::1',
      'https://evil.example:99999',
      '%',
      '[object Object]',
      'null',
      'http://',
      '::'
    ]) { t.equal(await startsFor(to), undefined, to) }
    for (const query of ['return_to[]=x', 'return_to=a&return_to=b', 'return_to[a]=x']) {
      t.notMatch((await call('GET', `/login/github?${query}`)).headers.get('location'), /evil|[?&]return_to/, query)
    }
    for (const uri of [
      'https://evil.example/callback',
      `${REDIRECT_URI}/../evil`,
      `${REDIRECT_URI}&x=1`,
      'https://app.example.com.evil.example/callback?tenant=1',
      'javascript:alert(1)'
    ]) {
      const answer = await ask({ redirect_uri: uri })
      t.match([answer.status, answer.headers.get('location')], [400, null], uri)
    }
  }
)

t.test('GHSA-j8qq-g9pm-v3c2: no Location holds a token, and none leads to an origin that is not allowed', async (t) => {
  const browser = createBrowser(url)
  const { locations } = await browser.login(`/login/github?return_to=${encodeURIComponent(`${ORIGIN}/`)}`)
  const { location } = await authorize()
  for (const one of [...locations, location.href]) {
    t.notMatch(one, /eyJ|access_token|refresh_token|id_token|session|signet-refresh/, one)
    t.notOk(
      browser.cookies().some(({ value }) => one.includes(value)),
      one
    )
  }
  t.equal(locations.at(-1), `${ORIGIN}/`)
  t.equal(await startsFor('https://evil.example/'), undefined)
  t.equal((await ask({ redirect_uri: 'https://evil.example/' })).headers.get('location'), null)
})

const HOSTILE = {
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'gopher',
  'x-forwarded-port': '666',
  'x-forwarded-prefix': '/evil',
  'x-original-host': 'evil.example',
  'x-host': 'evil.example',
  forwarded: 'host=evil.example;proto=gopher',
  'x-original-url': '/evil',
  'x-rewrite-url': '/evil'
}

t.test(
  'GHSA-3529-5m8x-rpv3: no header moves the addresses that are handed out, not even from a trusted proxy',
  async (t) => {
    const { app } = await another({ TRUST_PROXY: '127.0.0.1' })
    for (const path of [
      '/',
      '/login',
      '/login/github',
      '/.well-known/openid-configuration',
      '/.well-known/oauth-authorization-server',
      '/openapi.json',
      '/nothing',
      '/oauth2/authorize',
      '/device'
    ]) {
      const { body, headers } = await app.inject({ url: path, headers: HOSTILE })
      t.notMatch(body + String(headers.location), /evil\.example|gopher|666/, path)
    }
    const { headers } = await app.inject({ url: '/login/github', headers: HOSTILE })
    t.equal(new URL(String(headers.location)).searchParams.get('redirect_uri'), `${url}/login/github/callback`)
  }
)

t.test('CVE-2026-3635: nor does Host, whoever sends it', async (t) => {
  for (const host of ['evil.example', 'evil.example:80', 'localhost@evil.example', '']) {
    for (const target of ['/', '/login/github', '/.well-known/openid-configuration']) {
      const { status, body, headers } = await send(url, { method: 'GET', target, headers: [], body: undefined, host })
      t.ok(status < 500)
      t.notMatch(body + JSON.stringify(headers), /evil\.example/, `${host} ${target}`)
    }
  }
})

t.test('GHSA-pgx2-m66h-x29f: nor the address of a request, which may be a whole URL', async (t) => {
  for (const target of [
    'http://evil.example/',
    'http://evil.example/login/github',
    'http://evil.example/.well-known/openid-configuration',
    '//evil.example/login/github'
  ]) {
    const { status, headers, body } = await send(url, {
      method: 'GET',
      target,
      headers: Object.entries(HOSTILE),
      body: undefined
    })
    t.ok(status < 500)
    t.notMatch(headers.filter(([name]) => name === 'location' || name === 'set-cookie').join(), /evil/, target)
    if (status === 200) t.notMatch(body, /evil/, target)
  }
})

/**
 * Ten wrong device codes are one address's for a minute: the smallest limit there is. Of so many calls, how many are
 * let through.
 */
async function wrongCodes (
  at: string,
  headers: (index: number) => [string, string][],
  n = 14,
  target: (index: number) => string = () => '/device'
): Promise<number> {
  let passed = 0
  for (let index = 0; index < n; index++) {
    const request = {
      method: 'POST',
      target: target(index),
      headers: [['origin', url], ['content-type', 'application/x-www-form-urlencoded'], ...headers(index)] as [
        string,
        string
      ][],
      body: 'user_code=BCDF-GHJK'
    }
    if ((await send(at, request)).status === 400) passed++
  }
  return passed
}

t.test('limits by address', async (t) => {
  const { address } = await another({ RATE_LIMITS: 'on', TRUST_PROXY: '127.0.0.1' })

  await t.test('CVE-2026-45364: an IPv6 client has its /64, and not each address in it', async (t) => {
    t.equal(await wrongCodes(address, (index) => [['x-forwarded-for', `2001:db8:1:2:${index}::${index + 1}`]]), 10)
  })

  await t.test(
    'CVE-2026-92395: what a client writes in front of its address, or in another spelling, gives it no other',
    async (t) => {
      t.equal(await wrongCodes(address, (index) => [['x-forwarded-for', `198.51.100.${index}, 203.0.113.7`]], 8), 8)
      t.equal(
        await wrongCodes(address, (index) => [['x-forwarded-for', `127.0.0.1, ${index}.1.1.1, ::ffff:203.0.113.7`]], 8),
        2
      )
    }
  )

  await t.test('CVE-2026-18174: nor do tabs, empty parts or a second header', async (t) => {
    t.equal(
      await wrongCodes(address, (index) => [
        [
          'x-forwarded-for',
          [
            `198.51.100.${index},\t203.0.113.8`,
            `198.51.100.${index}\t,\t203.0.113.8`,
            `\t${index}.1.1.1,203.0.113.8`,
            `${index}.1.1.1, ,203.0.113.8`
          ][index % 4] ?? ''
        ]
      ]),
      10
    )
    t.equal(
      await wrongCodes(
        address,
        (index) => [
          ['x-forwarded-for', `198.51.100.${index}`],
          ['x-forwarded-for', '203.0.113.8']
        ],
        5
      ),
      0
    )
  })

  await t.test('GHSA-x732-6j76-qmhm: nor does a path with more slashes', async (t) => {
    const client: [string, string][] = [['x-forwarded-for', '203.0.113.9']]
    t.equal(await wrongCodes(address, () => client), 10)
    t.equal(
      await wrongCodes(
        address,
        () => client,
        8,
        (index) =>
          ['//device', '/device/', '/device//', '///device', '/./device', '/x/../device', '/%2fdevice', '/Device'][
            index
          ] ?? ''
      ),
      0
    )
  })

  await t.test('CVE-2026-112362: nor a request for a whole URL', async (t) => {
    const client: [string, string][] = [['x-forwarded-for', '203.0.113.10']]
    t.equal(
      await wrongCodes(
        address,
        () => client,
        14,
        (index) => (index % 2 === 0 ? '/device' : `${address}/device`)
      ),
      10
    )
    t.equal(
      await wrongCodes(
        address,
        () => client,
        4,
        (index) =>
          [`${address}//device`, `${address}/device`, 'http://evil.example//device', 'http://evil.example/device'][
            index
          ] ?? ''
      ),
      0
    )
  })
})

/** A change that the schema forbids, under a media type; the status. */
async function forbiddenChange (type: string, body = '{"name":1,"roles":["admin"]}'): Promise<number> {
  const { status } = await send(url, {
    method: 'PATCH',
    target: '/me',
    headers: [
      ['authorization', `Bearer ${accessToken}`],
      ['content-type', type]
    ],
    body
  })
  return status
}

for (const [id, types] of Object.entries({
  'CVE-2025-32442: the case of a media type, or what follows it, switches no schema off': [
    'application/json',
    'Application/JSON',
    'APPLICATION/JSON',
    'application/json;',
    'application/json; charset=utf-8',
    'application/json ;charset=utf-8',
    'application/json;a=b;c="d"',
    'application/JSON ; Charset=UTF-8'
  ],
  'CVE-2026-25223: nor does a tab': [
    'application/json\t',
    'application/json\ta',
    'application/json\t;charset=utf-8',
    'application/json;\tcharset=utf-8',
    'application/\tjson',
    'application\t/json'
  ],
  'CVE-2026-33806: nor does a space in front, or any other': [
    ' application/json',
    '  application/json',
    '\tapplication/json',
    'application/ json',
    'application /json',
    'application/json a',
    ', application/json',
    'application/json, application/json'
  ]
})) {
  t.test(id, async (t) => {
    for (const type of types) t.match(await forbiddenChange(type), /^(400|415)$/, JSON.stringify(type))
    t.same((await call('GET', '/me', accessToken)).body.roles, [])
  })
}

t.test('CVE-2025-48370: an id is a UUID, and no way to another route', async (t) => {
  const before = (await sql.query('SELECT count(*) FROM accounts')).rows[0].count
  for (const id of [
    '..%2f..%2fadmin%2fusers',
    '..%2f',
    '%2e%2e%2fsessions',
    '..',
    'x',
    '1',
    'urn:uuid:00000000-0000-0000-0000-000000000000',
    '00000000-0000-0000-0000-000000000000%00',
    '%7B00000000-0000-0000-0000-000000000000%7D',
    "00000000-0000-0000-0000-000000000000'--",
    '00000000000000000000000000000000'
  ]) {
    for (const [method, path] of [
      ['DELETE', '/me/sessions/ID'],
      ['DELETE', '/me/accounts/ID'],
      ['POST', '/me/accounts/ID/token']
    ] as const) {
      const { status } = await send(url, {
        method,
        target: path.replace('ID', id),
        headers: [['authorization', `Bearer ${accessToken}`]],
        body: undefined
      })
      t.match(status, /^(400|404)$/, `${method} ${path} ${id}`)
    }
  }
  t.equal((await sql.query('SELECT count(*) FROM accounts')).rows[0].count, before)
  t.equal((await call('GET', '/me', accessToken)).status, 200)
})

t.test('GHSA-cv9p-325g-wmv5, GHSA-hx79-5pj5-qh42: the address of a picture is kept, and never asked for', async (t) => {
  const inner = await startHttpFake(() => answerJson({}))
  t.teardown(() => inner.close())
  for (const picture of [
    `${inner.url}/avatar.png`,
    'http://169.254.169.254/latest/meta-data/',
    'javascript:alert(1)',
    'data:image/svg+xml,<svg onload=alert(1)>',
    'file:///etc/passwd',
    `https://${inner.url.slice(7)}/avatar.png`
  ]) {
    acme.person({ sub: 'picture', picture })
    const { user } = await login('acme')
    t.equal(user.avatarUrl, picture.startsWith('https:') ? picture : null, picture)
    const { status } = await call('PATCH', '/me', accessToken, { avatarUrl: picture })
    t.equal(status, picture.startsWith('https:') ? 200 : 400, picture)
    await call('GET', '/me', accessToken)
    await call('GET', '/me/export', accessToken)
  }
  t.same(inner.calls(), [])
})
