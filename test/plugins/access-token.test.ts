import Fastify, { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { CompactSign, decodeProtectedHeader, importPKCS8 } from 'jose'
import t, { type Test } from 'tap'
import { buildApp, type AppSettings } from '../../src/app.ts'
import { toProblem } from '../../src/http/problem-details.ts'
import { createKeyPair, toPublicPem } from '../../src/keys/key-pair.ts'
import type { TokenType } from '../../src/keys/signers.ts'
import type { SigningAlgorithm } from '../../src/keys/signing-algorithm.ts'
import { accessToken } from '../../src/plugins/access-token.ts'
import { dpop } from '../../src/plugins/dpop.ts'
import { readSettings } from '../../src/settings.ts'
import { signedIn } from '../flows/signed-in.ts'
import { ENCRYPTION_KEYS, eventually } from '../helper.ts'

const ISSUER = 'https://id.example.com'
const AUDIENCE = 'https://api.example.com'
const API = 'https://other-api.example.com'
const exp = () => Math.floor(Date.now() / 1000) + 60
const common = () => ({ iss: ISSUER, sub: 'u', exp: exp(), iat: exp() - 60, sid: 's' })
const accessTokenClaims = () => ({ ...common(), aud: AUDIENCE, jti: 'j', client_id: 'c', scope: '', roles: [] })
const idTokenClaims = () => ({ ...common(), aud: 'c', at_hash: 'h' })

interface VerificationKey { alg: string, publicPem: string }

/** The plugin alone, on keys that a test makes, with a route for each way to read a token. */
async function serve (t: Test, options: { isThirdParty?: (clientId: string) => boolean } = {}) {
  const keys = new Map<string, VerificationKey>()
  let failure: Error | undefined
  const verificationKey = async (kid: string) => {
    if (typeof kid !== 'string') t.fail('no key has such a kid')
    if (failure) throw failure
    return keys.get(kid)
  }
  const app = Fastify()
  t.teardown(() => app.close())
  app.setErrorHandler(async (error, _request, reply) => {
    const { status, code, message: detail, headers } = toProblem(error)
    return await reply.code(status).headers(headers).send({ code, detail })
  })
  const keyService = { verificationKey, retiredVerificationKey: verificationKey }
  await app.register(fp(async (app) => { app.decorate('database', {} as never) }, { name: 'database' }))
  await app.register(dpop, { issuerUrl: ISSUER })
  await app.register(accessToken, {
    keys: keyService, issuer: ISSUER, audience: [AUDIENCE], resources: [API], accessTokenType: 'at+jwt', ...options
  })
  app.get('/bearer', { onRequest: app.requireBearer }, async ({ bearer }) => bearer)
  app.get('/any', { onRequest: app.requireBearerOfAnyResource }, async ({ bearer }) => ({
    isForThisServer: app.isForThisServer(bearer)
  }))
  app.post('/token', async (request) => ({ claims: await app.readAccessToken(request) }))
  app.get('/hint', async (request) => ({ claims: await app.readIdToken(request) }))
  app.post('/hint', async (request) => ({ claims: await app.readIdToken(request) }))
  app.get('/optional', async (request) => ({ claims: await app.readBearer(request) }))

  async function createKey (algorithm: SigningAlgorithm = 'ES256') {
    const { kid, publicJwk, privatePem } = await createKeyPair(algorithm)
    const key = { alg: algorithm as string, publicPem: toPublicPem(publicJwk) }
    keys.set(kid, key)
    const privateKey = await importPKCS8(privatePem, algorithm)
    const sign = async (claims: object, typ: TokenType = 'at+jwt', header: object = {}) =>
      await new CompactSign(Buffer.from(JSON.stringify(claims)))
        .setProtectedHeader({ alg: algorithm, typ, kid, ...header }).sign(privateKey)
    return { kid, key, sign }
  }

  return {
    app,
    keys,
    createKey,
    fail: (error: Error) => { failure = error },
    /** What the three ways to read a token make of it: the status, and true for claims. */
    async read (signed: string | Promise<string>) {
      const token = await signed
      const bearer = await app.inject({ url: '/bearer', headers: { authorization: `Bearer ${token}` } })
      const parameter = await app.inject({ method: 'POST', url: '/token', payload: { token } })
      const hint = await app.inject(`/hint?id_token_hint=${encodeURIComponent(token)}`)
      return {
        bearer: bearer.statusCode,
        parameter: parameter.statusCode === 200 ? 'claims' in parameter.json() : parameter.statusCode,
        hint: hint.statusCode === 200 ? 'claims' in hint.json() : hint.statusCode
      }
    }
  }
}

const REFUSED = { bearer: 401, parameter: false, hint: false }

t.test('each kind of token is read in its own place, with any algorithm', async (t) => {
  const { createKey, read } = await serve(t)
  for (const algorithm of ['ES256', 'EdDSA', 'RS256'] as const) {
    const { sign } = await createKey(algorithm)
    t.same(await read(sign(accessTokenClaims())), { bearer: 200, parameter: true, hint: false }, algorithm)
    t.same(await read(sign(idTokenClaims(), 'JWT')), { bearer: 401, parameter: false, hint: true }, algorithm)
  }
})

t.test('a token of the wrong type is refused, whatever its claims (SEC-45)', async (t) => {
  const { createKey, read } = await serve(t)
  const { sign } = await createKey()
  t.same(await read(sign({ ...idTokenClaims(), ...accessTokenClaims() }, 'JWT')), { ...REFUSED, hint: true })
  t.same(await read(sign({ ...accessTokenClaims(), ...idTokenClaims(), aud: AUDIENCE })), {
    bearer: 200, parameter: true, hint: false
  })
})

t.test('a token without a required claim, or of another issuer or audience, is refused (SEC-44)', async (t) => {
  const { createKey, read } = await serve(t)
  const { sign } = await createKey()
  for (const name of ['iss', 'sub', 'aud', 'exp', 'iat', 'jti', 'client_id', 'sid']) {
    t.same(await read(sign({ ...accessTokenClaims(), [name]: undefined })), REFUSED, `access token without ${name}`)
  }
  for (const name of ['iss', 'sub', 'aud', 'exp', 'iat', 'sid', 'at_hash']) {
    t.same(await read(sign({ ...idTokenClaims(), [name]: undefined }, 'JWT')), REFUSED, `ID token without ${name}`)
  }
  for (const iss of [`${ISSUER}/`, ISSUER.toUpperCase(), '', 'https://idXexample.com', [ISSUER]]) {
    t.same(await read(sign({ ...accessTokenClaims(), iss })), REFUSED, `access token of ${iss}`)
    t.same(await read(sign({ ...idTokenClaims(), iss }, 'JWT')), REFUSED, `ID token of ${iss}`)
  }
  for (const aud of [`${AUDIENCE}/`, '', 'c', []]) {
    t.same(await read(sign({ ...accessTokenClaims(), aud })), REFUSED, `access token for ${aud}`)
  }
})

t.test('a token for another resource is a bearer for the routes alone that take any', async (t) => {
  const { app, createKey, read } = await serve(t)
  const { sign } = await createKey()
  const any = async (aud: unknown) => {
    const authorization = `Bearer ${await sign({ ...accessTokenClaims(), aud })}`
    // Twice, as the hooks remember tokens; and the other hook in between.
    const [first, other, second] = [
      await app.inject({ url: '/any', headers: { authorization } }),
      await app.inject({ url: '/bearer', headers: { authorization } }),
      await app.inject({ url: '/any', headers: { authorization } })
    ]
    t.same([second.statusCode, second.body], [first.statusCode, first.body])
    return [first.statusCode, first.json().isForThisServer, other.statusCode]
  }
  t.same(await any(API), [200, false, 401])
  t.same(await any([API]), [200, false, 401])
  t.same(await any([API, AUDIENCE]), [200, true, 200])
  t.same(await any(AUDIENCE), [200, true, 200])
  t.same(await any('https://unknown.example.com'), [401, undefined, 401])
  t.same(await read(sign({ ...accessTokenClaims(), aud: API })), { bearer: 401, parameter: true, hint: false })
})

t.test('a token that has expired is refused as a bearer only', async (t) => {
  const { createKey, read } = await serve(t)
  const { sign } = await createKey()
  const expired = { iat: 1_700_000_000, exp: 1_700_000_900 }
  t.same(await read(sign({ ...accessTokenClaims(), ...expired })), { bearer: 401, parameter: true, hint: false })
  t.same(await read(sign({ ...idTokenClaims(), ...expired }, 'JWT')), { bearer: 401, parameter: false, hint: true })
})

t.test('a token is verified with the key of its kid and the algorithm of that key only (SEC-43, SEC-48)', async (t) => {
  const { keys, createKey, read } = await serve(t)
  const [one, other, rsa] = [await createKey(), await createKey(), await createKey('RS256')]
  const token = await one.sign(accessTokenClaims())
  keys.set(one.kid, other.key)
  t.same(await read(token), REFUSED, 'the key of another kid')
  keys.set(one.kid, { ...one.key, alg: 'EdDSA' })
  t.same(await read(token), REFUSED, 'a key for another algorithm')
  keys.set(one.kid, { ...rsa.key, alg: 'ES256' })
  t.same(await read(token), REFUSED, 'a key that does not fit its algorithm')
  keys.delete(one.kid)
  t.same(await read(token), REFUSED, 'no key')
  keys.set(one.kid, one.key)
  t.same(await read(token), { bearer: 200, parameter: true, hint: false })
  for (const kid of [undefined, null, 5, [one.kid], { kid: one.kid }]) {
    t.same(await read(one.sign(accessTokenClaims(), 'at+jwt', { kid })), REFUSED, `kid ${JSON.stringify(kid)}`)
  }
})

t.test('only the canonical spelling of a signature is accepted (SEC-47)', async (t) => {
  const { createKey, read } = await serve(t)
  const { sign } = await createKey()
  const token = await sign(accessTokenClaims())
  const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = ALPHABET.indexOf(token.slice(-1))
  for (const other of [last + 1, last + 2, last + 15]) {
    t.same(await read(token.slice(0, -1) + ALPHABET.charAt(other)), REFUSED, 'other unused bits')
  }
  for (const end of ['=', '==', '.', 'A']) t.same(await read(token + end), REFUSED, end)
  t.equal((await read(token)).bearer, 200)
})

t.test('while the database is unavailable a token with an unknown key is a 503, not an invalid token', async (t) => {
  const { createKey, read, fail } = await serve(t)
  const { sign } = await createKey()
  fail(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))
  t.same(await read(sign(accessTokenClaims())), { bearer: 503, parameter: 503, hint: 503 })
})

