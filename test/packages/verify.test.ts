import { createPublicKey, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import Fastify from 'fastify'
import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose'
import t, { type Test } from 'tap'
import { createVerifier, VerificationError, type VerifierOptions } from '../../packages/verify/src/index.ts'
import { recordEvents, type NewEvent } from '../../src/audit/events.ts'
import { answerJson } from '../fakes/answers.ts'
import { createDpopKey, type ProofOptions } from '../fakes/dpop.ts'
import type { Fault } from '../fakes/faults.ts'
import { startHttpFake } from '../fakes/http-fake.ts'
import { REDIRECT_URI, setupWithClients, WEB } from '../flows/setup-with-clients.ts'
import { readJson } from '../helper.ts'
import { grid } from '../slow.ts'
import { startProxy } from './proxy.ts'

const JWKS = '/.well-known/jwks.json'
const FEED = '/revocations'
const CLIENT = { clientId: WEB.client_id, clientSecret: WEB.client_secret }

/** Signet, a proxy before its keys and revocations, and verifiers of its tokens that are closed with the test. */
async function world (t: Test, environment: Record<string, string> = {}) {
  const front = await setupWithClients(t, environment)
  const proxy = await startProxy(t, front.url)
  const addresses = { issuer: front.url, jwksUrl: proxy.url + JWKS, revocationsUrl: proxy.url + FEED }
  const verifier = (options: Partial<VerifierOptions> = {}) => newVerifier(t, { ...addresses, ...options })
  const logout = async (token: string) =>
    await fetch(`${front.url}/logout`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
  return { ...front, proxy, verifier, logout }
}

function newVerifier (t: Test, options: VerifierOptions) {
  const { verify, close } = createVerifier(options)
  t.teardown(close)
  /** `good`, or why not. */
  const verdict = async (token: string) =>
    await verify(token).then(
      () => 'good',
      (error: unknown) => {
        if (error instanceof VerificationError) return error.code
        throw error
      }
    )
  const becomes = async (token: string, expected: string) => {
    const endsAt = Date.now() + 20_000 // The machine may be busy.
    let last = await verdict(token)
    while (last !== expected && Date.now() < endsAt) {
      await sleep(20)
      last = await verdict(token)
    }
    t.equal(last, expected)
  }
  return { verify, verdict, becomes, close }
}

/** A server that answers everything with this. */
async function answering (t: Test, value: unknown): Promise<string> {
  const server = await startHttpFake(() => answerJson(value))
  t.teardown(() => server.close())
  return server.url
}

/** How Signet, or what stands before it, can fail. */
const FAULTS: Fault[] = [
  { kind: 'reset' },
  { kind: 'hang' },
  { kind: 'drip' },
  { kind: 'status', status: 503 },
  { kind: 'json', value: { keys: 'none', items: [{ sessionId: 1 }] } }
]

/** Signet's keys are replaced by the next ones, as when their time is over. */
async function rotate ({ sql, another }: Pick<Awaited<ReturnType<typeof world>>, 'sql' | 'another'>) {
  await sql.query(
    `UPDATE signing_keys SET created_at = now() - interval '1 year',
      activated_at = CASE WHEN status = 'current' THEN now() - interval '1 year' END
    WHERE status <> 'retired'`
  )
  return await another()
}

t.test('it gives the claims of an access token, and says why of anything else', async (t) => {
  const { url, signIn, verifier } = await world(t)
  const { verify, verdict } = verifier()
  const { access_token: token, id_token: idToken, refresh_token: refreshToken } = await signIn()
  const claims = await verify(token)
  t.same(claims, decodeJwt(token))
  t.match(claims, { iss: url, aud: url, client_id: 'spa', scope: /openid/ })
  t.same(claims.roles, [])

  const [header = '', payload = '', signature = ''] = token.split('.')
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const published = (await readJson(await fetch(url + JWKS))).keys.find(
    ({ kid }: { kid: string }) => kid === decodeProtectedHeader(token).kid
  )
  const pem = Buffer.from(createPublicKey({ key: published, format: 'jwk' }).export({ type: 'spki', format: 'pem' }))
  const forged = await new SignJWT({ ...claims, roles: ['admin'] } as unknown as JWTPayload)
    .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: published.kid })
    .sign(pem)
  const bad: [string, string, string][] = [
    ['an ID token', idToken, 'wrong_type'],
    ['a refresh token', refreshToken, 'malformed'],
    ['nothing', '', 'malformed'],
    ['no string', undefined as unknown as string, 'malformed'],
    ['no JSON inside', `${header}.${payload.slice(0, 10)}.${signature}`, 'bad_signature'],
    [
      'more roles than were given',
      [header, encode({ ...claims, roles: ['admin'] }), signature].join('.'),
      'bad_signature'
    ],
    [
      'another signature',
      [header, payload, `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`].join('.'),
      'bad_signature'
    ],
    ['no signature', [encode({ alg: 'none', typ: 'at+jwt' }), payload, ''].join('.'), 'wrong_algorithm'],
    ['the public key as a secret', forged, 'wrong_algorithm'],
    [
      'a key that is not there',
      [encode({ ...decodeProtectedHeader(token), kid: 'made-up' }), payload, signature].join('.'),
      'unknown_key'
    ],
    ['no key at all', [encode({ alg: 'ES256', typ: 'at+jwt' }), payload, signature].join('.'), 'unknown_key'],
    [
      'a critical header',
      [encode({ ...decodeProtectedHeader(token), crit: ['x'], x: 1 }), payload, signature].join('.'),
      'malformed'
    ]
  ]
  for (const [name, text, code] of bad) t.equal(await verdict(text), code, name)
  t.equal(await verifier({ audience: 'https://other.example.com' }).verdict(token), 'wrong_audience')
  t.equal(await verifier({ issuer: `${url}/` }).verdict(token), 'wrong_issuer')
  t.equal(await verifier({ algorithms: ['RS256'] }).verdict(token), 'wrong_algorithm')
  const error = await verify(idToken).catch((error) => error)
  t.match(error, { name: 'VerificationError', status: 401, message: /^[^"\\]+$/ })
  t.notMatch(JSON.stringify(error), claims.sub)
})

t.test('every claim is demanded, also of a token with a good signature', async (t) => {
  const issuer = 'https://id.example.com'
  const pair = await generateKeyPair('ES256')
  const jwksUrl = await answering(t, {
    keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }]
  })
  const { verdict } = newVerifier(t, { issuer, jwksUrl })
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: issuer,
    aud: issuer,
    sub: 'someone',
    client_id: 'spa',
    jti: 'one',
    sid: 'one',
    scope: '',
    roles: [],
    auth_time: now,
    iat: now,
    exp: now + 60
  }
  const signed = async (more: object, typ?: string) =>
    await verdict(
      await new SignJWT({ ...claims, ...more } as JWTPayload)
        .setProtectedHeader({ alg: 'ES256', kid: 'one', typ: typ ?? 'at+jwt' })
        .sign(pair.privateKey)
    )
  t.equal(await signed({}), 'good')
  t.equal(await signed({ aud: ['https://other.example.com', issuer] }), 'good')
  t.equal(await signed({}, 'application/at+jwt'), 'good', 'RFC 9068 section 4')
  t.equal(await signed({}, 'JWT'), 'wrong_type')
  t.equal(await signed({ exp: now - 2 }), 'good', 'clocks differ')
  t.equal(await signed({ exp: now - 30 }), 'expired')
  t.equal(await signed({ nbf: now + 60 }), 'not_yet_valid')
  t.equal(await signed({ aud: [] }), 'wrong_audience')
  for (const name of Object.keys(claims)) {
    t.equal(await signed({ [name]: undefined }), 'invalid_claim', `without ${name}`)
  }
  for (const more of [
    { roles: 'admin' },
    { roles: [1] },
    { sub: '' },
    { sub: 1 },
    { exp: 'never' },
    { iat: null },
    { sid: {} }
  ]) {
    t.equal(await signed(more), 'invalid_claim', JSON.stringify(more))
  }
})

