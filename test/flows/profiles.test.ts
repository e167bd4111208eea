import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { answerJson } from '../fakes/answers.ts'
import { createBrowser, type BrowserResponse } from '../fakes/browser.ts'
import type { GitHubEmail, GitHubPerson } from '../fakes/github-person.ts'
import { GITHUB_PATHS, startFakeGitHub, type FakeGitHub } from '../fakes/github.ts'
import { startHttpFake } from '../fakes/http-fake.ts'
import type { Claims } from '../fakes/oidc-id-token.ts'
import { startFakeOidc, type FakeOidc } from '../fakes/oidc.ts'
import { setup, type Running } from '../helper.ts'
import { rows } from './failed-login.ts'
import type { User } from '../../src/users/user.ts'
import { grid, slow } from '../slow.ts'

/** The identity of a person, and which claims are trusted (SEC-27 to SEC-36, SEC-39). */

interface World extends Running {
  github: FakeGitHub
  google: FakeOidc
  /** Its word on email is trusted. */
  acme: FakeOidc
  /** Its word on email is not. */
  other: FakeOidc
  /** A login, in a browser of its own. */
  login: (provider: string) => Promise<BrowserResponse>
  /** A login that succeeds, and the user by `/me`. */
  signIn: (provider: string) => Promise<User>
}

async function world (t: Test, environment: Record<string, string> = {}): Promise<World> {
  const [github, google, acme, other] = await Promise.all([
    startFakeGitHub(),
    startFakeOidc(),
    startFakeOidc(),
    startFakeOidc()
  ])
  t.teardown(() => Promise.all([github, google, acme, other].map((fake) => fake.close())))
  const oidc = {
    ...acme.settings('acme', { emailTrusted: true }),
    ...other.settings('other'),
    OIDC_PROVIDERS: 'acme,other'
  }
  const running = await setup(t, { ...github.settings, ...google.googleSettings(), ...oidc, ...environment })
  const { url } = running
  const login = (provider: string) => createBrowser(url).login(`/login/${provider}`)

  async function signIn (provider: string): Promise<User> {
    const response = await login(provider)
    if (response.status !== 200) {
      throw new Error(`The login at ${provider} answered ${response.status}: ${response.text}`)
    }
    const { access_token: accessToken, user } = response.json()
    const me = await fetch(`${url}/me`, { headers: { authorization: `Bearer ${accessToken}` } })
    const body = (await me.json()) as User
    t.same(user, body, 'the callback and /me say the same')
    return body
  }
  return { ...running, github, google, acme, other, login, signIn }
}

function show (value: unknown): string {
  if (value === undefined) return 'absent'
  return typeof value === 'string' && value.length > 40 ? `${value.length} characters` : JSON.stringify(value)
}

/** An entry of GitHub's list of emails. */
const entry = (email: string, flags: Partial<Record<keyof GitHubEmail, unknown>> = {}) => ({
  email,
  primary: true,
  verified: true,
  visibility: null,
  ...flags
})

let lastId = 1_000_000
const freshId = () => ++lastId

