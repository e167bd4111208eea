import t from 'tap'
import { answerJson } from '../../fakes/answers.ts'
import type { OAuthSpec } from '../../fakes/oauth.ts'
import { SHAPES } from '../../providers/shapes.ts'
import { unusable } from './fault-grid.ts'
import { besideTokens, plainLogin } from './plain-login.ts'

const { name, urls, tokens, answers, profile } = SHAPES.figma

const SPEC: OAuthSpec = {
  id: 'figma',
  paths: { ...urls, refresh: '/v1/oauth/refresh' },
  authentication: 'client_secret_basic',
  routes: { 'GET /me': ({ person }) => answerJson(person) },
  tokenAnswer: () => besideTokens(tokens),
  person: answers['/v1/me']
}

t.test('Figma', async (t) => {
  const { fake, signIn } = await plainLogin(t, {
    spec: SPEC,
    name,
    profile,
    steps: [{ step: 'profile', path: '/me' }],
    withoutSubject: unusable('id')
  })

  await t.test('ids that no number could tell apart are two people', async (t) => {
    const ids = new Set<string>()
    for (const id of ['1234567890123456780', '1234567890123456781']) {
      fake.person({ id })
      ids.add((await signIn()).id)
    }
    t.equal(ids.size, 2)
  })
})
