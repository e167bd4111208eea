import { createHash, generateKeyPairSync } from 'node:crypto'
import { mock } from 'node:test'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import t, { type Test } from 'tap'
import { readForm } from '../../fakes/answers.ts'
import { startFakeApple, type FakeApple } from '../../fakes/apple.ts'
import { createBrowser, type Browser, type BrowserResponse } from '../../fakes/browser.ts'
import { startFakeGitHub } from '../../fakes/github.ts'
import type { Claims } from '../../fakes/oidc-id-token.ts'
import { setup, type Running } from '../../helper.ts'
import type { Provider } from '../../../src/providers/provider.ts'
import { createProviders } from '../../../src/providers/registry.ts'
import { readSettings } from '../../../src/settings.ts'
import { CANARY, refused, rows } from '../failed-login.ts'
import { stepsThatFail } from './steps-that-fail.ts'

/** Sign in with Apple (SEC-7, SEC-13, SEC-29 to SEC-33). */

interface World extends Running {
  apple: FakeApple
  login: (browser?: Browser) => Promise<BrowserResponse>
}

async function world (t: Test, environment: Record<string, string> = {}): Promise<World> {
  const apple = await startFakeApple()
  t.teardown(() => apple.close())
  const running = await setup(t, { ...apple.settings(), ...environment })
  return { ...running, apple, login: (browser = createBrowser(running.url)) => login(browser) }
}

const exchanges = (apple: FakeApple) => apple.calls(apple.paths.token).length

/** The form on Apple's page, unsent. */
async function openForm (
  browser: Browser,
  start = '/login/apple'
): Promise<{ action: string, fields: Record<string, string> }> {
  return readForm((await browser.get(await browser.start(start))).text)
}

/** Sends a form as a browser does from another site: with the cookies that are SameSite=None, and with no other. */
async function postFromElsewhere (
  browser: Browser,
  action: string,
  fields: Record<string, string>
): Promise<BrowserResponse> {
  const cookie = browser
    .cookies()
    .filter(({ sameSite }) => sameSite?.toLowerCase() === 'none')
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ')
  return await browser.post(action, {
    form: fields,
    headers: { cookie, origin: 'https://appleid.apple.com', 'sec-fetch-site': 'cross-site' }
  })
}

async function login (browser: Browser, start = '/login/apple'): Promise<BrowserResponse> {
  const { action, fields } = await openForm(browser, start)
  return await postFromElsewhere(browser, action, fields)
}

/** Apple as Signet knows it, without Signet round it. */
function provider (environment: Record<string, string>): Provider {
  return createProviders(readSettings(environment).providers).get('apple') as Provider
}

/** A login by `one` alone. */
async function identify (one: Provider): Promise<Awaited<ReturnType<Provider['identify']>>> {
  const { url, secrets } = await one.authorize()
  const { code = '', state = '', user } = readForm(await (await fetch(url)).text()).fields
  return await one.identify({ code, state, user, iss: undefined, secrets, signal: AbortSignal.timeout(10_000) })
}

t.test('a first login: the form comes back with the name, and the email stands in the ID token', async (t) => {
  const { url, sql, apple } = await world(t)
  const browser = createBrowser(url)
  const authorization = new URL(await browser.start('/login/apple'))
  t.equal(authorization.origin + authorization.pathname, `${apple.url}/auth/authorize`)
  t.match(Object.fromEntries(authorization.searchParams), {
    response_type: 'code',
    response_mode: 'form_post',
    scope: 'openid name email',
    client_id: apple.clientId,
    redirect_uri: `${url}/login/apple/callback`,
    nonce: /^[\w-]{43}$/
  })
  const { action, fields } = readForm((await browser.get(authorization.href)).text)
  t.equal(action, `${url}/login/apple/callback`)
  t.match(fields, { state: authorization.searchParams.get('state'), code: /./, user: /"firstName":"Anne"/ })

  const response = await postFromElsewhere(browser, action, fields)
  t.equal(response.status, 200)
  t.equal(response.headers.get('cache-control'), 'no-store')
  t.match(response.json(), {
    access_token: /./,
    user: {
      name: 'Anne Haro',
      email: 'anne@example.com',
      emailVerified: true,
      accounts: [
        {
          provider: 'apple',
          subject: '001473.fb5f2a8d4c774d3f9e1a3c62c4a9be1f.1216',
          name: 'Anne Haro',
          email: 'anne@example.com',
          emailVerified: true
        }
      ]
    }
  })
  t.same((await sql.query('SELECT issuer FROM accounts')).rows, [{ issuer: apple.issuer }])
  t.same(browser.cookies(), [], 'the cookie of the login is gone')
  t.equal((await postFromElsewhere(browser, action, fields)).json().code, 'invalid_state', 'and nothing works twice')
  t.equal(exchanges(apple), 1)
  t.same(apple.unexpected(), [])
})

