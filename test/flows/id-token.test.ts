import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { createBrowser, type BrowserResponse } from '../fakes/browser.ts'
import { GITHUB_PATHS, startFakeGitHub } from '../fakes/github.ts'
import type { IdTokenScript } from '../fakes/oidc-id-token.ts'
import { startFakeOidc, type FakeOidc } from '../fakes/oidc.ts'
import { idTokenFrom } from '../fakes/oidc-app.ts'
import { setup, type Running } from '../helper.ts'
import { grid, slow } from '../slow.ts'
import { rows } from './failed-login.ts'

/**
 * ID tokens, in whole logins (SEC-14, SEC-15, SEC-18 to SEC-26). Names that start with oidcc-client-test are those of
 * the OpenID Foundation's conformance suite for relying parties:
 * https://gitlab.com/openid/conformance-suite/-/tree/master/src/main/java/net/openid/conformance/openid/client
 */

interface World<Id extends string> extends Running {
  issuers: Record<Id, FakeOidc>
}

/** Signet with one issuer a name, each of its own keys. */
async function world<Id extends string> (t: Test, ...ids: Id[]): Promise<World<Id>> {
  const fakes = await Promise.all(ids.map(async (id) => [id, await startFakeOidc()] as const))
  t.teardown(() => Promise.all(fakes.map(([, fake]) => fake.close())))
  const settings = Object.assign({}, ...fakes.map(([id, fake]) => fake.settings(id)), { OIDC_PROVIDERS: ids.join() })
  return { ...(await setup(t, settings)), issuers: Object.fromEntries(fakes) as Record<Id, FakeOidc> }
}

const fetches = (fake: FakeOidc) => fake.calls(fake.paths.jwks).length
const exchanges = (fake: FakeOidc) => fake.calls(fake.paths.token).length

/** A failed login: the status and code of the contract, and a detail that names the provider and the reason. */
function refused (t: Test, response: BrowserResponse, code: string, detail: RegExp, status = 502): void {
  const problem = response.json()
  t.same([response.status, problem.code], [status, code])
  t.match(problem.detail, detail)
  t.match(response.headers.get('content-type'), /^application\/problem\+json/)
}

