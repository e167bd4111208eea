import t, { type Test } from 'tap'
import type { Claims, IdTokenScript } from '../../fakes/oidc-id-token.ts'
import { RISC_PATH, startFakeOidc } from '../../fakes/oidc.ts'
import { sharing } from '../../helper.ts'
import { HOUR, inSeconds, twoInstances, type EventRequest } from './world.ts'

// https://developers.google.com/identity/protocols/risc

const RISC = 'https://schemas.openid.net/secevent/risc/event-type'
const OAUTH = 'https://schemas.openid.net/secevent/oauth/event-type'
const JANE = '248289761001'

async function open (t: Test, environment: Record<string, string> = {}) {
  const google = await startFakeOidc()
  t.teardown(() => google.close())
  const instances = await twoInstances(t, { ...google.googleSettings(), ...environment })

  /** As Google sends it: `iss` ends in a slash, and there is no `exp`. */
  async function event (
    uri: string, { claims, script, sub = JANE }: { claims?: Claims, script?: IdTokenScript, sub?: unknown } = {}
  ): Promise<EventRequest> {
    const iss = `${google.issuer}/`
    const events = { [uri]: { subject: { subject_type: 'iss-sub', iss, sub }, reason: 'hijacking' } }
    return {
      path: '/login/google/events',
      headers: { 'content-type': 'application/secevent+jwt', accept: 'application/json' },
      body: await google.signEvent({ iss, events, ...claims }, { header: { typ: 'secevent+jwt' }, ...script })
    }
  }

  return { ...instances, google, signIn: () => instances.signIn('google'), event }
}

const world = sharing(t, open)

for (const uri of [
  `${RISC}/sessions-revoked`,
  `${OAUTH}/tokens-revoked`,
  `${RISC}/account-disabled`,
  `${RISC}/account-credential-change-required`
]) {
  const name = uri.slice(uri.lastIndexOf('/') + 1)
  t.test(`${name} ends the sessions of that account, on both instances, and forgets its tokens`, async (t) => {
    const { signIn, event, endsSessions, events, sql, providerToken } = await world(t)
    const jane = await signIn()
    t.equal((await providerToken(jane, 'google')).status, 200)
    const { text } = await endsSessions(t, jane, await event(uri), 202)
    t.equal(text, '', 'without content (RFC 8935 section 2.2)')
    t.match((await sql.query('SELECT sealed_tokens, sealed_refresh_token FROM accounts')).rows, [
      { sealed_tokens: null, sealed_refresh_token: null }
    ])
    t.match(await events(), [{
      userId: jane.user.id, provider: 'google', details: { event: name, outcome: 'sessions_ended' }
    }])
  })
}

t.test('account-disabled and account-enabled are noted on the account', async (t) => {
  const { signIn, event, send, sql } = await world(t)
  await signIn()
  const noted = async () => (await sql.query('SELECT disabled_by_provider_at AS "at" FROM accounts')).rows[0].at
  await send(await event(`${RISC}/account-disabled`))
  t.ok(await noted())
  t.equal((await send(await event(`${RISC}/account-enabled`))).status, 202)
  t.equal(await noted(), null)
})

t.test('account-purged removes the account, and deletes the user with the last one', async (t) => {
  const { signIn, event, endsSessions, events, sql } = await world(t)
  const jane = await signIn()
  await endsSessions(t, jane, await event(`${RISC}/account-purged`), 202)
  t.equal((await sql.query('SELECT 1 FROM users')).rowCount, 0)
  t.match(await events(), [{ userId: null, details: { event: 'account-purged', outcome: 'user_deleted' } }])
})

t.test('verification is answered, and recorded', async (t) => {
  const { signIn, event, send, me, events } = await world(t)
  const jane = await signIn()
  const claims = { events: { [`${RISC}/verification`]: { state: 'a test of the URL' } } }
  t.match(await send(await event('', { claims })), { status: 202, text: '' })
  t.match(await events(), [{ userId: null, details: { event: 'verification', outcome: 'ignored' } }])
  t.same(await me(jane.token), [200, 200])
})

t.test('two events in one token take effect together', async (t) => {
  const { signIn, event, endsSessions, events } = await world(t)
  const jane = await signIn()
  const about = { subject: { subject_type: 'iss-sub', sub: JANE } }
  const claims = { events: { [`${RISC}/account-enabled`]: about, [`${RISC}/sessions-revoked`]: about } }
  await endsSessions(t, jane, await event('', { claims }), 202)
  t.equal((await events()).length, 2)
})