t.test('a refusal says why, and a request without a token gets a challenge without an error', async (t) => {
  const { app, createKey } = await serve(t)
  const { sign } = await createKey()
  const refusalOf = async (authorization: string | undefined) => {
    const response = await app.inject({ url: '/bearer', headers: authorization === undefined ? {} : { authorization } })
    t.equal(response.statusCode, 401)
    return [response.json().code, response.json().detail, response.headers['www-authenticate']]
  }
  const challenge = 'Bearer realm="signet"'
  const invalid = (code: string, detail: string) =>
    [code, detail, `${challenge}, error="invalid_token", error_description="${detail}"`]
  for (const none of [undefined, '', 'Bearer', 'Bearer ', 'Basic eA==', 'Bearerx']) {
    t.match(await refusalOf(none), ['unauthorized', /^Send an access token/, /^Bearer realm="signet"$/], none ?? '')
  }
  const token = await sign(accessTokenClaims())
  const notValid = invalid('invalid_token', 'The access token is not valid.')
  for (const bad of ['Bearer x', `Bearer ${token} x`, `Bearer x ${token}`, `Bearer ${token.slice(1)}`]) {
    t.same(await refusalOf(bad), notValid, bad.slice(0, 20))
  }
  const expired = `Bearer ${await sign({ ...accessTokenClaims(), exp: 1_700_000_900, iat: 1_700_000_000 })}`
  t.same(await refusalOf(expired), invalid('token_expired', 'The access token has expired.'))
  const ofClient = { ...accessTokenClaims(), sid: undefined, sub: 'c' }
  t.same(await refusalOf(`Bearer ${await sign(ofClient)}`),
    invalid('invalid_token', 'This is the access token of a client itself: it opens nothing of a user.'))
  t.same(await refusalOf(`Bearer ${await sign({ ...ofClient, sub: 'u' })}`), notValid)
})

