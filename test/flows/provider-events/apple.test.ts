import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { readForm } from '../../fakes/answers.ts'
import { startFakeApple } from '../../fakes/apple.ts'
import { createBrowser } from '../../fakes/browser.ts'
import type { Claims, IdTokenScript } from '../../fakes/oidc-id-token.ts'
import { startFakeOidc } from '../../fakes/oidc.ts'
import { addEndpoint } from '../../webhooks/world.ts'
import { startWebhookReceiver } from '../../fakes/webhook-receiver.ts'
import { eventually, sharing } from '../../helper.ts'
import { HOUR, inSeconds, twoInstances, type EventRequest, type SignedIn } from './world.ts'

// https://developer.apple.com/documentation/signinwithapple/processing-changes-for-sign-in-with-apple-accounts

const ANNE = '001473.fb5f2a8d4c774d3f9e1a3c62c4a9be1f.1216'
const EMAIL = 'anne@example.com'

async function open (t: Test, environment: Record<string, string> = {}) {
  const apple = await startFakeApple()
  const acme = await startFakeOidc()
  t.teardown(() => Promise.all([apple.close(), acme.close()]))
  acme.person({ sub: 'anne', email: EMAIL, email_verified: true })
  const instances = await twoInstances(t, {
    ...apple.settings(),
    ...acme.settings('acme', { emailTrusted: true }),
    APPLE_NATIVE_CLIENT_IDS: 'com.example.signet.ios',
    ...environment
  })

  /** Apple posts its form from its own site, so only the cookie that is SameSite=None comes along. */
  async function signIn (): Promise<SignedIn> {
    const browser = createBrowser(instances.url)
    const { action, fields } = readForm((await browser.get(await browser.start('/login/apple'))).text)
    const answer = (await browser.post(action, { form: fields })).json()
    return { token: answer.access_token, refreshToken: answer.refresh_token, user: answer.user }
  }

  /** As Apple sends it: `events` is JSON in a text, and the time of the event is in milliseconds. */
  async function notification (
    type: string, { claims, script, sub = ANNE }: { claims?: Claims, script?: IdTokenScript, sub?: string } = {}
  ): Promise<EventRequest> {
    const events = JSON.stringify({ type, sub, event_time: Date.now() })
    const payload = await apple.signEvent({ exp: inSeconds(24 * HOUR), events, ...claims }, script)
    return {
      path: '/login/apple/events',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ payload })
    }
  }

  return { ...instances, apple, signIn, signInAtAcme: () => instances.signIn('acme'), notification }
}

const world = sharing(t, open)

t.test('consent-revoked ends the sessions of that account, on both instances, and forgets its tokens', async (t) => {
  const { signIn, signInAtAcme, notification, endsSessions, me, events, sql } = await world(t)
  const [anne, elsewhere] = [await signIn(), await signInAtAcme()]
  t.equal(elsewhere.user.id, anne.user.id, 'both accounts are of one user')
  await endsSessions(t, anne, await notification('consent-revoked'), 200)
  t.same(await me(elsewhere.token), [200, 200], 'the session through the other account goes on')
  const { rows } = await sql.query('SELECT provider FROM accounts WHERE sealed_tokens IS NULL')
  t.same(rows, [{ provider: 'apple' }])
  t.match(await events(), [{
    userId: anne.user.id, provider: 'apple', details: { event: 'consent-revoked', outcome: 'sessions_ended' }
  }])
  t.match(await events('session.revoked'), [{ userId: anne.user.id, details: { reason: 'ended_by_provider' } }])
  const again = await signIn()
  t.same(await me(again.token), [200, 200], 'who consents again signs in again')
})

t.test('account-delete removes the account, and deletes the user with the last one', async (t) => {
  const { signIn, signInAtAcme, notification, endsSessions, me, events, sql } = await world(t)
  const [anne, elsewhere] = [await signIn(), await signInAtAcme()]
  await endsSessions(t, anne, await notification('account-delete'), 200)
  t.same(await me(elsewhere.token), [200, 200])
  t.same((await sql.query('SELECT provider FROM accounts')).rows, [{ provider: 'acme' }])
  t.match(await events('account.unlinked'), [{ userId: anne.user.id, details: { reason: 'deleted_at_provider' } }])

  await sql.query('DELETE FROM users')
  const alone = await signIn()
  await endsSessions(t, alone, await notification('account-deleted'), 200)
  t.equal((await sql.query('SELECT 1 FROM users')).rowCount, 0)
  const { rows } = await sql.query('SELECT details FROM audit_events WHERE user_id = $1', [alone.user.id])
  t.same(rows, [], 'nothing names the user')
  t.match((await events()).at(-1), { userId: null, details: { event: 'account-deleted', outcome: 'user_deleted' } })
})