t.test('what does not verify changes nothing', async (t) => {
  const { signIn, event, refuses, send, me, google } = await world(t)
  const jane = await signIn()
  for (const [name, change, detail] of [
    ['a key that is not Google\'s', { script: { sign: 'wrong-key' } }, /signature/],
    ['a changed signature', { script: { sign: 'corrupt' } }, /signature/],
    ['no signature', { script: { sign: 'none' } }, /algorithm/],
    ['an HMAC with the client secret', { script: { sign: 'hs256-with-secret' } }, /algorithm/],
    ['another client', { claims: { aud: ['other-client', 'another-client'] } }, /aud/],
    ['no audience', { claims: { aud: undefined } }, /aud/],
    ['another issuer', { claims: { iss: 'https://accounts.google.example/' } }, /iss/],
    ['an old one', { claims: { iat: inSeconds(-25 * HOUR) } }, /iat|expired/],
    ['one that has expired', { claims: { exp: inSeconds(-HOUR) } }, /expired/],
    ['one of tomorrow', { claims: { iat: inSeconds(HOUR) } }, /iat/],
    ['no jti', { claims: { jti: undefined } }, /jti/],
    ['an ID token', { claims: { events: undefined, sub: JANE, nonce: 'n' } }, /events/],
    ['no events', { claims: { events: {} } }, /events/],
    ['a list of events', { claims: { events: [] } }, /events/]
  ] as [string, NonNullable<Parameters<typeof event>[1]>, RegExp][]) {
    await t.test(name, async (t) => { await refuses(t, await event(`${RISC}/sessions-revoked`, change), detail) })
  }
  await t.test('the refusal has the members of RFC 8935 section 2.3', async (t) => {
    const { status, json } = await send({ ...await event(`${RISC}/sessions-revoked`), body: 'x' })
    t.match([status, json()], [400, { err: 'invalid_request', description: /^Google: the event does not verify/ }])
  })
  await t.test('another content type', async (t) => {
    const right = await event(`${RISC}/sessions-revoked`)
    t.equal((await send({ ...right, headers: { 'content-type': 'application/json' } })).status, 415)
  })
  await t.test('a person who is not known here, or none: a success for Google', async (t) => {
    for (const sub of ['1', null, { sub: JANE }]) {
      t.equal((await send(await event(`${RISC}/sessions-revoked`, { sub }))).status, 202)
    }
  })
  await t.test('a person of the same id at another issuer: likewise', async (t) => {
    const subject = { subject_type: 'iss-sub', iss: 'https://accounts.example', sub: JANE }
    const claims = { events: { [`${RISC}/sessions-revoked`]: { subject } } }
    t.equal((await send(await event('', { claims }))).status, 202)
  })
  await t.test('an event of a kind that has no effect here: likewise', async (t) => {
    t.equal((await send(await event(`${OAUTH}/token-revoked`))).status, 202)
    t.equal((await send(await event('https://schemas.openid.net/secevent/risc/event-type/__proto__'))).status, 202)
  })
  t.same(await me(jane.token), [200, 200])
  t.same(google.unexpected(), [])
})

t.test('a repeated one is a success without effect, also when both instances have it at once', async (t) => {
  const { signIn, event, sendTenTimes, me, events } = await world(t)
  await signIn()
  const request = await event(`${RISC}/sessions-revoked`)
  await sendTenTimes(t, request, 202)
  t.equal((await events()).length, 1)
  const again = await signIn()
  await sendTenTimes(t, request, 202)
  t.same(await me(again.token), [200, 200])
})

t.test('the keys are those of the RISC configuration', async (t) => {
  const { signIn, event, endsSessions, send, another, google } = await world(t)
  const jane = await signIn()
  const right = await event(`${RISC}/sessions-revoked`)

  await t.test('one of another issuer is not believed, and Google tries again', async (t) => {
    const { address } = await another()
    google.fault(RISC_PATH, {
      kind: 'json', value: { issuer: 'https://evil.example', jwks_uri: google.strangerJwksUri }
    })
    const answer = await send(right, address)
    t.match([answer.status, answer.json().code], [502, 'provider_error'])
    google.heal()
  })
  await t.test('one with keys elsewhere on this machine or over http is not believed', async (t) => {
    const { address } = await another()
    google.fault(RISC_PATH, { kind: 'json', value: { issuer: google.issuer, jwks_uri: 'http://169.254.169.254/x' } })
    t.equal((await send(right, address)).status, 502)
    google.heal()
  })
  await t.test('without one they are those of its ID tokens', async (t) => {
    const { address } = await another()
    google.fault(RISC_PATH, { kind: 'status', status: 404, body: {} })
    t.equal((await send(await event(`${RISC}/account-enabled`), address)).status, 202)
    google.heal()
  })
  await endsSessions(t, jane, right, 202)
})

t.test('OIDC_<ID>_EVENTS opens the same for any issuer, and only then', async (t) => {
  const acme = await startFakeOidc()
  t.teardown(() => acme.close())
  acme.person({ sub: 'jane' })
  const { signIn, send, me, another } = await twoInstances(t, acme.settings('acme'))
  const jane = await signIn('acme')
  const request = {
    path: '/login/acme/events',
    headers: { 'content-type': 'application/secevent+jwt' },
    body: await acme.signEvent({
      events: { [`${RISC}/sessions-revoked`]: { subject: { subject_type: 'iss-sub', iss: acme.issuer, sub: 'jane' } } }
    })
  }
  t.equal((await send(request)).status, 404)
  t.same(await me(jane.token), [200, 200])
  const { address } = await another({ OIDC_ACME_EVENTS: 'true' })
  t.equal((await send(request, address)).status, 202)
  t.same(await me(jane.token), [401, 401])

  // RFC 9493 section 4.1, as the Shared Signals Framework has it.
  await t.test('the person may be named by the claim sub_id', async (t) => {
    const again = await signIn('acme')
    const named = async (iss: string) => ({
      ...request,
      body: await acme.signEvent({
        sub_id: { format: 'iss_sub', iss, sub: 'jane' },
        events: { 'https://schemas.openid.net/secevent/caep/event-type/session-revoked': { event_timestamp: 1 } }
      })
    })
    t.equal((await send(await named('https://id.example'), address)).status, 202)
    t.same(await me(again.token), [200, 200], 'of another issuer')
    t.equal((await send(await named(acme.issuer), address)).status, 202)
    t.same(await me(again.token), [401, 401])
  })
})