t.test('its endpoints are known: its discovery document once named others (supabase/auth#2051)', async (t) => {
  const apple = await startFakeApple()
  t.teardown(() => apple.close())
  const { APPLE_ISSUER: issuer, ...real } = apple.settings()
  const { url } = await setup(t, real)
  const { headers } = await fetch(`${url}/login/apple`, { redirect: 'manual' })
  t.match(headers.get('location'), 'https://appleid.apple.com/auth/authorize?')
  t.match(await provider(real).endpoints(), {
    tokenUrl: 'https://appleid.apple.com/auth/token',
    jwksUrl: 'https://appleid.apple.com/auth/keys',
    authentication: 'body'
  })

  const moved = provider({ ...real, APPLE_REVOCATION_URL: `${issuer}${apple.paths.revoke}` })
  await moved.revoke?.({ accessToken: 'x', refreshToken: 'y' }, AbortSignal.timeout(10_000))
  t.equal(apple.calls(apple.paths.revoke).length, 1, 'and a URL of the settings counts')
})

t.test('the client secret', async (t) => {
  const apple = await startFakeApple()
  t.teardown(() => apple.close())

  await t.test('is a JWT signed with the key, one for many logins', async (t) => {
    const one = provider(apple.settings())
    await Promise.all([identify(one), identify(one), identify(one)])
    const secrets = apple.secrets()
    t.equal(secrets.length, 1)
    const [secret = ''] = secrets
    t.same(decodeProtectedHeader(secret), { alg: 'ES256', kid: apple.keyId })
    const { iat = 0, exp = 0, ...claims } = decodeJwt(secret)
    t.same(claims, { iss: apple.teamId, sub: apple.clientId, aud: 'https://appleid.apple.com' })
    t.equal(exp - iat, 3600)
  })

  await t.test('is made anew by itself before it ends', async (t) => {
    const one = provider(apple.settings())
    await identify(one)
    const before = apple.secrets().length
    const minutes = (count: number) => mock.timers.setTime(Date.now() + count * 60_000)
    mock.timers.enable({ apis: ['Date'], now: Date.now() })
    t.teardown(() => mock.timers.reset())
    minutes(49)
    await identify(one)
    t.equal(apple.secrets().length, before, 'for fifty minutes it is the same one')
    minutes(2)
    await Promise.all([identify(one), identify(one)])
    t.equal(apple.secrets().length, before + 1, 'and then it is another one')
    minutes(24 * 60)
    await identify(one)
    t.equal(apple.secrets().length, before + 2)
  })

  await t.test('a key whose line ends are written \\n, as in many an .env', async (t) => {
    t.match(
      await identify(
        provider({ ...apple.settings(), APPLE_PRIVATE_KEY: apple.privateKey.trim().replaceAll('\n', '\\n') })
      ),
      { profile: { provider: 'apple' } }
    )
  })

  const { APPLE_TEAM_ID: _team, APPLE_KEY_ID: _kid, APPLE_PRIVATE_KEY: _pem, ...rest } = apple.settings()
  await t.test('may be a ready JWT, sent as it is', async (t) => {
    const secret = await apple.makeSecret()
    await identify(provider({ ...rest, APPLE_CLIENT_SECRET: secret }))
    t.equal(apple.secrets().at(-1), secret)
  })

  const now = Math.floor(Date.now() / 1000)
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString()
  const wrong: [string, Claims, { kid?: string, pem?: string }?][] = [
    ['of another team', { iss: 'ZZZZZZZZZZ' }],
    ['of another app', { sub: 'com.example.other' }],
    ['for another audience', { aud: 'https://example.com' }],
    ['that has expired', { exp: now - 60 }],
    ['for a year', { exp: now + 365 * 24 * 3600 }],
    ['of an unknown key', {}, { kid: 'ZZZZZZZZZZ' }],
    ['signed with another key', {}, { pem: stranger }]
  ]
  for (const [name, claims, key] of wrong) {
    await t.test(`${name} is Apple's to refuse, and ours to report without a word of it`, async (t) => {
      const secret = await apple.makeSecret(claims, key)
      const error = await identify(provider({ ...rest, APPLE_CLIENT_SECRET: secret })).then(
        () => undefined,
        (problem) => problem
      )
      t.match(error, { code: 'provider_error', message: 'Apple: the token exchange failed: HTTP 400.' })
    })
  }
})