t.test('with PROVIDER_DELETIONS=keep a deleted account ends sessions only', async (t) => {
  const { signIn, notification, endsSessions, sql } = await world(t, { PROVIDER_DELETIONS: 'keep' })
  const anne = await signIn()
  await endsSessions(t, anne, await notification('account-delete'), 200)
  t.equal((await sql.query('SELECT 1 FROM users JOIN accounts ON user_id = users.id')).rowCount, 1)
})

t.test('a user whom an administrator disabled does not come back by deleting the account', async (t) => {
  const { signIn, notification, send, sql, events } = await world(t)
  const anne = await signIn()
  await sql.query('UPDATE users SET disabled_at = now()')
  t.equal((await send(await notification('account-delete'))).status, 200)
  t.same((await sql.query('SELECT id FROM users')).rows, [{ id: anne.user.id }])
  t.match(await events(), [{ details: { outcome: 'sessions_ended' } }])
})

t.test('email-disabled and email-enabled are noted on the account, and end nothing', async (t) => {
  const { signIn, notification, send, me, sql, get } = await world(t)
  const anne = await signIn()
  const noted = async () => (await sql.query('SELECT email_disabled_at AS "at" FROM accounts')).rows[0].at
  t.equal((await send(await notification('email-disabled'))).status, 200)
  t.ok(await noted())
  const { accounts } = (await (await get('/me/export', anne.token)).json()) as { accounts: object[] }
  t.match(accounts, [{ emailDisabledAt: /^20/, disabledByProviderAt: null }])
  t.equal((await send(await notification('email-enabled'))).status, 200)
  t.equal(await noted(), null)
  t.same(await me(anne.token), [200, 200])
})

t.test('what does not verify changes nothing', async (t) => {
  const { signIn, notification, refuses, apple, me, snapshot, send, another } = await world(t)
  const anne = await signIn()
  const bob = { sub: '000001.bob.1', events: JSON.stringify({ type: 'account-delete', sub: ANNE }) }
  for (const [name, change, detail] of [
    ['a key that is not Apple\'s', { script: { sign: 'wrong-key' } }, /signature/],
    ['a changed signature', { script: { sign: 'corrupt' } }, /signature/],
    ['no signature', { script: { sign: 'none' } }, /algorithm/],
    ['an HMAC with the public key', { script: { sign: 'hs256-with-public-key' } }, /algorithm/],
    ['another app', { claims: { aud: 'com.example.other' } }, /aud/],
    ['another issuer', { claims: { iss: 'https://appleid.apple.example' } }, /iss/],
    ['one that has expired', { claims: { iat: inSeconds(-25 * HOUR), exp: inSeconds(-HOUR) } }, /expired|iat/],
    ['an old one without expiry', { claims: { iat: inSeconds(-25 * HOUR), exp: undefined } }, /expired|iat/],
    ['one of tomorrow', { claims: { iat: inSeconds(HOUR) } }, /iat/],
    ['no jti', { claims: { jti: undefined } }, /jti/],
    ['an empty jti', { claims: { jti: '' } }, /jti/],
    ['a jti that is a number', { claims: { jti: 7 } }, /jti/],
    ['no iat', { claims: { iat: undefined } }, /iat/],
    ['an ID token', { claims: { ...bob, events: undefined } }, /events/],
    ['events that are no JSON', { claims: { events: '{"type":' } }, /events/],
    ['no subject', { sub: '' }, /events/]
  ] as [string, NonNullable<Parameters<typeof notification>[1]>, RegExp][]) {
    await t.test(name, async (t) => { await refuses(t, await notification('account-delete', change), detail) })
  }
  for (const [name, body] of [
    ['no payload', '{}'], ['no JSON', 'payload'], ['nothing', ''], ['a list', '[]'],
    ['a payload that is no text', '{"payload":{"type":"account-delete"}}'], ['no JWT', '{"payload":"x.y.z"}']
  ] as const) {
    await t.test(name, async (t) => {
      await refuses(t, { ...await notification('account-delete'), body }, /^Apple: the event does not verify: /)
    })
  }
  await t.test('another content type, or too much', async (t) => {
    const before = await snapshot()
    const right = await notification('account-delete')
    t.equal((await send({ ...right, headers: { 'content-type': 'text/plain' } })).status, 415)
    t.equal((await send({ ...right, body: right.body + ' '.repeat(17_000) })).status, 413)
    t.same(await snapshot(), before)
  })
  await t.test('a person who is not known here: a success for Apple', async (t) => {
    const { status, text } = await send(await notification('account-delete', { sub: '000000.stranger.0' }))
    t.equal(status, 200, text)
  })
  await t.test('a type that Apple adds later: likewise', async (t) => {
    t.equal((await send(await notification('account-moved'))).status, 200)
  })
  await t.test('keys that cannot be read: Apple tries again, and then it takes effect', async (t) => {
    const cold = await another()
    apple.fault(apple.paths.jwks, { kind: 'status', status: 503, body: {} })
    const right = await notification('email-enabled')
    t.equal((await send(right, cold.address)).status, 502)
    apple.heal()
    t.equal((await send(right, cold.address)).status, 200)
  })
  t.same(await me(anne.token), [200, 200])
})

