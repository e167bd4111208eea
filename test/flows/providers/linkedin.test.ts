import t from 'tap'
import { answerJson } from '../../fakes/answers.ts'
import { parameter } from '../../fakes/calls.ts'
import type { OAuthSpec } from '../../fakes/oauth.ts'
import { emailWords, NOT_TRUE, type Word } from './email-words.ts'
import { unusable } from './fault-grid.ts'
import { plainLogin } from './plain-login.ts'

const SPEC: OAuthSpec = {
  id: 'linkedin',
  paths: { authorize: '/oauth/v2/authorization', token: '/oauth/v2/accessToken', api: '/v2' },
  authentication: 'client_secret_post',
  routes: { 'GET /userinfo': ({ person }) => answerJson(person) },
  // As an ID token of LinkedIn's: without a nonce. It is not looked at.
  tokenAnswer: () => ({
    token_type: 'Bearer',
    expires_in: 5184000,
    refresh_token: undefined,
    scope: 'email,openid,profile',
    id_token: 'not.looked.at'
  }),
  demand: ({ body }) => (parameter(body, 'code_verifier') === undefined ? undefined : 'client authentication failed'),
  pkce: false,
  person: {
    sub: '782bbtaQ',
    name: 'John Doe',
    given_name: 'John',
    family_name: 'Doe',
    picture: 'https://media.licdn-ei.com/dms/image/C5F03AQHqK8v7tB1HCQ/profile-displayphoto-shrink_100_100/0/',
    locale: 'en-US',
    email: 'Doe@email.com',
    email_verified: true
  }
}

t.test('LinkedIn', async (t) => {
  const world = await plainLogin(t, {
    spec: SPEC,
    name: 'LinkedIn',
    profile: {
      subject: '782bbtaQ',
      username: null,
      email: 'doe@email.com',
      emailVerified: true,
      name: 'John Doe',
      avatarUrl: 'https://media.licdn-ei.com/dms/image/C5F03AQHqK8v7tB1HCQ/profile-displayphoto-shrink_100_100/0/',
      scope: 'email openid profile'
    },
    steps: [{ step: 'profile', path: '/userinfo' }],
    withoutSubject: unusable('sub')
  })
  const { fake, signIn } = world

  await t.test('an email counts with `email_verified: true` alone', async (t) => {
    await emailWords(t, world, { subject: 'sub', email: 'email' }, [
      [{ email_verified: true }, true],
      ...NOT_TRUE.map((word) => [{ email_verified: word }, false] as Word)
    ])
  })

  await t.test('the locale is a text, or an object', async (t) => {
    for (const [index, [locale, expected]] of (
      [
        ['en-US', 'en-US'],
        [{ country: 'US', language: 'en' }, 'en-US'],
        [{ language: 'de' }, 'de'],
        [{}, null],
        [5, null],
        [undefined, null]
      ] as const
    ).entries()) {
      fake.person({ sub: `locale-${index}`, email: undefined, locale })
      t.match(await signIn(), { locale: expected, email: null })
    }
  })

  await t.test('a person without a picture and an email', async (t) => {
    fake.person({ sub: 'bare', name: undefined, picture: undefined, email: undefined, email_verified: undefined })
    t.match(await signIn(), {
      name: 'John Doe',
      avatarUrl: null,
      email: null,
      accounts: [{ subject: 'bare', email: null, emailVerified: false }]
    })
  })
})