slow.test('a subject that several people could share is refused (GHSA-5hvv-9cqv-894r)', async (t) => {
  const { github, google, acme, login, signIn, sql } = await world(t)
  const nobody: unknown[] = [
    undefined,
    null,
    '',
    ' ',
    0,
    '0',
    -1,
    1.5,
    1e21,
    2 ** 53,
    true,
    false,
    {},
    { id: 1 },
    [],
    [583231],
    ['583231'],
    'null',
    'undefined',
    'NaN',
    ' 583231',
    '583231\n',
    '583231\0',
    '583231\u200b',
    'x'.repeat(256)
  ]
  for (const value of grid(nobody, (value) => typeof value)) {
    await t.test(`GitHub's id: ${show(value)}`, async (t) => {
      const before = await rows(sql)
      for (const login_ of ['one', 'another']) {
        github.user({ id: value, login: login_, name: login_ })
        const response = await login('github')
        t.match(
          [response.status, response.json()],
          [502, { code: 'provider_error', detail: 'GitHub: the profile failed: it has no usable id.' }]
        )
      }
      t.same(await rows(sql), before)
    })
    await t.test(`sub: ${show(value)}`, async (t) => {
      const before = await rows(sql)
      for (const [id, fake] of [
        ['google', google],
        ['acme', acme]
      ] as const) {
        for (const name of ['one', 'another']) {
          fake.person({ sub: value as string, name, email: `${name}@example.com`, email_verified: true })
          const response = await login(id)
          t.match([response.status, response.json()], [502, { code: 'invalid_id_token', detail: /sub/ }])
        }
      }
      t.same(await rows(sql), before)
    })
  }
  t.same(await rows(sql), [0, 0, 0], 'no user, no account, no session of any of these')

  await t.test('a number is no sub either: the standard says text', async (t) => {
    acme.person({ sub: 583231 as unknown as string })
    t.equal((await login('acme')).json().code, 'invalid_id_token')
    t.same(await rows(sql), [0, 0, 0])
  })

  await t.test('halves of characters, which the database cannot tell apart', async (t) => {
    const ids = []
    for (const sub of ['\ud800', '\udfff', '\ufffd']) {
      acme.person({ sub })
      const response = await login('acme')
      if (response.status === 200) ids.push(response.json().user.id)
      else t.match(response.json(), { code: 'invalid_id_token' })
    }
    t.equal(new Set(ids).size, ids.length, 'never one user for two people')
  })

  await t.test('two people are two users, whatever else they share', async (t) => {
    for (const [provider, set] of [
      ['github', (id: string) => github.user({ id: Number(id), login: 'same', name: 'Same', email: null, emails: [] })],
      ['acme', (id: string) => acme.person({ sub: id, preferred_username: 'same', name: 'Same' })]
    ] as const) {
      set('101')
      const one = await signIn(provider)
      set('102')
      t.not((await signIn(provider)).id, one.id)
      set('101')
      t.equal((await signIn(provider)).id, one.id, 'and stay who they are')
    }
  })

  await t.test('a number and its digits are one account', async (t) => {
    github.user({ id: 583231 })
    const number = await signIn('github')
    github.user({ id: '583231' })
    const text = await signIn('github')
    t.equal(text.id, number.id)
    t.same(
      text.accounts.map(({ subject }) => subject),
      ['583231']
    )
  })

  await t.test('sub is compared exactly: case and form make another person', async (t) => {
    const ids = new Set<string>()
    const subjects = ['abc', 'ABC', 'Abc', 'caf\u00e9', 'cafe\u0301', '00583231', '5832310']
    for (const sub of subjects) {
      acme.person({ sub })
      ids.add((await signIn('acme')).id)
    }
    t.equal(ids.size, subjects.length)
  })

  await t.test('one sub at two issuers is two people', async (t) => {
    acme.person({ sub: 'shared' })
    google.person({ sub: 'shared' })
    t.not((await signIn('acme')).id, (await signIn('google')).id)
  })
})

