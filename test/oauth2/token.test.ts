import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { OAuthError, Problem } from '../../src/http/errors.ts'
import { hashDeviceCode } from '../../src/device/codes.ts'
import { InvalidProofError } from '../../src/tokens/dpop-proof.ts'
import { slow } from '../slow.ts'
import { API, BOUND, MACHINE, PERSONAL, PERSONAL_TOKEN, PLAIN_API, serve, WEB, type Results } from './endpoints.ts'

const tokens = { access_token: 'at', token_type: 'Bearer', expires_in: 900, refresh_token: 'rt', scope: 'openid' }
const sha256 = (text: string) => createHash('sha256').update(text).digest()
const caller = { ipAddress: '127.0.0.1', userAgent: 'lightMyRequest', requestId: 'req', clientId: null }
/** Nothing that a registration says about tokens. */
const USUAL = { idTokenAlgorithm: undefined, isThirdParty: false, resources: undefined, key: undefined }
const VERIFIER = 'v'.repeat(43)
const CODE = {
  grant_type: 'authorization_code', code: 'c', redirect_uri: 'https://spa/cb', code_verifier: VERIFIER, client_id: 'spa'
}
const DEVICE = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: 'dc', client_id: 'spa' }
const NATIVE = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token: 'idt',
  subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
  provider: 'apple',
  client_id: 'spa'
}

/** Calls the token endpoint. Keeps the counting of failed calls apart from the other calls to services. */
async function exchange (t: Test, body: object, results: Results = { tokens }, headers = {}) {
  const { post, calls, limits, refreshLimit } = await serve(t, results)
  const answer = await post('token', body, headers)
  const isCount = ([name]: unknown[]) => name === 'count'
  const [asked, counted] = [calls.filter((call) => !isCount(call)), calls.filter(isCount)]
  return { ...answer, limits, refreshLimit, asked, counted }
}

async function refuses (t: Test, body: object, error: string, status = 400) {
  const answer = await exchange(t, body)
  t.match(answer, { status, body: { error } }, JSON.stringify(body).slice(0, 100))
  t.same(answer.asked, [])
  t.same(answer.counted, [['count', '127.0.0.1']])
}

slow.test('a code is exchanged with its redirect URI and verifier (OAuth 2.1 section 4.1.3)', async (t) => {
  const { status, body, headers, asked, counted } = await exchange(t, CODE)
  t.equal(status, 200)
  t.strictSame(body, tokens)
  t.match(headers, { 'cache-control': 'no-store', pragma: 'no-cache' })
  const codeChallenge = sha256(VERIFIER).toString('base64url')
  const presented = { hash: sha256('c'), clientId: 'spa', redirectUri: 'https://spa/cb', codeChallenge }
  t.same(asked, [['redeemCode', presented, caller, USUAL]])
  t.same(counted, [], 'a successful call is not counted')
  const byWeb = await exchange(t, { ...CODE, code_verifier: '~'.repeat(128), ...WEB })
  t.match(byWeb.asked, [['redeemCode', { clientId: 'web' }]])
  for (const name of ['code', 'redirect_uri', 'code_verifier', 'client_id'] as const) {
    await refuses(t, { ...CODE, [name]: undefined }, 'invalid_request')
    await refuses(t, { ...CODE, [name]: '' }, 'invalid_request')
  }
  for (const verifier of ['v'.repeat(42), 'v'.repeat(129), '+' + VERIFIER, VERIFIER + '+', VERIFIER + '\n']) {
    await refuses(t, { ...CODE, code_verifier: verifier }, 'invalid_grant')
  }
  await refuses(t, { ...CODE, client_id: 'nobody' }, 'invalid_client', 401)
  await refuses(t, { ...CODE, client_id: 'web' }, 'invalid_client', 401)
})

t.test('a refresh token is exchanged by its client, or without one', async (t) => {
  const refresh = { grant_type: 'refresh_token', refresh_token: 'rt' }
  const clients = [
    [{}, 'signet'], [{ client_id: 'signet' }, 'signet'], [{ client_id: 'spa' }, 'spa'], [WEB, 'web']
  ] as const
  for (const [more, clientId] of clients) {
    const { body, asked, refreshLimit } = await exchange(t, { ...refresh, ...more })
    t.strictSame(body, tokens)
    t.same(asked, [['refresh', { refreshToken: 'rt', clientId, scope: undefined, issue: USUAL }, caller, refreshLimit]])
  }
  const narrowed = await exchange(t, { ...refresh, scope: 'email nonsense openid' })
  t.match(narrowed.asked, [['refresh', { scope: 'openid email' }]])
  await refuses(t, { ...refresh, client_id: 'web' }, 'invalid_client', 401)
  await refuses(t, { ...refresh, client_id: 'signet', client_secret: 'x' }, 'invalid_client', 401)
  await refuses(t, { grant_type: 'refresh_token' }, 'invalid_request')
})

