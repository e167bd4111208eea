import t from 'tap'
import { answerJson } from '../../fakes/answers.ts'
import type { OAuthSpec } from '../../fakes/oauth.ts'
import { SHAPES } from '../../providers/shapes.ts'
import { unusable } from './fault-grid.ts'
import { besideTokens, plainLogin } from './plain-login.ts'

const { name, urls, tokens, answers, profile } = SHAPES.reddit

const SPEC: OAuthSpec = {
  id: 'reddit',
  paths: { ...urls, revoke: '/api/v1/revoke_token' },
  authentication: 'client_secret_basic',
  routes: { 'GET /me': ({ person }) => answerJson(person) },
  tokenAnswer: () => besideTokens(tokens),
  demand: ({ headers }) =>
    /^web:reddit-client:/.test(headers['user-agent'] ?? '') ? undefined : 'a User-Agent of its own',
  pkce: false,
  person: answers['/api/v1/me']
}

t.test('Reddit', async (t) => {
  const { fake, signIn } = await plainLogin(t, {
    spec: SPEC,
    name,
    profile,
    steps: [{ step: 'profile', path: '/me' }],
    withoutSubject: unusable('id')
  })

  await t.test('what looks like an email in the profile is none', async (t) => {
    fake.person({ id: 'abc', email: 'victim@example.com', has_verified_email: true })
    t.match(await signIn(), { email: null, accounts: [{ subject: 'abc', email: null, emailVerified: false }] })
  })
})