t.test('the cookie of the login', async (t) => {
  const { app, apple } = await world(t, { ISSUER_URL: 'https://id.example.com' })
  const loginWith = async (cookie: string) => {
    const start = await app.inject('/login/apple')
    const { fields } = readForm(await (await fetch(String(start.headers.location))).text())
    const [line = ''] = [start.headers['set-cookie'] ?? ''].flat()
    const headers = { 'content-type': 'application/x-www-form-urlencoded', cookie: cookie || line.split(';')[0] }
    return {
      line,
      answer: await app.inject({
        method: 'POST',
        url: '/login/apple/callback',
        headers,
        payload: new URLSearchParams(fields).toString()
      })
    }
  }
  await t.test('is __Host-, Secure, HttpOnly and SameSite=None where the issuer speaks https', async (t) => {
    const { line, answer } = await loginWith('')
    t.match(line, /^__Host-signet-login-[\w-]{16}=[^;]+; Max-Age=600; Path=\/; HttpOnly; Secure; SameSite=None$/)
    t.equal(answer.statusCode, 200)
    t.match(
      String(answer.headers['set-cookie']),
      /^__Host-signet-login-[\w-]{16}=; .*Path=\/.*Secure; SameSite=None/,
      'and is dropped in the same words'
    )
  })
  await t.test('is the only way in: as Lax it would not come, and that is refused', async (t) => {
    const before = exchanges(apple)
    t.equal((await loginWith('other=1')).answer.json().code, 'invalid_state')
    t.equal(exchanges(apple), before)
  })

  await t.test('works on http://localhost, for development, and is still Secure', async (t) => {
    const local = await world(t)
    const browser = createBrowser(local.url)
    await browser.start('/login/apple')
    t.match(browser.cookies(), [{ name: /^signet-login-/, secure: true, sameSite: 'None', httpOnly: true }])
    t.equal((await local.login()).status, 200)
  })
})