slow.test('email trust: a boolean true of a provider whose word counts, nothing else (SEC-29, SEC-30)', async (t) => {
  const { github, google, acme, other, signIn } = await world(t)
  const values: unknown[] = [true, false, undefined, null, 'true', 'false', '0', 1, 0, [true], {}, 'verified']

  const set: Record<string, { person: (address: string, value: unknown) => void, trusted: boolean }> = {
    google: {
      trusted: true,
      person: (email, value) => google.person({ sub: `${freshId()}`, email, email_verified: value })
    },
    acme: {
      trusted: true,
      person: (email, value) => acme.person({ sub: `${freshId()}`, email, email_verified: value })
    },
    other: {
      trusted: false,
      person: (email, value) => other.person({ sub: `${freshId()}`, email, email_verified: value })
    },
    'acme by userinfo alone': {
      trusted: true,
      person: (email, value) => acme.person({ sub: `${freshId()}`, email, email_verified: value }, { idToken: [] })
    },
    github: {
      trusted: true,
      person: (email, value) =>
        github.user({ id: freshId(), login: 'x', emails: [entry(email, { verified: value as boolean })] })
    }
  }
  for (const [name, { person, trusted }] of Object.entries(set)) {
    for (const value of grid(values, (value) => value === false || typeof value)) {
      await t.test(`${name}: email_verified ${show(value)}`, async (t) => {
        const address = `person${freshId()}@example.com`
        person(address, value)
        const user = await signIn(name.split(' ')[0] as string)
        const verified = trusted && value === true
        t.same([user.email, user.emailVerified], verified ? [address, true] : [null, false])
        t.same(
          user.accounts.map(({ email, emailVerified }) => [email, emailVerified]),
          [[address, verified]],
          'the account keeps the address'
        )
      })
    }
  }

  await t.test('the word on an address comes from the document that the address comes from', async (t) => {
    acme.person({ sub: `${freshId()}`, email: 'mine@example.com' }, { idToken: ['email'], userinfo: [] })
    acme.userinfo({ email: 'attacker@example.com', email_verified: true })
    const user = await signIn('acme')
    t.equal(user.email, null)
    t.match(user.accounts, [{ email: 'mine@example.com', emailVerified: false }])
    acme.userinfo({ email: 'victim@example.com' })
    acme.person({ sub: `${freshId()}`, email_verified: true }, { idToken: ['email_verified'], userinfo: [] })
    t.match((await signIn('acme')).accounts, [{ email: 'victim@example.com', emailVerified: false }])
    acme.userinfo({})
  })
})