t.test('a repeated one is a success without effect, also when both instances have it at once', async (t) => {
  const { signIn, notification, sendTenTimes, me, events } = await world(t)
  await signIn()
  const request = await notification('consent-revoked')
  await sendTenTimes(t, request, 200)
  t.equal((await events()).length, 1)
  const again = await signIn()
  await sendTenTimes(t, request, 200)
  t.same(await me(again.token), [200, 200], 'whoever keeps a copy ends no later session with it')
  const other = await notification('consent-revoked', { claims: { jti: randomUUID() } })
  await sendTenTimes(t, other, 200)
  t.same(await me(again.token), [401, 401])
})

t.test('an app\'s own client id is an audience too', async (t) => {
  const { signIn, notification, endsSessions } = await world(t)
  const anne = await signIn()
  await endsSessions(t, anne, await notification('consent-revoked', { claims: { aud: 'com.example.signet.ios' } }), 200)
})

t.test('webhooks say what was reported, and what ended', async (t) => {
  const { signIn, notification, send, sql } = await world(t)
  const receiver = await startWebhookReceiver()
  t.teardown(() => receiver.close())
  const endpoint = await addEndpoint(sql, receiver.url, ['provider.event', 'session.revoked', 'user.deleted'])
  receiver.verifyWith(endpoint.secret)
  const anne = await signIn()
  await send(await notification('email-disabled'))
  await send(await notification('consent-revoked'))
  await send(await notification('account-delete'))
  await eventually('four webhooks', () => receiver.received.length === 4)
  t.match(receiver.received.map(({ type, data }) => ({ type, data })), [
    { type: 'provider.event', data: { userId: anne.user.id, provider: 'apple', event: 'email-disabled' } },
    { type: 'session.revoked', data: { userId: anne.user.id, reason: 'ended_by_provider' } },
    { type: 'provider.event', data: { userId: anne.user.id, provider: 'apple', event: 'consent-revoked' } },
    { type: 'user.deleted', data: { userId: anne.user.id, provider: 'apple', user: null } }
  ])
})

t.test('events that do not verify are limited by address', async (t) => {
  const { notification, send } = await world(t, { RATE_LIMITS: 'on' })
  const forged = await notification('consent-revoked', { script: { sign: 'corrupt' } })
  const statuses: number[] = []
  for (let i = 0; i < 102; i++) statuses.push((await send(forged)).status)
  t.same([statuses[0], statuses[99], statuses[101]], [400, 400, 429])
  t.equal((await send(await notification('consent-revoked'))).status, 429)
})

t.test('a provider that is not enabled has no such route', async (t) => {
  const { send, url } = await twoInstances(t, {})
  const paths = ['apple/events', 'google/events', 'facebook/deauthorize', 'facebook/deletion', 'github/events']
  for (const path of paths) {
    const headers = { 'content-type': 'application/json' }
    t.equal((await send({ path: `/login/${path}`, headers, body: '{}' }, url)).status, 404, path)
  }
})