t.test('fifty tokens at once ask for the keys once, and a rotation is not noticed', async (t) => {
  const running = await world(t)
  const { signIn, proxy, verifier, me, token } = running
  const { verdict } = verifier({ keyCooldownSeconds: 0 })
  const first = await signIn()
  t.same(new Set(await Promise.all(Array.from({ length: 50 }, () => verdict(first.access_token)))), new Set(['good']))
  t.equal(proxy.calls(JWKS).length, 1)

  const kids = [decodeProtectedHeader(first.access_token).kid]
  let { refresh_token: refreshToken } = first
  for (const requests of [1, 2]) {
    const { address } = await rotate(running)
    const { body } = await token(
      { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: 'spa' },
      {},
      address
    )
    kids.push(decodeProtectedHeader(body.access_token).kid)
    t.equal(await me(body.access_token), 200, 'so that this instance has it too, as after half a minute')
    t.same([await verdict(body.access_token), await verdict(first.access_token)], ['good', 'good'])
    t.equal(proxy.calls(JWKS).length, requests, 'the next key is published ahead; the one after it is asked for')
    refreshToken = body.refresh_token
  }
  t.equal(new Set(kids).size, 3)
})

t.test('keys that are made up cost Signet one request in a while', async (t) => {
  const { signIn, proxy, verifier } = await world(t)
  const { verdict } = verifier({ keyCooldownSeconds: 1 })
  const { access_token: token } = await signIn()
  const [, payload, signature] = token.split('.')
  const madeUp = (kid: string) =>
    [
      Buffer.from(JSON.stringify({ ...decodeProtectedHeader(token), kid })).toString('base64url'),
      payload,
      signature
    ].join('.')
  const storm = async () => await Promise.all(Array.from({ length: 40 }, (_, index) => verdict(madeUp(String(index)))))
  t.equal(await verdict(token), 'good')
  t.same(new Set(await storm()), new Set(['unknown_key']))
  t.equal(proxy.calls(JWKS).length, 1)
  await sleep(1_050)
  await storm()
  t.equal(proxy.calls(JWKS).length, 2)
  t.equal(await verdict(token), 'good')
})