t.test('claims, algorithms and signatures', async (t) => {
  const { url, sql, issuers: { acme } } = await world(t, 'acme')
  const now = Math.floor(Date.now() / 1000)
  const week = 7 * 24 * 60 * 60

  const refusals: [string, IdTokenScript, RegExp][] = [
    ['oidcc-client-test-invalid-iss', { claims: { iss: 'https://evil.example' } }, /iss/],
    ['the issuer with a slash behind it', { claims: { iss: `${acme.issuer}/` } }, /iss/],
    ['the issuer in a list', { claims: { iss: [acme.issuer] } }, /iss/],
    ['no iss', { claims: { iss: undefined } }, /iss/],
    ['oidcc-client-test-missing-sub', { claims: { sub: undefined } }, /sub/],
    ['oidcc-client-test-invalid-aud', { claims: { aud: 'somebody-else' } }, /aud/],
    ['an aud that only begins like ours', { claims: { aud: `${acme.clientId}-2` } }, /aud/],
    ['an empty aud', { claims: { aud: [] } }, /aud/],
    ['oidcc-client-test-missing-aud', { claims: { aud: undefined } }, /aud/],
    ['oidcc-client-test-invalid-secondary-aud', { claims: { aud: [acme.clientId, 'somebody-else'] } }, /aud/],
    [
      'a secondary aud, with an azp that is another client',
      { claims: { aud: [acme.clientId, 'somebody-else'], azp: 'somebody-else' } },
      /azp/
    ],
    ['an azp that is another client', { claims: { azp: 'somebody-else' } }, /azp/],
    ['an azp that is no text', { claims: { azp: [acme.clientId] } }, /azp/],
    ['oidcc-client-test-missing-iat', { claims: { iat: undefined } }, /iat/],
    ['oidcc-client-test-iat-is-week-in-past', { claims: { iat: now - week, exp: now + week } }, /expired/],
    ['an iat six minutes ahead', { claims: { iat: now + 360 } }, /iat/],
    ['an iat that is text', { claims: { iat: String(now) } }, /iat/],
    ['oidcc-client-test-invalid-missing-exp', { claims: { exp: undefined } }, /exp/],
    ['oidcc-client-test-invalid-expired-exp', { claims: { exp: now - 90 } }, /expired/],
    ['an exp that is text', { claims: { exp: String(now + 3600) } }, /exp/],
    ['an exp that is null', { claims: { exp: null } }, /exp/],
    ['an nbf six minutes ahead', { claims: { nbf: now + 360 } }, /nbf/],
    ['oidcc-client-test-nonce-invalid', { claims: { nonce: 'not-the-one-that-was-sent' } }, /nonce/],
    ['oidcc-client-test-invalid-missing-nonce', { claims: { nonce: undefined } }, /nonce/],
    ['an empty nonce', { claims: { nonce: '' } }, /nonce/],
    ['oidcc-client-test-idtoken-sig-none', { sign: 'none' }, /algorithm/],
    ['alg None', { sign: 'none', header: { alg: 'None' } }, /algorithm/],
    ['alg NONE', { sign: 'none', header: { alg: 'NONE' } }, /algorithm/],
    ['alg none over a right signature', { header: { alg: 'none' } }, /algorithm/],
    ['oidcc-client-test-invalid-sig-rs256', { sign: 'corrupt', algorithm: 'RS256' }, /signature/],
    ['oidcc-client-test-invalid-sig-es256', { sign: 'corrupt', algorithm: 'ES256' }, /signature/],
    ["an RS256 key that is not the issuer's, under its kid", { sign: 'wrong-key', algorithm: 'RS256' }, /signature/],
    ["an ES256 key that is not the issuer's, under its kid", { sign: 'wrong-key', algorithm: 'ES256' }, /signature/],
    ['oidcc-client-test-invalid-sig-hs256, keyed with the client secret', { sign: 'hs256-with-secret' }, /algorithm/],
    ['oidcc-client-test-invalid-sig-hs256, keyed with the public key', { sign: 'hs256-with-public-key' }, /algorithm/],
    ['oidcc-client-test-invalid-alternate-alg: RS512 by a key that is for RS256', { algorithm: 'RS512' }, /key/],
    ['PS256 by a key that is for RS256', { algorithm: 'PS256' }, /key/],
    ['ES256 in the header over an RS256 signature', { header: { alg: 'ES256' } }, /key/],
    ['alg in lower case', { header: { alg: 'rs256' } }, /algorithm/],
    ['an unknown alg', { header: { alg: 'RS257' } }, /algorithm/],
    ['oidcc-client-test-invalid-null-alg', { header: { alg: null } }, /malformed/],
    ['no alg', { header: { alg: undefined } }, /malformed/],
    [
      'an unknown crit',
      { header: { crit: ['https://evil.example/ext'], 'https://evil.example/ext': true } },
      /malformed/
    ],
    ['a crit that names nothing', { header: { crit: [] } }, /malformed/],
    ['a crit that names alg', { header: { crit: ['alg'] } }, /malformed/],
    ['an unencoded payload (b64)', { header: { crit: ['b64'], b64: false } }, /malformed/],
    ['no JWT at all', { raw: 'canary' }, /malformed/],
    ['empty text', { raw: '' }, /malformed/],
    ['three parts of rubbish', { raw: 'canary.canary.canary' }, /malformed/],
    [
      'an encrypted one, of five parts',
      { raw: 'eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.canary.canary.canary.canary' },
      /malformed/
    ]
  ]
  for (const [name, script, reason] of grid(refusals, ([, , reason]) => reason.source)) {
    await t.test(name, async (t) => {
      const before = await rows(sql)
      acme.idToken({ ...script, claims: { canary: 'canary', ...script.claims } })
      const response = await createBrowser(url).login('/login/acme')
      refused(t, response, 'invalid_id_token', /^acme: the ID token does not verify: /)
      t.match(response.json().detail, reason)
      t.notMatch(response.text, /canary|evil|somebody-else/, 'nothing of the token comes back')
      t.same(await rows(sql), before)
    })
  }

  const absent: [string, IdTokenScript][] = [
    ['no id_token in the answer', { omit: true }],
    ['a list for an id_token', { raw: ['a.b.c'] }],
    ['a number for an id_token', { raw: 42 }],
    ['an object for an id_token', { raw: { canary: 1 } }],
    ['null for an id_token', { raw: null }],
    ['true for an id_token', { raw: true }]
  ]
  for (const [name, script] of grid(absent, () => 'absent')) {
    await t.test(name, async (t) => {
      acme.idToken(script)
      const before = await rows(sql)
      refused(
        t,
        await createBrowser(url).login('/login/acme'),
        'provider_error',
        /^acme: the token exchange failed: .*id_token/
      )
      t.same(await rows(sql), before)
    })
  }
  t.same(await rows(sql), [0, 0, 0], 'no user, no account, no session of any of these')

  const accepted: [string, IdTokenScript][] = [
    ['a right one', {}],
    ['ES256', { sign: 'es256' }],
    ['an aud in a list of its own, with our azp', { claims: { aud: [acme.clientId], azp: acme.clientId } }],
    ['one that expired half a minute ago: clocks differ', { claims: { exp: now - 30 } }],
    ['an iat half a minute ahead', { claims: { iat: now + 30, nbf: now + 30 } }]
  ]
  for (const [name, script] of accepted) {
    await t.test(`accepted: ${name}`, async (t) => {
      acme.idToken(script)
      t.equal((await createBrowser(url).login('/login/acme')).status, 200)
    })
  }
  t.same(await rows(sql), [1, 1, accepted.length], 'one user, whose sub never changed')
  t.same(acme.unexpected(), [])
})

