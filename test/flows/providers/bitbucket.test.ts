import t from 'tap'
import { answerJson } from '../../fakes/answers.ts'
import type { OAuthSpec } from '../../fakes/oauth.ts'
import { SHAPES } from '../../providers/shapes.ts'
import { unusable } from './fault-grid.ts'
import { besideTokens, plainLogin } from './plain-login.ts'

const { name, urls, tokens, answers, profile } = SHAPES.bitbucket

const SPEC: OAuthSpec = {
  id: 'bitbucket',
  paths: urls,
  authentication: 'client_secret_basic',
  routes: {
    'GET /user': ({ person }) => answerJson(person),
    'GET /user/emails': () => answerJson(answers['/2.0/user/emails'])
  },
  tokenAnswer: () => ({ ...besideTokens(tokens), scope: undefined }),
  pkce: false,
  person: answers['/2.0/user']
}

t.test('Bitbucket', async (t) => {
  const { fake, signIn } = await plainLogin(t, {
    spec: SPEC,
    name,
    profile,
    steps: [{ step: 'profile', path: '/user' }, { step: 'emails', path: '/user/emails' }],
    withoutSubject: unusable('uuid')
  })

  await t.test('an app that may not read emails gets none', async (t) => {
    fake.fault('/2.0/user/emails', { kind: 'status', status: 403, body: { type: 'error' } }, { times: 1 })
    fake.person({ uuid: '{another}' })
    t.match((await signIn()).accounts, [{ subject: '{another}', email: null, emailVerified: false }])
  })
})
