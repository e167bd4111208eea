import { createHash } from 'node:crypto'
import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { startFakeGitHub } from '../fakes/github.ts'
import { idTokenFrom } from '../fakes/oidc-app.ts'
import type { IdTokenScript } from '../fakes/oidc-id-token.ts'
import { startFakeOidc } from '../fakes/oidc.ts'
import { race, readJson, setup, sharing } from '../helper.ts'

const APP = { client_id: 'app', name: 'The phone app', redirect_uris: ['com.example.app:/callback'] }
const WEB = { client_id: 'web', name: 'The web app', redirect_uris: [], client_secret: 'a long and random secret' }
const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange'
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

async function open (t: Test, environment: Record<string, string> = {}) {
  const google = await startFakeOidc()
  const acme = await startFakeOidc({ clientId: 'acme-client' })
  const github = await startFakeGitHub()
  t.teardown(() => Promise.all([google, acme, github].map((fake) => fake.close())))
  google.person({
    sub: '110169484474386276334',
    email: 'jane@example.com',
    email_verified: true,
    name: 'Jane',
    picture: 'https://example.com/jane.png'
  })
  const settings = {
    ...google.googleSettings(),
    GOOGLE_NATIVE_CLIENT_IDS: 'ios-client, android-client',
    ...acme.settings('acme'),
    ...github.settings
  }
  const running = await setup(t, { ...settings, CLIENTS: JSON.stringify([APP, WEB]), ...environment })

  async function exchange (
    subjectToken: string,
    more: Record<string, string | undefined> = {},
    { at = running.url, headers = {} } = {}
  ) {
    const parameters = {
      grant_type: GRANT,
      subject_token: subjectToken,
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      provider: 'google',
      client_id: 'app',
      ...more
    }
    const form = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined)
    const response = await fetch(`${at}/oauth2/token`, { method: 'POST', body: new URLSearchParams(form), headers })
    return { status: response.status, body: await readJson(response) }
  }

  /** The next ID token, by the script. */
  async function idToken (script: IdTokenScript = {}, nonce?: string, fake = google) {
    fake.idToken(script)
    return await idTokenFrom(fake, nonce)
  }

  const count = async () =>
    Number(
      (await running.sql.query('SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM sessions) AS n')).rows[0].n
    )
  return { ...running, google, acme, exchange, idToken, count }
}

const world = sharing(t, open)

t.test("an app signs a person in with the ID token of its provider's SDK", async (t) => {
  const { url, exchange, idToken, sql } = await world(t)
  const { status, body } = await exchange(await idToken(), { scope: 'openid email profile' })
  t.equal(status, 200)
  t.match(body, {
    token_type: 'Bearer',
    expires_in: 900,
    scope: 'openid profile email',
    refresh_token: /./,
    issued_token_type: 'urn:ietf:params:oauth:token-type:access_token'
  })
  t.match(decodeJwt(body.id_token), { aud: 'app', email: 'jane@example.com', email_verified: true, name: 'Jane' })
  const me = await readJson(await fetch(`${url}/me`, { headers: { authorization: `Bearer ${body.access_token}` } }))
  t.match(me, {
    email: 'jane@example.com',
    emailVerified: true,
    accounts: [{ provider: 'google', subject: '110169484474386276334' }]
  })
  t.equal(decodeJwt(body.access_token)['client_id'], 'app')

  const again = await exchange(await idToken({}, 'another'), { nonce: 'another', client_id: 'signet' })
  t.equal(
    decodeJwt(again.body.access_token).sub,
    me.id,
    "the same person is the same user, also for Signet's own client"
  )
  t.equal((await sql.query('SELECT 1 FROM users')).rowCount, 1)
})

t.test('an ID token may be for any of the native clients, and the nonce may be hashed', async (t) => {
  const { exchange, idToken } = await world(t)
  const good: [string, IdTokenScript, string | undefined, string | undefined][] = [
    ['for an iOS client', { claims: { aud: 'ios-client' } }, undefined, undefined],
    ['for the web client, asked for by an Android one', { claims: { azp: 'android-client' } }, undefined, undefined],
    ['with a nonce', {}, 'n-0S6_WzA2Mj', 'n-0S6_WzA2Mj'],
    ['with the SHA-256 of a nonce', {}, sha256('n-0S6_WzA2Mj'), 'n-0S6_WzA2Mj']
  ]
  for (const [what, script, inToken, nonce] of good) {
    t.equal((await exchange(await idToken(script, inToken), { nonce })).status, 200, what)
  }
})

