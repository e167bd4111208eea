import { randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import t from 'tap'
import { answerJson } from '../fakes/answers.ts'
import { startHttpFake } from '../fakes/http-fake.ts'
import { race, readJson } from '../helper.ts'
import { setupWithClients, SPA, WEB } from './setup-with-clients.ts'

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const SUBJECT = 'repo:octo-org/notes:ref:refs/heads/main'
const now = () => Math.floor(Date.now() / 1000)

const makeKey = async (algorithm: string, kid?: string) => {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
  return { algorithm, privateKey, jwk: { ...await exportJWK(publicKey), ...kid === undefined ? {} : { kid } } }
}
const [own, second, rotated, ci, stranger] = await Promise.all([
  makeKey('ES256'), makeKey('RS256'), makeKey('ES256', 'k1'), makeKey('RS256', 'ci'), makeKey('ES256')
])

/** Where one client has its keys, and a CI system its metadata. */
let served: object[] = [rotated.jwk]
const web = await startHttpFake(({ path }) => {
  if (path === '/client/jwks') return answerJson({ keys: served })
  if (path === '/.well-known/openid-configuration') {
    return answerJson({ issuer: web.url, jwks_uri: `${web.url}/ci/jwks`, subject_types_supported: ['public'] })
  }
  return path === '/ci/jwks' ? answerJson({ keys: [ci.jwk] }) : undefined
})
t.teardown(() => web.close())

const machine = { redirect_uris: [], grant_types: ['client_credentials'], scope: 'notes:write' }
const BY_KEYS = { ...machine, client_id: 'by-keys', name: 'Keys', jwks: { keys: [own.jwk, second.jwk] } }
const BY_URL = { ...machine, client_id: 'by-url', name: 'Keys at a URL', jwks_uri: `${web.url}/client/jwks` }
const BY_CI = { ...machine, client_id: 'by-ci', name: 'CI', assertion_issuer: web.url, assertion_subject: SUBJECT }
const ONLY_KEYS = {
  ...BY_KEYS,
  client_id: 'only-keys',
  client_secret: 'a secret that no longer counts',
  token_endpoint_auth_method: 'private_key_jwt'
}

const { url, sql, post, token, signIn, me, another, log } = await setupWithClients(t, {
  CLIENTS: JSON.stringify([SPA, WEB, BY_KEYS, BY_URL, BY_CI, ONLY_KEYS]),
  WEBHOOK_ALLOW_PRIVATE_ADDRESSES: 'true'
})

type Claims = Record<string, unknown>
interface Signed { key?: typeof own, header?: Record<string, unknown>, client?: string, claims?: Claims }

/** An assertion that `by-keys` signs, with claims put in place of the usual ones, or left out by `undefined`. */
async function sign ({ key = own, header = {}, client = 'by-keys', claims = {} }: Signed = {}): Promise<string> {
  const usual = { iss: client, sub: client, aud: url, jti: randomUUID(), iat: now(), exp: now() + 60 }
  return await new SignJWT({ ...usual, ...claims })
    .setProtectedHeader({ alg: key.algorithm, ...header })
    .sign(key.privateKey)
}

/** An ID token that the CI system gives a job. */
const signIdToken = (claims: Claims = {}, key = ci, header: Record<string, unknown> = {}) =>
  sign({ key, header: { kid: 'ci', ...header }, claims: { iss: web.url, sub: SUBJECT, jti: 'of the job', ...claims } })

const asAssertion = (assertion: string, more: Record<string, string> = {}) =>
  ({ client_assertion_type: ASSERTION_TYPE, client_assertion: assertion, ...more })
const ask = (assertion: string, more: Record<string, string> = {}, at = url) =>
  token({ grant_type: 'client_credentials', ...asAssertion(assertion, more) }, {}, at)

const REFUSED = { status: 401, body: { error: 'invalid_client' } }

t.test('a client proves itself by a JWT of a key that it registered, wherever clients do', async (t) => {
  t.match(await ask(await sign()), { status: 200, body: { scope: 'notes:write' } })
  t.match(await ask(await sign({ key: second, claims: { aud: [url, `${url}/oauth2/token`] } })), { status: 200 })
  t.match(await ask(await sign({ header: { typ: 'client-authentication+jwt' } }), { client_id: 'by-keys' }), {
    status: 200
  })
  t.match(await ask(await sign({ client: 'only-keys', claims: { aud: `${url}/oauth2/token`, iat: undefined } })), {
    status: 200
  })
  const { access_token: accessToken } = await signIn()
  t.match(await post('/oauth2/introspect', { token: accessToken, ...asAssertion(await sign()) }), {
    status: 200, body: { active: true }
  })
  t.match(await post('/oauth2/revoke', { token: accessToken, ...asAssertion(await sign()) }), {
    status: 400, body: { error: 'invalid_grant' }
  }, "another client's token")
  t.equal(await me(accessToken), 200)
  const { body: { access_token: ownToken } } = await ask(await sign())
  t.equal((await post('/oauth2/revoke', { token: ownToken, ...asAssertion(await sign()) })).status, 200)
  t.strictSame((await post('/oauth2/introspect', { token: ownToken, ...asAssertion(await sign()) })).body, {
    active: false
  })
  const list = await post('/revocations', asAssertion(await sign()))
  t.match(list, { status: 200, body: { nextCursor: /./, keepSeconds: 1200 } })
  t.equal(list.headers.get('cache-control'), 'no-store')
  t.match(await post('/revocations', { since: list.body.nextCursor, ...asAssertion(await sign()) }), { status: 200 })
  t.equal((await post('/revocations', { client_id: WEB.client_id, client_secret: WEB.client_secret })).status, 200)
})

t.test('an assertion works once, on whichever instance (RFC 7523 section 3)', async (t) => {
  const { address } = await another()
  for (let round = 0; round < 5; round++) {
    const assertion = await sign({ client: round % 2 ? 'by-url' : 'by-keys', key: round % 2 ? rotated : own })
    const answers = await race(8, (index) => ask(assertion, {}, index % 2 ? address : url))
    t.equal(answers.filter(({ status }) => status === 200).length, 1, 'one of eight at once')
    t.ok(answers.filter(({ status }) => status === 401).length === 7)
    t.match(await ask(assertion), REFUSED, 'nor later')
  }
  const jti = randomUUID()
  t.match(await ask(await sign({ claims: { jti } })), { status: 200 })
  t.match(await ask(await sign({ claims: { jti, exp: now() + 50 } })), REFUSED, 'another one of that jti')
  t.match(await ask(await sign({ client: 'only-keys', claims: { jti } })), { status: 200 }, "another client's jti")
})

t.test('no other JWT is an assertion', async (t) => {
  const wrong: [string, Signed][] = [
    ["a stranger's key", { key: stranger }],
    ['a key of the header', { key: stranger, header: { jwk: stranger.jwk } }],
    ["another client's id", { claims: { iss: 'by-url', sub: 'by-url' } }],
    ['another issuer', { claims: { iss: 'https://evil.example' } }],
    ['no issuer', { claims: { iss: undefined } }],
    ['another audience', { claims: { aud: 'https://other.example' } }],
    ['a further audience', { claims: { aud: [url, 'https://other.example'] } }],
    ['no audience', { claims: { aud: undefined } }],
    ['an empty audience', { claims: { aud: [] } }],
    ['expired', { claims: { exp: now() - 61 } }],
    ['no expiry', { claims: { exp: undefined } }],
    ['an expiry too far', { claims: { exp: now() + 420 } }],
    ['made tomorrow', { claims: { iat: now() + 3600 } }],
    ['not yet valid', { claims: { nbf: now() + 3600 } }],
    ['no jti', { claims: { jti: undefined } }],
    ['an empty jti', { claims: { jti: '' } }],
    ['a long jti', { claims: { jti: 'x'.repeat(256) } }],
    ['a DPoP proof', { header: { typ: 'dpop+jwt' } }],
    ['an access token', { header: { typ: 'at+jwt' } }]
  ]
  for (const [name, signed] of wrong) {
    t.match(await ask(await sign(signed), { client_id: 'by-keys' }), REFUSED, name)
  }
  const [header, payload] = (await sign()).split('.')
  const none = Buffer.from('{"alg":"none"}').toString('base64url')
  for (const jwt of ['x', 'x.y.z', `${none}.${payload}.`, `${header}.${payload}.`, '', ' ']) {
    const { status } = await ask(jwt, { client_id: 'by-keys' })
    t.equal(status, 401, jwt)
  }
  const symmetric = new SignJWT({ jti: 'x' }).setProtectedHeader({ alg: 'HS256' }).setIssuer('by-keys')
    .setSubject('by-keys').setAudience(url).setExpirationTime('1m')
  t.match(await ask(await symmetric.sign(Buffer.from(JSON.stringify(own.jwk)))), REFUSED, 'HMAC under the public key')
})

t.test('what is sent beside it must fit', async (t) => {
  const form = { grant_type: 'client_credentials' }
  t.match(await token({ ...form, client_assertion: await sign() }), REFUSED, 'no type')
  t.match(await token({ ...form, client_assertion_type: ASSERTION_TYPE, client_id: 'by-keys' }), REFUSED, 'type alone')
  t.match(await ask(await sign(), { client_assertion_type: 'urn:x' }), REFUSED, 'another type')
  t.match(await ask(await sign(), { client_id: 'by-url' }), REFUSED, "another client's id")
  t.match(await ask(await sign(), { client_id: 'signet' }), REFUSED)
  t.match(await ask(await sign(), { client_id: WEB.client_id }), REFUSED, 'a client without keys')
  t.match(await ask(await sign(), { client_id: 'by-keys', client_secret: 'x' }), {
    status: 400, body: { error: 'invalid_request' }
  }, 'two ways at once')
  t.match(await token({ ...form, client_id: 'by-keys' }), REFUSED, 'the id alone')
  t.match(await token({ ...form, client_id: 'by-ci' }), REFUSED, 'the id alone')
  t.match(await token({ ...form, client_id: 'only-keys', client_secret: ONLY_KEYS.client_secret }), REFUSED,
    'the secret of a client that is registered for private_key_jwt')
  t.equal((await post('/revocations', asAssertion('x'))).status, 401)
  t.match(await post('/oauth2/device_authorization', { client_id: 'signet', ...asAssertion('x') }), REFUSED)
})

t.test('keys at a URL are read once, and again for a key that is not known, and not at each assertion', async (t) => {
  const sign2 = (key = rotated, kid = 'k1') => sign({ key, client: 'by-url', header: { kid } })
  t.match(await ask(await sign2()), { status: 200 })
  web.reset()
  for (let times = 0; times < 5; times++) t.match(await ask(await sign2()), { status: 200 })
  t.equal(web.calls('/client/jwks').length, 0)
  for (let times = 0; times < 5; times++) t.match(await ask(await sign2(stranger, randomUUID())), REFUSED)
  t.ok(web.calls('/client/jwks').length <= 1, 'random kids cost one request')
  served = [rotated.jwk]

  const { address } = await another()
  web.fault('/client/jwks', { kind: 'status', status: 500 })
  web.reset()
  for (let times = 0; times < 3; times++) {
    t.match(await ask(await sign2(), {}, address), { status: 503, body: { error: 'temporarily_unavailable' } })
  }
  t.equal(web.calls('/client/jwks').length, 1, 'a failure has a cool-down, too')
  t.match(log(), /"clientId":"by-url","reason":"[^"]*HTTP 500/)
  web.heal()
})

