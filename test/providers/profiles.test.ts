import t, { type Test } from 'tap'
import { answerJson } from '../fakes/answers.ts'
import { startHttpFake, type HttpFake } from '../fakes/http-fake.ts'
import type { Identified, Provider } from '../../src/providers/provider.ts'
import { createProviders } from '../../src/providers/registry.ts'
import { readSettings } from '../../src/settings.ts'
import { BASIC, SHAPES, TOKENS, type Shape } from './shapes.ts'

/**
 * What providers that speak plain OAuth 2.0 are asked, and what is made of what they say. Whole logins are in
 * test/flows/providers.
 */

const ISSUER = 'https://id.example.com'
const callbackUrl = (id: string) => `${ISSUER}/login/${id}/callback`

interface Scene {
  fake: HttpFake
  shape: Shape
  /** What the fake answers from now on, by path. */
  answers: Record<string, unknown>
  provider: Provider
  identify: () => Promise<Identified>
}

async function scene (t: Test, id: string, more: Record<string, string> = {}): Promise<Scene> {
  const shape: Shape = SHAPES[id as keyof typeof SHAPES]
  const { urls: { authorize, token, api }, tokens } = shape
  const answers: Record<string, unknown> = { [token]: tokens, ...shape.answers }
  const fake = await startHttpFake(({ path }) => (Object.hasOwn(answers, path) ? answerJson(answers[path]) : undefined))
  t.teardown(() => fake.close())
  const prefix = id === 'forum' ? 'OAUTH_FORUM' : id.toUpperCase()
  const provider = createProviders(
    readSettings({
      ISSUER_URL: ISSUER,
      [`${prefix}_CLIENT_ID`]: 'the-id',
      [`${prefix}_CLIENT_SECRET`]: 'the-secret',
      [`${prefix}_AUTHORIZATION_URL`]: fake.url + authorize,
      [`${prefix}_TOKEN_URL`]: fake.url + token,
      [`${prefix}_API_URL`]: id === 'forum' ? 'https://unused.example' : fake.url + api,
      ...(id === 'forum'
        ? { OAUTH_PROVIDERS: 'forum', OAUTH_FORUM_NAME: 'Forum', OAUTH_FORUM_PROFILE_URL: fake.url + api }
        : {}),
      ...more
    }).providers
  ).get(id) as Provider
  const secrets = { state: 'the-state', codeVerifier: 'the-verifier', nonce: 'the-nonce' }
  const response = { code: 'the-code', state: 'the-state', iss: undefined, user: undefined, secrets }
  const identify = async () => await provider.identify({ ...response, signal: AbortSignal.timeout(15_000) })
  return { fake, shape, answers, provider, identify }
}

/** The shape of a provider with some members of one answer replaced. */
function change (one: Scene, path: string, members: object): void {
  one.answers[path] = { ...(one.shape.answers[path] as object), ...members }
}

for (const [id, { name, urls, authorize, exchange, answers, profile }] of Object.entries<Shape>(SHAPES)) {
  t.test(name, async (t) => {
    const { fake, provider, identify } = await scene(t, id)

    await t.test('asks for what it needs', async (t) => {
      const { url: href, secrets: { state, nonce } } = await provider.authorize()
      const url = new URL(href)
      const query: Record<string, unknown> = Object.fromEntries(url.searchParams)
      t.equal(url.origin + url.pathname, fake.url + urls.authorize)
      t.match(query, { response_type: 'code', client_id: 'the-id', redirect_uri: callbackUrl(id), state })
      for (const [parameter, value] of Object.entries(authorize)) {
        t.equal(query[parameter], value === 'the-nonce' ? nonce : value, parameter)
      }
    })

    await t.test('says who somebody is', async (t) => {
      const { profile: found, tokens } = await identify()
      t.same(found, { provider: id, issuer: fake.url, emailVerified: false, locale: null, ...profile })
      t.match(tokens, { accessToken: 'the-access-token', refreshToken: 'the-refresh-token' })
      t.same(
        fake.calls().map(({ path }) => path),
        [urls.token, ...Object.keys(answers)],
        'one exchange, and each answer once'
      )
      const [asked, ...read] = fake.calls()
      t.match(asked?.headers, exchange.headers)
      t.strictSame(asked?.body, { ...exchange.body, redirect_uri: callbackUrl(id) })
      for (const { method, headers } of read) {
        if (method === 'GET') t.equal(headers.authorization, 'Bearer the-access-token')
      }
      t.same(fake.unexpected(), [])
    })
  })
}

