import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { createBrowser, type BrowserResponse } from '../../fakes/browser.ts'
import type { Claims, IdTokenScript } from '../../fakes/oidc-id-token.ts'
import { startFakeOidc, type FakeOidc } from '../../fakes/oidc.ts'
import { setup, type Running } from '../../helper.ts'
import type { Provider } from '../../../src/providers/provider.ts'
import { createProviders } from '../../../src/providers/registry.ts'
import { readSettings } from '../../../src/settings.ts'
import { refused, rows } from '../failed-login.ts'
import { stepsThatFail } from './steps-that-fail.ts'

/** What Google has of its own: https://developers.google.com/identity/openid-connect/openid-connect */

interface World extends Running {
  google: FakeOidc
  login: (start?: string) => Promise<BrowserResponse>
}

async function world (t: Test, environment: (google: FakeOidc) => Record<string, string> = () => ({})): Promise<World> {
  const google = await startFakeOidc()
  t.teardown(() => google.close())
  const running = await setup(t, { ...google.googleSettings(), ...environment(google) })
  return { ...running, google, login: (start = '/login/google') => createBrowser(running.url).login(start) }
}

let count = 0
const somebody = (rest: Claims = {}) => ({
  sub: `10${++count}`,
  email: `person-${count}@corp.example`,
  email_verified: true,
  ...rest
})

t.test('GOOGLE_HOSTED_DOMAIN lets in people of one Workspace domain', async (t) => {
  const { url, sql, google, login } = await world(t, () => ({
    GOOGLE_HOSTED_DOMAIN: 'Corp.example',
    ALLOWED_ORIGINS: 'http://localhost:5173'
  }))
  const authorization = new URL(await createBrowser(url).start('/login/google'))
  t.equal(authorization.searchParams.get('hd'), 'corp.example', 'and asks for it')

  google.person(somebody({ hd: 'corp.example' }))
  t.equal((await login()).status, 200)
  const before = await rows(sql)
  for (const hd of [
    undefined,
    '',
    'other.example',
    'corp.example.evil.example',
    'evilcorp.example',
    ['corp.example'],
    { 0: 'corp.example' },
    true,
    null
  ]) {
    await t.test(`not those of ${JSON.stringify(hd)}, whatever their address`, async (t) => {
      google.person(somebody({ hd }))
      refused(t, await login(), 403, 'access_denied', /^Only people of corp\.example may sign in with Google here\.$/)
    })
  }
  await t.test('nor by a claim of the user info, which is not signed', async (t) => {
    google.person(somebody())
    google.userinfo({ hd: 'corp.example' })
    refused(t, await login(), 403, 'access_denied', /corp\.example/)
    google.userinfo({})
  })
  const returned = await login('/login/google?return_to=http%3A%2F%2Flocalhost%3A5173%2F')
  t.match(
    [returned.status, returned.location],
    [302, /^http:\/\/localhost:5173\/\?error=access_denied&/],
    'and the app hears of it'
  )
  t.same(await rows(sql), before)
})

t.test('without it everyone may sign in, and nothing is requested that is not needed', async (t) => {
  const { url, google, login } = await world(t)
  const { searchParams } = new URL(await createBrowser(url).start('/login/google'))
  t.same(
    ['hd', 'access_type', 'prompt'].map((name) => searchParams.has(name)),
    [false, false, false]
  )
  google.person(somebody({ hd: 'any.example' }))
  t.equal((await login()).status, 200)
})

t.test('GOOGLE_ACCESS_TYPE=offline asks for a refresh token, each time', async (t) => {
  const { url } = await world(t, () => ({ GOOGLE_ACCESS_TYPE: 'offline' }))
  const { searchParams } = new URL(await createBrowser(url).start('/login/google'))
  t.same(
    ['access_type', 'prompt'].map((name) => searchParams.getAll(name)),
    [['offline'], ['consent']]
  )
  const online = await world(t, () => ({ GOOGLE_ACCESS_TYPE: 'online' }))
  t.notOk(new URL(await createBrowser(online.url).start('/login/google')).searchParams.has('access_type'))
})

t.test('scopes without openid: it is added, for without it there is no ID token', async (t) => {
  const { url, login } = await world(t, () => ({ GOOGLE_SCOPE: 'email profile' }))
  t.equal(new URL(await createBrowser(url).start('/login/google')).searchParams.get('scope'), 'openid email profile')
  t.equal((await login()).status, 200)
})