t.test('GitHub', async (t) => {
  const { github, login, signIn, sql } = await world(t)
  const person = (rest: GitHubPerson) => {
    github.user({ id: freshId(), login: 'octo', ...rest })
  }
  const account = ({ accounts }: User) => [accounts[0]?.email, accounts[0]?.emailVerified]

  await t.test('of several addresses only the primary one, when it is verified', async (t) => {
    person({
      emails: [
        entry('second@example.com', { primary: false }),
        entry('First@Example.com'),
        entry('third@example.com', { primary: false })
      ]
    })
    t.equal((await signIn('github')).email, 'first@example.com')
  })

  await t.test('a verified address that is not primary does not stand in for it', async (t) => {
    person({
      emails: [entry('unproven@example.com', { verified: false }), entry('victim@example.com', { primary: false })]
    })
    const user = await signIn('github')
    t.equal(user.email, null)
    t.same(account(user), ['unproven@example.com', false])
  })

  for (const primary of [undefined, 'true', 1, [true], false]) {
    await t.test(`primary ${show(primary)} is not primary`, async (t) => {
      person({ emails: [entry('victim@example.com', { primary })] })
      t.equal((await signIn('github')).email, null)
    })
  }

  await t.test('the address of the public profile is never verified', async (t) => {
    const unverified = ['someone@example.com', 'victim@example.com'].map((email) => [entry(email, { verified: false })])
    for (const emails of [[], ...unverified, [entry('not an address')]]) {
      person({ email: 'victim@example.com', emails })
      const user = await signIn('github')
      t.equal(user.email, null)
      t.equal(user.accounts[0]?.emailVerified, false)
    }
  })

  await t.test('a private address comes from the list', async (t) => {
    person({ email: null, emails: [entry('private@example.com', { visibility: 'private' })] })
    t.equal((await signIn('github')).email, 'private@example.com')
  })

  for (const status of [404, 403] as const) {
    await t.test(`without leave to read the list (${status}) the login works, without an email`, async (t) => {
      github.emails(status)
      person({ email: 'shown@example.com' })
      const user = await signIn('github')
      t.same([user.email, user.emailVerified], [null, false])
      t.same(account(user), ['shown@example.com', false])
      person({ email: null })
      t.same(account(await signIn('github')), [null, false])
      github.emails(200)
    })
  }

  await t.test('a person may grant less than was asked', async (t) => {
    github.grantScope('read:user')
    person({})
    const user = await signIn('github')
    t.equal(user.email, null)
    t.equal(user.accounts[0]?.scope, 'read:user')
    github.grantScope(undefined)
  })

  await t.test('a list with rubbish in it', async (t) => {
    person({
      emails: [null, 'text', 5, [], {}, { primary: true, verified: true }, { email: 5, primary: true, verified: true }]
    })
    t.equal((await signIn('github')).email, null)
    person({ emails: [null, 'text', {}, entry('right@example.com')] })
    t.equal((await signIn('github')).email, 'right@example.com')
  })

  await t.test('an error with status 200 is an error (CVE-2021-41580)', async (t) => {
    const before = await rows(sql)
    const answers: [string, unknown][] = [
      [GITHUB_PATHS.token, { error: 'bad_verification_code' }],
      [GITHUB_PATHS.token, { error: 'bad_verification_code', access_token: 'gho_x' }],
      [GITHUB_PATHS.user, { message: 'Bad credentials', status: '401' }],
      [GITHUB_PATHS.emails, { message: 'Not Found', status: '404' }]
    ]
    for (const [path, value] of answers) {
      github.fault(path, { kind: 'json', value })
      t.equal((await login('github')).json().code, 'provider_error', path)
      github.heal()
    }
    t.same(await rows(sql), before)
  })

  await t.test("the API calls have a User-Agent, the token, and GitHub's own media type", async (t) => {
    github.reset()
    await signIn('github')
    for (const path of [GITHUB_PATHS.user, GITHUB_PATHS.emails]) {
      const expected = {
        'user-agent': /signet/,
        authorization: /^Bearer gho_\w+$/,
        accept: 'application/vnd.github+json'
      }
      t.match(
        github.calls(path).map(({ headers }) => headers),
        [expected],
        path
      )
    }
    t.match(github.calls(GITHUB_PATHS.token)[0]?.headers, { 'user-agent': /signet/i, accept: /application\/json/ })
    t.same(github.unexpected(), [])
  })

  await t.test('the subject is the id, not the login or the node id', async (t) => {
    github.user({ id: 77, login: '88', node_id: 'MDQ6VXNlcjg4' })
    const user = await signIn('github')
    t.match(user.accounts, [{ subject: '77', username: '88' }])
    github.user({ id: 88, login: '77', email: null, emails: [] })
    t.not((await signIn('github')).id, user.id)
  })

  await t.test('two people without an email are two full users', async (t) => {
    const users = []
    for (const name of ['One', 'Two']) {
      person({ name, email: null, emails: [] })
      users.push(await signIn('github'))
    }
    t.not(users[0]?.id, users[1]?.id)
    t.match(users, [
      { email: null, emailVerified: false, name: 'One' },
      { email: null, emailVerified: false, name: 'Two' }
    ])
  })
})