t.test('a POST from another site', async (t) => {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const { url, sql, apple } = await world(t, github.settings)

  await t.test('is for the providers that answer so', async (t) => {
    const browser = createBrowser(url)
    const callback = new URL(await browser.authorize(await browser.start('/login/github')))
    const fields = Object.fromEntries(callback.searchParams)
    const answer = await browser.post('/login/github/callback', { form: fields })
    t.match([answer.status, answer.json().code], [404, 'not_found'])
    t.equal((await browser.callback(callback.href)).status, 200, 'and the login goes on')
    t.match((await browser.post('/login/nobody/callback', { form: fields })).json(), {
      status: 404,
      code: 'unknown_provider'
    })
  })

  await t.test(
    'with a state that is missing, forged, of another browser or of another provider is refused before any exchange',
    async (t) => {
      const before = await rows(sql)
      const browser = createBrowser(url)
      const { action, fields } = await openForm(browser)
      const { state: _state, ...stateless } = fields
      const others = await openForm(createBrowser(url))
      const githubState = new URL(await browser.start('/login/github')).searchParams.get('state') ?? ''
      for (const forged of [
        stateless,
        { ...fields, state: '' },
        { ...fields, state: 'A'.repeat(43) },
        { ...fields, state: others.fields['state'] ?? '' },
        { ...fields, state: githubState }
      ]) {
        const answer = await postFromElsewhere(browser, action, forged)
        t.match([answer.status, answer.json().code], [400, 'invalid_state'])
      }
      t.equal((await createBrowser(url).post(action, { form: fields })).json().code, 'invalid_state', 'another browser')
      const twice = `${new URLSearchParams(fields)}&state=${fields['state']}`
      const headers = {
        'content-type': 'application/x-www-form-urlencoded',
        cookie: browser.cookieHeader()
      }
      t.match(
        await (await fetch(action, { method: 'POST', headers, body: twice })).json(),
        { code: 'invalid_state' },
        'state twice'
      )
      t.match(
        await (
          await fetch(action, { method: 'POST', headers: { ...headers, 'content-type': 'text/plain' }, body: twice })
        ).json(),
        { status: 415 }
      )
      t.match(
        await (
          await fetch(action, {
            method: 'POST',
            headers,
            body: `${new URLSearchParams(fields)}&filler=${'x'.repeat(70_000)}`
          })
        ).json(),
        { status: 413 }
      )
      t.equal(exchanges(apple), 0)
      t.same(await rows(sql), before)
      t.equal((await postFromElsewhere(browser, action, fields)).status, 200, 'what Apple sent itself still counts')
    }
  )
})

t.test('without the scopes name and email Apple redirects, and nothing is posted', async (t) => {
  const { url, apple } = await world(t, { APPLE_SCOPE: 'openid' })
  const browser = createBrowser(url)
  const authorization = new URL(await browser.start('/login/apple'))
  t.same([authorization.searchParams.get('scope'), authorization.searchParams.get('response_mode')], ['openid', null])
  t.match(browser.cookies(), [{ sameSite: 'Lax', secure: false }])
  const callback = await browser.authorize(authorization.href)
  const posted = await browser.post('/login/apple/callback', {
    form: Object.fromEntries(new URL(callback).searchParams)
  })
  t.match([posted.status, posted.json().code], [404, 'not_found'])
  t.match((await browser.callback(callback)).json().user, {
    name: null,
    email: null,
    accounts: [{ provider: 'apple', email: null }]
  })
  t.equal(exchanges(apple), 1)
})

t.test('openid is asked for whatever the scope setting says: without it there is no nonce', async (t) => {
  const { login } = await world(t, { APPLE_SCOPE: 'name email' })
  t.equal((await login()).json().user.name, 'Anne Haro')
})

t.test('the name', async (t) => {
  const { url, sql, apple, login } = await world(t)
  const names = (response: BrowserResponse) => [response.json().user.name, response.json().user.accounts[0].name]

  await t.test('comes once and stays, on the user and on the account', async (t) => {
    t.same(names(await login()), ['Anne Haro', 'Anne Haro'])
    const browser = createBrowser(url)
    const { action, fields } = await openForm(browser)
    t.notOk('user' in fields, 'Apple does not say it again')
    t.same(names(await postFromElsewhere(browser, action, fields)), ['Anne Haro', 'Anne Haro'])
  })

  await t.test('is followed when Apple tells it anew', async (t) => {
    apple.user(JSON.stringify({ name: { firstName: 'Anne', lastName: 'Haro-Lund' } }))
    t.same(names(await login()), ['Anne Haro-Lund', 'Anne Haro-Lund'])
    apple.user(undefined)
    t.same(names(await login()), ['Anne Haro-Lund', 'Anne Haro-Lund'])
  })

  await t.test('is left alone once the person has written another', async (t) => {
    await sql.query('UPDATE users SET name = $1, edited_fields = $2', ['Annie', ['name']])
    apple.user(JSON.stringify({ name: { firstName: 'Anne', lastName: 'Haro' } }))
    t.same(names(await login()), ['Annie', 'Anne Haro'])
    apple.user(undefined)
  })

  for (const [first, last, expected] of [
    ['Anne', undefined, 'Anne'],
    [undefined, 'Haro', 'Haro'],
    ['', '', null],
    [undefined, undefined, null]
  ] as const) {
    await t.test(`of ${JSON.stringify([first, last])} is ${expected}`, async (t) => {
      apple.person({
        sub: `parts-${String(first)}-${String(last)}`,
        ...(first !== undefined && { firstName: first }),
        ...(last !== undefined && { lastName: last })
      })
      t.same(names(await login()), [expected, expected])
    })
  }
})

