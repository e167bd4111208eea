import t from 'tap'
import { answerJson } from '../../fakes/answers.ts'
import type { OAuthSpec } from '../../fakes/oauth.ts'
import { emailWords } from './email-words.ts'
import { unusable } from './fault-grid.ts'
import { plainLogin } from './plain-login.ts'

const SPEC: OAuthSpec = {
  id: 'spotify',
  paths: { authorize: '/authorize', token: '/api/token', api: '/v1' },
  authentication: 'client_secret_basic',
  routes: { 'GET /me': ({ person }) => answerJson(person) },
  tokenAnswer: () => ({ token_type: 'Bearer' }),
  person: {
    account_id: 'aB3dE5fG7h',
    country: 'SE',
    display_name: 'JM Wizzler',
    email: 'Email@example.com',
    external_urls: { spotify: 'https://open.spotify.com/user/wizzler' },
    followers: { href: null, total: 3829 },
    href: 'https://api.spotify.com/v1/users/wizzler',
    id: 'wizzler',
    images: [
      { height: 300, width: 300, url: 'https://i.scdn.co/image/ab67616d00001e02ff9ca10b55ce82ae553c8228' },
      { height: 64, width: 64, url: 'https://i.scdn.co/image/small' }
    ],
    product: 'premium',
    type: 'user',
    uri: 'spotify:user:wizzler'
  }
}

t.test('Spotify', async (t) => {
  const world = await plainLogin(t, {
    spec: SPEC,
    name: 'Spotify',
    profile: {
      subject: 'aB3dE5fG7h',
      username: 'wizzler',
      email: 'email@example.com',
      name: 'JM Wizzler',
      avatarUrl: 'https://i.scdn.co/image/ab67616d00001e02ff9ca10b55ce82ae553c8228',
      scope: 'user-read-email'
    },
    steps: [{ step: 'profile', path: '/me' }],
    withoutSubject: [
      ...unusable('id').map((changes) => ({ account_id: undefined, ...changes })),
      ...unusable('account_id').slice(1)
    ]
  })
  const { fake, signIn } = world

  await t.test('an email never counts as verified: people type it in', async (t) => {
    await emailWords(
      t,
      world,
      { subject: 'account_id', email: 'email' },
      [{}, { email_verified: true }, { verified: true }, { email_verified: 'true', verified: 1 }].map((word) => [
        word,
        false
      ])
    )
  })

  await t.test('the subject is `account_id`, or `id` where there is none', async (t) => {
    fake.person({ account_id: 'stable', id: 'one' })
    const { id } = await signIn()
    fake.person({ account_id: 'stable', id: 'another' })
    t.equal((await signIn()).id, id)
    fake.person({ account_id: undefined, id: 'another' })
    const older = await signIn()
    t.not(older.id, id)
    t.match(older.accounts, [{ subject: 'another', username: 'another' }])
  })

  await t.test('without an email, a name and a picture', async (t) => {
    for (const [index, images] of [[], undefined, null, {}, ['x'], [{ url: 'http://i.scdn.co/x' }]].entries()) {
      fake.person({ account_id: `bare-${index}`, email: undefined, display_name: null, images })
      t.match(await signIn(), {
        name: 'wizzler',
        avatarUrl: null,
        email: null,
        accounts: [{ email: null, emailVerified: false }]
      })
    }
  })
})