t.test(
  'while the keys cannot be fetched, known ones verify and the rest is undecided; all is well afterwards',
  async (t) => {
    const { signIn, proxy, verifier } = await world(t)
    const errors: unknown[] = []
    const { verdict, becomes } = verifier({
      keyRefreshSeconds: 0,
      keyCooldownSeconds: 0.5,
      timeoutSeconds: 0.2,
      onError: (error) => errors.push(error)
    })
    const { access_token: token } = await signIn()
    const [, payload, signature] = token.split('.')
    const madeUp = [
      Buffer.from(JSON.stringify({ ...decodeProtectedHeader(token), kid: 'made-up' })).toString('base64url'),
      payload,
      signature
    ].join('.')

    for (const fault of grid(FAULTS, ({ kind }) => kind === 'hang')) {
      const stranger = verifier({ keyCooldownSeconds: 0.5, timeoutSeconds: 0.2 })
      proxy.fault(JWKS, fault)
      t.equal(await stranger.verdict(token), 'keys_unavailable', fault.kind)
      const asked = proxy.calls(JWKS).length
      t.same(
        new Set(await Promise.all(Array.from({ length: 20 }, () => stranger.verdict(token)))),
        new Set(['keys_unavailable'])
      )
      t.equal(proxy.calls(JWKS).length, asked, 'it does not ask at every token')
      proxy.heal()
      await stranger.becomes(token, 'good')

      t.equal(await verdict(token), 'good')
      await sleep(50)
      proxy.fault(JWKS, fault)
      const heard = errors.length
      for (let round = 0; round < 20; round++) {
        if ((await verdict(token)) !== 'good') t.fail(`${fault.kind}: a known key does not verify`)
        await sleep(25)
      }
      t.ok(errors.length > heard && errors.length < heard + 4, `${errors.length - heard} failures told`)
      t.equal(await verdict(madeUp), 'keys_unavailable', 'it may be a new one')
      proxy.heal()
      await becomes(madeUp, 'unknown_key')
    }
  }
)