t.test('in production keys are read from public addresses only', async (t) => {
  const { address } = await another({ WEBHOOK_ALLOW_PRIVATE_ADDRESSES: 'false' })
  web.reset()
  const unavailable = { status: 503, body: { error: 'temporarily_unavailable' } }
  t.match(await ask(await sign({ client: 'by-url', key: rotated }), {}, address), unavailable)
  t.match(await ask(await signIdToken(), { client_id: 'by-ci' }, address), unavailable)
  t.match(await ask(await sign(), {}, address), { status: 200 }, 'those of the registration need none')
  t.strictSame(web.calls(), [])
})

t.test('the ID token of a CI job is an assertion of the client that names its issuer and subject', async (t) => {
  const idToken = await signIdToken()
  for (let times = 0; times < 2; times++) {
    t.match(await ask(idToken, { client_id: 'by-ci' }), { status: 200, body: { scope: 'notes:write' } },
      'a job has one token')
  }
  const { body } = await post('/oauth2/introspect', { token: 'x', ...asAssertion(idToken, { client_id: 'by-ci' }) })
  t.strictSame(body, { active: false })
  t.match(await ask(idToken), REFUSED, 'it does not name the client')
  t.match(await ask(idToken, { client_id: 'by-keys' }), REFUSED, 'another client')

  const wrong: [string, Claims, typeof ci?, Record<string, unknown>?][] = [
    ['another repository', { sub: 'repo:octo-org/fork:ref:refs/heads/main' }],
    ['a longer subject', { sub: `${SUBJECT}2` }],
    ['no subject', { sub: undefined }],
    ['another audience', { aud: 'https://github.com/octo-org' }],
    ['a further audience', { aud: [url, 'https://github.com/octo-org'] }],
    ['the token endpoint', { aud: `${url}/oauth2/token` }],
    ['expired', { exp: now() - 61 }],
    ['no expiry', { exp: undefined }],
    ['an old one', { iat: now() - 3700, exp: now() + 3600 }],
    ['no iat', { iat: undefined }],
    ['made tomorrow', { iat: now() + 3600 }],
    ['another key', {}, { ...stranger, algorithm: 'ES256' }],
    ['another type', {}, ci, { typ: 'at+jwt' }]
  ]
  for (const [name, claims, key, header] of wrong) {
    t.match(await ask(await signIdToken(claims, key, header), { client_id: 'by-ci' }), REFUSED, name)
  }
  const forged = await sign({ key: ci, client: 'by-ci', header: { kid: 'ci' } })
  t.match(await ask(forged, { client_id: 'by-ci' }), REFUSED, "the issuer's key does not sign for the client")
})

