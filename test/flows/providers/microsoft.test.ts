import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { createBrowser, type Browser, type BrowserResponse } from '../../fakes/browser.ts'
import { startFakeGitHub } from '../../fakes/github.ts'
import {
  CONSUMERS,
  CONTOSO,
  FABRIKAM,
  startFakeMicrosoft,
  type FakeMicrosoft,
  type MicrosoftPerson
} from '../../fakes/microsoft.ts'
import { setup, type Running } from '../../helper.ts'
import { createProviders } from '../../../src/providers/registry.ts'
import { readSettings } from '../../../src/settings.ts'
import { grid } from '../../slow.ts'
import { CANARY, refused, rows } from '../failed-login.ts'
import { stepsThatFail } from './steps-that-fail.ts'

/**
 * Microsoft Entra and personal accounts: tenants (SEC-19, SEC-20), and whose word an email is (nOAuth, SEC-27, SEC-29).
 */

interface World extends Running {
  microsoft: FakeMicrosoft
  login: (browser?: Browser) => Promise<BrowserResponse>
}

async function world (t: Test, audience = 'common', environment: Record<string, string> = {}): Promise<World> {
  const microsoft = await startFakeMicrosoft()
  t.teardown(() => microsoft.close())
  const running = await setup(t, { ...microsoft.settings(audience), ...environment })
  return { ...running, microsoft, login: (browser = createBrowser(running.url)) => browser.login('/login/microsoft') }
}

let count = 0
/** A new person for each test. */
const somebody = (rest: Partial<MicrosoftPerson> = {}): MicrosoftPerson => ({
  tid: CONTOSO,
  oid: randomUUID(),
  name: `Person ${++count}`,
  ...rest
})

t.test('a login takes the person from the ID token, and does not call the Graph', async (t) => {
  const { url, sql, microsoft } = await world(t)
  const browser = createBrowser(url)
  const authorization = new URL(await browser.start('/login/microsoft'))
  t.equal(authorization.origin + authorization.pathname, `${microsoft.url}/common/oauth2/v2.0/authorize`)
  t.match(Object.fromEntries(authorization.searchParams), {
    response_type: 'code',
    scope: 'openid profile email',
    nonce: /^[\w-]{43}$/,
    code_challenge_method: 'S256'
  })
  const response = await browser.callback(await browser.authorize(authorization.href))
  t.equal(response.status, 200)
  t.match(response.json().user, {
    name: 'Adele Vance',
    email: null,
    avatarUrl: null,
    accounts: [
      {
        provider: 'microsoft',
        subject: `${CONTOSO}.87d349ed-44d7-43e1-9a83-5f2406dee5bd`,
        username: 'AdeleV@contoso.example',
        email: 'adelev@contoso.example',
        emailVerified: false,
        avatarUrl: null
      }
    ]
  })
  t.same((await sql.query('SELECT issuer FROM accounts')).rows, [{ issuer: microsoft.issuerOf(CONTOSO) }])
  const [exchange] = microsoft.calls(microsoft.paths.token)
  t.match([exchange?.headers.authorization, exchange?.body], [undefined, { client_secret: microsoft.clientSecret }])
  t.same(microsoft.calls(microsoft.paths.userinfo), [])
  t.same(microsoft.unexpected(), [])
})