t.test('the member user is what a browser sent: of it only a name is taken, and nothing else happens', async (t) => {
  const { apple, login } = await world(t)
  let count = 0
  const name = { firstName: 'Anne', lastName: 'Haro' }
  const nested = `${'['.repeat(2000)}${']'.repeat(2000)}`
  const hostile: [string, string, string | null][] = [
    ['no JSON', 'canary', null],
    ['JSON that breaks off', '{"name":{"firstName":"A', null],
    ['null', 'null', null],
    ['a number', '42', null],
    ['a text', '"Anne"', null],
    ['a list', '[{"name":{"firstName":"Anne"}}]', null],
    ['deep lists', nested, null],
    ['a name that is text', '{"name":"Anne"}', null],
    ['a name that is a list', '{"name":["Anne","Haro"]}', null],
    ['parts of wrong types', '{"name":{"firstName":{"x":1},"lastName":["Haro"]}}', null],
    ['numbers for parts', '{"name":{"firstName":1,"lastName":true}}', null],
    [
      'a poisoned prototype',
      '{"__proto__":{"name":{"firstName":"Evil"},"isAdmin":true},' +
        '"constructor":{"prototype":{"name":{"firstName":"Evil"}}}}',
      null
    ],
    ['a poisoned prototype of the name', '{"name":{"__proto__":{"firstName":"Evil"}}}', null],
    [
      'markup',
      JSON.stringify({ name: { firstName: '<script>alert(1)</script>', lastName: '"><img src=x onerror=alert(1)>' } }),
      '<script>alert(1)</script> "><img src=x onerror=alert(1)>'
    ],
    [
      'control characters',
      JSON.stringify({ name: { firstName: 'An\r\nne\0', lastName: '\u202eoraH' } }),
      'An  ne   oraH'
    ],
    ['a name of two thousand characters', JSON.stringify({ name: { firstName: 'x'.repeat(2000) } }), 'x'.repeat(200)],
    ['more than 4096 characters', JSON.stringify({ name, filler: 'x'.repeat(4096) }), null],
    ['another email', JSON.stringify({ name, email: 'victim@example.com' }), 'Anne Haro'],
    [
      'fields of the user',
      JSON.stringify({
        name,
        sub: 'someone-else',
        id: 'x',
        roles: ['admin'],
        role: 'admin',
        emailVerified: true,
        email_verified: true
      }),
      'Anne Haro'
    ]
  ]
  for (const [what, raw, expected] of hostile) {
    await t.test(what, async (t) => {
      const sub = `hostile-${++count}`
      apple.person({ sub, email: `${sub}@example.com`, emailVerified: true })
      apple.user(raw)
      const response = await login()
      t.equal(response.status, 200)
      t.match(response.headers.get('content-type'), /^application\/json/)
      t.equal(response.headers.get('x-content-type-options'), 'nosniff')
      const { user } = response.json()
      t.equal(user.name, expected)
      t.same([user.email, user.roles], [`${sub}@example.com`, []], 'the email of the ID token')
      t.same(
        user.accounts.map((account: { subject: string }) => account.subject),
        [sub]
      )
      t.notOk('isAdmin' in {} || 'name' in {}, 'no prototype was touched')
    })
  }

  await t.test('it is no email where the ID token has none', async (t) => {
    apple.person({ sub: 'without-email' })
    apple.user(JSON.stringify({ name, email: 'victim@example.com' }))
    t.match((await login()).json().user, {
      email: null,
      emailVerified: false,
      accounts: [{ email: null, emailVerified: false }]
    })
  })
})