t.test('an id that several people could share is nobody', async (t) => {
  const places: Record<string, [path: string, member: string]> = {
    bitbucket: ['/2.0/user', 'uuid'],
    reddit: ['/api/v1/me', 'id'],
    kakao: ['/v2/user/me', 'id'],
    figma: ['/v1/me', 'id'],
    zoom: ['/v2/users/me', 'id'],
    forum: ['/api/me', 'id']
  }
  for (const [id, [path, name]] of Object.entries(places)) {
    const one = await scene(t, id)
    for (const value of [undefined, null, '', 0, '0', -1, 1.5, 2 ** 53, true, {}, ['42'], 'null', ' 42']) {
      change(one, path, { [name]: value })
      await t.rejects(
        one.identify(),
        { code: 'provider_error', message: /it has no usable id/ },
        `${id} ${JSON.stringify(value)}`
      )
    }
  }
  const line = await scene(t, 'line', { LINE_SCOPE: 'profile' })
  for (const userId of [undefined, '', null, {}]) {
    change(line, '/v2/profile', { userId })
    await t.rejects(line.identify(), { code: 'provider_error', message: /it has no usable id/ })
  }
  const notion = await scene(t, 'notion')
  for (const owner of [
    undefined,
    { type: 'workspace', workspace: true },
    { type: 'user', user: { id: '' } },
    { type: 'user' }
  ]) {
    notion.answers['/v1/oauth/token'] = { ...notion.shape.tokens, owner }
    await t.rejects(
      notion.identify(),
      { code: 'provider_error', message: /it has no usable id/ },
      JSON.stringify(owner)
    )
  }
})

t.test('no word of theirs makes an email verified', async (t) => {
  for (const word of [true, 'true', 1]) {
    const words: [string, string, object][] = [
      ['bitbucket', '/2.0/user/emails', { values: [{ email: 'a@example.com', is_primary: true, is_confirmed: word }] }],
      [
        'kakao',
        '/v2/user/me',
        { kakao_account: { email: 'a@example.com', is_email_valid: word, is_email_verified: word } }
      ],
      ['zoom', '/v2/users/me', { email: 'a@example.com', verified: word, email_verified: word }],
      ['figma', '/v1/me', { email: 'a@example.com', email_verified: word }],
      ['line', '/oauth2/v2.1/verify', { email: 'a@example.com', email_verified: word }],
      ['forum', '/api/me', { email: 'a@example.com', email_verified: word }]
    ]
    for (const [id, path, members] of words) {
      const one = await scene(t, id)
      change(one, path, members)
      t.match(
        (await one.identify()).profile,
        { email: 'a@example.com', emailVerified: false },
        `${id} ${JSON.stringify(word)}`
      )
    }
  }
})

t.test('Bitbucket: the email', async (t) => {
  const one = await scene(t, 'bitbucket')
  one.fake.fault(
    '/2.0/user/emails',
    {
      kind: 'status',
      status: 403,
      body: { type: 'error', error: { message: 'Your credentials lack one or more required privilege scopes.' } }
    },
    { times: 1 }
  )
  t.equal((await one.identify()).profile.email, null, 'without the permission there is none')
  change(one, '/2.0/user/emails', { values: [{ email: 'victim@example.com', is_primary: false, is_confirmed: true }] })
  t.equal((await one.identify()).profile.email, null, 'nor without a primary one')
  change(one, '/2.0/user', {
    username: undefined,
    nickname: 'erik',
    display_name: '',
    links: { avatar: { href: 'http://a.example/x' } }
  })
  t.match((await one.identify()).profile, { username: 'erik', name: 'erik', avatarUrl: null })
})

t.test('LINE: an ID token that LINE does not vouch for, for this person and this login, is refused', async (t) => {
  const one = await scene(t, 'line')
  for (const members of [
    { sub: 'U-somebody-else' },
    { aud: 'another-channel' },
    { nonce: 'another' },
    { nonce: undefined },
    { sub: undefined },
    { aud: ['the-id'] }
  ]) {
    change(one, '/oauth2/v2.1/verify', members)
    await t.rejects(one.identify(), { code: 'invalid_id_token', message: /^LINE: / }, JSON.stringify(members))
  }
  change(one, '/oauth2/v2.1/verify', {})
  one.fake.reset()
  await one.identify()
  const verification = one.fake.calls('/oauth2/v2.1/verify')
  t.match(verification, [
    {
      method: 'POST',
      headers: { authorization: undefined },
      body: { id_token: 'eyJhbGciOiJIUzI1NiJ9.e30.x', client_id: 'the-id', nonce: 'the-nonce' }
    }
  ])
  t.notOk(Object.hasOwn(verification[0]?.body as object, 'client_secret'))
  change(one, '/oauth2/v2.1/verify', { email: undefined })
  t.equal((await one.identify()).profile.email, null, 'a person without an email, or a channel without the permission')
  one.answers['/oauth2/v2.1/token'] = TOKENS
  t.equal((await one.identify()).profile.email, null, 'no ID token, no email')

  const narrow = await scene(t, 'line', { LINE_SCOPE: 'profile' })
  t.equal((await narrow.identify()).profile.email, null)
  t.equal(narrow.fake.calls('/oauth2/v2.1/verify').length, 0, 'with the scope `profile` nothing is verified')
})

