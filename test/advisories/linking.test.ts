import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { CONTOSO, FABRIKAM, startFakeMicrosoft, type MicrosoftPerson } from '../fakes/microsoft.ts'
import { createPkce } from '../fakes/pkce.ts'
import { REDIRECT_URI } from '../flows/setup-with-clients.ts'
import { freePort } from '../free-port.ts'
import { world } from './world.ts'

/**
 * What others got wrong about who somebody is, whose word that is, and which accounts belong together. Each test is
 * named after them.
 */

const microsoft = await startFakeMicrosoft()
t.teardown(() => microsoft.close())
const { url, another, github, acme, umbrella, login, begin, call, token, rows, exchanges } = await world(
  t,
  microsoft.settings('common')
)

let count = 0
/** An address of its own for each case, so that they do not meet. */
const address = () => `person-${++count}@example.com`

const comes = {
  github: async (id: number, email: string | undefined, rest: object = {}) => {
    github.user({
      id,
      login: `person-${id}`,
      emails: email === undefined ? [] : [{ email, primary: true, verified: true, visibility: null }],
      ...rest
    })
    return await login('github')
  },
  acme: async (sub: string, claims: object) => {
    acme.person({ sub, ...claims })
    return await login('acme')
  },
  umbrella: async (sub: string, claims: object) => {
    umbrella.person({ sub, ...claims })
    return await login('umbrella')
  },
  microsoft: async (person: Partial<MicrosoftPerson>) => {
    microsoft.person({ tid: CONTOSO, oid: randomUUID(), ...person })
    return await login('microsoft')
  }
}

/** The code that adds an account, from an authorize call with intent=link. */
async function linkCode (provider = 'acme') {
  const { verifier, challenge } = createPkce()
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: 'spa',
    redirect_uri: REDIRECT_URI,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    provider,
    intent: 'link'
  })
  const back = new URL((await createBrowser(url).login(`/oauth2/authorize?${query}`)).location ?? '')
  return {
    code: back.searchParams.get('code') ?? '',
    code_verifier: verifier,
    redirect_uri: REDIRECT_URI,
    client_id: 'spa'
  }
}

t.test('CVE-2023-3128: who somebody is does not hang on an address', async (t) => {
  const [first, second] = [address(), address()]
  const one = await comes.github(301, first)
  t.equal((await comes.github(301, second)).user.id, one.user.id, 'the same person with another address')
  const other = await comes.umbrella('taker', { email: first, email_verified: true })
  t.not(other.user.id, one.user.id, 'another person with the old address')
  t.not(
    (await comes.umbrella('taker-2', { email: second, email_verified: true })).user.id,
    one.user.id,
    'or the new one'
  )
})

t.test("CVE-2024-21632: nor on one that a tenant's administrator may write at will", async (t) => {
  const email = address()
  const victim = await comes.github(302, email)
  for (const claims of [
    { email },
    { email, preferred_username: email, upn: email },
    { email, email_verified: true },
    { email, xms_edov: false }
  ]) {
    const attacker = await comes.microsoft({ tid: FABRIKAM, ...claims })
    t.not(attacker.user.id, victim.user.id)
    t.same([attacker.user.email, attacker.user.accounts.length], [null, 1])
  }
})

t.test(
  'CVE-2026-41574: an address is verified when the provider says so, as a boolean, and is to be believed',
  async (t) => {
    for (const word of [false, undefined, null, 'false', 'true', 1, 0, [true], {}]) {
      const { user } = await comes.acme(`word-${++count}`, {
        email: address(),
        ...(word === undefined ? {} : { email_verified: word })
      })
      t.same(
        [user.email, user.emailVerified, user.accounts[0]?.emailVerified],
        [null, false, false],
        JSON.stringify(word)
      )
    }
    const { user } = await comes.umbrella(`word-${++count}`, { email: address(), email_verified: true })
    t.same([user.email, user.accounts[0]?.emailVerified], [null, false], 'nobody asked for its word')
    const known = address()
    t.equal((await comes.acme(`word-${++count}`, { email: known, email_verified: true })).user.email, known)
  }
)