slow.test('headers that name a key are ignored, and their URLs are not fetched', async (t) => {
  const { url, sql, issuers: { acme } } = await world(t, 'acme')
  const headers = {
    jku: { jku: acme.strangerJwksUri },
    x5u: { x5u: acme.strangerJwksUri },
    jwk: { jwk: await acme.strangerJwk() },
    'all of them': {
      jku: acme.strangerJwksUri,
      x5u: acme.strangerJwksUri,
      jwk: await acme.strangerJwk(),
      x5c: ['MIIB']
    }
  }
  for (const [name, header] of Object.entries(headers)) {
    await t.test(`${name}, signed with the key it names`, async (t) => {
      acme.idToken({ sign: 'wrong-key', header })
      refused(t, await createBrowser(url).login('/login/acme'), 'invalid_id_token', /signature/)
      acme.idToken({ sign: 'wrong-key', header: { ...header, kid: 'stranger' } })
      refused(t, await createBrowser(url).login('/login/acme'), 'invalid_id_token', /unknown key/)
      acme.idToken({ sign: 'wrong-key', header: { ...header, kid: undefined } })
      refused(t, await createBrowser(url).login('/login/acme'), 'invalid_id_token', /signature/)
    })
  }
  t.same(await rows(sql), [0, 0, 0])
  acme.idToken({ header: headers.jku })
  t.equal((await createBrowser(url).login('/login/acme')).status, 200, 'beside a right signature they do no harm')
  t.same(acme.calls('/stranger/jwks'), [])
  t.same(acme.unexpected(), [])
})