t.test('a revoked session is refused within a poll, and no other', async (t) => {
  const { signIn, verifier, logout, proxy } = await world(t)
  const [one, other] = [await signIn(), await signIn()]
  const { verdict, becomes } = verifier({ ...CLIENT, pollSeconds: 0.2 })
  const offline = verifier()
  t.same([await verdict(one.access_token), await verdict(other.access_token)], ['good', 'good'])
  await logout(one.access_token)
  await becomes(one.access_token, 'revoked')
  t.equal(await verdict(other.access_token), 'good')
  t.equal(await offline.verdict(one.access_token), 'good', 'who does not ask does not know')
  t.equal(
    await verifier(CLIENT).verdict(one.access_token),
    'revoked',
    'whoever comes later hears of it before the first verdict'
  )

  // The time limit of the file ends a wait for a poll that never says "nothing new".
  const polls = proxy.statuses(FEED).length
  while (!proxy.statuses(FEED).slice(polls).includes(304)) await sleep(20)
  await logout(other.access_token)
  await becomes(other.access_token, 'revoked')
  t.equal(await verdict(one.access_token), 'revoked')
})

t.test('other roles refuse the tokens of before, and a new one is good; a deleted user has none', async (t) => {
  const { app, url, signIn, refresh, verifier, sql } = await world(t)
  await sql.query("UPDATE users SET roles = '{admin}'")
  const { access_token: before, refresh_token: refreshToken } = await signIn()
  const { verify, verdict, becomes } = verifier({ ...CLIENT, pollSeconds: 0.1 })
  t.equal(await verdict(before), 'good')
  await sql.query("UPDATE users SET roles = '{editor}'")
  const userId = decodeJwt(before).sub as string
  const rolesChanged: NewEvent = { type: 'user.roles_changed', userId, details: { roles: ['editor'] } }
  await app.database.prisma.$transaction((tx) => recordEvents(tx, [rolesChanged], {}))
  await becomes(before, 'revoked')
  const { body: { access_token: after } } = await refresh(refreshToken)
  t.same((await verify(after)).roles, ['editor'])
  t.equal(await verdict(before), 'revoked')
  await sleep(2_100)
  t.equal(await verdict(after), 'good', 'it stays')

  t.equal((await fetch(`${url}/me`, { method: 'DELETE', headers: { authorization: `Bearer ${after}` } })).status, 204)
  await becomes(after, 'revoked')
})

t.test(
  'without revocations it says so until there are some, then goes on with those it knows, and not for ever',
  async (t) => {
    const { signIn, verifier, logout, proxy } = await world(t)
    const [one, other] = [await signIn(), await signIn()]
    await logout(one.access_token)
    const errors: Error[] = []
    const options = {
      ...CLIENT,
      pollSeconds: 0.1,
      timeoutSeconds: 0.3,
      onError: (error: unknown) => {
        errors.push(error as Error)
      }
    }
    for (const fault of grid(FAULTS, ({ kind }) => kind === 'hang')) {
      proxy.fault(FEED, fault)
      const { verify, verdict, becomes } = verifier({ ...options, maxStaleSeconds: 1 })
      t.match(
        await verify(other.access_token).catch((error) => error),
        { code: 'revocations_unavailable', status: 503 },
        fault.kind
      )
      proxy.heal()
      await becomes(other.access_token, 'good')
      proxy.fault(FEED, fault)
      await sleep(500)
      t.same(
        [await verdict(one.access_token), await verdict(other.access_token)],
        ['revoked', 'good'],
        `${fault.kind}: what is known`
      )
      await becomes(other.access_token, 'revocations_unavailable')
      proxy.heal()
      await becomes(other.access_token, 'good')
    }
    t.ok(errors.length > 5)
    errors.length = 0
    t.equal(
      await verifier({ ...options, clientSecret: 'wrong', timeoutSeconds: 5 }).verdict(other.access_token),
      'revocations_unavailable',
      'a wrong secret is seen at once'
    )
    t.match(errors[0]?.message, /\/revocations answered with 401/)
    t.notMatch(errors.map(({ message }) => message).join(), 'wrong')
  }
)