t.test('the scheme is Bearer in any case, or DPoP for a token that is bound to a key', async (t) => {
  const { app, createKey } = await serve(t)
  const { sign } = await createKey()
  const token = await sign(accessTokenClaims())
  const bound = await sign({ ...accessTokenClaims(), cnf: { jkt: 'j' } })
  const get = async (authorization: string, url = '/bearer') =>
    (await app.inject({ url, headers: { authorization } })).statusCode
  for (const scheme of ['Bearer', 'bearer', 'BEARER']) t.equal(await get(`${scheme} ${token}`), 200, scheme)
  for (const refused of [`DPoP ${token}`, `Bearer ${bound}`, `DPoP ${bound}`]) {
    for (const url of ['/bearer', '/any']) t.equal(await get(refused, url), 401)
  }
  const claims = async (authorization: string) => {
    const response = await app.inject({ method: 'POST', url: '/token', headers: { authorization } })
    return 'claims' in response.json()
  }
  t.same([await claims(`Bearer ${token}`), await claims(`Bearer ${bound}`), await claims(`DPoP ${token}`)],
    [true, false, false], 'in the header it needs a proof')
  const parameter = await app.inject({ method: 'POST', url: '/token', payload: { token: bound } })
  t.match(parameter.json(), { claims: { cnf: { jkt: 'j' } } }, 'as a parameter it needs none')
})