t.test('Kakao: what the person did not agree to is not there', async (t) => {
  const one = await scene(t, 'kakao')
  change(one, '/v2/user/me', { kakao_account: { profile_nickname_needs_agreement: true, email_needs_agreement: true } })
  t.match((await one.identify()).profile, { email: null, name: null, avatarUrl: null })
  change(one, '/v2/user/me', { kakao_account: undefined })
  t.match((await one.identify()).profile, { email: null, name: null, avatarUrl: null })
  change(one, '/v2/user/me', {
    kakao_account: { email: 'gone@example.com', is_email_valid: false, is_email_verified: true }
  })
  t.equal((await one.identify()).profile.email, null, 'an address that went to another account')
  t.equal(one.fake.calls('/v2/user/me')[0]?.query['secure_resource'], 'true')
})

t.test('Reddit: every call names its client', async (t) => {
  const one = await scene(t, 'reddit')
  await one.identify()
  t.same(
    one.fake.calls().map(({ headers }) => headers['user-agent']),
    ['web:the-id:signet', 'web:the-id:signet']
  )
  t.equal(one.fake.calls('/api/v1/me')[0]?.query['raw_json'], '1')
})

t.test('Zoom: a name in parts', async (t) => {
  const one = await scene(t, 'zoom')
  change(one, '/v2/users/me', { display_name: undefined })
  t.equal((await one.identify()).profile.name, 'Jill Chill')
})

t.test('Notion: an integration that may not read users tells an id alone', async (t) => {
  const one = await scene(t, 'notion')
  one.answers['/v1/oauth/token'] = {
    ...one.shape.tokens,
    refresh_token: null,
    owner: { type: 'user', user: { object: 'user', id: '5389a034-eb5c-47b5-8a9e-f79c99ef166c' } }
  }
  const { profile, tokens } = await one.identify()
  t.match(profile, { subject: '5389a034-eb5c-47b5-8a9e-f79c99ef166c', email: null, name: null, avatarUrl: null })
  t.match(tokens, { refreshToken: undefined, expiresAt: undefined })
})

t.test('a provider by settings', async (t) => {
  await t.test('says where things stand', async (t) => {
    const one = await scene(t, 'forum', {
      OAUTH_FORUM_SUBJECT: '/data/0/id',
      OAUTH_FORUM_EMAIL: '/data/0/contact~1mail/address',
      OAUTH_FORUM_EMAIL_VERIFIED: '/data/0/contact~1mail/checked',
      OAUTH_FORUM_DISPLAY_NAME: '/data/0/full name',
      OAUTH_FORUM_USERNAME: '/data/0/nick~0name',
      OAUTH_FORUM_PICTURE: '/data/0/pictures/1',
      OAUTH_FORUM_EMAIL_TRUSTED: 'true',
      OAUTH_FORUM_AUTHENTICATION: 'header',
      OAUTH_FORUM_SCOPE: 'read:me email'
    })
    one.answers['/api/me'] = {
      id: 'wrong',
      email: 'wrong@example.com',
      data: [
        {
          id: 'u-7',
          'contact/mail': { address: 'Right@Example.com', checked: true },
          'full name': 'Right',
          'nick~name': 'right',
          pictures: ['https://forum.example/small.png', 'https://forum.example/large.png']
        }
      ]
    }
    t.match((await one.identify()).profile, {
      subject: 'u-7',
      email: 'right@example.com',
      emailVerified: true,
      name: 'Right',
      username: 'right',
      avatarUrl: 'https://forum.example/large.png',
      scope: 'read:me email'
    })
    t.match(one.fake.calls('/token')[0]?.headers, { authorization: BASIC })
  })

  await t.test('whose word on email is trusted, is believed by the boolean true alone', async (t) => {
    const one = await scene(t, 'forum', { OAUTH_FORUM_EMAIL_TRUSTED: 'true' })
    for (const [word, verified] of [
      [true, true],
      [false, false],
      ['true', false],
      [1, false],
      [[true], false],
      [{}, false],
      [null, false],
      [undefined, false]
    ] as const) {
      change(one, '/api/me', { email_verified: word })
      t.match(
        (await one.identify()).profile,
        { email: 'jane@example.com', emailVerified: verified },
        JSON.stringify(word)
      )
    }
    change(one, '/api/me', { email: 'not an address' })
    t.match((await one.identify()).profile, { email: null, emailVerified: false })
  })

  await t.test('names itself in the answer as the settings say, where they do (RFC 9207)', async (t) => {
    for (const [more, iss, isRight] of [
      [{}, 'https://forum.example', true],
      [{ OAUTH_FORUM_ISSUER: 'https://forum.example' }, 'https://forum.example', true],
      [{ OAUTH_FORUM_ISSUER: 'https://forum.example' }, 'https://evil.example', false]
    ] as const) {
      t.equal((await scene(t, 'forum', more)).provider.isResponseIssuer(iss), isRight)
    }
  })
})