t.test('the email', async (t) => {
  const { apple, login } = await world(t)
  let count = 0
  for (const [word, believed] of [
    [true, true],
    ['true', true],
    [false, false],
    ['false', false],
    [1, false],
    ['1', false],
    ['TRUE', false],
    [undefined, false],
    [null, false],
    [[true], false],
    [{}, false]
  ] as [unknown, boolean][]) {
    await t.test(`email_verified ${JSON.stringify(word)} is ${believed ? '' : 'not '}believed`, async (t) => {
      const email = `word-${++count}@example.com`
      apple.person({ sub: email, email, emailVerified: word })
      const { user } = (await login()).json()
      t.same([user.email, user.emailVerified], believed ? [email, true] : [null, false])
      t.match(user.accounts, [{ email, emailVerified: believed }])
    })
  }

  await t.test('an address of the private relay links to no other user', async (t) => {
    apple.person({ sub: 'real', email: 'anne@example.com', emailVerified: 'true' })
    const real = (await login()).json().user
    for (const isPrivateEmail of ['true', true]) {
      const email = `dpdcnf87nu-${typeof isPrivateEmail}@privaterelay.appleid.com`
      apple.person({ sub: `hidden-${typeof isPrivateEmail}`, email, emailVerified: 'true', isPrivateEmail })
      const { user } = (await login()).json()
      t.same([user.email, user.emailVerified], [email, true])
      t.not(user.id, real.id)
    }
  })

  await t.test('another address, the same subject: the same user', async (t) => {
    apple.person({ sub: 'moves', email: 'old@example.com', emailVerified: true })
    const before = (await login()).json().user
    apple.person({ sub: 'moves', email: 'new@example.com', emailVerified: true })
    t.match((await login()).json().user, { id: before.id, email: 'new@example.com' })
  })
})

t.test('what goes wrong', async (t) => {
  const running = await world(t, { ALLOWED_ORIGINS: 'http://localhost:5173' })
  const { url, sql, apple, login: loginWith } = running
  await t.test('at each step', (t) =>
    stepsThatFail(t, { id: 'apple', name: 'Apple', fake: apple, running, login: loginWith })
  )

  const before = await rows(sql)
  const came = exchanges(apple)
  for (const error of ['user_cancelled_authorize', 'access_denied']) {
    await t.test(`the person says no: ${error}`, async (t) => {
      apple.deny(error)
      refused(t, await loginWith(), 403, 'access_denied', /^The sign-in at Apple was declined/)
      const browser = createBrowser(url)
      const answer = await login(browser, '/login/apple?return_to=http%3A%2F%2Flocalhost%3A5173%2Fhome')
      t.match([answer.status, answer.location], [302, /^http:\/\/localhost:5173\/home\?error=access_denied&/])
    })
  }
  await t.test('another error', async (t) => {
    apple.deny(CANARY)
    refused(t, await loginWith(), 502, 'provider_error', /^Apple: the authorization response was an error/)
    apple.allow()
  })
  await t.test('no code', async (t) => {
    apple.response({ code: undefined })
    refused(t, await loginWith(), 400, 'invalid_request', /code/)
    apple.response({})
  })
  t.equal(exchanges(apple), came, 'none of these is exchanged')
  await t.test('a wrong code', async (t) => {
    apple.response({ code: CANARY })
    refused(t, await loginWith(), 502, 'provider_error', /^Apple: the token exchange failed: HTTP 400/)
    apple.response({})
  })
  await t.test('a wrong iss (RFC 9207)', async (t) => {
    apple.response({ iss: 'https://evil.example' })
    refused(t, await loginWith(), 502, 'provider_error', /^Apple: the authorization response failed: iss/)
    apple.response({})
  })
  for (const [name, script, detail] of [
    ['no sub', { claims: { sub: undefined } }, /sub/],
    ['an empty sub', { claims: { sub: '' } }, /sub/],
    ['another audience', { claims: { aud: 'com.example.other' } }, /aud/],
    ['another issuer', { claims: { iss: 'https://evil.example' } }, /iss/],
    ['no nonce, though nonce_supported is true', { claims: { nonce: undefined } }, /nonce/],
    ['alg none', { sign: 'none' }, /algorithm/],
    ["a key that is not Apple's", { sign: 'wrong-key' }, /signature/]
  ] as const) {
    await t.test(`an ID token with ${name}`, async (t) => {
      apple.idToken(script)
      refused(t, await loginWith(), 502, 'invalid_id_token', detail)
      apple.idToken({})
    })
  }
  t.same(await rows(sql), before)
  t.equal((await loginWith()).status, 200)
  t.same(apple.unexpected(), [])
})