t.test("the issuer's two names", async (t) => {
  const { google, sql, login } = await world(t, ({ url, paths }) => ({
    GOOGLE_ISSUER: '',
    GOOGLE_AUTHORIZATION_URL: url + paths.authorize,
    GOOGLE_TOKEN_URL: url + paths.token,
    GOOGLE_JWKS_URL: url + paths.jwks
  }))
  google.person(somebody({ sub: '42' }))
  for (const iss of ['https://accounts.google.com', 'accounts.google.com']) {
    google.idToken({ claims: { iss } })
    t.equal((await login()).status, 200, iss)
  }
  t.same(
    (await sql.query('SELECT issuer, subject FROM accounts')).rows,
    [{ issuer: 'https://accounts.google.com', subject: '42' }],
    'are one account'
  )
  for (const iss of [
    'http://accounts.google.com',
    'https://accounts.google.com/',
    'accounts.google.com.evil.example',
    'Accounts.Google.com',
    google.issuer
  ]) {
    google.idToken({ claims: { iss } })
    refused(t, await login(), 502, 'invalid_id_token', /iss/)
  }
  t.same([google.calls(google.paths.discovery), google.calls(google.paths.userinfo)], [[], []])

  const other = await world(t)
  other.google.idToken({ claims: { iss: 'accounts.google.com' } })
  refused(t, await other.login(), 502, 'invalid_id_token', /iss/)
})

t.test('email_verified counts as a boolean true and nothing else', async (t) => {
  const { google, login } = await world(t)
  for (const word of [true, false, 'true', 'false', 1, '1', null, undefined, [true]]) {
    const person = somebody({ email_verified: word })
    google.person(person)
    const { user } = (await login()).json()
    t.same([user.email, user.emailVerified], word === true ? [person.email, true] : [null, false], JSON.stringify(word))
  }
})

t.test("an app on the phone brings an ID token of Google's own making", async (t) => {
  const google = await startFakeOidc()
  t.teardown(() => google.close())
  const ANDROID = 'the-android-app'
  const IOS = 'the-ios-app'
  const made = (environment: Record<string, string> = {}) =>
    createProviders(
      readSettings({ ...google.googleSettings(), GOOGLE_NATIVE_CLIENT_IDS: `${ANDROID}, ${IOS}`, ...environment })
        .providers
    ).get('google') as Provider
  const one = made()
  const native = async (idToken: string, nonce?: string, by: Provider = one) =>
    (await by.identifyNative?.(idToken, nonce))?.profile
  const NONCE = 'n-0S6_WzA2Mj'
  const hashed = createHash('sha256').update(NONCE).digest('hex')
  const now = Math.floor(Date.now() / 1000)

  const accepted: [string, Claims, string | undefined][] = [
    ['for the web client, asked for by the Android app', { aud: google.clientId, azp: ANDROID }, undefined],
    ['for the web client, asked for by nobody in particular', { aud: google.clientId }, undefined],
    ['for the iOS app itself', { aud: IOS, azp: IOS }, undefined],
    ['with the nonce', { azp: ANDROID, nonce: NONCE }, NONCE],
    ['with the SHA-256 of the nonce, in hex', { azp: ANDROID, nonce: hashed }, NONCE],
    ['fifty minutes old', { azp: ANDROID, iat: now - 3000, exp: now + 600 }, undefined]
  ]
  for (const [name, claims, nonce] of accepted) {
    await t.test(`accepted: ${name}`, async (t) => {
      t.match(await native(await idTokenOf(google, { claims }), nonce), {
        provider: 'google',
        issuer: google.issuer,
        subject: '248289761001',
        emailVerified: true,
        scope: ''
      })
    })
  }

  const refusals: [string, IdTokenScript, string | undefined, RegExp][] = [
    ['for another app', { claims: { aud: 'another-app' } }, undefined, /aud/],
    ['for us and another app', { claims: { aud: [ANDROID, 'another-app'], azp: undefined } }, undefined, /aud/],
    ['asked for by another app', { claims: { azp: 'another-app' } }, undefined, /azp/],
    ['asked for by a list', { claims: { azp: [ANDROID] } }, undefined, /azp/],
    ['with a nonce that the app does not name', { claims: { nonce: NONCE } }, undefined, /nonce/],
    ['without the nonce that the app names', { claims: { nonce: undefined } }, NONCE, /nonce/],
    ['with another nonce', { claims: { nonce: 'another' } }, NONCE, /nonce/],
    [
      'with the hash of another nonce',
      { claims: { nonce: createHash('sha256').update('another').digest('hex') } },
      NONCE,
      /nonce/
    ],
    ['with the nonce, where the app names its hash', { claims: { nonce: NONCE } }, hashed, /nonce/],
    ['with an empty nonce', { claims: { nonce: '' } }, undefined, /nonce/],
    ['that has expired', { claims: { exp: now - 90 } }, undefined, /expired/],
    ['made more than an hour ago', { claims: { iat: now - 3700, exp: now + 3600 } }, undefined, /expired/],
    ['of another issuer', { claims: { iss: 'https://evil.example' } }, undefined, /iss/],
    [
      'of the other spelling, where Google is not at Google',
      { claims: { iss: 'accounts.google.com' } },
      undefined,
      /iss/
    ],
    ['without sub', { claims: { sub: undefined } }, undefined, /sub/],
    ['alg none', { sign: 'none' }, undefined, /algorithm/],
    ['HS256, keyed with the client secret', { sign: 'hs256-with-secret' }, undefined, /algorithm/],
    ['HS256, keyed with the public key', { sign: 'hs256-with-public-key' }, undefined, /algorithm/],
    [
      'of a key that it brings along',
      { sign: 'wrong-key', header: { jwk: await google.strangerJwk() } },
      undefined,
      /signature/
    ]
  ]
  for (const [name, script, nonce, reason] of refusals) {
    await t.test(`refused: ${name}`, async (t) => {
      const claims = { azp: ANDROID, canary: 'canary', ...script.claims }
      await t.rejects(native(await idTokenOf(google, { ...script, claims }), nonce), {
        code: 'invalid_id_token',
        message: reason
      })
    })
  }
  for (const rubbish of ['', 'canary', 'canary.canary.canary', '{}']) {
    await t.rejects(native(rubbish), { code: 'invalid_id_token', message: /malformed/ })
  }

  await t.test("the Android app's id is no audience at the callback", async (t) => {
    const { google: web, login } = await world(t, () => ({ GOOGLE_NATIVE_CLIENT_IDS: ANDROID }))
    for (const claims of [{ aud: ANDROID }, { azp: ANDROID }]) {
      web.idToken({ claims })
      refused(t, await login(), 502, 'invalid_id_token', /aud|azp/)
    }
  })

  await t.test('nor anything but the client itself where none is listed', async (t) => {
    const alone = made({ GOOGLE_NATIVE_CLIENT_IDS: '' })
    t.match(await native(await idTokenOf(google, {}), undefined, alone), { provider: 'google' })
    await t.rejects(native(await idTokenOf(google, { claims: { azp: ANDROID } }), undefined, alone), {
      code: 'invalid_id_token'
    })
    await t.rejects(native(await idTokenOf(google, { claims: { aud: '' } }), undefined, alone), {
      code: 'invalid_id_token'
    })
  })

  await t.test('the hosted domain holds here too', async (t) => {
    const hosted = made({ GOOGLE_HOSTED_DOMAIN: 'corp.example' })
    t.match(await native(await idTokenOf(google, { claims: { hd: 'corp.example' } }), undefined, hosted), {
      provider: 'google'
    })
    await t.rejects(native(await idTokenOf(google, {}), undefined, hosted), { code: 'access_denied' })
  })

  await t.test("keys that cannot be had are the provider's failure", async (t) => {
    const fresh = made()
    const idToken = await idTokenOf(google, {})
    google.fault(google.paths.jwks, { kind: 'status', status: 500 })
    await t.rejects(native(idToken, undefined, fresh), {
      code: 'provider_error',
      message: /^Google: the keys failed: /
    })
    google.heal()
    t.match(await native(idToken, undefined, fresh), { provider: 'google' })
  })
})

