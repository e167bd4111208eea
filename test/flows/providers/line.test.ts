import t from 'tap'
import { answerJson } from '../../fakes/answers.ts'
import { createBrowser } from '../../fakes/browser.ts'
import { parameter } from '../../fakes/calls.ts'
import type { OAuthSpec } from '../../fakes/oauth.ts'
import { shortenProviderTimeout } from '../../helper.ts'
import { SHAPES } from '../../providers/shapes.ts'
import { refused } from '../failed-login.ts'
import { unusable } from './fault-grid.ts'
import { besideTokens, plainLogin } from './plain-login.ts'

const { name, urls, tokens, answers, profile } = SHAPES.line
const VERIFY = '/oauth2/v2.1/verify'

const SPEC: OAuthSpec = {
  id: 'line',
  paths: { ...urls, revoke: '/oauth2/v2.1/revoke' },
  authentication: 'client_secret_post',
  routes: { 'GET /profile': ({ person }) => answerJson(person) },
  // An ID token of HS256 that only LINE can read: what is in it, without a signature.
  tokenAnswer: ({ person, nonce }) => ({
    ...besideTokens(tokens),
    id_token: `hs256.${Buffer.from(JSON.stringify({ sub: person['userId'], nonce })).toString('base64url')}.x`
  }),
  openRoutes: {
    [`POST ${VERIFY}`] ({ body }) {
      const [, claims = ''] = parameter(body, 'id_token')?.split('.') ?? []
      return answerJson({
        ...answers[VERIFY],
        aud: parameter(body, 'client_id'),
        ...JSON.parse(Buffer.from(claims, 'base64url').toString())
      })
    }
  },
  person: answers['/v2/profile']
}

t.test('LINE', async (t) => {
  const { fake, url, sql } = await plainLogin(t, {
    spec: SPEC,
    name,
    profile,
    steps: [{ step: 'profile', path: '/profile' }],
    withoutSubject: unusable('userId')
  })
  const login = () => createBrowser(url).login('/login/line')
  const accounts = async () => Number((await sql.query('SELECT count(*) FROM accounts')).rows[0].count)

  await t.test('an ID token of another login, another person or another channel is refused', async (t) => {
    const before = await accounts()
    for (const claims of [{ nonce: 'another' }, { sub: 'U-somebody-else' }, { aud: 'another' }]) {
      fake.fault(VERIFY, { kind: 'json', value: { ...answers[VERIFY], ...claims } }, { times: 1 })
      refused(t, await login(), 502, 'invalid_id_token', /^LINE: the ID token does not verify/)
    }
    t.equal(await accounts(), before)
  })

  await t.test('LINE cannot verify it', async (t) => {
    fake.fault(
      VERIFY,
      { kind: 'status', status: 400, body: { error: 'invalid_request', error_description: 'canary-of-the-provider' } },
      { times: 1 }
    )
    refused(t, await login(), 502, 'provider_error', /^LINE: the user info failed: HTTP 400/)
    shortenProviderTimeout(t)
    fake.fault(VERIFY, { kind: 'hang' }, { times: 1 })
    refused(t, await login(), 504, 'provider_timeout', /^LINE: the user info took too long/)
    t.equal((await login()).status, 200)
  })
})
