import t from 'tap'
import { UnsecuredJWT } from 'jose'
import { answerJson } from '../../fakes/answers.ts'
import { createBrowser } from '../../fakes/browser.ts'
import { parameter } from '../../fakes/calls.ts'
import type { OAuthSpec } from '../../fakes/oauth.ts'
import { refused } from '../failed-login.ts'
import { emailWords, NOT_TRUE, type Word } from './email-words.ts'
import { unusable } from './fault-grid.ts'
import { plainLogin } from './plain-login.ts'

const TEAM = 'https://slack.com/team_id'
const idToken = (claims: Record<string, unknown>) => new UnsecuredJWT(claims).encode()

const SPEC: OAuthSpec = {
  id: 'slack',
  paths: { authorize: '/openid/connect/authorize', token: '/api/openid.connect.token', api: '/api' },
  authentication: 'client_secret_post',
  routes: { 'GET /openid.connect.userInfo': ({ person }) => answerJson({ ok: true, ...person }) },
  tokenAnswer: ({ person: { sub }, nonce }) => ({
    ok: true,
    token_type: 'Bearer',
    expires_in: undefined,
    refresh_token: undefined,
    scope: undefined,
    id_token: idToken({ sub, nonce })
  }),
  tokenError: (error) =>
    answerJson({ ok: false, error: error === 'invalid_client' ? 'bad_client_secret' : 'invalid_code' }),
  demand: ({ body }) => (parameter(body, 'code_verifier') === undefined ? undefined : 'internal_error'),
  pkce: false,
  person: {
    sub: 'U0R7JM',
    'https://slack.com/user_id': 'U0R7JM',
    [TEAM]: 'T0R7GR',
    email: 'Krane@slack-corp.com',
    email_verified: true,
    date_email_verified: 1622128723,
    name: 'krane',
    picture: 'https://secure.gravatar.com/avatar/krane.png',
    given_name: 'Bront',
    family_name: 'Labradoodle',
    locale: 'en-US',
    'https://slack.com/team_name': 'kraneflannel',
    'https://slack.com/team_domain': 'kraneflannel',
    'https://slack.com/team_image_default': true
  }
}

t.test('Slack', async (t) => {
  const world = await plainLogin(t, {
    spec: SPEC,
    name: 'Slack',
    profile: {
      subject: 'U0R7JM',
      username: null,
      email: 'krane@slack-corp.com',
      emailVerified: true,
      name: 'krane',
      avatarUrl: 'https://secure.gravatar.com/avatar/krane.png',
      scope: 'openid profile email'
    },
    tenant: 'T0R7GR',
    steps: [{ step: 'profile', path: '/openid.connect.userInfo' }],
    withoutSubject: unusable('sub')
  })
  const { fake, signIn, url } = world
  const login = () => createBrowser(url).login('/login/slack')

  await t.test('an email counts with `email_verified: true` alone', async (t) => {
    await emailWords(t, world, { subject: 'sub', email: 'email' }, [
      [{ email_verified: true }, true],
      ...NOT_TRUE.map((word) => [{ email_verified: word }, false] as Word)
    ])
  })

  await t.test('one user id in two workspaces is two people', async (t) => {
    fake.person({ sub: 'U1', [TEAM]: 'T1', email: undefined })
    const { id } = await signIn()
    t.equal((await signIn()).id, id)
    fake.person({ sub: 'U1', [TEAM]: 'T2', email: undefined })
    t.not((await signIn()).id, id)
  })

  await t.test('a failure with status 200 is one, whatever else is in it', async (t) => {
    fake.person({ ok: false, error: 'invalid_auth' })
    refused(t, await login(), 502, 'provider_error', /^Slack: the profile failed: it was refused/)
    fake.person({})
    fake.tokenResponse({ ok: false, error: 'invalid_code' })
    refused(t, await login(), 502, 'provider_error', /^Slack: the token exchange failed: it was refused/)
    fake.tokenResponse({})
  })

  await t.test('a code of another login is recognised by the nonce', async (t) => {
    fake.tokenResponse({ id_token: idToken({ sub: 'U0R7JM', nonce: 'of-another-login' }) })
    refused(t, await login(), 502, 'invalid_id_token', /^Slack: the ID token does not verify: the nonce is wrong/)
    const mine = createBrowser(url)
    const theirs = createBrowser(url)
    fake.tokenResponse({})
    const callback = new URL(await mine.authorize(await mine.start('/login/slack')))
    const stolen = new URL(await theirs.authorize(await theirs.start('/login/slack'))).searchParams.get(
      'code'
    ) as string
    callback.searchParams.set('code', stolen)
    refused(t, await mine.callback(callback.href), 502, 'invalid_id_token', /nonce/)
    for (const token of [undefined, 'unreadable', idToken({ sub: 'U0R7JM' })]) {
      fake.tokenResponse({ id_token: token })
      t.equal((await login()).status, 200, 'with the scopes of a setting there may be none')
    }
    fake.tokenResponse({})
  })
})
