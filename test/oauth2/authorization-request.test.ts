import t from 'tap'
import type { Client } from '../../src/clients/clients.ts'
import {
  readAuthorizationRequest, readProvider, readProviderParameters, readResponseMode, readReturnAddress, readState
} from '../../src/oauth2/authorization-request.ts'
import { createResources } from '../../src/tokens/resources.ts'

const API = 'https://api.example.com/'
const OTHER_API = 'https://other.example.com/'
const apis = createResources([
  { resource: API, name: 'The API', scopes: ['notes:read'] }, { resource: OTHER_API, name: 'Another API' }
])
const client: Client = {
  clientId: 'spa',
  name: 'SPA',
  redirectUris: ['https://spa/cb'],
  postLogoutRedirectUris: [],
  secretHash: undefined,
  metadata: {}
}
const thirdParty: Client = { ...client, thirdParty: { host: 'agent.example.com', fingerprint: 'f' } }
const CHALLENGE = 'c'.repeat(43)
const REQUEST = { response_type: 'code', code_challenge: CHALLENGE, code_challenge_method: 'S256' }
const PLAIN = {
  intent: undefined, codeChallenge: CHALLENGE, scope: '', nonce: undefined, dpopJkt: undefined, consent: undefined
}

const read = (more: object = {}, by: Client = client) => readAuthorizationRequest({ ...REQUEST, ...more }, by, apis)
const TWICE = ['a', 'b']

t.test('a request of a client is read with all that it may say', async (t) => {
  t.strictSame(read(), PLAIN)
  t.strictSame(
    read({
      response_mode: 'query',
      intent: 'link',
      scope: 'openid nonsense email',
      nonce: 'n'.repeat(512),
      dpop_jkt: 'j'.repeat(43),
      state: 's'.repeat(2000),
      unknown: TWICE
    }),
    {
      ...PLAIN, intent: 'link', scope: 'openid email', nonce: 'n'.repeat(512), dpopJkt: 'j'.repeat(43)
    }
  )
  t.strictSame(read({ response_mode: 'form_post', intent: '', nonce: '', dpop_jkt: '', state: '' }), PLAIN)
})

