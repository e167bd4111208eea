import t from 'tap'
import { answerJson } from '../../fakes/answers.ts'
import { createBrowser } from '../../fakes/browser.ts'
import { startFakeOAuth, type FakeOAuth, type OAuthSpec } from '../../fakes/oauth.ts'
import { setup } from '../../helper.ts'
import { unusable } from './fault-grid.ts'
import { plainLogin } from './plain-login.ts'

const SPEC: OAuthSpec = {
  id: 'forum',
  paths: { authorize: '/authorize', token: '/token', api: '/api' },
  authentication: 'client_secret_post',
  routes: { 'GET /me': ({ person }) => answerJson(person) },
  person: {
    id: 42,
    email: 'Jane@Example.com',
    email_verified: true,
    name: 'Jane Doe',
    username: 'jane',
    picture: 'https://forum.example/jane.png'
  }
}

const PROFILE = {
  subject: '42',
  username: 'jane',
  email: 'jane@example.com',
  name: 'Jane Doe',
  avatarUrl: 'https://forum.example/jane.png',
  scope: ''
}

const settings = ({ url, clientId, clientSecret }: FakeOAuth) => ({
  OAUTH_PROVIDERS: 'forum',
  OAUTH_FORUM_NAME: 'Forum',
  OAUTH_FORUM_AUTHORIZATION_URL: `${url}/authorize`,
  OAUTH_FORUM_TOKEN_URL: `${url}/token`,
  OAUTH_FORUM_PROFILE_URL: `${url}/api/me`,
  OAUTH_FORUM_CLIENT_ID: clientId,
  OAUTH_FORUM_CLIENT_SECRET: clientSecret
})

t.test('any OAuth 2.0 provider, by settings', async (t) => {
  const { url, signIn, fake } = await plainLogin(t, {
    spec: SPEC,
    settings,
    name: 'Forum',
    profile: PROFILE,
    steps: [{ step: 'profile', path: '/me' }],
    withoutSubject: unusable('id')
  })

  await t.test('is listed, and its callback answers', async (t) => {
    const { providers } = (await (await fetch(`${url}/login`, { headers: { accept: 'application/json' } })).json()) as {
      providers: unknown
    }
    t.match(providers, [{ id: 'forum', name: 'Forum' }])
  })

  await t.test('an iss that nobody has told Signet is ignored (RFC 9207 section 2.4)', async (t) => {
    const browser = createBrowser(url)
    const callback = await browser.authorize(await browser.start('/login/forum'))
    t.equal((await browser.callback(`${callback}&iss=${encodeURIComponent('https://forum.example')}`)).status, 200)
  })

  await t.test('a profile of names alone is enough', async (t) => {
    fake.person({ id: 'abc', email: undefined, email_verified: undefined, name: undefined, picture: undefined })
    t.match(await signIn(), {
      name: 'jane',
      avatarUrl: null,
      accounts: [{ subject: 'abc', username: 'jane', email: null }]
    })
  })
})

t.test('one whose word on email is trusted, with a profile of its own shape', async (t) => {
  const fake = await startFakeOAuth({
    ...SPEC,
    authentication: 'client_secret_basic',
    routes: { 'GET /me': ({ person }) => answerJson({ data: [{ user: person }] }) }
  })
  t.teardown(() => fake.close())
  const names = {
    SUBJECT: 'uid',
    EMAIL: 'mail',
    EMAIL_VERIFIED: 'mail_checked',
    DISPLAY_NAME: 'full~1name',
    USERNAME: 'nick',
    PICTURE: 'photos/0'
  }
  const pointers = Object.fromEntries(
    Object.entries(names).map(([name, member]) => [`OAUTH_FORUM_${name}`, `/data/0/user/${member}`])
  )
  const { url } = await setup(t, {
    ...settings(fake),
    ...pointers,
    OAUTH_FORUM_EMAIL_TRUSTED: 'true',
    OAUTH_FORUM_AUTHENTICATION: 'header',
    OAUTH_FORUM_SCOPE: 'me,email'
  })
  const person = (uid: string, word: unknown) =>
    fake.person({
      id: undefined,
      uid,
      mail: `${uid}@example.com`,
      mail_checked: word,
      'full/name': 'Jane Doe',
      nick: 'jane',
      photos: ['https://forum.example/jane.png']
    })

  for (const [uid, word, verified] of [
    ['a', true, true],
    ['b', 'true', false],
    ['c', 1, false],
    ['d', false, false],
    ['e', undefined, false]
  ] as const) {
    person(uid, word)
    const { user } = (await createBrowser(url).login('/login/forum')).json()
    t.match(user.accounts, [
      {
        subject: uid,
        username: 'jane',
        name: 'Jane Doe',
        avatarUrl: 'https://forum.example/jane.png',
        email: `${uid}@example.com`,
        emailVerified: verified,
        scope: 'me email'
      }
    ])
    t.same(
      [user.email, user.emailVerified],
      verified ? [`${uid}@example.com`, true] : [null, false],
      JSON.stringify(word)
    )
  }
})