t.test(
  'CVE-2026-53516, GHSA-g38m-r43w-p2q7: who came first with an address that is not theirs does not get its owner',
  async (t) => {
    const email = address()
    const attacker = await comes.acme('first', { email, email_verified: false })
    const victim = await comes.github(303, email)
    t.not(victim.user.id, attacker.user.id)
    t.equal(victim.user.email, email)
    t.same((await call('GET', '/me/accounts', attacker.access_token)).body.items.length, 1)
    t.equal((await call('GET', '/me', attacker.access_token)).body.email, null)
  }
)

t.test('CVE-2026-15611: nor is somebody with an address that is not verified joined to who has it', async (t) => {
  const email = address()
  const victim = await comes.github(304, email)
  for (const [provider, claims] of [
    ['acme', { email, email_verified: false }],
    ['umbrella', { email, email_verified: true }],
    ['acme', { email }]
  ] as const) {
    t.not((await comes[provider](`late-${++count}`, claims)).user.id, victim.user.id, provider)
  }
  t.equal((await call('GET', '/me/accounts', victim.access_token)).body.items.length, 1)
})

t.test('CVE-2026-44166: an address that becomes verified brings nobody in who was there before', async (t) => {
  const email = address()
  const attacker = await comes.acme('squatter', { email, email_verified: false })
  const victim = await comes.github(305, email)
  // The owner proves it at the attacker's provider, as a person of their own, and joins their own user.
  t.equal((await comes.acme('owner', { email, email_verified: true })).user.id, victim.user.id)
  t.equal((await comes.acme('squatter', { email, email_verified: false })).user.id, attacker.user.id)
  t.equal((await call('GET', '/me', attacker.access_token)).body.email, null)
  t.same((await call('GET', '/me/accounts', victim.access_token)).body.items.length, 2)
})

t.test(
  'CVE-2026-121939: accounts join when both sides are verified and to be believed; not at all when that is set',
  async (t) => {
    const { app } = await another({ AUTO_LINK: 'never' })
    const email = address()
    const one = await comes.github(306, email)
    const { browser, callback } = await (async () => {
      acme.person({ sub: 'joins', email, email_verified: true })
      return await begin('/login/acme')
    })()
    const apart = await app.inject({
      url: callback.pathname + callback.search,
      headers: {
        cookie: browser.cookieHeader()
      }
    })
    t.equal(apart.statusCode, 200)
    t.not(apart.json().user.id, one.user.id, 'never')
    t.equal((await comes.acme('joins-2', { email, email_verified: true })).user.id, one.user.id, 'verified, by default')
  }
)

t.test('CVE-2026-120263: an account is linked to whoever the token is of, whatever the form says', async (t) => {
  const [one, other] = [await comes.github(307, address()), await comes.github(308, address())]
  acme.person({ sub: 'linked', email: address() })
  for (const name of ['userId', 'user_id', 'uid', 'sub', 'id', 'link_account']) {
    t.match(
      (await call('POST', '/me/accounts', one.access_token, { ...(await linkCode()), [name]: other.user.id })).body,
      { status: 400, code: 'validation_failed' },
      name
    )
  }
  t.equal(
    (
      await call('POST', `/me/accounts?userId=${other.user.id}`, one.access_token, await linkCode(), {
        'x-user-id': other.user.id
      })
    ).status,
    201
  )
  t.equal((await call('GET', '/me/accounts', one.access_token)).body.items.length, 2)
  t.equal((await call('GET', '/me/accounts', other.access_token)).body.items.length, 1)
})

t.test('GHSA-5hvv-9cqv-894r: a profile that names nobody is nobody, and not one user for all', async (t) => {
  const before = [await rows('users'), await rows('sessions')]
  for (const id of [undefined, null, '', 0, '0', 'null', -1, 1.5, {}, [], [1], true, ' ']) {
    github.user({ id, login: 'nobody' })
    const { browser, callback } = await begin()
    t.match((await browser.callback(callback.href)).json(), { status: 502, code: 'provider_error' }, JSON.stringify(id))
  }
  for (const value of [{}, [], null, 'U0', { message: 'boom' }, { data: { id: 1 } }]) {
    const { browser, callback } = await begin()
    github.fault('/api/v3/user', { kind: 'json', value }, { times: 1 })
    t.match(
      (await browser.callback(callback.href)).json(),
      { status: 502, code: 'provider_error' },
      JSON.stringify(value)
    )
  }
  const { browser, callback } = await begin()
  github.fault('/api/v3/user', { kind: 'status', status: 500, body: { id: 1, login: 'boom' } }, { times: 1 })
  t.equal((await browser.callback(callback.href)).status, 502, 'an error with an id')
  t.same([await rows('users'), await rows('sessions')], before)
})