t.test('the claims of a bearer are read where there is a valid one', async (t) => {
  const { app, createKey } = await serve(t)
  const { sign } = await createKey()
  const claimsOf = async (headers: object) =>
    (await app.inject({ url: '/optional', headers: { ...headers } })).json().claims
  t.match(await claimsOf({ authorization: `Bearer ${await sign(accessTokenClaims())}` }), { sub: 'u', sid: 's' })
  for (const headers of [{}, { authorization: 'Bearer x' }, { authorization: 'Basic x' }]) {
    t.equal(await claimsOf(headers), undefined)
  }
  const authorization = `Basic Bearer ${await sign(accessTokenClaims())}`
  const { claims } = (await app.inject({ method: 'POST', url: '/token', headers: { authorization } })).json()
  t.equal(claims, undefined, 'another scheme')
})

t.test('a bearer that was verified is not verified again', async (t) => {
  const { app, createKey, keys } = await serve(t)
  const { sign, kid } = await createKey()
  const { kid: other } = await createKey()
  const headers = { authorization: `Bearer ${await sign(accessTokenClaims())}` }
  t.equal((await app.inject({ url: '/bearer', headers })).statusCode, 200)
  keys.set(kid, keys.get(other) as VerificationKey)
  t.equal((await app.inject({ url: '/bearer', headers })).json().sub, 'u')
})

t.test('a client of its own token is read as one, and a user needs a session', async (t) => {
  const { app, createKey } = await serve(t)
  const { sign } = await createKey()
  const read = async (claims: object) =>
    (await app.inject({ method: 'POST', url: '/token', payload: { token: await sign(claims) } })).json().claims
  const ofClient = { ...accessTokenClaims(), sid: undefined, sub: 'c' }
  t.match(await read(ofClient), { sub: 'c', client_id: 'c' })
  t.equal(await read({ ...ofClient, sub: 'u' }), undefined)
})

t.test('a valid token of a third party is refused as such, except where any resource will do', async (t) => {
  const { app, createKey } = await serve(t, { isThirdParty: (clientId) => clientId === 'agent' })
  const { sign } = await createKey()
  const get = async (url: string, claims: object) => {
    const headers = { authorization: `Bearer ${await sign({ ...accessTokenClaims(), client_id: 'agent', ...claims })}` }
    const response = await app.inject({ url, headers })
    return [response.statusCode, response.json().code]
  }
  for (const aud of [AUDIENCE, API]) t.same(await get('/bearer', { aud }), [403, 'insufficient_scope'])
  t.same(await get('/any', { aud: API }), [200, undefined])
  t.same(await get('/bearer', { client_id: 'c' }), [200, undefined])
  t.same(await get('/bearer', { exp: 1_700_000_900 }), [401, 'token_expired'])
  t.same(await get('/bearer', { aud: 'https://unknown.example.com' }), [401, 'invalid_token'])
  t.same(await get('/bearer', { client_id: ['agent'] }), [200, undefined], 'an id that is none')
})

t.test('a hint is in the body of a POST', async (t) => {
  const { app, createKey } = await serve(t)
  const { sign } = await createKey()
  const hint = await sign(idTokenClaims(), 'JWT')
  const inBody = await app.inject({ method: 'POST', url: '/hint', payload: { id_token_hint: hint } })
  t.match(inBody.json(), { claims: { sid: 's' } })
  t.notOk('claims' in (await app.inject({ method: 'POST', url: `/hint?id_token_hint=${hint}`, payload: {} })).json())
})

/** Sets this process's clock forward for the rest of the test; the database's clock goes on. */
function setForward (t: Test, seconds: number): void {
  const realNow = Date.now
  Date.now = () => realNow() + seconds * 1000
  t.teardown(() => { Date.now = realNow })
}