t.test('a grant is renewed and taken back with a fresh secret', async (t) => {
  const apple = await startFakeApple()
  t.teardown(() => apple.close())
  const one = provider(apple.settings())
  const { tokens } = await identify(one)
  const signal = AbortSignal.timeout(10_000)
  t.match(await one.refresh(tokens.refreshToken ?? '', '', signal), { accessToken: /./, idToken: /./ })
  await one.revoke?.(tokens, signal)
  t.match(apple.calls(apple.paths.revoke)[0]?.body, {
    token: tokens.refreshToken,
    token_type_hint: 'refresh_token',
    client_id: apple.clientId,
    client_secret: /^eyJ/
  })
  await t.rejects(one.refresh(tokens.refreshToken ?? '', '', signal), { code: 'reauthorization_required' })
  await t.resolves(one.revoke?.(tokens, signal) as Promise<void>, 'what is over is over')

  const { APPLE_TEAM_ID: _team, APPLE_KEY_ID: _kid, APPLE_PRIVATE_KEY: _pem, ...rest } = apple.settings()
  const stale = provider({ ...rest, APPLE_CLIENT_SECRET: await apple.makeSecret({ exp: 1 }) })
  await t.rejects(
    stale.revoke?.(tokens, signal) as Promise<void>,
    { code: 'provider_error', message: 'Apple: the revocation failed: it was refused.' },
    'a secret that has expired took nothing back'
  )
})

t.test('an app on the phone brings an ID token for its bundle id, with the SHA-256 of its nonce', async (t) => {
  const apple = await startFakeApple()
  t.teardown(() => apple.close())
  const one = provider({ ...apple.settings(), APPLE_NATIVE_CLIENT_IDS: 'com.example.signet.ios' })
  const hashed = createHash('sha256').update('nonce').digest('hex')
  const tokenFor = async (claims: Claims) => {
    apple.idToken({ claims })
    const { tokens } = await identify(provider(apple.settings())).catch(() => ({ tokens: { idToken: undefined } }))
    apple.idToken({})
    return tokens.idToken
  }
  t.equal(await tokenFor({ aud: 'com.example.signet.ios' }), undefined, 'at the callback such a token is none')
  const native = await rawIdToken(apple, { aud: 'com.example.signet.ios', nonce: hashed })
  t.match((await one.identifyNative?.(native, 'nonce'))?.profile, {
    provider: 'apple',
    subject: /^001473/,
    email: 'anne@example.com',
    emailVerified: true,
    name: null
  })
  await t.rejects(one.identifyNative?.(native, 'another') as Promise<unknown>, {
    code: 'invalid_id_token',
    message: /nonce/
  })
  await t.rejects(
    one.identifyNative?.(await rawIdToken(apple, { aud: 'com.example.other' }), undefined) as Promise<unknown>,
    { code: 'invalid_id_token', message: /aud/ }
  )
})

/** An ID token of Apple's making, as its SDK hands it to an app. */
async function rawIdToken (apple: FakeApple, claims: Claims): Promise<string> {
  const redirectUri = 'http://localhost/app'
  const query = new URLSearchParams({
    response_type: 'code',
    response_mode: 'form_post',
    client_id: apple.clientId,
    redirect_uri: redirectUri,
    scope: 'openid email'
  })
  const { code = '' } = readForm(await (await fetch(`${apple.url}${apple.paths.authorize}?${query}`)).text()).fields
  apple.idToken({ claims })
  const form = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    client_id: apple.clientId,
    client_secret: await apple.makeSecret()
  }
  const answer = await fetch(apple.url + apple.paths.token, { method: 'POST', body: new URLSearchParams(form) })
  apple.idToken({})
  return ((await answer.json()) as { id_token: string }).id_token
}