t.test('the tenants that may sign in', async (t) => {
  const audiences: [string, Record<string, boolean>][] = [
    ['common', { [CONTOSO]: true, [FABRIKAM]: true, [CONSUMERS]: true }],
    ['organizations', { [CONTOSO]: true, [FABRIKAM]: true, [CONSUMERS]: false }],
    ['consumers', { [CONTOSO]: false, [FABRIKAM]: false, [CONSUMERS]: true }],
    [CONTOSO, { [CONTOSO]: true, [FABRIKAM]: false, [CONSUMERS]: false }],
    [CONSUMERS, { [CONTOSO]: false, [FABRIKAM]: false, [CONSUMERS]: true }]
  ]
  for (const [audience, tenants] of grid(audiences, ([, tenants]) => Object.values(tenants).join())) {
    await t.test(audience, async (t) => {
      const { sql, microsoft, login } = await world(t, audience)
      for (const [tid, mayCome] of Object.entries(tenants)) {
        const before = await rows(sql)
        microsoft.person(somebody({ tid }))
        const response = await login()
        if (mayCome) {
          t.match([response.status, response.json().user.accounts], [200, [{ subject: new RegExp(`^${tid}\\.`) }]], tid)
        } else {
          refused(t, response, 502, 'invalid_id_token', /iss is missing or wrong/)
          t.same(await rows(sql), before)
        }
      }

      await t.test('a token that names one tenant twice and not the same, or none', async (t) => {
        const before = await rows(sql)
        const [other = ''] = Object.entries(tenants)
          .filter(([, mayCome]) => mayCome)
          .map(([tid]) => tid)
        const wrong: Record<string, unknown>[] = [
          { iss: microsoft.issuerOf(other), tid: other === FABRIKAM ? CONTOSO : FABRIKAM },
          { iss: microsoft.issuerOf(FABRIKAM), tid: CONTOSO },
          { iss: microsoft.issuerOf(CONTOSO), tid: CONSUMERS },
          { iss: microsoft.issuerOf(other), tid: undefined },
          { iss: microsoft.issuerOf(other), tid: null },
          { iss: microsoft.issuerOf(other), tid: [other] },
          { iss: microsoft.issuerOf(''), tid: '' },
          { iss: microsoft.issuerOf('common'), tid: 'common' },
          { iss: microsoft.issuerOf('organizations'), tid: 'organizations' },
          { iss: microsoft.issuerOf('{tenantid}'), tid: '{tenantid}' },
          { iss: microsoft.issuerOf(`${other}/../${FABRIKAM}`), tid: `${other}/../${FABRIKAM}` },
          { iss: microsoft.issuerOf(other.toUpperCase()), tid: other.toUpperCase() },
          { iss: `${microsoft.issuerOf(other)}/`, tid: other },
          { iss: `https://evil.example/${other}/v2.0`, tid: other },
          { iss: `https://sts.windows.net/${other}/`, tid: other },
          { iss: undefined, tid: other }
        ]
        for (const claims of grid(wrong, ({ tid }) => typeof tid)) {
          microsoft.idToken({ claims })
          refused(t, await login(), 502, 'invalid_id_token', /iss/)
        }
        microsoft.idToken({})
        t.same(await rows(sql), before)
      })
    })
  }

  await t.test('the discovery document must be that of the audience', async (t) => {
    const { url, microsoft } = await world(t)
    for (const issuer of [
      microsoft.issuerOf('common'),
      microsoft.issuerOf(CONTOSO),
      'https://evil.example/{tenantid}/v2.0',
      undefined
    ]) {
      microsoft.discovery({ issuer })
      refused(
        t,
        await createBrowser(url).get('/login/microsoft'),
        502,
        'provider_error',
        /^Microsoft: the discovery failed: /
      )
    }
  })
})

t.test('the identity of a person', async (t) => {
  const { sql, microsoft, login } = await world(t)
  const signIn = async (person: MicrosoftPerson) => {
    microsoft.person(person)
    const response = await login()
    t.equal(response.status, 200, response.text)
    return response.json().user
  }

  await t.test('one oid in two tenants is two users', async (t) => {
    const oid = randomUUID()
    const [one, other] = [
      await signIn(somebody({ oid, sub: 'same' })),
      await signIn(somebody({ oid, sub: 'same', tid: FABRIKAM }))
    ]
    t.not(one.id, other.id)
    t.equal((await signIn(somebody({ oid, sub: 'same' }))).id, one.id)
  })

  await t.test('one person is one user, whatever this app calls them, and whatever their names are', async (t) => {
    const oid = randomUUID()
    const one = await signIn(
      somebody({ oid, sub: 'before', preferred_username: 'old@contoso.example', email: 'old@contoso.example' })
    )
    const later = await signIn(
      somebody({ oid, sub: 'after', preferred_username: 'new@contoso.example', email: 'new@contoso.example' })
    )
    t.equal(later.id, one.id)
    t.match(later.accounts, [{ username: 'new@contoso.example' }])
    t.not(
      (await signIn(somebody({ preferred_username: 'old@contoso.example', email: 'old@contoso.example' }))).id,
      one.id,
      'who takes over a name takes over nothing'
    )
  })

  await t.test(
    "nOAuth: another person's address, set by another tenant's administrator, links no account",
    async (t) => {
      const victim = await signIn(somebody({ email: 'ceo@contoso.example', xms_edov: true }))
      t.equal(victim.email, 'ceo@contoso.example')
      for (const word of [undefined, false, 0, '0', 'false']) {
        const attacker = await signIn(
          somebody({
            tid: FABRIKAM,
            email: 'ceo@contoso.example',
            preferred_username: 'ceo@contoso.example',
            xms_edov: word,
            email_verified: true
          })
        )
        t.not(attacker.id, victim.id)
        t.same([attacker.email, attacker.emailVerified, attacker.accounts.length], [null, false, 1])
      }
      t.equal(
        Number((await sql.query('SELECT count(*) FROM accounts WHERE user_id = $1', [victim.id])).rows[0].count),
        1
      )
    }
  )

  for (const [word, believed] of [
    [true, true],
    [1, true],
    ['1', true],
    ['true', true],
    [undefined, false],
    [null, false],
    [false, false],
    [0, false],
    ['0', false],
    ['false', false],
    ['TRUE', false],
    [2, false],
    [[true], false],
    [{}, false],
    ['yes', false]
  ] as [unknown, boolean][]) {
    await t.test(`xms_edov ${JSON.stringify(word)} is ${believed ? '' : 'not '}believed`, async (t) => {
      const email = `word-${++count}@contoso.example`
      const user = await signIn(somebody({ email, xms_edov: word, email_verified: !believed }))
      t.same([user.email, user.emailVerified], believed ? [email, true] : [null, false])
      t.match(user.accounts, [{ email, emailVerified: believed }])
    })
  }

  await t.test('without an address, or with something else in its place', async (t) => {
    for (const email of [undefined, '', 'live.com#anne@example.com ', 'not an address', 42]) {
      const user = await signIn(
        somebody({ email, xms_edov: true, preferred_username: 'victim@example.com', upn: 'victim@example.com' })
      )
      t.same(
        [user.email, user.emailVerified, user.accounts[0].emailVerified],
        [null, false, false],
        'a user name is no address'
      )
    }
  })
})