t.test('a token that was verified before is refused once it has expired (SEC-46)', async (t) => {
  const { login, call } = await signedIn(t)
  const { access_token: token } = await login()
  for (let time = 0; time < 2; time++) t.equal((await call('GET', '/me', token)).status, 200)
  setForward(t, 901)
  const refused = await call('GET', '/me', token)
  t.equal(refused.status, 401)
  t.equal(refused.body.code, 'token_expired')
  t.equal(refused.headers.get('www-authenticate'),
    'Bearer realm="signet", error="invalid_token", error_description="The access token has expired."')
})

t.test('a token that was verified before is refused once its key has been removed (SEC-48)', async (t) => {
  const { login, call, sql } = await signedIn(t)
  const { access_token: token } = await login()
  for (let time = 0; time < 2; time++) t.equal((await call('GET', '/me', token)).status, 200)
  await sql.query('DELETE FROM signing_keys WHERE kid = $1', [kidOf(token)])
  // An unknown kid makes the app read the keys from the database again.
  const header = Buffer.from(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: 'unknown' })).toString('base64url')
  await call('GET', '/me', [header, ...token.split('.').slice(1)].join('.'))
  const refused = await call('GET', '/me', token)
  t.equal(refused.status, 401)
  t.equal(refused.body.code, 'invalid_token')
})

t.test('an instance follows within half a minute when another one rotates or removes keys (SEC-53)', async (t) => {
  const { login, sql, url, database } = await signedIn(t)
  const { access_token: token, refresh_token: refreshToken } = await login()
  const timers = holdHalfMinuteTimers(t)
  const environment = { DATABASE_URL: database.url, ISSUER_URL: url, ENCRYPTION_KEYS, RATE_LIMITS: 'off' }
  // Ready and not listening, so that it runs no jobs: one of them reads the keys, too.
  const app = await buildApp(readSettings(environment) as AppSettings)
  t.teardown(() => app.close())
  await app.ready()

  const [before] = await publishedKids(app)
  t.equal(before, kidOf(token))
  await sql.query("UPDATE signing_keys SET status = 'retired', retired_at = now() WHERE status = 'current'")
  await sql.query("UPDATE signing_keys SET status = 'current', activated_at = now() WHERE status = 'next'")
  let refreshed = await refresh(app, refreshToken)
  t.equal(kidOf(refreshed.access_token), before, 'until then it signs with the key that it has')
  timers.makeDue()
  await eventually('it signs with the new key', async () => {
    refreshed = await refresh(app, refreshed.refresh_token)
    return kidOf(refreshed.access_token) !== before
  })
  t.equal(await statusOfMe(app, token), 200, 'a token of the retired key is valid')

  await sql.query('DELETE FROM signing_keys WHERE kid = $1', [before])
  timers.makeDue()
  await eventually('the key is gone', async () => !(await publishedKids(app)).includes(before))
  t.equal(await statusOfMe(app, token), 401)
  t.equal(await statusOfMe(app, refreshed.access_token), 200)
})

/** Makes timers of about half a minute, which are set from now on, due when the test says so. */
function holdHalfMinuteTimers (t: Test) {
  const realSetTimeout = globalThis.setTimeout
  const held = new Map<NodeJS.Timeout, () => void>()
  const setTimeout = (callback: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
    const timer = realSetTimeout(callback, ms, ...args)
    if (ms >= 27_000 && ms <= 33_000) held.set(timer, () => callback(...args))
    return timer
  }
  globalThis.setTimeout = Object.assign(setTimeout, realSetTimeout)
  t.teardown(() => { globalThis.setTimeout = realSetTimeout })
  return {
    makeDue () {
      for (const [timer, callback] of held) {
        clearTimeout(timer)
        held.delete(timer)
        callback()
      }
    }
  }
}

const kidOf = (token: string) => decodeProtectedHeader(token).kid

async function publishedKids (app: FastifyInstance): Promise<(string | undefined)[]> {
  return (await app.inject('/.well-known/jwks.json')).json().keys.map(({ kid }: { kid: string }) => kid)
}

async function refresh (app: FastifyInstance, refreshToken: string) {
  const payload = { grant_type: 'refresh_token', refresh_token: refreshToken }
  return (await app.inject({ method: 'POST', url: '/oauth2/token', payload })).json()
}

async function statusOfMe (app: FastifyInstance, token: string): Promise<number> {
  return (await app.inject({ url: '/me', headers: { authorization: `Bearer ${token}` } })).statusCode
}
