import t from 'tap'
import { answerJson } from '../../fakes/answers.ts'
import type { OAuthSpec } from '../../fakes/oauth.ts'
import { emailWords, NOT_TRUE, type Word } from './email-words.ts'
import { unusable } from './fault-grid.ts'
import { plainLogin } from './plain-login.ts'

const SPEC: OAuthSpec = {
  id: 'discord',
  paths: {
    authorize: '/oauth2/authorize',
    token: '/api/oauth2/token',
    api: '/api/v10',
    revoke: '/api/oauth2/token/revoke'
  },
  authentication: 'client_secret_basic',
  routes: { 'GET /users/@me': ({ person }) => answerJson(person) },
  tokenAnswer: () => ({ token_type: 'Bearer', expires_in: 604800 }),
  person: {
    id: '80351110224678912',
    username: 'nelly',
    discriminator: '0',
    global_name: 'Nelly',
    avatar: '8342729096ea3675442027381ff50dfe',
    verified: true,
    email: 'Nelly@Discord.example',
    flags: 64,
    banner: '06c16474723fe537c283b8efa61a30c8',
    accent_color: 16711680,
    premium_type: 1,
    public_flags: 64,
    mfa_enabled: true,
    locale: 'en-US',
    avatar_decoration_data: null
  }
}

t.test('Discord', async (t) => {
  const world = await plainLogin(t, {
    spec: SPEC,
    name: 'Discord',
    profile: {
      subject: '80351110224678912',
      username: 'nelly',
      email: 'nelly@discord.example',
      emailVerified: true,
      name: 'Nelly',
      avatarUrl: 'https://cdn.discordapp.com/avatars/80351110224678912/8342729096ea3675442027381ff50dfe.png',
      scope: 'identify email'
    },
    steps: [{ step: 'profile', path: '/users/@me' }],
    withoutSubject: unusable('id')
  })
  const { fake, signIn } = world

  await t.test('an email counts with `verified: true` alone', async (t) => {
    await emailWords(t, world, { subject: 'id', email: 'email' }, [
      [{ verified: true }, true],
      ...NOT_TRUE.map((verified) => [{ verified }, false] as Word)
    ])
  })

  await t.test('without an email, and without a name and a picture of their own', async (t) => {
    for (const [id, changes] of [
      ['1001', { email: null, verified: false }],
      ['1002', { email: undefined, verified: true }]
    ] as const) {
      fake.person({ id, global_name: null, avatar: null, ...changes })
      t.match(await signIn(), {
        email: null,
        emailVerified: false,
        name: 'nelly',
        avatarUrl: null,
        locale: 'en-US',
        accounts: [{ subject: id, email: null, emailVerified: false }]
      })
    }
  })

  await t.test('the picture is made of a hash, and of nothing else', async (t) => {
    fake.person({ id: '1003', email: undefined, avatar: 'a_1269e74af4df7417b13759eae50c83dc' })
    t.match(await signIn(), {
      avatarUrl: 'https://cdn.discordapp.com/avatars/1003/a_1269e74af4df7417b13759eae50c83dc.gif'
    })
    for (const [index, avatar] of ['../../icons/1', 'https://evil.example/x', '', 5, {}, 'a b'].entries()) {
      fake.person({ id: `2000${index}`, email: undefined, avatar })
      t.match(await signIn(), { avatarUrl: null }, JSON.stringify(avatar))
    }
  })
})