t.test('what is of no more use is forgotten, and closing ends the polling', async (t) => {
  const { signIn, url, proxy, verifier } = await world(t)
  const { access_token: token } = await signIn()
  const sessionId = decodeJwt(token)['sid']
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString()
  const feed = async (revokedAt: string) =>
    await answering(t, { items: [{ sessionId, revokedAt }], nextCursor: '1', keepSeconds: 60 })
  for (const [seconds, verdict] of [
    [50, 'revoked'],
    [70, 'good']
  ] as const) {
    t.equal(
      await newVerifier(t, { issuer: url, ...CLIENT, revocationsUrl: await feed(ago(seconds)) }).verdict(token),
      verdict
    )
  }
  const { verdict, close } = verifier({ ...CLIENT, pollSeconds: 0.1 })
  t.equal(await verdict(token), 'good')
  close()
  const polls = proxy.calls(FEED).length
  await sleep(400)
  t.equal(proxy.calls(FEED).length, polls)
})

t.test('the secret goes to nobody that the feed redirects to', async (t) => {
  const { signIn, proxy, verifier } = await world(t)
  const elsewhere = await startHttpFake(() => answerJson({ items: [], nextCursor: '0', keepSeconds: 60 }))
  t.teardown(() => elsewhere.close())
  proxy.fault(FEED, { kind: 'redirect', location: `${elsewhere.url}/` })
  t.equal(await verifier(CLIENT).verdict((await signIn()).access_token), 'revocations_unavailable')
  t.same(elsewhere.calls(), [])
})

t.test('options that make no sense are refused at once', async (t) => {
  t.throws(() => createVerifier({ issuer: 'nonsense' }), TypeError)
  t.throws(() => createVerifier({ issuer: 'https://id.example.com', clientId: 'web' }), TypeError)
  t.throws(() => createVerifier({ issuer: 'https://id.example.com', clientSecret: 'x' }), TypeError)
})

