import t from 'tap'
import type { OAuthSpec } from '../../fakes/oauth.ts'
import { SHAPES } from '../../providers/shapes.ts'
import { unusable } from './fault-grid.ts'
import { besideTokens, plainLogin } from './plain-login.ts'

const { name, urls, tokens, profile } = SHAPES.notion

const SPEC: OAuthSpec = {
  id: 'notion',
  paths: { ...urls, revoke: '/v1/oauth/revoke' },
  authentication: 'client_secret_basic',
  routes: {},
  tokenAnswer: ({ person }) => ({
    ...besideTokens(tokens),
    expires_in: undefined,
    scope: undefined,
    owner: { type: 'user', user: person }
  }),
  demand ({ headers, body }) {
    if (headers['content-type'] !== 'application/json') return 'the body must be JSON'
    return Object.keys(body as object).some(
      (name) => !['grant_type', 'code', 'redirect_uri', 'refresh_token'].includes(name)
    )
      ? 'unknown members'
      : undefined
  },
  pkce: false,
  person: tokens.owner.user
}

t.test('Notion', async (t) => {
  const { fake, signIn } = await plainLogin(t, { spec: SPEC, name, profile, steps: [], withoutSubject: unusable('id') })

  await t.test("asks for a person's consent, and for nothing else than the token", async (t) => {
    fake.reset()
    await signIn()
    t.same(
      fake.calls().map(({ path }) => path),
      [urls.authorize, urls.token]
    )
    t.equal(fake.calls(urls.authorize)[0]?.query['owner'], 'user')
  })

  await t.test('without leave to read users the login works', async (t) => {
    fake.person({ id: 'partial', name: undefined, avatar_url: undefined, person: undefined })
    t.match(await signIn(), { email: null, name: null, accounts: [{ subject: 'partial', email: null }] })
  })
})
