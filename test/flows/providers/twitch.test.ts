import t from 'tap'
import { answerJson } from '../../fakes/answers.ts'
import type { OAuthSpec } from '../../fakes/oauth.ts'
import { emailWords, type Word } from './email-words.ts'
import { unusable } from './fault-grid.ts'
import { plainLogin } from './plain-login.ts'

const SPEC: OAuthSpec = {
  id: 'twitch',
  paths: { authorize: '/oauth2/authorize', token: '/oauth2/token', api: '/helix', revoke: '/oauth2/revoke' },
  authentication: 'client_secret_post',
  routes: {
    'GET /users' ({ person }, { headers }) {
      if (headers['client-id'] !== 'twitch-client') {
        return answerJson({ error: 'Unauthorized', status: 401, message: 'Client ID is missing' }, { status: 401 })
      }
      return answerJson({ data: person['nobody'] === true ? [] : [person] })
    }
  },
  tokenAnswer: ({ scope }) => ({ expires_in: 14346, scope: scope.split(' ') }),
  tokenError: (error) =>
    answerJson(
      error === 'invalid_client'
        ? { status: 403, message: 'invalid client secret' }
        : { status: 400, message: 'Invalid authorization code' },
      { status: error === 'invalid_client' ? 403 : 400 }
    ),
  person: {
    id: '141981764',
    login: 'twitchdev',
    display_name: 'TwitchDev',
    type: '',
    broadcaster_type: 'partner',
    description: 'Supporting third-party developers building Twitch integrations.',
    profile_image_url: 'https://static-cdn.jtvnw.net/jtv_user_pictures/8a6381c7-profile_image-300x300.png',
    offline_image_url: 'https://static-cdn.jtvnw.net/jtv_user_pictures/3f13ab61-channel_offline_image-1920x1080.png',
    view_count: 5980557,
    email: 'Not-Real@Email.com',
    created_at: '2016-12-14T20:32:28Z'
  }
}

t.test('Twitch', async (t) => {
  const world = await plainLogin(t, {
    spec: SPEC,
    name: 'Twitch',
    profile: {
      subject: '141981764',
      username: 'twitchdev',
      email: 'not-real@email.com',
      emailVerified: true,
      name: 'TwitchDev',
      avatarUrl: 'https://static-cdn.jtvnw.net/jtv_user_pictures/8a6381c7-profile_image-300x300.png',
      scope: 'user:read:email'
    },
    steps: [{ step: 'profile', path: '/users' }],
    withoutSubject: [...unusable('id'), { nobody: true }]
  })
  const { fake, signIn } = world

  await t.test('an email is a verified one, unless there ever is a word against it', async (t) => {
    await emailWords(t, world, { subject: 'id', email: 'email' }, [
      [{}, true],
      [{ email_verified: true }, true],
      ...[false, 'true', 'false', 1, 0, null, {}].map((word) => [{ email_verified: word }, false] as Word)
    ])
  })

  await t.test('a person whose email is not verified has none', async (t) => {
    for (const [id, email] of [
      ['51', undefined],
      ['52', ''],
      ['53', null]
    ] as const) {
      fake.person({ id, email })
      t.match(await signIn(), {
        email: null,
        emailVerified: false,
        accounts: [{ subject: id, email: null, emailVerified: false }]
      })
    }
  })

  await t.test('granted less than was asked', async (t) => {
    fake.tokenResponse({ scope: [] })
    fake.person({ id: '54', email: undefined })
    t.match(await signIn(), { accounts: [{ scope: '' }] })
    fake.tokenResponse({})
  })
})