slow.test('keys', async (t) => {
  const { url, sql, issuers } = await world(
    t,
    'single',
    'several',
    'duplicate',
    'nameless',
    'unparseable',
    'rotating',
    'just-before',
    'crowd',
    'random'
  )
  const login = async (id: keyof typeof issuers) => await createBrowser(url).login(`/login/${id}`)

  await t.test('oidcc-client-test-kid-absent-single-jwks', async (t) => {
    const { single } = issuers
    await single.jwks({ kids: 'absent', algorithms: ['RS256'] })
    t.equal((await login('single')).status, 200)
    single.idToken({ sign: 'wrong-key' })
    refused(t, await login('single'), 'invalid_id_token', /signature/)
  })

  await t.test('oidcc-client-test-kid-absent-multiple-jwks', async (t) => {
    const { several } = issuers
    await several.jwks({ kids: 'absent', spareKeys: 2 })
    t.equal((await login('several')).status, 200)
    several.idToken({ sign: 'corrupt' })
    refused(t, await login('several'), 'invalid_id_token', /signature/)
    several.idToken({ claims: { aud: 'somebody-else' } })
    refused(t, await login('several'), 'invalid_id_token', /aud/)
  })

  await t.test('several keys under one kid', async (t) => {
    const { duplicate } = issuers
    await duplicate.jwks({ kids: 'duplicate', spareKeys: 2 })
    t.equal((await login('duplicate')).status, 200)
    duplicate.idToken({ sign: 'wrong-key' })
    refused(t, await login('duplicate'), 'invalid_id_token', /signature/)
  })

  await t.test("keys that do not say their algorithm, as Microsoft's", async (t) => {
    const { nameless } = issuers
    await nameless.jwks({ alg: false })
    t.equal((await login('nameless')).status, 200)
    nameless.idToken({ sign: 'hs256-with-public-key' })
    refused(t, await login('nameless'), 'invalid_id_token', /algorithm/)
  })

  await t.test('OIDCCClientTestIgnoresUnparseableKeyInJwks', async (t) => {
    const { unparseable } = issuers
    const broken = [
      { kty: 'RSA' },
      { kty: 'RSA', kid: 'broken', alg: 'RS256', use: 'sig', n: '!', e: '' },
      { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'off-curve' },
      {}
    ]
    await unparseable.jwks({ unusableKeys: true, extra: broken })
    t.equal((await login('unparseable')).status, 200)
    unparseable.idToken({ header: { kid: undefined } })
    t.equal((await login('unparseable')).status, 200, 'nor when each key has to be tried')
  })

  const now = Date.now
  const rotatedAt = now()
  t.afterEach(() => {
    Date.now = now
  })

  await t.test('oidcc-client-test-signing-key-rotation: a login, a rotation, and a login at once', async (t) => {
    const { rotating } = issuers
    Date.now = () => rotatedAt
    t.equal((await login('rotating')).status, 200)
    await rotating.rotateKeys()
    t.equal((await login('rotating')).status, 200)
    t.equal(fetches(rotating), 2)
    t.equal((await login('rotating')).status, 200)
    t.equal(fetches(rotating), 2, 'the new keys are kept')
  })

  await t.test('a second rotation within the cool-down of ten seconds is seen after it', async (t) => {
    const { rotating } = issuers
    await rotating.rotateKeys()
    const before = await rows(sql)
    Date.now = () => rotatedAt + 9_999
    refused(t, await login('rotating'), 'invalid_id_token', /unknown key/)
    t.same(await rows(sql), before)
    t.equal(fetches(rotating), 2, 'no fetch in the cool-down')
    Date.now = () => rotatedAt + 11_000
    t.equal((await login('rotating')).status, 200)
    t.equal(fetches(rotating), 3)
  })

  await t.test('a key set is kept for ten minutes', async (t) => {
    const { rotating } = issuers
    const fetchedAt = rotatedAt + 11_000
    // jose compares these with a clock that is not set forward.
    const seconds = Math.floor(now() / 1000)
    rotating.idToken({ claims: { iat: seconds, exp: seconds + 3600 } })
    Date.now = () => fetchedAt + 595_000
    t.equal((await login('rotating')).status, 200)
    t.equal(fetches(rotating), 3)
    Date.now = () => fetchedAt + 605_000
    t.equal((await login('rotating')).status, 200)
    t.equal(fetches(rotating), 4)
  })

  await t.test('oidcc-client-test-signing-key-rotation-just-before-signing', async (t) => {
    const fake = issuers['just-before']
    t.equal((await login('just-before')).status, 200)
    const browser = createBrowser(url)
    const callback = await browser.authorize(await browser.start('/login/just-before'))
    await fake.rotateKeys({ keepOld: true })
    t.equal((await browser.callback(callback)).status, 200)
    t.equal(fetches(fake), 2)
  })

  await t.test('twenty logins at once after a rotation share one fetch', async (t) => {
    const { crowd } = issuers
    t.equal((await login('crowd')).status, 200)
    await crowd.rotateKeys()
    crowd.fault(crowd.paths.jwks, { kind: 'delay', ms: 300 })
    const answers = await Promise.all(Array.from({ length: 20 }, async () => (await login('crowd')).status))
    t.same([...new Set(answers)], [200])
    t.equal(fetches(crowd), 2)
  })

  await t.test('thirty tokens with a random kid cause one fetch, and right tokens go on', async (t) => {
    const { random } = issuers
    t.equal((await login('random')).status, 200)
    // However long the thirty take, they are within one cool-down of ten seconds.
    const started = now()
    Date.now = () => started
    const before = await rows(sql)
    random.idToken({ header: { kid: randomUUID() } })
    const attempt = async () => {
      random.idToken({ header: { kid: randomUUID() } })
      return (await login('random')).json().code
    }
    const codes = []
    for (let round = 0; round < 20; round++) codes.push(await attempt())
    codes.push(...(await Promise.all(Array.from({ length: 10 }, attempt))))
    t.same([...new Set(codes)], ['invalid_id_token'])
    t.equal(fetches(random), 2)
    t.same(await rows(sql), before)
    random.idToken({})
    t.equal((await login('random')).status, 200)
    Date.now = () => started + 11_000
    t.equal(await attempt(), 'invalid_id_token')
    t.equal(fetches(random), 3, 'and after it one more')
  })

  for (const [id, fake] of Object.entries(issuers)) t.same(fake.unexpected(), [], id)
})