t.test('an address links the account to its user only when it is verified', async (t) => {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const { url, microsoft, login } = await world(t, 'common', github.settings)
  const holder = (await createBrowser(url).login('/login/github')).json().user
  t.ok(holder.emailVerified)
  microsoft.person(somebody({ email: holder.email }))
  t.not((await login()).json().user.id, holder.id)
  microsoft.person(somebody({ email: holder.email, xms_edov: '1' }))
  t.equal((await login()).json().user.id, holder.id)
})

t.test('what goes wrong', async (t) => {
  const running = await world(t)
  const { sql, microsoft, login } = running
  await t.test('at each step', (t) =>
    stepsThatFail(t, { id: 'microsoft', name: 'Microsoft', fake: microsoft, running, login })
  )

  const before = await rows(sql)
  const came = microsoft.calls(microsoft.paths.token).length
  await t.test('the person says no', async (t) => {
    microsoft.deny()
    refused(t, await login(), 403, 'access_denied', /^The sign-in at Microsoft was declined/)
  })
  await t.test("another error, with Microsoft's number", async (t) => {
    microsoft.deny('server_error', `AADSTS90002: ${CANARY}`)
    refused(t, await login(), 502, 'provider_error', /^Microsoft: the authorization response was an error/)
    microsoft.allow()
  })
  await t.test('no code', async (t) => {
    microsoft.response({ code: undefined })
    refused(t, await login(), 400, 'invalid_request', /code/)
  })
  t.equal(microsoft.calls(microsoft.paths.token).length, came, 'none of these is exchanged')
  await t.test('a wrong code', async (t) => {
    microsoft.response({ code: CANARY })
    refused(t, await login(), 502, 'provider_error', /^Microsoft: the token exchange failed: HTTP 400/)
    microsoft.response({})
  })
  for (const [name, claims, detail] of [
    ['no sub', { sub: undefined }, /sub/],
    ['no oid', { oid: undefined }, /oid/],
    ['an empty oid', { oid: '' }, /oid/],
    ['an oid that is a list', { oid: [randomUUID()] }, /oid/],
    ['no tid', { tid: undefined }, /iss/],
    ['another audience', { aud: 'somebody-else' }, /aud/],
    ['no nonce', { nonce: undefined }, /nonce/],
    ['an nbf six minutes ahead', { nbf: Math.floor(Date.now() / 1000) + 360 }, /nbf/]
  ] as const) {
    await t.test(`an ID token with ${name}`, async (t) => {
      microsoft.idToken({ claims })
      refused(t, await login(), 502, 'invalid_id_token', detail)
    })
  }
  for (const sign of ['none', 'hs256-with-secret', 'hs256-with-public-key', 'wrong-key'] as const) {
    await t.test(`an ID token signed ${sign}, beside keys that do not say their algorithm`, async (t) => {
      microsoft.idToken({ sign })
      refused(t, await login(), 502, 'invalid_id_token', /algorithm|signature/)
    })
  }
  microsoft.idToken({})
  t.same(await rows(sql), before)
  t.equal((await login()).status, 200)
})

t.test('an iss in the authorization response (RFC 9207) is that of a tenant that may come', async (t) => {
  const { microsoft, login } = await world(t, 'organizations')
  microsoft.response({ iss: microsoft.issuerOf(CONTOSO) })
  t.equal((await login()).status, 200)
  for (const iss of [
    microsoft.issuerOf(CONSUMERS),
    microsoft.issuerOf('nobody'),
    `https://evil.example/${CONTOSO}/v2.0`,
    `${microsoft.issuerOf(CONTOSO)}/`,
    'https://evil.example'
  ]) {
    microsoft.response({ iss })
    refused(t, await login(), 502, 'provider_error', /^Microsoft: the authorization response failed: iss/)
  }
})

t.test('a grant ends as Microsoft says it', async (t) => {
  const microsoft = await startFakeMicrosoft()
  t.teardown(() => microsoft.close())
  const one = createProviders(readSettings(microsoft.settings()).providers).get('microsoft')
  await t.rejects(one?.refresh('of long ago', '', AbortSignal.timeout(5_000)) as Promise<unknown>, {
    code: 'reauthorization_required'
  })
  await t.resolves(
    one?.revoke?.({ accessToken: 'x', refreshToken: undefined }, AbortSignal.timeout(5_000)) as Promise<void>,
    'Microsoft has no endpoint for it'
  )
  t.same(microsoft.unexpected(), [])
})
