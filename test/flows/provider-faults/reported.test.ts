import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import type { FakeAnswer } from '../../fakes/answers.ts'
import { createBrowser } from '../../fakes/browser.ts'
import type { IdTokenScript } from '../../fakes/oidc-id-token.ts'
import type { FakeOidc } from '../../fakes/oidc.ts'
import { startFakeOidc } from '../../fakes/oidc.ts'
import { setup } from '../../helper.ts'
import { slow } from '../../slow.ts'

/** Answers of real providers that stopped people from signing in elsewhere. Each title has the public report. */

async function world (t: Test) {
  const acme = await startFakeOidc()
  t.teardown(() => acme.close())
  const { url } = await setup(t, acme.settings('acme', { emailTrusted: true }))
  const login = async () => {
    const response = await createBrowser(url).login('/login/acme')
    return response.status === 200 ? response.json().user.accounts[0] : response.json()
  }
  return { acme, login }
}

const withHeaders = (headers: Record<string, string>) => (answer: FakeAnswer): FakeAnswer => (
  { ...answer, headers: { ...answer.headers, ...headers } }
)
const withBody = (change: (body: string) => string | Buffer) => (answer: FakeAnswer): FakeAnswer => (
  { ...answer, body: change(String(answer.body)) }
)
const gzipped = (answer: FakeAnswer): FakeAnswer =>
  withHeaders({ 'content-encoding': 'gzip' })(withBody(gzipSync)(answer))

const STEPS = ['discovery', 'jwks', 'token', 'userinfo'] as const

const ANSWERS: Record<string, (answer: FakeAnswer) => FakeAnswer> = {
  'openid-client#648, nginx-openid-connect#26: compressed answers': gzipped,
  'DollhouseMCP#2520: a byte-order mark': withBody((body) => `\ufeff${body}`),
  'golang/oauth2#542: JSON as text/plain': withHeaders({ 'content-type': 'text/plain; charset=utf-8' }),
  'Deezer: JSON as text/html': withHeaders({ 'content-type': 'text/html' }),
  'JSON without a content type': ({ headers: { 'content-type': _type, ...headers }, ...answer }) => ({
    ...answer,
    headers
  }),
  'JSON in UTF-8 under another charset': withHeaders({ 'content-type': 'application/json; charset=latin1' }),
  'a charset that does not exist': withHeaders({ 'content-type': 'application/json; charset=utf-9' }),
  'headers of 40 KB': withHeaders({ 'x-debug': 'x'.repeat(40 * 1024) })
}

t.test('answers as they come, at every step of a login', async (t) => {
  const { login, acme } = await world(t)
  for (const [title, change] of Object.entries(ANSWERS)) {
    await t.test(title, async (t) => {
      const { discovery: _discovery, ...later } = acme.paths
      for (const step of STEPS.slice(1)) acme.alter(later[step as keyof typeof later], change)
      t.match(await login(), { provider: 'acme', name: 'Jane Doe' })
      acme.heal()
    })
  }
})

slow.test('answers as they come, at discovery', async (t) => {
  for (const [title, change] of Object.entries(ANSWERS)) {
    await t.test(title, async (t) => {
      const { acme, login } = await world(t)
      acme.alter(acme.paths.discovery, change)
      acme.alter(acme.paths.jwks, change)
      t.match(await login(), { provider: 'acme' })
    })
  }
})

t.test('a name in the charset that the content type says', async (t) => {
  const { acme, login } = await world(t)
  acme.person({ sub: 'jorg', name: 'Jörg' }, { idToken: [] })
  acme.alter(acme.paths.userinfo, (answer) => withHeaders({ 'content-type': 'application/json;charset=ISO-8859-1' })(
    withBody((body) => Buffer.from(body, 'latin1'))(answer)
  ))
  t.match(await login(), { name: 'Jörg' })
})

t.test('what is too large when it is decompressed is refused', async (t) => {
  const { acme, login } = await world(t)
  acme.alter(acme.paths.userinfo, (answer) => gzipped(withBody((body) => body + ' '.repeat(2 * 1024 * 1024))(answer)))
  t.match(await login(), { code: 'provider_error', detail: /the answer is too large/ })
})

t.test('node-fetch#1735, nodejs/node#47130: connections that end after each answer, unannounced', async (t) => {
  const { acme, login } = await world(t)
  const resets = acme.resetReusedConnections(acme.paths.authorize)
  const outcomes = []
  for (let n = 0; n < 4; n++) outcomes.push((await login()).provider)
  t.same(outcomes.slice(1), ['acme', 'acme', 'acme'], 'the first login may find out')
  t.ok(resets() > 0, 'connections were reused')
  const codes = acme.calls(acme.paths.token).map(({ body }) => (body as Record<string, string>)['code'])
  t.equal(new Set(codes).size, codes.length, 'no code was sent twice')
})