t.test('in cookie mode the refresh token is in the cookie only, and works for allowed origins', async (t) => {
  const refresh = { grant_type: 'refresh_token' }
  const cookie = { cookie: '__Host-signet-refresh=old', origin: 'https://spa' }
  const { refresh_token: successor, ...others } = tokens
  const good = await exchange(t, refresh, { tokens }, cookie)
  t.strictSame(good.body, others, 'the body has no refresh token')
  t.match(good.cookies, [{
    name: '__Host-signet-refresh',
    value: successor,
    httpOnly: true,
    secure: true,
    sameSite: 'Strict',
    path: '/',
    maxAge: 3600
  }])
  t.match(good.asked, [['refresh', { refreshToken: 'old', clientId: 'signet' }]])
  const foreign = [
    { ...cookie, origin: 'https://evil' }, { cookie: cookie.cookie }, { ...cookie, 'sec-fetch-site': 'cross-site' }
  ]
  for (const headers of foreign) {
    const refused = await exchange(t, refresh, { tokens }, headers)
    t.same([refused.status, refused.body.error, refused.asked, refused.cookies], [403, 'invalid_request', [], []])
  }
  const inBody = await exchange(t, { ...refresh, refresh_token: 'rt' }, { tokens }, cookie)
  t.match(inBody.body, { refresh_token: 'rt' }, 'a token in the body takes precedence')
  const over = await exchange(t, refresh, { error: new OAuthError('invalid_grant', 'over') }, cookie)
  t.match(over, {
    status: 400,
    body: { error: 'invalid_grant' },
    cookies: [{ name: '__Host-signet-refresh', value: '', path: '/', secure: true }]
  })
  const refused = await exchange(t, refresh, { error: new OAuthError('invalid_scope', 'no') }, cookie)
  t.same([refused.status, refused.body.error, refused.cookies], [400, 'invalid_scope', []], 'the cookie is kept')
  const failed = await exchange(t, refresh, { error: new Error('away') }, cookie)
  t.same([failed.status, failed.body.error, failed.cookies, failed.counted], [500, 'server_error', [], []])
})

t.test('a device gets its tokens once it is approved, and until then the reason (RFC 8628 section 3.5)', async (t) => {
  const { body, asked } = await exchange(t, DEVICE)
  t.strictSame(body, tokens)
  t.same(asked, [['redeemDeviceCode', hashDeviceCode('dc'), 'spa', caller, USUAL]])
  const own = await exchange(t, { ...DEVICE, client_id: 'signet' })
  t.same(own.asked, [['redeemDeviceCode', hashDeviceCode('dc'), 'signet', caller, USUAL]])
  const descriptions = new Set<string>()
  for (const poll of ['authorization_pending', 'slow_down', 'access_denied', 'expired_token', 'invalid_grant']) {
    const answer = await exchange(t, DEVICE, { poll })
    t.match(answer, { status: 400, body: { error: poll } })
    t.same(answer.asked.at(-1), ['poll', hashDeviceCode('dc'), 'spa'])
    t.equal(answer.counted.length, poll === 'authorization_pending' ? 0 : 1, 'polling is no failed call')
    descriptions.add(answer.body.error_description)
  }
  t.equal(descriptions.size, 5, 'each has its own description')
  await refuses(t, { ...DEVICE, device_code: undefined }, 'invalid_request')
  await refuses(t, { ...DEVICE, client_id: undefined }, 'invalid_request')
})