t.test('a token for another client', async (t) => {
  const { url, sql, issuers: { acme, evil } } = await world(t, 'acme', 'evil')
  const begin = async () => {
    const browser = createBrowser(url)
    const authorization = await browser.start('/login/acme')
    return { browser, authorization, nonce: new URL(authorization).searchParams.get('nonce') ?? '' }
  }

  await t.test("another issuer's well-formed token for our client id and nonce (CVE-2026-31813)", async (t) => {
    for (const [name, script, reason] of [
      ['as it is', {}, /unknown key/],
      ['that claims to be ours', { claims: { iss: acme.issuer } }, /unknown key/],
      ['without a kid', { claims: { iss: acme.issuer }, header: { kid: undefined } }, /signature/]
    ] as [string, IdTokenScript, RegExp][]) {
      const { browser, authorization, nonce } = await begin()
      evil.idToken(script)
      acme.idToken({ raw: await idTokenFrom(evil, nonce) })
      refused(t, await browser.callback(await browser.authorize(authorization)), 'invalid_id_token', reason)
      t.same(await rows(sql), [0, 0, 0], name)
    }
  })

  await t.test('an ID token that is used a second time does not have the nonce of the second login', async (t) => {
    const { browser, authorization, nonce } = await begin()
    acme.idToken({})
    acme.idToken({ raw: await idTokenFrom(acme, nonce) })
    t.equal((await browser.callback(await browser.authorize(authorization))).status, 200)
    const before = await rows(sql)
    refused(t, await createBrowser(url).login('/login/acme'), 'invalid_id_token', /nonce/)
    t.same(await rows(sql), before)
    acme.idToken({})
  })

  await t.test('every login has a nonce of its own', async (t) => {
    const nonces = await Promise.all(Array.from({ length: 10 }, async () => (await begin()).nonce))
    t.equal(new Set(nonces).size, 10)
    t.ok(nonces.every((nonce) => /^[\w-]{43}$/.test(nonce)))
  })
})