const TOKEN_RESPONSES: Record<string, object> = {
  'pyoidc#879: "error": null beside good tokens': { error: null },
  'pyoidc#879: "error": "" beside good tokens': { error: '' },
  'expires_in as text': { expires_in: '3600' },
  'a token_type in lower case': { token_type: 'bearer' },
  'no token_type': { token_type: undefined }
}

const ID_TOKENS: Record<string, (acme: FakeOidc) => IdTokenScript> = {
  'azp: null': () => ({ claims: { azp: null } }),
  'an iat four minutes ahead': () => ({ claims: { iat: Math.floor(Date.now() / 1000) + 240 } }),
  'iat and nbf four minutes ahead': () => {
    const ahead = Math.floor(Date.now() / 1000) + 240
    return { claims: { iat: ahead, nbf: ahead } }
  },
  'zitadel#9200, vaultwarden#6650: several audiences, where azp names us': ({ clientId }) => (
    { claims: { aud: [clientId, 'the-project'], azp: clientId } }
  ),
  'an audience in a list': ({ clientId }) => ({ claims: { aud: [clientId] } })
}

const OPTIONAL = ['revocation_endpoint', 'end_session_endpoint', 'scopes_supported',
  'authorization_response_iss_parameter_supported', 'registration_endpoint', 'introspection_endpoint']

t.test('tokens as they come', async (t) => {
  const { acme, login } = await world(t)
  for (const [title, overrides] of Object.entries(TOKEN_RESPONSES)) {
    await t.test(title, async (t) => {
      acme.tokenResponse({ ...overrides })
      t.match(await login(), { provider: 'acme' })
      acme.tokenResponse({})
    })
  }
  for (const [title, script] of Object.entries(ID_TOKENS)) {
    await t.test(title, async (t) => {
      acme.idToken(script(acme))
      t.match(await login(), { provider: 'acme' })
      acme.idToken({})
    })
  }
})

t.test('optional members of a discovery document that are null or empty', async (t) => {
  for (const nothing of [null, '']) {
    const { acme, login } = await world(t)
    acme.discovery(Object.fromEntries(OPTIONAL.map((name) => [name, nothing])))
    t.match(await login(), { provider: 'acme' }, JSON.stringify(nothing))
  }
})

t.test('user info that the discovery document leaves out as null or empty is not asked for', async (t) => {
  for (const nothing of [null, '']) {
    const { acme, login } = await world(t)
    acme.discovery({ userinfo_endpoint: nothing })
    t.match(await login(), { provider: 'acme' })
    t.equal(acme.calls(acme.paths.userinfo).length, 0)
  }
})

t.test('a key set whose one key has no kid, for a token that names one', async (t) => {
  const { acme, login } = await world(t)
  await acme.jwks({ algorithms: ['RS256'], kids: 'absent' })
  acme.idToken({ header: { kid: 'the-only-one' } })
  t.match(await login(), { provider: 'acme' })
})

t.test('executor#1972: email in the ID token, email_verified in user info only', async (t) => {
  const { acme, login } = await world(t)
  const person = { sub: 'okta', email: 'okta@example.com', email_verified: true }
  acme.person(person, { idToken: ['email'], userinfo: ['email', 'email_verified'] })
  t.match(await login(), { email: 'okta@example.com', emailVerified: true })
  acme.person({ ...person, sub: 'okta2' }, { idToken: ['email'], userinfo: ['email', 'email_verified'] })
  acme.userinfo({ email: 'another@example.com' })
  t.match(await login(), { email: 'okta@example.com', emailVerified: false }, 'about another address it says nothing')
})

t.test('nov/openid_connect#106: signed user info', async (t) => {
  const { acme, login } = await world(t)
  acme.person({ sub: 'signed', name: 'Signed Jane' }, { idToken: [] })
  acme.signUserinfo({})
  t.match(await login(), { name: 'Signed Jane' })
  acme.signUserinfo({ claims: { iss: undefined, aud: undefined } })
  t.match(await login(), { name: 'Signed Jane' }, 'iss and aud are optional')
  for (const [title, script, detail] of [
    ['signed by a stranger', { sign: 'wrong-key' }, /signature/],
    ['not signed', { sign: 'none' }, /algorithm/],
    ['of another issuer', { claims: { iss: 'https://evil.example' } }, /iss/],
    ['for another client', { claims: { aud: 'somebody-else' } }, /aud/],
    ['about another person', { claims: { sub: 'another' } }, /another person/],
    ['expired', { claims: { exp: 1 } }, /expired/]
  ] as [string, IdTokenScript, RegExp][]) {
    acme.signUserinfo(script)
    t.match(await login(), { code: 'provider_error', detail }, title)
  }
})