t.test('an invalid ID token does not sign in', async (t) => {
  const { exchange, idToken, count, acme } = await world(t)
  const now = Math.floor(Date.now() / 1000)
  const bad: [string, IdTokenScript, { inToken?: string, nonce?: string, provider?: string }][] = [
    ['for somebody else', { claims: { aud: 'another-client' } }, {}],
    ['for several', { claims: { aud: ['ios-client', 'another-client'] } }, {}],
    ['asked for by somebody else', { claims: { azp: 'another-client' } }, {}],
    ['of another issuer', { claims: { iss: 'https://accounts.example' } }, {}],
    ['expired', { claims: { exp: now - 120 } }, {}],
    ['made more than an hour ago', { claims: { iat: now - 3700, exp: now + 3600 } }, {}],
    ['without a subject', { claims: { sub: undefined } }, {}],
    ['without an end', { claims: { exp: undefined } }, {}],
    ['unsigned', { sign: 'none' }, {}],
    ['signed with the client secret', { sign: 'hs256-with-secret' }, {}],
    ['signed with the public key as a secret', { sign: 'hs256-with-public-key' }, {}],
    ['signed by a stranger', { sign: 'wrong-key' }, {}],
    ['with a changed signature', { sign: 'corrupt' }, {}],
    ['no token at all', { raw: 'garbage' }, {}],
    ['with a nonce that the app does not name', {}, { inToken: 'one' }],
    ['without the nonce that the app names', {}, { nonce: 'one' }],
    ['with another nonce', {}, { inToken: 'two', nonce: 'one' }],
    ['with the nonce where its hash was named', {}, { inToken: 'one', nonce: sha256('one') }],
    ['for another provider', {}, { provider: 'acme' }]
  ]
  for (const [what, script, { inToken, nonce, provider }] of bad) {
    const { status, body } = await exchange(await idToken(script, inToken), { nonce, provider: provider ?? 'google' })
    t.same([status, body.error], [400, 'invalid_grant'], `${what}: ${body.error_description}`)
  }
  t.equal((await exchange(await idToken({}, undefined, acme))).body.error, 'invalid_grant', "another provider's")
  t.equal(await count(), 0, 'nothing was written')
})

t.test('an ID token works once, however it is written and on whichever instance', async (t) => {
  const { url, another, exchange, idToken, sql } = await world(t)
  const { address } = await another()
  for (let round = 0; round < 3; round++) {
    const token = await idToken()
    const answers = await race(50, (index) => exchange(token, {}, { at: index % 2 ? url : address }))
    t.equal(answers.filter(({ status }) => status === 200).length, 1)
    t.ok(answers.every(({ status, body }) => status === 200 || body.error === 'invalid_grant'))
    t.equal((await sql.query('SELECT 1 FROM sessions')).rowCount, round + 1)
    t.equal((await exchange(`${token}=`)).body.error, 'invalid_grant', 'with a signature that is written otherwise')
  }
})

t.test('a missing or invalid parameter is named', async (t) => {
  const { exchange, idToken } = await world(t)
  const token = await idToken()
  const mistakes: [Record<string, string | undefined>, string, RegExp][] = [
    [{ subject_token: undefined }, 'invalid_request', /subject_token/],
    [{ provider: undefined }, 'invalid_request', /provider/],
    [{ client_id: undefined }, 'invalid_request', /client_id/],
    [{ subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' }, 'invalid_request', /id_token/],
    [{ provider: 'nobody' }, 'invalid_request', /nobody/],
    [{ provider: 'github' }, 'invalid_request', /GitHub makes no ID tokens/],
    [{ client_id: 'unknown' }, 'invalid_client', /no such client/],
    [{ client_id: 'web' }, 'invalid_client', /secret/]
  ]
  for (const [change, error, description] of mistakes) {
    const { body } = await exchange(token, change)
    t.equal(body.error, error)
    t.match(body.error_description, description)
  }
  const authorization = `Basic ${Buffer.from('web:a+long+and+random+secret').toString('base64')}`
  t.equal(
    (await exchange(token, { client_id: undefined }, { headers: { authorization } })).status,
    200,
    'none of that has spent the token; and a server may sign in too'
  )
})

t.test('a provider that is down or a user who is disabled', async (t) => {
  const { exchange, idToken, google, sql } = await open(t)
  const token = await idToken()
  google.fault(google.paths.jwks, { kind: 'status', status: 500 })
  const down = await exchange(token)
  t.same([down.status, down.body.error], [502, 'server_error'])
  google.heal()
  t.equal((await exchange(token)).status, 200, 'the token was not spent')
  await sql.query('UPDATE users SET disabled_at = now()')
  t.match((await exchange(await idToken())).body, { error: 'invalid_grant', error_description: /disabled/ })
  t.equal((await sql.query("SELECT 1 FROM audit_events WHERE type = 'login.failed'")).rowCount, 2)
})

t.test('NATIVE_NONCE=optional takes a nonce that the SDK chose, from an app that names none', async (t) => {
  const { exchange, idToken } = await world(t, { GOOGLE_NATIVE_NONCE: 'optional' })
  const token = await idToken({}, 'chosen by the SDK')
  t.equal((await exchange(token)).status, 200)
  t.match(await exchange(token), { status: 400, body: { error: 'invalid_grant' } }, 'once')
  t.equal((await exchange(await idToken({}, 'n'), { nonce: 'other' })).status, 400, 'a nonce of the app must be right')
  t.equal((await exchange(await idToken({}), { nonce: 'n' })).status, 400, 'and be there')
  t.equal((await exchange(await idToken({}, 'n'), { nonce: 'n' })).status, 200)
  t.equal((await exchange(await idToken({}))).status, 200)
  const usual = await world(t)
  t.equal((await usual.exchange(await usual.idToken({}, 'chosen by the SDK'))).status, 400, 'by default it is refused')
})