t.test("none of Signet's own tokens, even to a client that names Signet as the issuer", async (t) => {
  const { access_token: accessToken, id_token: idToken } = await signIn()
  for (const jwt of [accessToken, idToken]) {
    t.match(await ask(jwt, { client_id: 'by-keys' }), REFUSED)
    t.match(await ask(jwt, { client_id: 'by-ci' }), REFUSED)
    t.match(await ask(jwt), REFUSED)
  }
})

t.test('an administrator registers keys, and taking one away ends the tokens that were got by it', async (t) => {
  const { access_token: admin } = await signIn()
  await sql.query("UPDATE users SET roles = '{admin}'")
  const administer = async (method: string, path: string, body: object) => {
    const response = await fetch(`${url}/admin/clients${path}`, {
      method,
      headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
      body: JSON.stringify(body)
    })
    return { status: response.status, body: await readJson(response) }
  }
  const registration = {
    name: 'x',
    type: 'confidential',
    grantTypes: ['client_credentials'],
    tokenEndpointAuthMethod: 'private_key_jwt',
    jwks: { keys: [own.jwk] }
  }
  const { body: client } = await administer('POST', '', registration)
  t.match(client, { type: 'confidential', tokenEndpointAuthMethod: 'private_key_jwt', jwks: { keys: [own.jwk] } })
  t.notOk('clientSecret' in client)
  const { clientId } = client
  const { body: { access_token: accessToken } } = await ask(await sign({ client: clientId }))
  const isActive = async () =>
    (await post('/oauth2/introspect', { token: accessToken, ...asAssertion(await sign()) })).body.active
  t.equal(await isActive(), true)
  t.equal((await administer('PATCH', `/${clientId}`, { jwks: { keys: [own.jwk, second.jwk] } })).status, 200)
  t.equal(await isActive(), true, 'one more key')
  t.equal((await administer('PATCH', `/${clientId}`, { jwksUri: `${web.url}/client/jwks` })).status, 200)
  t.equal(await isActive(), false)
  t.match(await ask(await sign({ client: clientId })), REFUSED, 'jwks_uri takes the place of jwks')
  t.match(await administer('POST', `/${clientId}/secret`, {}), { status: 400 })

  const privateJwk = await exportJWK(own.privateKey)
  const rsa1024 = { kty: 'RSA', e: 'AQAB', n: Buffer.alloc(128, 255).toString('base64url') }
  const wrong: [string, object][] = [
    ['a private key', { jwks: { keys: [privateJwk] } }],
    ['a symmetric key', { jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } }],
    ['a short key', { jwks: { keys: [rsa1024] } }],
    ['no key', { jwks: { keys: [] } }],
    ['an unknown key', { jwks: { keys: [{ kty: 'EC' }] } }],
    ['two places', { jwksUri: `${web.url}/client/jwks` }],
    ['http', { jwks: undefined, jwksUri: 'http://keys.example.com/' }],
    ['no means', { jwks: undefined }],
    ['an issuer alone', { assertionIssuer: 'https://ci.example.com' }],
    ['an unknown method', { tokenEndpointAuthMethod: 'client_secret_jwt' }],
    ['none', { tokenEndpointAuthMethod: 'none' }]
  ]
  for (const [name, change] of wrong) {
    t.match(await administer('POST', '', { ...registration, ...change }), { status: 400 }, name)
  }
  t.notMatch(log(), privateJwk['d'])
})
