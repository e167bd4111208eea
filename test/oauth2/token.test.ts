import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { OAuthError } from '../../src/http/errors.ts'
import { hashDeviceCode } from '../../src/device/codes.ts'
import { serve, WEB, type Told } from './endpoints.ts'

const tokens = { access_token: 'at', token_type: 'Bearer', expires_in: 900, refresh_token: 'rt', scope: 'openid' }
const sha256 = (text: string) => createHash('sha256').update(text).digest()
const caller = { ipAddress: '127.0.0.1', userAgent: 'lightMyRequest', requestId: 'req', clientId: null }
const VERIFIER = 'v'.repeat(43)
const CODE = { grant_type: 'authorization_code', code: 'c', redirect_uri: 'https://spa/cb', code_verifier: VERIFIER, client_id: 'spa' }
const DEVICE = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: 'dc', client_id: 'spa' }
const NATIVE = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token: 'idt',
  subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
  provider: 'apple',
  client_id: 'spa'
}

/** What was asked, without the counting of what fails. */
async function ask (t: Test, body: object, told: Told = { tokens }, headers = {}) {
  const { post, calls, refreshLimit } = await serve(t, told)
  const answer = await post('token', body, headers)
  return { ...answer, refreshLimit, asked: calls.filter(([name]) => name !== 'count'), counted: calls.filter(([name]) => name === 'count') }
}

async function refuses (t: Test, body: object, error: string, status = 400) {
  const answer = await ask(t, body)
  t.match(answer, { status, body: { error } }, JSON.stringify(body).slice(0, 100))
  t.same(answer.asked, [])
  t.same(answer.counted, [['count', '127.0.0.1']])
}

t.test('a code is exchanged for whom it was made, with its verifier', async (t) => {
  const { status, body, headers, asked, counted } = await ask(t, CODE)
  t.equal(status, 200)
  t.strictSame(body, tokens)
  t.match(headers, { 'cache-control': 'no-store', pragma: 'no-cache' })
  const codeChallenge = sha256(VERIFIER).toString('base64url')
  t.same(asked, [['redeemCode', { hash: sha256('c'), clientId: 'spa', redirectUri: 'https://spa/cb', codeChallenge }, caller]])
  t.same(counted, [], 'what succeeds is not counted')
  t.match((await ask(t, { ...CODE, code_verifier: '~'.repeat(128), ...WEB })).asked, [['redeemCode', { clientId: 'web' }]])
  for (const name of ['code', 'redirect_uri', 'code_verifier', 'client_id'] as const) {
    await refuses(t, { ...CODE, [name]: undefined }, 'invalid_request')
    await refuses(t, { ...CODE, [name]: '' }, 'invalid_request')
  }
  for (const verifier of ['v'.repeat(42), 'v'.repeat(129), '+' + VERIFIER, VERIFIER + '+', VERIFIER + '\n']) await refuses(t, { ...CODE, code_verifier: verifier }, 'invalid_grant')
  await refuses(t, { ...CODE, client_id: 'nobody' }, 'invalid_client', 401)
  await refuses(t, { ...CODE, client_id: 'web' }, 'invalid_client', 401)
})

t.test('a refresh token is exchanged, of a client or of nobody', async (t) => {
  const refresh = { grant_type: 'refresh_token', refresh_token: 'rt' }
  for (const [more, clientId] of [[{}, 'signet'], [{ client_id: 'signet' }, 'signet'], [{ client_id: 'spa' }, 'spa'], [WEB, 'web']] as const) {
    const { body, asked, refreshLimit } = await ask(t, { ...refresh, ...more })
    t.strictSame(body, tokens)
    t.same(asked, [['refresh', { refreshToken: 'rt', clientId, scope: undefined }, caller, refreshLimit]])
  }
  t.match((await ask(t, { ...refresh, scope: 'email nonsense openid' })).asked, [['refresh', { scope: 'openid email' }]])
  await refuses(t, { ...refresh, client_id: 'web' }, 'invalid_client', 401)
  await refuses(t, { ...refresh, client_id: 'signet', client_secret: 'x' }, 'invalid_client', 401)
  await refuses(t, { grant_type: 'refresh_token' }, 'invalid_request')
})