t.test('userinfo and discovery', async (t) => {
  const { url, sql, issuers: { acme, bare, misnamed } } = await world(t, 'acme', 'bare', 'misnamed', 'good')
  const login = async (id: string) => await createBrowser(url).login(`/login/${id}`)

  for (const [name, overrides] of [
    ['oidcc-client-test-invalid-sub-in-userinfo-response', { sub: 'somebody-else' }],
    ['userinfo without sub', { sub: undefined }],
    ['userinfo whose sub is a number', { sub: 248289761001 }],
    ['userinfo whose sub is a list', { sub: ['248289761001'] }]
  ] as [string, Record<string, unknown>][]) {
    await t.test(name, async (t) => {
      const before = await rows(sql)
      acme.userinfo(overrides)
      refused(t, await login('acme'), 'provider_error', /^acme: the user info failed: .*sub/)
      t.same(await rows(sql), before)
    })
  }

  await t.test('an issuer without userinfo is known by its ID token alone', async (t) => {
    bare.discovery({ userinfo_endpoint: undefined })
    const response = await login('bare')
    t.match(response.json().user.accounts, [{ provider: 'bare', subject: '248289761001', name: 'Jane Doe' }])
    t.equal(bare.calls(bare.paths.userinfo).length, 0)
  })

  await t.test('oidcc-client-test-discovery-issuer-mismatch, while other issuers work', async (t) => {
    const before = await rows(sql)
    for (const issuer of [
      'https://evil.example',
      `${misnamed.issuer}/`,
      misnamed.issuer.toUpperCase(),
      [misnamed.issuer],
      null,
      undefined
    ]) {
      misnamed.discovery({ issuer })
      refused(t, await createBrowser(url).get('/login/misnamed'), 'provider_error', /^misnamed: the discovery failed: /)
    }
    t.same(await rows(sql), before)
    t.equal(exchanges(misnamed), 0)
    t.equal((await login('good')).status, 200)
    misnamed.discovery({})
    t.equal((await login('misnamed')).status, 200, 'and it comes back without a restart')
  })
})