slow.test('a profile is data: it sets no field of ours, and names no place to go', async (t) => {
  const recorder = await startHttpFake(() => answerJson({}))
  let connections = 0
  const socket = createServer((client) => {
    connections += 1
    client.destroy()
  }).listen(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => Promise.all([recorder.close(), new Promise((resolve) => socket.close(resolve))]))
  const { github, acme, signIn, sql } = await world(t, { ADMIN_EMAILS: 'boss@example.com' })
  const set = {
    github: (id: number, rest: Record<string, unknown>) => {
      github.user({ login: 'octo', ...rest, id })
    },
    acme: (id: number, rest: Record<string, unknown>) => {
      acme.person({ ...rest, sub: String(id) })
    }
  }
  const each = Object.entries(set) as ['github' | 'acme', typeof set.github][]

  await t.test('no role, no id, no time, no prototype', async (t) => {
    const victim = await signIn('github')
    const id = '01890000-0000-7000-8000-000000000000'
    const hostile = JSON.parse(`{
      "role":"admin","roles":["admin"],"isAdmin":true,"is_admin":true,"admin":true,"site_admin":true,
      "userId":"${victim.id}","user_id":"${victim.id}","disabledAt":null,"createdAt":"2000-01-01T00:00:00.000Z",
      "preferences":{"x":1},"editedFields":["name"],"emailVerified":true,"scope":"admin",
      "__proto__":{"roles":["admin"],"id":"${id}","email":"boss@example.com","email_verified":true},
      "constructor":{"prototype":{"roles":["admin"]}}}`)
    for (const [provider, person] of each) {
      person(freshId(), hostile)
      const user = await signIn(provider)
      t.not(user.id, victim.id)
      t.not(user.id, id)
      t.same([user.roles, user.preferences], [[], {}])
      t.not(user.email, 'boss@example.com')
      t.ok(user.createdAt > '2020')
      t.not(user.accounts[0]?.scope, 'admin')
    }
    t.same(
      (
        await sql.query(
          "SELECT 1 FROM users WHERE cardinality(roles) > 0 OR cardinality(edited_fields) > 0 OR preferences <> '{}'"
        )
      ).rows,
      []
    )
    t.equal(({} as Record<string, unknown>)['roles'], undefined, 'no prototype was poisoned')
  })

  await t.test('an email from a prototype is no email', async (t) => {
    acme.person(JSON.parse(`{"sub":"${freshId()}","__proto__":{"email":"boss@example.com","email_verified":true}}`))
    const user = await signIn('acme')
    t.same([user.email, user.roles], [null, []])
  })

  const pictures: [string, string | null][] = [
    ['https://cdn.example.com/a.png', 'https://cdn.example.com/a.png'],
    [
      `https://127.0.0.1:${(socket.address() as AddressInfo).port}/a.png`,
      `https://127.0.0.1:${(socket.address() as AddressInfo).port}/a.png`
    ],
    [`${recorder.url}/a.png`, null],
    ['http://169.254.169.254/latest/meta-data/', null],
    ['javascript:alert(1)', null],
    ['JaVaScRiPt:alert(1)', null],
    [' javascript:alert(1)', null],
    ['java\nscript:alert(1)', null],
    ['data:image/svg+xml,<svg onload=alert(1)>', null],
    ['file:///etc/passwd', null],
    ['//cdn.example.com/a.png', null],
    ['/a.png', null],
    ['', null],
    [`https://cdn.example.com/${'x'.repeat(5_000)}`, null]
  ]
  for (const [picture, kept] of grid(pictures, ([, kept]) => kept)) {
    await t.test(`a picture at ${picture.slice(0, 60)} is ${kept === null ? 'dropped' : 'kept as data'}`, async (t) => {
      for (const [provider, person] of each) {
        person(freshId(), { avatar_url: picture, picture, email: null, emails: [] })
        const user = await signIn(provider)
        t.same([user.avatarUrl, user.accounts[0]?.avatarUrl], [kept, kept], provider)
      }
    })
  }
  for (const picture of grid([5, null, {}, ['https://cdn.example.com/a.png'], true], () => 'no text')) {
    await t.test(`a picture that is ${show(picture)} is dropped`, async (t) => {
      for (const [provider, person] of each) {
        person(freshId(), { avatar_url: picture, picture, email: null, emails: [] })
        t.equal((await signIn(provider)).avatarUrl, null, provider)
      }
    })
  }
  await t.test('no picture was ever fetched', async (t) => {
    t.same(recorder.calls(), [])
    t.equal(connections, 0)
  })

  const names: [string, unknown, string | null][] = [
    ['a very long one', 'x'.repeat(10_000), 'x'.repeat(200)],
    ['one with NUL and line breaks', 'Jane\0Doe\r\nX-Evil: 1', 'Jane Doe X-Evil: 1'],
    ['one that turns text round', 'Jane\u202eeoD', 'Jane eoD'],
    ['one of invisible characters', '\u200b\u200d\ufeff', null],
    ['one with an escape sequence', '\u001b[31mJane', '[31mJane'],
    ['half a character', 'Jane\ud800', 'Jane\ufffd'],
    ['markup, which is text', '<img src=x onerror=alert(1)>', '<img src=x onerror=alert(1)>'],
    [
      'other scripts and emoji',
      '\u5c71\u7530 \ud83d\ude00 \u0645\u0631\u062d',
      '\u5c71\u7530 \ud83d\ude00 \u0645\u0631\u062d'
    ],
    ['Persian, with a zero-width non-joiner', '\u0645\u06cc\u200c\u0631\u0627', '\u0645\u06cc\u200c\u0631\u0627'],
    ['a family of emoji, joined', '\u{1f469}\u200d\u{1f466}', '\u{1f469}\u200d\u{1f466}'],
    ['marked for its direction', 'Jane \u200fD\u200e', 'Jane \u200fD\u200e'],
    ['isolated, which turns text round', 'Jane\u2067eoD\u2069', 'Jane eoD'],
    ['spaces around it', '  Jane  ', 'Jane'],
    ['an object', { first: 'Jane' }, null],
    ['a number', 5, null],
    ['null', null, null]
  ]
  for (const [what, name, kept] of grid(names, ([, name, kept]) => `${typeof name} ${name === kept}`)) {
    await t.test(`a name that is ${what}`, async (t) => {
      for (const [provider, person] of each) {
        person(freshId(), { name, login: name, preferred_username: name, locale: name, email: null, emails: [] })
        const user = await signIn(provider)
        // Runs of cleaned characters may be one space or several.
        const squeezed = (text: string | null | undefined) => text?.replace(/ +/g, ' ') ?? null
        t.same(
          [user.name, user.accounts[0]?.name, user.accounts[0]?.username].map(squeezed),
          [kept, kept, kept],
          provider
        )
        t.ok((user.locale ?? '').length <= 35)
      }
    })
  }
  await t.test('a name whose cut falls into a character', async (t) => {
    for (const [provider, person] of each) {
      person(freshId(), { name: 'x'.repeat(199) + '\ud83d\ude00', email: null, emails: [] })
      const { name } = await signIn(provider)
      t.ok(name?.isWellFormed() && name.startsWith('xxx') && name.length <= 200, provider)
    }
  })
})

