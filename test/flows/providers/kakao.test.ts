import t from 'tap'
import { answerJson } from '../../fakes/answers.ts'
import type { OAuthSpec } from '../../fakes/oauth.ts'
import { SHAPES } from '../../providers/shapes.ts'
import { unusable } from './fault-grid.ts'
import { besideTokens, plainLogin } from './plain-login.ts'

const { name, urls, tokens, answers, profile } = SHAPES.kakao

const SPEC: OAuthSpec = {
  id: 'kakao',
  paths: urls,
  authentication: 'client_secret_post',
  routes: { 'GET /user/me': ({ person }) => answerJson(person) },
  tokenAnswer: () => besideTokens(tokens),
  pkce: false,
  person: answers['/v2/user/me']
}

t.test('Kakao', async (t) => {
  const { fake, signIn } = await plainLogin(t, {
    spec: SPEC,
    name,
    profile,
    steps: [{ step: 'profile', path: '/user/me' }],
    withoutSubject: unusable('id')
  })

  await t.test('a number and its digits are one person', async (t) => {
    fake.person({ id: 1234567890 })
    const { id } = await signIn()
    fake.person({ id: '1234567890' })
    t.equal((await signIn()).id, id)
  })

  await t.test('without consent to name and email the login works', async (t) => {
    fake.person({ id: 77, kakao_account: {} })
    t.match(await signIn(), { email: null, name: null, avatarUrl: null, accounts: [{ subject: '77', email: null }] })
  })
})
