import t from 'tap'
import { answerJson } from '../../fakes/answers.ts'
import { createBrowser } from '../../fakes/browser.ts'
import type { OAuthSpec } from '../../fakes/oauth.ts'
import { refused } from '../failed-login.ts'
import { emailWords, type Word } from './email-words.ts'
import { unusable } from './fault-grid.ts'
import { plainLogin } from './plain-login.ts'

const SPEC: OAuthSpec = {
  id: 'gitlab',
  paths: { authorize: '/oauth/authorize', token: '/oauth/token', api: '/api/v4', revoke: '/oauth/revoke' },
  authentication: 'client_secret_post',
  routes: { 'GET /user': ({ person }) => answerJson(person) },
  tokenAnswer: () => ({ token_type: 'Bearer', expires_in: 7200, created_at: 1607635748 }),
  rotates: true,
  person: {
    id: 1,
    username: 'john_smith',
    email: 'john@example.com',
    name: 'John Smith',
    state: 'active',
    locked: false,
    avatar_url: 'https://gitlab.example.com/uploads/user/avatar/1/index.jpg',
    web_url: 'https://gitlab.example.com/john_smith',
    created_at: '2012-05-23T08:00:58Z',
    public_email: 'shown@example.com',
    last_sign_in_at: '2012-06-01T11:41:01Z',
    confirmed_at: '2012-05-23T09:05:22Z',
    identities: [{ provider: 'github', extern_uid: '2435223452345' }],
    two_factor_enabled: true,
    external: false,
    private_profile: false,
    commit_email: 'commits@example.com'
  }
}

t.test('GitLab', async (t) => {
  const world = await plainLogin(t, {
    spec: SPEC,
    name: 'GitLab',
    profile: {
      subject: '1',
      username: 'john_smith',
      email: 'john@example.com',
      emailVerified: true,
      name: 'John Smith',
      avatarUrl: 'https://gitlab.example.com/uploads/user/avatar/1/index.jpg',
      scope: 'read_user'
    },
    steps: [{ step: 'profile', path: '/user' }],
    withoutSubject: unusable('id')
  })
  const { fake, signIn, url } = world

  await t.test('an email counts once it is confirmed', async (t) => {
    const confirmed = '2026-01-31T09:30:00.000Z'
    await emailWords(t, world, { subject: 'id', email: 'email' }, [
      [{ confirmed_at: confirmed }, true],
      [{ confirmed_at: confirmed, unconfirmed_email: null }, true],
      [{ confirmed_at: confirmed, unconfirmed_email: 'next@example.com' }, true],
      [{ confirmed_at: confirmed, unconfirmed_email: 'Words-3@example.com' }, false],
      ...[null, undefined, '', true, false, 'true', 'false', 1, '1', '2026', 'soon', '2026-99-99T99:99:99Z', {}].map(
        (word) => [{ confirmed_at: word }, false] as Word
      )
    ])
  })

  await t.test('public addresses are ignored', async (t) => {
    fake.person({ id: 500, email: undefined })
    t.match(await signIn(), { email: null, accounts: [{ email: null, emailVerified: false }] })
  })

  await t.test('the subject is the number; another person may take the user name', async (t) => {
    fake.person({ id: 501, username: 'anna', email: 'anna@example.com' })
    const { id } = await signIn()
    fake.person({ id: '501', username: 'anna-b', email: 'anna-b@example.com' })
    t.equal((await signIn()).id, id)
    fake.person({ id: 502, username: 'anna', email: 'other@example.com' })
    t.not((await signIn()).id, id)
  })

  await t.test('`iss` may be its own issuer, and no other (RFC 9207)', async (t) => {
    fake.person({})
    for (const [iss, isRight] of [
      [fake.url, true],
      ['https://gitlab.com', false]
    ] as const) {
      const browser = createBrowser(url)
      const callback = new URL(await browser.authorize(await browser.start('/login/gitlab')))
      callback.searchParams.set('iss', iss)
      const response = await browser.callback(callback.href)
      if (isRight) t.equal(response.status, 200)
      else refused(t, response, 502, 'provider_error', /^GitLab: the authorization response failed/)
    }
  })
})