t.test('GHSA-7rqj-j65f-68wh: an address is made plain first and checked then', async (t) => {
  const email = address()
  const victim = await comes.github(309, email)
  for (const trick of [
    email.replace('@', '＠'),
    `attacker@evil.example,${email}`,
    `${email}\u0000@evil.example`,
    `"${email}"@evil.example`,
    `attacker＠evil.example@${email}`,
    `<${email}>`,
    ` ${email}`,
    `${email}\r\nBcc: x@evil.example`,
    `${'x'.repeat(300)}@example.com`
  ]) {
    const { user } = await comes.acme(`trick-${++count}`, { email: trick, email_verified: true })
    t.ok(
      user.email === null || (user.email === email && user.id === victim.user.id) || !user.email.includes(email),
      JSON.stringify(trick)
    )
    t.notMatch(user.email, /[＠\s,<>"\0]/, JSON.stringify(trick))
  }
  const fullWidth = await comes.acme('full-width', {
    email: email.replace('person', 'ｐｅｒｓｏｎ'),
    email_verified: true
  })
  t.not(fullWidth.user.id, victim.user.id, 'another mailbox, another user')
  t.equal(fullWidth.user.email, null)
})

t.test('CVE-2026-31813: the issuer of an ID token is the one of the settings', async (t) => {
  for (const script of [
    { claims: { iss: umbrella.issuer } },
    { claims: { iss: 'https://evil.example' } },
    { claims: { iss: undefined } },
    { sign: 'wrong-key' as const },
    { claims: { iss: umbrella.issuer }, sign: 'wrong-key' as const, header: { jku: acme.strangerJwksUri } }
  ]) {
    acme.idToken(script)
    const { browser, callback } = await begin('/login/acme')
    t.match(
      (await browser.callback(callback.href)).json(),
      { status: 502, code: 'invalid_id_token' },
      JSON.stringify(script)
    )
  }
  acme.idToken({})
  // The same by the apps' way in, where a client brings the token and could bring the issuer's name.
  const foreign = await (async () => {
    const { browser, callback } = await begin('/login/umbrella')
    return { browser, callback }
  })()
  t.equal((await foreign.browser.callback(foreign.callback.href)).status, 200)
  const self = Buffer.from(
    JSON.stringify({ iss: 'https://evil.example', aud: acme.clientId, sub: 'victim', exp: 9_999_999_999, iat: 1 })
  ).toString('base64url')
  const native = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    client_id: 'signet',
    provider: 'acme',
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    subject_token: `${btoa('{"alg":"RS256"}')}.${self}.AA`,
    issuer: 'https://evil.example',
    iss: 'https://evil.example'
  }
  t.equal((await token(native)).body.error, 'invalid_grant')
  t.same(acme.calls('/stranger/jwks'), [], 'and nobody asked for its keys')
})

t.test(
  'CVE-2026-53513: nobody tells Signet of an issuer by a request, and an issuer sends it to no inner address',
  async (t) => {
    const target = 'http://169.254.169.254/'
    const before = acme.calls(acme.paths.discovery).length
    for (const path of [
      `/login/acme?issuer=${target}&iss=${target}&discovery=${target}&domain=evil.example`,
      `/login/${encodeURIComponent(target)}`,
      `/oauth2/authorize?issuer=${target}`,
      `/login?issuer=${target}`
    ]) {
      const { status, headers } = await call('GET', path)
      t.ok(status < 500)
      t.notMatch(headers.get('location'), /169\.254|evil/, path)
    }
    for (const path of ['/sso/register', '/admin/providers', '/admin/sso', '/register', '/oauth2/register']) {
      t.equal((await call('POST', path, undefined, { issuer: target })).status, 404, path)
    }
    t.equal(acme.calls(acme.paths.discovery).length, before)
    umbrella.discovery({ token_endpoint: `${target}token`, jwks_uri: `${target}jwks` })
    const { app } = await another()
    t.equal((await app.inject('/login/umbrella')).statusCode, 502)
    umbrella.discovery({})
  }
)

t.test('CVE-2025-61928: nobody acts as another by naming them', async (t) => {
  const [one, other] = [await comes.github(310, address()), await comes.github(311, address())]
  for (const [method, path, body] of [
    ['PATCH', '/me', { name: 'x', userId: one.user.id }],
    ['DELETE', `/me?userId=${one.user.id}`],
    ['GET', `/me/export?userId=${one.user.id}`],
    ['POST', '/me/accounts', { userId: one.user.id }],
    ['PATCH', `/admin/users/${one.user.id}`, { roles: ['admin'] }]
  ] as [string, string, object?][]) {
    t.equal((await call(method, path, undefined, body)).status, 401, `${method} ${path} of nobody`)
  }
  t.equal((await call('PATCH', '/me', other.access_token, { name: 'x', userId: one.user.id })).status, 400)
  t.equal((await call('GET', `/me?userId=${one.user.id}`, other.access_token)).body.id, other.user.id)
  t.equal((await call('PATCH', `/admin/users/${one.user.id}`, other.access_token, { roles: ['admin'] })).status, 403)
  t.not((await call('GET', '/me', one.access_token)).body.name, 'x')
})

t.test('GHSA-8fpg-xm3f-6cx3: a provider whose settings lead nowhere opens nothing', async (t) => {
  const nowhere = `http://127.0.0.1:${await freePort()}`
  const { app } = await another({ OIDC_UMBRELLA_ISSUER: nowhere, GITHUB_TOKEN_URL: nowhere })
  t.equal((await app.inject('/login/umbrella')).statusCode, 502)
  for (const path of ['/me', '/me/accounts', '/admin/users', '/admin/keys', '/oauth2/userinfo']) {
    t.equal((await app.inject(path)).statusCode, 401, path)
  }
  const { browser, callback } = await begin()
  const before = await rows('sessions')
  t.equal(
    (
      await app.inject({
        url: callback.pathname + callback.search,
        headers: {
          cookie: browser.cookieHeader()
        }
      })
    ).statusCode,
    502
  )
  t.equal(await rows('sessions'), before)
})

t.test("Plane #9289: GitHub's address is the primary one, when it is verified", async (t) => {
  const one = (more: object) => ({ email: address(), primary: false, verified: false, visibility: null, ...more })
  t.equal(
    (await comes.github(312, undefined, { emails: [one({ primary: true }), one({ verified: true })] })).user.email,
    null
  )
  const right = one({ primary: true, verified: true })
  t.equal(
    (await comes.github(313, undefined, { emails: [one({ verified: true }), one({}), right] })).user.email,
    right.email
  )
})

t.test('GoTrue #2304: an address is the same in either case', async (t) => {
  const email = address()
  const one = await comes.github(314, email.toUpperCase())
  t.equal(one.user.email, email)
  t.equal((await comes.acme('upper', { email: email.replace('e', 'E'), email_verified: true })).user.id, one.user.id)
})

t.test('GoTrue #2597: people without an address are people, and not one of them', async (t) => {
  const [one, other] = [await comes.acme('without-1', {}), await comes.acme('without-2', { email: '' })]
  t.not(one.user.id, other.user.id)
  t.same([one.user.email, other.user.email], [null, null])
  t.equal((await call('GET', '/me', one.access_token)).status, 200)
})

t.test("GoTrue #2560: Microsoft's {tenantid} is the tenant that the token names, and no other", async (t) => {
  const before = exchanges()
  t.equal((await comes.microsoft({ tid: FABRIKAM })).user.accounts.length, 1)
  for (const iss of [
    microsoft.issuerOf('{tenantid}'),
    microsoft.issuerOf(FABRIKAM),
    `${microsoft.url}/v2.0`,
    microsoft.issuerOf('common')
  ]) {
    microsoft.person({ tid: CONTOSO, oid: randomUUID() })
    microsoft.idToken({ claims: { iss } })
    const { browser, callback } = await begin('/login/microsoft')
    t.match((await browser.callback(callback.href)).json(), { status: 502, code: 'invalid_id_token' }, iss)
  }
  microsoft.idToken({})
  t.equal(exchanges(), before)
})