t.test('a mistake is an error for the client', async (t) => {
  const cases: [object, string, RegExp?, Client?][] = [
    [{ response_type: undefined }, 'invalid_request', /response_type is missing/],
    [{ response_type: 'token' }, 'unsupported_response_type'],
    [{ response_type: TWICE }, 'invalid_request', /response_type must be sent once/],
    [{ response_type: 'x'.repeat(65) }, 'invalid_request', /at most 64/],
    [{ response_mode: 'fragment' }, 'invalid_request', /response_mode must be query or form_post/],
    [{ response_mode: 'x'.repeat(65) }, 'invalid_request', /response_mode must be sent once/],
    [{ state: 's'.repeat(2001) }, 'invalid_request', /state must be sent once/],
    [{ state: TWICE }, 'invalid_request', /state must be sent once/],
    [{ state: 'é' }, 'invalid_request', /state must be sent once/],
    [{ intent: 'join' }, 'invalid_request', /intent must be link/],
    [{ intent: 'l'.repeat(17) }, 'invalid_request', /intent must be sent once/],
    [{ intent: 'link' }, 'invalid_request', /may not link accounts/, thirdParty],
    [{ code_challenge: undefined }, 'invalid_request', /code_challenge is missing/],
    [{ code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request', /code_challenge is missing/],
    [{ code_challenge: 'c'.repeat(42) }, 'invalid_request', /which has 43 characters/],
    [{ code_challenge: 'c'.repeat(44) }, 'invalid_request', /which has 43 characters/],
    [{ code_challenge: `+${'c'.repeat(42)}` }, 'invalid_request', /which has 43 characters/],
    [{ code_challenge: 'c'.repeat(129) }, 'invalid_request', /code_challenge must be sent once/],
    [{ code_challenge_method: 'plain' }, 'invalid_request', /must be S256/],
    [{ code_challenge_method: undefined }, 'invalid_request', /must be S256/],
    [{ code_challenge_method: 'x'.repeat(17) }, 'invalid_request', /code_challenge_method must be sent once/],
    [{ dpop_jkt: 'j'.repeat(42) }, 'invalid_request', /dpop_jkt must be the SHA-256/],
    [{ dpop_jkt: `${'j'.repeat(42)}+` }, 'invalid_request', /dpop_jkt must be the SHA-256/],
    [{ dpop_jkt: `+${'j'.repeat(42)}` }, 'invalid_request', /dpop_jkt must be the SHA-256/],
    [{ dpop_jkt: 'j'.repeat(44) }, 'invalid_request', /dpop_jkt must be sent once/],
    [{ nonce: 'n'.repeat(513) }, 'invalid_request', /nonce must be sent once/],
    [{ scope: TWICE }, 'invalid_request', /scope must be sent once/],
    [{ scope: 'x'.repeat(1001) }, 'invalid_request', /scope must be sent once/],
    [{ scope: 'é' }, 'invalid_scope'],
    [{ request: 'x' }, 'request_not_supported', /request is not supported/],
    [{ request_uri: '' }, 'request_uri_not_supported', /request_uri is not supported/],
    [{ resource: 'https://unknown.example.com' }, 'invalid_target'],
    [{}, 'unauthorized_client', /authorization_code/, { ...client, metadata: { grantTypes: ['refresh_token'] } }]
  ]
  for (const [more, error, message = /./, by] of cases) {
    t.throws(() => read(more, by), { error, message }, JSON.stringify(more).slice(0, 80))
  }
})

t.test('a client that is registered so needs no PKCE, unless it links an account', async (t) => {
  const without = { ...client, metadata: { requirePkce: false } }
  const none = { code_challenge: undefined, code_challenge_method: undefined }
  t.equal(read(none, without).codeChallenge, '')
  t.equal(read({}, without).codeChallenge, CHALLENGE, 'a challenge that it sends counts')
  const required = { error: 'invalid_request', message: /code_challenge is missing/ }
  t.throws(() => read({ ...none, intent: 'link' }, without), required)
  t.throws(() => read({ ...none, code_challenge_method: 'S256' }, without), required)
  t.throws(() => read(none, { ...client, metadata: { requirePkce: true } }), required)
  t.throws(() => read({ code_challenge_method: undefined }, without), {
    error: 'invalid_request', message: /must be S256/
  }, 'a challenge counts')
  t.equal(read({ scope: 'openid '.repeat(142) + 'openid' }, without).scope, 'openid', 'a scope of 1000 characters')
})

t.test('a token is for the resources of the request, or else of the registration (RFC 8707)', async (t) => {
  const scope = 'openid notes:read provider_token'
  t.match(read({ scope }), { scope: 'openid provider_token' })
  t.notOk('resources' in read({ scope }))
  t.match(read({ scope, resource: API }), { scope: 'openid notes:read', resources: [API] })
  t.match(read({ resource: [API, OTHER_API] }), { resources: [API, OTHER_API] })
  const registered = { ...client, metadata: { resource: OTHER_API } }
  t.match(read({ scope }, registered), { scope: 'openid', resources: [OTHER_API] })
  t.match(read({ scope, resource: API }, registered), { resources: [API] })
})

t.test('a third party names a resource, gets its scopes and few others, and people are asked', async (t) => {
  const scope = 'openid profile email roles offline_access notes:read'
  const request = (more = {}, by = thirdParty) => read({ scope, resource: API, ...more }, by)
  t.match(request(), { scope: 'openid profile email notes:read', resources: [API] })
  t.strictSame(request().consent, { fingerprint: 'f', isForced: false })
  t.equal(request({ prompt: 'login consent' }).consent?.isForced, true)
  t.equal(request({ prompt: 'consents' }).consent?.isForced, false)
  t.equal(request({ prompt: 'consent' }, client).consent, undefined)
  const registered = { ...thirdParty, metadata: { resource: API } }
  for (const by of [thirdParty, registered]) {
    t.throws(() => request({ resource: undefined }, by), { error: 'invalid_target', message: /resource is missing/ })
  }
})

t.test('the client and the redirect URI come first, and a mistake in them is for the person', async (t) => {
  const good = { client_id: 'c'.repeat(200), redirect_uri: 'r'.repeat(1000) }
  t.strictSame(readReturnAddress(good), { clientId: good.client_id, redirectUri: good.redirect_uri })
  t.strictSame(readReturnAddress({ client_id: 'c' }), { clientId: 'c', redirectUri: undefined })
  const bad: [object, RegExp][] = [
    [{}, /client_id is missing/],
    [{ client_id: TWICE }, /client_id must be sent once/],
    [{ ...good, client_id: 'c'.repeat(201) }, /client_id must .* 200/],
    [{ ...good, redirect_uri: TWICE }, /redirect_uri must be sent once/],
    [{ ...good, redirect_uri: 'r'.repeat(1001) }, /redirect_uri must .* 1000/]
  ]
  for (const [parameters, message] of bad) {
    t.throws(() => readReturnAddress(parameters as never), { name: 'Problem', code: 'invalid_request', message })
  }
})

t.test('what an error is answered with is read without errors', async (t) => {
  for (const state of ['s', 's'.repeat(2000)]) t.equal(readState({ state }), state)
  for (const state of ['', 's'.repeat(2001), TWICE, 1, undefined]) t.equal(readState({ state }), undefined)
  t.equal(readResponseMode({ response_mode: 'form_post' }), 'form_post')
  for (const mode of ['query', '', undefined, ['form_post']]) {
    t.equal(readResponseMode({ response_mode: mode }), undefined)
  }
})

t.test('the provider and what it is asked for', async (t) => {
  t.equal(readProvider({ provider: 'p'.repeat(64) }), 'p'.repeat(64))
  t.equal(readProvider({}), undefined)
  t.throws(() => readProvider({ provider: 'p'.repeat(65) }), { error: 'invalid_request', message: /provider must/ })
  const asked = { prompt: 'login consent', max_age: '5', login_hint: 'é', ui_locales: 'de', acr_values: 'a' }
  const parameters = { prompt: ['login', 'consent'], maxAge: 5, loginHint: 'é', uiLocales: 'de', acrValues: 'a' }
  t.same(readProviderParameters(asked, client), parameters)
  t.same(readProviderParameters(asked, thirdParty), { ...parameters, prompt: ['login'] }, 'consent is asked for here')
  t.throws(() => readProviderParameters({ prompt: 'none' }, client), { name: 'OAuthError', error: 'login_required' })
  for (const bad of [{ prompt: 'none login' }, { max_age: '1a' }, { max_age: 'a1' }, { login_hint: TWICE }]) {
    const refused = { name: 'OAuthError', error: 'invalid_request' }
    t.throws(() => readProviderParameters(bad, client), refused, JSON.stringify(bad))
  }
})