t.test('email addresses', async (t) => {
  const { acme, google, signIn, sql } = await world(t)
  const signInAs = async (fake: FakeOidc, provider: string, email: unknown, rest: Claims = {}) => {
    fake.person({ sub: `${freshId()}`, email, email_verified: true, ...rest })
    return await signIn(provider)
  }

  await t.test('case makes no difference', async (t) => {
    const one = await signInAs(acme, 'acme', 'Jane.Doe@Example.COM')
    t.equal(one.email, 'jane.doe@example.com')
    const two = await signInAs(google, 'google', 'JANE.DOE@EXAMPLE.com')
    t.equal(two.id, one.id)
    t.same(
      two.accounts.map(({ provider }) => provider),
      ['acme', 'google']
    )
  })

  await t.test('a look-alike is another address, or none', async (t) => {
    const victim = await signInAs(acme, 'acme', 'admin@paypal.example')
    for (const look of [
      '\u0430dmin@paypal.example',
      'admin@p\u0430ypal.example',
      'adm\u0131n@paypal.example',
      'admin\u200b@paypal.example',
      'admin@paypal.example\0',
      'admin@paypal.example\n'
    ]) {
      const user = await signInAs(google, 'google', look)
      t.not(user.id, victim.id, JSON.stringify(look))
      t.not(user.email, victim.email, JSON.stringify(look))
    }
  })

  const noAddresses = [
    'victim\uff20example.com',
    'victim\ufe6bexample.com',
    'a@b\uff20example.com',
    'victim@example.com@evil.example',
    '"victim@example.com"@evil.example',
    'victim@example.com.',
    'victim@',
    '@example.com',
    'victim',
    '',
    ' ',
    'victim @example.com',
    'Victim <victim@example.com>',
    'victim@example.com,evil@evil.example',
    'victim@example.com\r\nBcc: evil@evil.example',
    'victim\0@example.com',
    `${'x'.repeat(65)}@example.com`,
    `x@${'y'.repeat(250)}.example`,
    5,
    null,
    true,
    ['victim@example.com'],
    { email: 'victim@example.com' }
  ]
  for (const address of grid(noAddresses, (address) => typeof address)) {
    await t.test(`not an address: ${show(address)}`, async (t) => {
      const user = await signInAs(acme, 'acme', address)
      t.equal(user.email, null)
      t.match(user.accounts, [{ email: null, emailVerified: false }])
    })
  }

  await t.test('halves of characters, which the database cannot tell apart', async (t) => {
    const users = []
    for (const address of ['a\ud800@example.com', 'a\udfff@example.com', 'a\ufffd@example.com']) {
      users.push(await signInAs(acme, 'acme', address))
    }
    t.equal(new Set(users.map(({ id }) => id)).size, 3, 'never one user for two addresses')
  })

  await t.test('stored addresses are unique in one spelling', async (t) => {
    t.same((await sql.query('SELECT email FROM users WHERE email <> lower(normalize(email, NFKC))')).rows, [])
  })
})