t.test('an ID token of a provider is exchanged (RFC 8693 section 2)', async (t) => {
  const { body, asked } = await exchange(t, { ...NATIVE, nonce: 'n', scope: 'openid nonsense' })
  t.strictSame(body, { ...tokens, issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' })
  const presented = {
    provider: 'apple', idToken: 'idt', nonce: 'n', clientId: 'spa', scope: 'openid', resources: [], issue: USUAL
  }
  t.same(asked, [['signInNatively', presented, caller]])
  const own = await exchange(t, { ...NATIVE, client_id: 'signet' })
  t.match(own.asked, [['signInNatively', { clientId: 'signet', scope: '' }]])
  for (const name of ['subject_token', 'provider', 'client_id', 'subject_token_type'] as const) {
    await refuses(t, { ...NATIVE, [name]: undefined }, 'invalid_request')
  }
  const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'
  await refuses(t, { ...NATIVE, subject_token_type: accessTokenType }, 'invalid_request')
})

t.test('grant_type is required, and an unsupported one is answered with those that are supported', async (t) => {
  await refuses(t, {}, 'invalid_request')
  await refuses(t, { grant_type: 'password' }, 'unsupported_grant_type')
  const { body } = await exchange(t, { grant_type: 'password' })
  for (const grant of [CODE.grant_type, 'refresh_token', DEVICE.grant_type, NATIVE.grant_type]) {
    t.match(body.error_description, grant)
  }
})

t.test('each parameter has a maximum length', async (t) => {
  const maximum = {
    refresh_token: 4096,
    code: 4096,
    subject_token: 16_384,
    provider: 64,
    nonce: 512,
    scope: 1000,
    client_id: 200,
    client_secret: 500
  }
  for (const [name, length] of Object.entries(maximum)) {
    const body = { grant_type: 'password', [name]: 'x'.repeat(length) }
    t.match((await exchange(t, body)).body, { error: 'unsupported_grant_type' }, `${name} of ${length}`)
    const tooLong = { ...body, [name]: 'x'.repeat(length + 1) }
    t.match((await exchange(t, tooLong)).body, { error: 'invalid_request' }, `${name} of ${length + 1}`)
  }
})

t.test('a code of a client that uses no PKCE is exchanged without a verifier, or with one', async (t) => {
  const code = { ...CODE, ...BOUND, code_verifier: undefined }
  const without = await exchange(t, code, { tokens, jkt: 'jkt' })
  t.match(without.asked, [['redeemCode', { clientId: 'bound', codeChallenge: '' }]])
  const withOne = await exchange(t, { ...code, code_verifier: VERIFIER }, { tokens, jkt: 'jkt' })
  t.match(withOne.asked, [['redeemCode', { codeChallenge: sha256(VERIFIER).toString('base64url') }]])
  await refuses(t, { ...code, code_verifier: 'short' }, 'invalid_grant')
  await refuses(t, { ...CODE, ...MACHINE }, 'unauthorized_client')
})

t.test('tokens are bound to the key of the proof; refresh tokens too, of a public client (RFC 9449)', async (t) => {
  const issueOf = async (body: object) => (await exchange(t, body, { tokens, jkt: 'jkt' })).asked[0]?.at(-1)
  t.strictSame(await issueOf(CODE), { ...USUAL, key: { jkt: 'jkt', bindsRefreshTokens: true } })
  t.strictSame(await issueOf({ ...CODE, ...WEB }), { ...USUAL, key: { jkt: 'jkt', bindsRefreshTokens: false } })
  t.match(await issueOf({ ...CODE, ...BOUND }), { idTokenAlgorithm: 'RS256', key: { jkt: 'jkt' } })
  t.match(await issueOf({ ...CODE, client_id: 'agent' }), { isThirdParty: true, key: { bindsRefreshTokens: true } })
  const bad = await exchange(t, CODE, { jkt: new InvalidProofError('the nonce of the test') })
  t.match(bad, {
    status: 400, body: { error: 'invalid_dpop_proof', error_description: 'the nonce of the test' }, asked: []
  })
  t.match(await exchange(t, CODE, { jkt: new Error('a secret') }), { status: 500, body: { error: 'server_error' } })
  await refuses(t, { ...CODE, ...BOUND }, 'invalid_dpop_proof')
})

t.test('every grant takes the resources that its tokens are for (RFC 8707)', async (t) => {
  const refresh = { grant_type: 'refresh_token', refresh_token: 'rt' }
  for (const body of [CODE, DEVICE]) {
    const { asked } = await exchange(t, { ...body, resource: API })
    t.match(asked[0]?.at(-1), { resources: [API] })
  }
  t.match((await exchange(t, { ...refresh, resource: [API] })).asked, [['refresh', { issue: { resources: [API] } }]])
  t.match((await exchange(t, { ...NATIVE, resource: API, scope: 'notes:read openid' })).asked, [
    ['signInNatively', { scope: 'openid notes:read', resources: [API], issue: { resources: [API] } }]
  ])
  await refuses(t, { ...NATIVE, resource: 'https://unknown.example.com' }, 'invalid_target')
})

t.test('a personal token is exchanged as it is, by its client', async (t) => {
  const personal = { grant_type: 'refresh_token', refresh_token: PERSONAL_TOKEN }
  const { body, asked, refreshLimit } = await exchange(t, { ...personal, scope: 'openid' })
  t.strictSame(body, tokens)
  const presented = { token: PERSONAL, clientId: 'signet', scope: 'openid', issue: USUAL }
  t.same(asked, [['exchangePersonal', presented, refreshLimit]])
  t.match((await exchange(t, { ...personal, ...WEB })).asked, [['exchangePersonal', { clientId: 'web' }]])
})

t.test('a client gets a token of its own, for what it is registered with (RFC 6749 section 4.4)', async (t) => {
  const grant = { grant_type: 'client_credentials', ...MACHINE }
  const { status, body, asked } = await exchange(t, grant)
  t.equal(status, 200)
  const issued = { access_token: 'at of the client', token_type: 'Bearer', expires_in: 900 }
  t.strictSame(body, { ...issued, scope: 'notes:read notes:write' })
  const clientId = 'machine'
  t.strictSame(asked, [
    ['issueToClient', { clientId, scope: 'notes:read notes:write', resources: [], jkt: undefined }]
  ])
  const forApi = await exchange(t, { ...grant, resource: API }, { jkt: 'jkt' })
  t.strictSame(forApi.body, { ...issued, token_type: 'DPoP', scope: 'notes:read' })
  t.strictSame(forApi.asked, [['issueToClient', { clientId, scope: 'notes:read', resources: [API], jkt: 'jkt' }]])
  const narrowed = await exchange(t, { ...grant, scope: ' notes:write  notes:write notes:read ' })
  t.equal(narrowed.body.scope, 'notes:write notes:read')
  const plain = await exchange(t, { ...grant, resource: PLAIN_API, scope: 'notes:read' })
  t.match(plain.body, { error: 'invalid_scope', error_description: 'This client has no scope here.' })
  const none = await exchange(t, { ...grant, scope: ' ' })
  t.strictSame(none.body, issued)
  const more = await exchange(t, { ...grant, scope: 'notes:read admin' })
  t.match(more, {
    status: 400,
    body: {
      error: 'invalid_scope', error_description: "This client has the scope 'notes:read notes:write' here."
    },
    asked: []
  })
})

t.test('no other client gets a token of its own', async (t) => {
  const grant = { grant_type: 'client_credentials' }
  await refuses(t, grant, 'invalid_client', 401)
  await refuses(t, { ...grant, ...WEB }, 'unauthorized_client')
  for (const clientId of ['spa', 'agent']) {
    const { body } = await exchange(t, { ...grant, client_id: clientId })
    t.match(body, { error: 'unauthorized_client', error_description: /^Only a confidential client/ }, clientId)
  }
  for (const body of [DEVICE, NATIVE]) await refuses(t, { ...body, ...MACHINE }, 'unauthorized_client')
})

t.test("an app's authorization code and name go on to its provider", async (t) => {
  const { asked, limits } = await exchange(t, { ...NATIVE, code: 'c', name: 'Name' })
  t.same(limits, ['127.0.0.1', 'native:127.0.0.1'])
  t.match(asked, [['signInNatively', { code: 'c', name: 'Name' }]])
  const tooLong = await exchange(t, { ...NATIVE, name: 'x'.repeat(201) })
  t.match(tooLong, { status: 400, body: { error: 'invalid_request' }, asked: [] })
})

t.test('the parameters are a form or an object', async (t) => {
  for (const body of [[], ['grant_type']]) {
    t.match(await exchange(t, body), {
      status: 400, body: { error: 'invalid_request', error_description: /^Send the parameters in the body/ }
    })
  }
  const { app } = await serve(t)
  const headers = { 'content-type': 'application/json' }
  for (const payload of ['"grant_type"', '1', 'null']) {
    const response = await app.inject({ method: 'POST', url: '/oauth2/token', payload, headers })
    t.match(response.json(), { error: 'invalid_request', error_description: /^Send the parameters in the body/ })
  }
  const empty = await app.inject({ method: 'POST', url: '/oauth2/token' })
  t.match(empty.json(), { error: 'invalid_request', error_description: /^Send the parameters in the body/ })
})

t.test('whoever fails too often is refused, whatever the failure was', async (t) => {
  const tooMany = new Problem('rate_limited', 'Too many.', { headers: { 'retry-after': '5' } })
  t.match(await exchange(t, { ...CODE, client_id: 'nobody' }, { tooMany }), {
    status: 429, body: { error: 'temporarily_unavailable', error_description: 'Too many.' }
  })
  t.match(await exchange(t, CODE, { tokens, tooMany }), { status: 200, limits: ['127.0.0.1'] })
})
