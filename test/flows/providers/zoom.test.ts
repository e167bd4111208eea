import t from 'tap'
import { answerJson } from '../../fakes/answers.ts'
import type { OAuthSpec } from '../../fakes/oauth.ts'
import { SHAPES } from '../../providers/shapes.ts'
import { unusable } from './fault-grid.ts'
import { besideTokens, plainLogin } from './plain-login.ts'

const { name, urls, tokens, answers, profile } = SHAPES.zoom

const SPEC: OAuthSpec = {
  id: 'zoom',
  paths: { ...urls, revoke: '/oauth/revoke' },
  authentication: 'client_secret_basic',
  routes: { 'GET /users/me': ({ person }) => answerJson(person) },
  tokenAnswer: () => besideTokens(tokens),
  person: answers['/v2/users/me']
}

t.test('Zoom', async (t) => {
  const { fake, signIn } = await plainLogin(t, {
    spec: SPEC,
    name,
    profile,
    steps: [{ step: 'profile', path: '/users/me' }],
    withoutSubject: unusable('id')
  })

  await t.test("the language is the user's", async (t) => {
    fake.person({ id: 'somebody-else', language: 'de-DE' })
    t.match(await signIn(), { locale: 'de-DE', accounts: [{ subject: 'somebody-else' }] })
  })

  await t.test('people of one company, which has one account_id, are two', async (t) => {
    fake.person({ id: 'one', email: 'one@example.com' })
    const { id } = await signIn()
    fake.person({ id: 'another', email: 'one@example.com', verified: 1 })
    t.not((await signIn()).id, id)
  })
})