/** An ID token as Google's SDK hands it to an app: past Signet, and without a nonce unless the script has one. */
async function idTokenOf (google: FakeOidc, script: IdTokenScript): Promise<string> {
  const redirectUri = 'http://localhost/app'
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: google.clientId,
    redirect_uri: redirectUri,
    scope: 'openid email'
  })
  const authorized = await fetch(`${google.url}${google.paths.authorize}?${query}`, { redirect: 'manual' })
  const code = new URL(authorized.headers.get('location') ?? '').searchParams.get('code') ?? ''
  google.idToken(script)
  const form = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    client_id: google.clientId,
    client_secret: google.clientSecret
  }
  const answer = await fetch(google.url + google.paths.token, { method: 'POST', body: new URLSearchParams(form) })
  google.idToken({})
  return ((await answer.json()) as { id_token: string }).id_token
}

t.test('what goes wrong', async (t) => {
  const running = await world(t)
  const { url, sql, google, login } = running
  await t.test('at each step', (t) =>
    stepsThatFail(t, {
      id: 'google',
      name: 'Google',
      fake: google,
      login: (browser) => browser.login('/login/google'),
      running
    })
  )
  const before = await rows(sql)

  await t.test('the person says no', async (t) => {
    google.deny()
    refused(t, await login(), 403, 'access_denied', /declined/)
    google.allow()
  })

  await t.test('a wrong code', async (t) => {
    const browser = createBrowser(url)
    const callback = new URL(await browser.authorize(await browser.start('/login/google')))
    callback.searchParams.set('code', 'another')
    refused(t, await browser.callback(callback.href), 502, 'provider_error', /^Google: the token exchange failed: /)
  })

  await t.test('a profile without a subject fails', async (t) => {
    for (const sub of [undefined, null, '', 0, '0', {}, []]) {
      google.idToken({ claims: { sub } })
      google.userinfo({ sub })
      refused(t, await login(), 502, 'invalid_id_token', /^Google: the ID token/)
    }
  })
  t.same(await rows(sql), before)
})