t.test('the issuer that answers must be the one that was asked (RFC 9207)', async (t) => {
  const github = await startFakeGitHub()
  const [sends, other, silent] = await Promise.all([
    startFakeOidc(),
    startFakeOidc({ issuerPath: '/realms/other' }),
    startFakeOidc()
  ])
  t.teardown(() => Promise.all([github, sends, other, silent].map((fake) => fake.close())))
  const settings = {
    ...github.settings,
    ...sends.settings('sends'),
    ...other.settings('other'),
    ...silent.settings('silent')
  }
  const { url, sql } = await setup(t, { ...settings, OIDC_PROVIDERS: 'sends,other,silent' })
  sends.sendIss()
  other.sendIss()
  const noExchange = (t: Test) => {
    t.equal(
      exchanges(sends) + exchanges(other) + exchanges(silent) + github.calls(GITHUB_PATHS.token).length,
      0,
      'no exchange'
    )
  }
  const login = async (id: string) => await createBrowser(url).login(`/login/${id}`)

  await t.test('the error of another issuer does not count either', async (t) => {
    for (const [id, fake] of [
      ['sends', sends],
      ['silent', silent]
    ] as const) {
      fake.deny()
      fake.response({ iss: other.issuer })
      refused(
        t,
        await login(id),
        'provider_error',
        new RegExp(`^${id}: the authorization response failed: iss names another issuer`)
      )
      fake.allow()
      fake.response({})
    }
    sends.deny()
    t.match((await login('sends')).json(), { status: 403, code: 'access_denied' }, 'its own does')
    sends.allow()
    const browser = createBrowser(url)
    const callback = new URL(await browser.authorize(await browser.start('/login/github')))
    refused(
      t,
      await browser.callback(`${callback.href}&iss=https://evil.example&error=access_denied`),
      'provider_error',
      /^GitHub: the authorization response failed: iss/
    )
    noExchange(t)
  })

  const wrong: [string, FakeOidc, 'sends' | 'silent', string | undefined][] = [
    ['oidcc-client-test-remove-authorization-response-iss: missing, although advertised', sends, 'sends', undefined],
    ['oidcc-client-test-invalid-authorization-response-iss', sends, 'sends', 'https://evil.example'],
    ['another issuer that is known here', sends, 'sends', other.issuer],
    ['the right one with a slash behind it', sends, 'sends', `${sends.issuer}/`],
    ['wrong, although not advertised', silent, 'silent', 'https://evil.example']
  ]
  for (const [name, fake, id, iss] of wrong) {
    await t.test(`iss ${name}`, async (t) => {
      const before = await rows(sql)
      fake.reset()
      fake.response({ iss })
      refused(t, await login(id), 'provider_error', new RegExp(`^${id}: the authorization response failed: .*iss`))
      noExchange(t)
      t.same(await rows(sql), before)
      fake.response({})
    })
  }

  await t.test('iss twice, or without a value', async (t) => {
    for (const change of [
      (url: URL) => url.searchParams.append('iss', sends.issuer),
      (url: URL) => url.searchParams.set('iss', '')
    ]) {
      const browser = createBrowser(url)
      const callback = new URL(await browser.authorize(await browser.start('/login/sends')))
      change(callback)
      refused(t, await browser.callback(callback.href), 'invalid_request', /iss/, 400)
    }
    noExchange(t)
  })

  // GitHub's issuer, and that of GitHub Enterprise, is not the bare host:
  // https://docs.github.com/en/apps/github-authentication-discovery-endpoints#issuer
  const withIss = (callback: string, iss: string) => {
    const changed = new URL(callback)
    changed.searchParams.set('iss', iss)
    return changed.href
  }
  await t.test('a wrong iss at GitHub', async (t) => {
    for (const iss of [
      'https://evil.example/login/oauth',
      sends.issuer,
      github.url,
      `${github.url}/login/oauth/`,
      `${github.url}/login/oauth/authorize`
    ]) {
      const browser = createBrowser(url)
      const callback = await browser.authorize(await browser.start('/login/github'))
      refused(
        t,
        await browser.callback(withIss(callback, iss)),
        'provider_error',
        /^GitHub: the authorization response failed: /
      )
    }
    noExchange(t)
  })

  await t.test("one issuer's code at another's callback (mix-up)", async (t) => {
    const state = (callback: string) => new URL(callback).searchParams.get('state') ?? ''
    const browser = createBrowser(url)
    const [ours, theirs] = [
      await browser.authorize(await browser.start('/login/sends')),
      await browser.authorize(await browser.start('/login/other'))
    ]
    // The whole answer at the wrong place: the state belongs to another provider.
    refused(t, await browser.callback(ours.replace('/login/sends/', '/login/other/')), 'invalid_state', /./, 400)
    // The code and iss of the one with the state of the other.
    const mixed = new URL(ours)
    mixed.searchParams.set('state', state(theirs))
    refused(
      t,
      await browser.callback(mixed.href.replace('/login/sends/', '/login/other/')),
      'provider_error',
      /^other: the authorization response failed/
    )
    noExchange(t)
    t.same(await rows(sql), [0, 0, 0])
    t.equal((await browser.callback(ours)).status, 200, 'the right answer at the right place still counts')
  })

  await t.test('the right iss, advertised or not, or none where none is promised', async (t) => {
    t.equal((await login('sends')).status, 200)
    t.equal((await login('other')).status, 200, 'with a path')
    t.equal((await login('silent')).status, 200)
    silent.response({ iss: silent.issuer })
    t.equal((await login('silent')).status, 200)
    const browser = createBrowser(url)
    const callback = await browser.authorize(await browser.start('/login/github'))
    t.equal(
      (await browser.callback(withIss(callback, `${github.url}/login/oauth`))).status,
      200,
      'GitHub sends it since August 2026'
    )
    const older = createBrowser(url)
    const without = new URL(await older.authorize(await older.start('/login/github')))
    without.searchParams.delete('iss')
    t.equal((await older.callback(without.href)).status, 200, 'an older GitHub Enterprise does not')
  })
})