t.test('a token that is bound to a key is good with a proof of that key, made for the request, once', async (t) => {
  const { url, authorize, token, verifier, signIn } = await world(t)
  const [key, other] = [await createDpopKey(), await createDpopKey()]
  const { code, codeVerifier } = await authorize()
  const { body } = await token(
    {
      grant_type: 'authorization_code',
      code,
      redirect_uri: REDIRECT_URI,
      client_id: 'spa',
      code_verifier: codeVerifier
    },
    { dpop: await key.prove('POST', `${url}/oauth2/token`) }
  )
  const [bound, unbound] = [body.access_token, (await signIn()).access_token]
  const NOTES = 'https://notes.example.com/notes'
  const used: string[] = []
  const replayStore = {
    async spend (id: string, seconds: number) {
      t.equal(seconds, 360)
      if (used.includes(id)) return false
      used.push(id)
      return true
    }
  }
  const { verify } = verifier()
  const { verify: verifyShared } = verifier({ replayStore })
  const { verify: verifyOnTwo } = verifier({ replayStore })
  const verdict = async (accessToken: string, proof?: string, by = verify, method = 'GET', at = NOTES) =>
    await by(accessToken, proof === undefined ? undefined : { proof, method, url: at }).then(
      () => 'good',
      (error: VerificationError) => error.code
    )
  const prove = (options: ProofOptions = {}, by = key) => by.prove('GET', NOTES, { accessToken: bound, ...options })
  const now = Math.floor(Date.now() / 1000)

  t.equal(await verdict(bound, await prove()), 'good')
  t.equal(await verdict(bound, await prove(), verify, 'GET', `${NOTES}?page=2`), 'good')
  t.equal(await verdict(bound), 'proof_required', 'as a bearer token')
  t.equal(await verdict(bound, ''), 'proof_required')
  t.equal(await verdict(unbound), 'good')
  t.equal(await verdict(unbound, await prove()), 'not_bound')
  t.equal(await verdict(bound, await prove({}, other)), 'wrong_key')
  t.equal(await verdict(bound, await prove(), verify, 'POST'), 'invalid_proof', 'another method')
  t.equal(await verdict(bound, await prove(), verify, 'GET', `${NOTES}/1`), 'invalid_proof', 'another URL')
  t.equal(await verdict(bound, await prove(), verify, 'GET', 'http://[/'), 'invalid_proof', 'a URL that is none')
  for (const options of [
    { claims: { iat: now - 400 } },
    { claims: { iat: now + 60 } },
    { claims: { jti: undefined } },
    { claims: { htu: undefined } },
    { claims: { ath: undefined } },
    { accessToken: unbound },
    { header: { typ: 'JWT' } },
    { header: { jwk: key.privateJwk } }
  ]) t.equal(await verdict(bound, await prove(options)), 'invalid_proof', JSON.stringify(options).slice(0, 60))
  for (const proof of [bound, 'none', `${await prove()}, ${await prove()}`]) {
    t.equal(await verdict(bound, proof), 'invalid_proof')
  }

  const proof = await prove()
  t.equal(await verdict(bound, proof), 'good')
  t.equal(await verdict(bound, proof), 'proof_used')
  const shared = await prove()
  t.same(await Promise.all([verdict(bound, shared, verifyShared), verdict(bound, shared, verifyOnTwo)]).then((all) =>
    all.toSorted()), ['good', 'proof_used'])
  const { verify: verifyWithout } = verifier({ replayStore: { spend: async () => { throw new Error('away') } } })
  t.equal(await verdict(bound, await prove(), verifyWithout), 'proofs_unavailable')

  // By its URL: Signet's own types have a `requireBearer`, too.
  const { signet } = await import(new URL('../../packages/verify/src/fastify.ts', import.meta.url).href)
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(signet, { issuer: url, realm: 'notes', publicUrl: 'https://notes.example.com' })
  app.get('/notes', { onRequest: app.requireBearer }, async () => ({}))
  const call = async (authorization: string, dpop?: string, at = '/notes') => {
    const { statusCode, headers } = await app.inject({
      url: at,
      headers: { authorization, ...(dpop === undefined ? {} : { dpop }) }
    })
    return { status: statusCode, challenge: String(headers['www-authenticate'] ?? '') }
  }
  const passes = await prove()
  t.match(await call(`DPoP ${bound}`, passes), { status: 200 })
  const challenge = (error: string) => new RegExp(`^DPoP realm="notes", algs="ES256 [^"]+", error="${error}"`)
  t.match(await call(`DPoP ${bound}`, passes), { status: 401, challenge: challenge('invalid_dpop_proof') })
  t.match(await call(`DPoP ${bound}`), { status: 401, challenge: challenge('invalid_token') })
  t.match(await call(`Bearer ${bound}`), { status: 401, challenge: challenge('invalid_token') })
  t.match(await call(`Bearer ${bound}`, await prove()), { status: 401 })
  t.match(await call(`Bearer ${unbound}`, await prove()), { status: 401, challenge: challenge('invalid_token') })
  t.match(await call(`DPoP ${unbound}`, await prove()), { status: 401 })
  t.match(await call(`Bearer ${unbound}`), { status: 200, challenge: '' })
  t.match(await call('DPoP nonsense', await prove()), { status: 401, challenge: challenge('invalid_token') })
  t.match(await call('Bearer nonsense'), { status: 401, challenge: /^Bearer realm="notes", error="invalid_token"/ })
  t.match(await call(`DPoP ${bound}`, await prove({ claims: { jti: randomUUID() } }), '/notes?page=2'), { status: 200 })
})