t.test('in cookie mode the refresh token comes and goes in the cookie, for allowed origins', async (t) => {
  const refresh = { grant_type: 'refresh_token' }
  const cookie = { cookie: '__Host-signet-refresh=old', origin: 'https://spa' }
  const { refresh_token: successor, ...others } = tokens
  const good = await ask(t, refresh, { tokens }, cookie)
  t.strictSame(good.body, others, 'no page reads the successor')
  t.match(good.cookies, [{ name: '__Host-signet-refresh', value: successor, httpOnly: true, secure: true, sameSite: 'Strict', path: '/', maxAge: 3600 }])
  t.match(good.asked, [['refresh', { refreshToken: 'old', clientId: 'signet' }]])
  for (const headers of [{ ...cookie, origin: 'https://evil' }, { cookie: cookie.cookie }, { ...cookie, 'sec-fetch-site': 'cross-site' }]) {
    const refused = await ask(t, refresh, { tokens }, headers)
    t.same([refused.status, refused.body.error, refused.asked, refused.cookies], [403, 'invalid_request', [], []])
  }
  t.match((await ask(t, { ...refresh, refresh_token: 'rt' }, { tokens }, cookie)).body, { refresh_token: 'rt' }, 'a token in the body comes first')
  const over = await ask(t, refresh, { error: new OAuthError('invalid_grant', 'over') }, cookie)
  t.match(over, { status: 400, body: { error: 'invalid_grant' }, cookies: [{ name: '__Host-signet-refresh', value: '', path: '/', secure: true }] })
  const refused = await ask(t, refresh, { error: new OAuthError('invalid_scope', 'no') }, cookie)
  t.same([refused.status, refused.body.error, refused.cookies], [400, 'invalid_scope', []], 'the cookie is still good')
  const failed = await ask(t, refresh, { error: new Error('away') }, cookie)
  t.same([failed.status, failed.body.error, failed.cookies, failed.counted], [500, 'server_error', [], []])
})

t.test('a device that has been approved gets its tokens, others hear why not', async (t) => {
  const { body, asked } = await ask(t, DEVICE)
  t.strictSame(body, tokens)
  t.same(asked, [['redeemDeviceCode', hashDeviceCode('dc'), 'spa']])
  t.match((await ask(t, { ...DEVICE, client_id: 'signet' })).asked, [['redeemDeviceCode', hashDeviceCode('dc'), 'signet']])
  const said = new Set<string>()
  for (const poll of ['authorization_pending', 'slow_down', 'access_denied', 'expired_token', 'invalid_grant']) {
    const answer = await ask(t, DEVICE, { poll })
    t.match(answer, { status: 400, body: { error: poll } })
    t.same(answer.asked.at(-1), ['poll', hashDeviceCode('dc'), 'spa'])
    t.equal(answer.counted.length, poll === 'authorization_pending' ? 0 : 1, 'a device that waits as it was told does nothing wrong')
    said.add(answer.body.error_description)
  }
  t.equal(said.size, 5, 'each in words of its own')
  await refuses(t, { ...DEVICE, device_code: undefined }, 'invalid_request')
  await refuses(t, { ...DEVICE, client_id: undefined }, 'invalid_request')
})

t.test('an ID token of a provider is exchanged (RFC 8693)', async (t) => {
  const { body, asked } = await ask(t, { ...NATIVE, nonce: 'n', scope: 'openid nonsense' })
  t.strictSame(body, { ...tokens, issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' })
  t.same(asked, [['signInNatively', { provider: 'apple', idToken: 'idt', nonce: 'n', clientId: 'spa', scope: 'openid' }, caller]])
  t.match((await ask(t, { ...NATIVE, client_id: 'signet' })).asked, [['signInNatively', { clientId: 'signet', scope: '' }]])
  for (const name of ['subject_token', 'provider', 'client_id', 'subject_token_type'] as const) await refuses(t, { ...NATIVE, [name]: undefined }, 'invalid_request')
  await refuses(t, { ...NATIVE, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' }, 'invalid_request')
})

t.test('a grant must be named, and known', async (t) => {
  await refuses(t, {}, 'invalid_request')
  await refuses(t, { grant_type: 'password' }, 'unsupported_grant_type')
  const { body } = await ask(t, { grant_type: 'password' })
  for (const grant of [CODE.grant_type, 'refresh_token', DEVICE.grant_type, NATIVE.grant_type]) t.match(body.error_description, grant)
})

t.test('parameters have lengths', async (t) => {
  const most = { refresh_token: 4096, code: 4096, subject_token: 16_384, provider: 64, nonce: 512, scope: 1000, client_id: 200, client_secret: 500 }
  for (const [name, length] of Object.entries(most)) {
    const body = { grant_type: 'password', [name]: 'x'.repeat(length) }
    t.match((await ask(t, body)).body, { error: 'unsupported_grant_type' }, `${name} of ${length}`)
    t.match((await ask(t, { ...body, [name]: 'x'.repeat(length + 1) })).body, { error: 'invalid_request' }, `${name} of ${length + 1}`)
  }
})