slow.test('joining accounts', async (t) => {
  const { github, google, acme, other, login, signIn, sql } = await world(t)
  const as = (provider: string, id: number, email: string | null, verified = true): Promise<User> => {
    const claims = { sub: String(id), ...(email === null ? {} : { email, email_verified: verified }) }
    if (provider === 'github') {
      github.user({ id, login: `login${id}`, emails: email === null ? [] : [entry(email, { verified })] })
    } else {
      ({ google, acme, other })[provider as 'google' | 'acme' | 'other'].person(claims)
    }
    return signIn(provider)
  }

  await t.test('verified at Google, then verified at GitHub: one user with two accounts', async (t) => {
    const one = await as('google', freshId(), 'both@example.com')
    const githubId = freshId()
    const two = await as('github', githubId, 'Both@example.com')
    t.equal(two.id, one.id)
    t.same(
      two.accounts.map(({ provider, emailVerified }) => [provider, emailVerified]),
      [
        ['google', true],
        ['github', true]
      ]
    )
    t.same(
      (await sql.query("SELECT type FROM audit_events WHERE user_id = $1 AND type = 'account.linked'", [one.id]))
        .rowCount,
      1
    )
    t.equal((await as('github', githubId, 'both@example.com')).accounts.length, 2, 'and no third')
  })

  await t.test('one unverified email of several providers: as many users', async (t) => {
    const users = []
    for (const provider of ['google', 'github', 'acme', 'other', 'other']) {
      users.push(await as(provider, freshId(), 'shared@example.com', false))
    }
    t.equal(new Set(users.map(({ id }) => id)).size, 5)
    t.ok(users.every(({ email, accounts }) => email === null && accounts.length === 1))
  })

  await t.test('verified here, unverified there: two users, in either order', async (t) => {
    const verified = await as('google', freshId(), 'half@example.com')
    const unverified = await as('github', freshId(), 'half@example.com', false)
    t.not(unverified.id, verified.id)
    t.equal(unverified.email, null)

    const squatter = await as('github', freshId(), 'late@example.com', false)
    const owner = await as('google', freshId(), 'late@example.com')
    t.not(owner.id, squatter.id, "a squatter of a victim's address gets nothing (SEC-39)")
    t.equal(owner.email, 'late@example.com')
    t.equal(owner.accounts.length, 1)
  })

  await t.test('an issuer that is not trusted with email links no accounts', async (t) => {
    const owner = await as('google', freshId(), 'owner@example.com')
    const claimant = await as('other', freshId(), 'owner@example.com', true)
    t.not(claimant.id, owner.id)
    t.match(claimant, { email: null, accounts: [{ email: 'owner@example.com', emailVerified: false }] })
  })

  await t.test('an address that is verified later links no user who signed in before', async (t) => {
    const owner = await as('google', freshId(), 'upgrade@example.com')
    const id = freshId()
    const pending = await as('github', id, 'upgrade@example.com', false)
    const upgraded = await as('github', id, 'upgrade@example.com', true)
    t.equal(upgraded.id, pending.id, 'the account stays with its user')
    t.not(upgraded.id, owner.id)
    t.equal(upgraded.email, null, 'the address stays with its user')
    t.equal((await as('acme', freshId(), 'upgrade@example.com')).id, owner.id)
  })

  await t.test('an address without a user goes to its user when it is verified', async (t) => {
    const id = freshId()
    t.equal((await as('github', id, 'free@example.com', false)).email, null)
    t.equal((await as('github', id, 'free@example.com', true)).email, 'free@example.com')
    t.equal(
      (await as('github', id, 'free@example.com', false)).email,
      'free@example.com',
      'and stays when the provider thinks again'
    )
  })

  await t.test('a changed email at the provider keeps the user', async (t) => {
    const id = freshId()
    const before = await as('google', id, 'old@example.com')
    const after = await as('google', id, 'new@example.com')
    t.equal(after.id, before.id)
    t.equal(after.email, 'new@example.com')
    t.match(after.accounts, [{ email: 'new@example.com', emailVerified: true }])

    const heir = await as('github', freshId(), 'old@example.com')
    t.not(heir.id, before.id, 'a person who takes over the old address is another user')
    t.equal(heir.email, 'old@example.com')
  })

  await t.test('a changed email that another user holds stays there', async (t) => {
    const holder = await as('google', freshId(), 'held@example.com')
    const id = freshId()
    const mover = await as('google', id, 'mover@example.com')
    const moved = await as('google', id, 'held@example.com')
    t.equal(moved.id, mover.id)
    t.not(moved.id, holder.id)
    t.equal(moved.email, 'mover@example.com')
  })

  await t.test('a person who takes over a login name at GitHub is another user', async (t) => {
    github.user({ id: 4001, login: 'handle', email: null, emails: [] })
    const before = await signIn('github')
    github.user({ id: 4001, login: 'renamed', email: null, emails: [] })
    const renamed = await signIn('github')
    t.equal(renamed.id, before.id)
    t.match(renamed.accounts, [{ username: 'renamed' }])
    github.user({ id: 4002, login: 'handle', email: null, emails: [] })
    t.not((await signIn('github')).id, before.id)
  })

  await t.test('the email of a disabled user keeps new accounts out', async (t) => {
    const id = freshId()
    const user = await as('google', id, 'barred@example.com')
    await sql.query('UPDATE users SET disabled_at = now() WHERE id = $1', [user.id])
    const before = await rows(sql)
    github.user({ id: freshId(), login: 'x', emails: [entry('Barred@example.com')] })
    google.person({ sub: String(id), email: 'elsewhere@example.com', email_verified: true })
    for (const provider of ['github', 'google']) {
      const response = await login(provider)
      t.match([response.status, response.json().code], [403, 'account_disabled'], provider)
    }
    t.same(await rows(sql), before)

    const stranger = await as('github', freshId(), 'barred@example.com', false)
    t.equal(stranger.email, null, 'an unverified claim to it is nothing to them')
    await sql.query('UPDATE users SET disabled_at = NULL WHERE id = $1', [user.id])
    t.equal((await as('github', freshId(), 'barred@example.com')).id, user.id, 'until they are enabled again')
  })
})

t.test('with AUTO_LINK=never no accounts are linked', async (t) => {
  const { github, google, login, signIn, sql } = await world(t, { AUTO_LINK: 'never' })
  google.person({ sub: '1', email: 'both@example.com', email_verified: true })
  github.user({ id: 2, login: 'two', email: 'both@example.com' })
  const one = await signIn('google')
  const two = await signIn('github')
  t.not(two.id, one.id)
  t.equal(one.email, 'both@example.com')
  t.match(two, { email: null, accounts: [{ email: 'both@example.com', emailVerified: true }] })
  t.equal((await signIn('github')).email, null, 'nor at the next login')
  t.same(await rows(sql), [2, 2, 3])

  await sql.query('UPDATE users SET disabled_at = now() WHERE id = $1', [one.id])
  github.user({ id: 3, login: 'three', email: 'both@example.com' })
  const response = await login('github')
  t.match(
    [response.status, response.json().code],
    [403, 'account_disabled'],
    "and a disabled user's email keeps new accounts out"
  )
})
