import t from 'tap'
import { answerJson } from '../../fakes/answers.ts'
import { parameter } from '../../fakes/calls.ts'
import type { OAuthSpec } from '../../fakes/oauth.ts'
import { emailWords } from './email-words.ts'
import { unusable } from './fault-grid.ts'
import { plainLogin } from './plain-login.ts'

/**
 * What could be taken for a word on the email (X has none). They come unasked, so that a test can see that they are not
 * believed.
 */
const WORDS = ['verified', 'email_verified']

/** The members that were asked for, beside those that always come, as X has it. */
const SPEC: OAuthSpec = {
  id: 'x',
  paths: { authorize: '/i/oauth2/authorize', token: '/2/oauth2/token', api: '/2', revoke: '/2/oauth2/revoke' },
  authentication: 'client_secret_basic',
  routes: {
    'GET /users/me' ({ person, scope }, { query }) {
      const scopes = scope.split(' ')
      if (!scopes.includes('users.read') || !scopes.includes('tweet.read')) {
        return answerJson({ title: 'Forbidden', status: 403, detail: 'Forbidden' }, { status: 403 })
      }
      const asked = ['id', 'name', 'username', ...WORDS, ...String(query['user.fields']).split(',')].filter(
        (field) => field !== 'confirmed_email' || scopes.includes('users.email')
      )
      return answerJson({ data: Object.fromEntries(Object.entries(person).filter(([name]) => asked.includes(name))) })
    }
  },
  // PKCE is demanded of clients that have a secret too.
  demand: ({ body }) =>
    parameter(body, 'grant_type') === 'authorization_code' && parameter(body, 'code_verifier') === undefined
      ? 'Missing required parameter [code_verifier].'
      : undefined,
  tokenAnswer: () => ({ expires_in: 7200 }),
  tokenError: () =>
    answerJson(
      { error: 'invalid_request', error_description: 'Value passed for the authorization code was invalid.' },
      { status: 400 }
    ),
  rotates: true,
  person: {
    id: '2244994945',
    name: 'X Dev',
    username: 'TwitterDev',
    created_at: '2013-12-14T04:35:55Z',
    protected: false,
    verified: true,
    profile_image_url: 'https://pbs.twimg.com/profile_images/1267175364003901441/tBZNFAgA_normal.jpg',
    confirmed_email: 'Dev@X.example'
  }
}

const PROFILE = {
  subject: '2244994945',
  username: 'TwitterDev',
  name: 'X Dev',
  avatarUrl: 'https://pbs.twimg.com/profile_images/1267175364003901441/tBZNFAgA_normal.jpg'
}

t.test('X', async (t) => {
  await plainLogin(t, {
    spec: SPEC,
    name: 'X',
    profile: { ...PROFILE, email: null, scope: 'users.read tweet.read' },
    steps: [{ step: 'profile', path: '/users/me' }],
    withoutSubject: unusable('id')
  })
})

t.test('X, of which the email is asked', async (t) => {
  const world = await plainLogin(t, {
    spec: SPEC,
    name: 'X',
    settings: (fake) => ({ ...fake.settings, X_SCOPE: 'users.read tweet.read users.email offline.access' }),
    profile: { ...PROFILE, email: 'dev@x.example', scope: 'users.read tweet.read users.email offline.access' },
    steps: [],
    withoutSubject: []
  })
  const { fake, signIn } = world

  await t.test("an email stays with the account: X's word on it is not believed", async (t) => {
    await emailWords(
      t,
      world,
      { subject: 'id', email: 'confirmed_email' },
      [{}, { verified: true }, { verified: false }, { email_verified: true }].map((word) => [word, false])
    )
  })

  await t.test('a person without an email and a picture', async (t) => {
    fake.person({ id: '1', confirmed_email: undefined, profile_image_url: undefined })
    t.match(await signIn(), {
      email: null,
      avatarUrl: null,
      name: 'X Dev',
      accounts: [{ subject: '1', email: null, emailVerified: false }]
    })
  })
})
