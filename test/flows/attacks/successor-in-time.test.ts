import t, { type Test } from 'tap'
import { race, readJson, sharing } from '../../helper.ts'
import { sampler } from '../../plugins/scrape.ts'
import { AS_WEB, setupWithClients } from '../setup-with-clients.ts'
import { sessionOf } from '../signed-in.ts'

// A thief who has a copy of a refresh token and learns at once that its client has exchanged it gets the same
// successor, inside the reuse window. So no answer tells a live token from one that was just exchanged.

interface Tokens { access_token: string, refresh_token: string }

const SESSION_TIMES = ['rotated_at', 'last_used_at', 'created_at', 'idle_expires_at', 'expires_at']

async function open (t: Test, environment: Record<string, string> = {}) {
  const signet = await setupWithClients(t, { TRUST_PROXY: '127.0.0.1', ...environment })
  const { sql, url } = signet

  /** Moves all times of the database's sessions and events into the past. */
  async function age (seconds: number) {
    const earlier = (column: string) => `${column} = ${column} - ${seconds} * interval '1 second'`
    await sql.query(`UPDATE sessions SET ${SESSION_TIMES.map(earlier).join()}`)
    await sql.query(`UPDATE audit_events SET ${earlier('created_at')}`)
  }

  const stored = async () => [
    (await sql.query('SELECT * FROM sessions ORDER BY id')).rows,
    (await sql.query('SELECT * FROM audit_events ORDER BY id')).rows
  ]

  const get = async (path: string, accessToken: string) =>
    await readJson(await fetch(url + path, { headers: { authorization: `Bearer ${accessToken}` } }))

  const headersOf = (address: string, userAgent: string) => ({ 'x-forwarded-for': address, 'user-agent': userAgent })

  /** A refresh from an address, by a device. */
  const refreshAt = (refreshToken: string, address: string, userAgent: string) => signet.token(
    { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: 'spa' }, headersOf(address, userAgent)
  )

  const events = async () =>
    (await sql.query("SELECT * FROM audit_events WHERE type = 'token.reused_in_window' ORDER BY id")).rows

  return { ...signet, age, stored, get, refreshAt, events }
}

const world = sharing(t, open)

t.test('wanted: to know when a token was exchanged, by asking for scope that was not granted', async (t) => {
  const { signIn, refresh, sql, age, stored } = await world(t)
  const states: Record<string, (tokens: Tokens) => Promise<unknown>> = {
    live: async () => {},
    'just exchanged': ({ refresh_token: token }) => refresh(token),
    'exchanged before the window': async ({ refresh_token: token }) => {
      await refresh(token)
      await age(31)
    },
    'exchanged twice': async ({ refresh_token: token }) => refresh((await refresh(token)).body.refresh_token),
    'of a session that was revoked': () => sql.query('UPDATE sessions SET revoked_at = now()'),
    'of a session that was not used for long': () => sql.query('UPDATE sessions SET idle_expires_at = now()'),
    'of a session that is over': () => sql.query('UPDATE sessions SET expires_at = now()'),
    'of a disabled user': () => sql.query('UPDATE users SET disabled_at = now()')
  }
  const answers = new Set<string>()
  for (const [state, bring] of Object.entries(states)) {
    const tokens = await signIn({ scope: 'openid' })
    await bring(tokens)
    const before = await stored()
    for (const scope of ['openid profile', 'email']) {
      const { status, body } = await refresh(tokens.refresh_token, { client_id: 'spa', scope })
      t.same([status, body.error], [400, 'invalid_scope'], `${state}: ${scope}`)
      answers.add(JSON.stringify(body))
    }
    t.same(await stored(), before, `${state}: nothing has changed`)
    const malformed = await refresh(tokens.refresh_token, { client_id: 'spa', scope: '"' })
    t.same([malformed.status, malformed.body.error], [400, 'invalid_scope'], `${state}: a malformed scope`)
    await sql.query('UPDATE users SET disabled_at = NULL')
    await sql.query('DELETE FROM sessions')
    const unknown = await refresh(tokens.refresh_token, { client_id: 'spa', scope: 'openid profile' })
    t.same([unknown.status, unknown.body.error], [400, 'invalid_grant'], 'a token of no session')
  }
  t.equal(answers.size, 1, [...answers].join('\n'))

  await t.test('another client learns nothing either', async (t) => {
    const tokens = await signIn({ scope: 'openid' })
    const ask = async () => (await refresh(tokens.refresh_token, { ...AS_WEB, scope: 'openid profile' })).body
    const live = await ask()
    t.equal(live.error, 'invalid_grant')
    await refresh(tokens.refresh_token)
    t.same(await ask(), live)
  })

  await t.test('a forged token is invalid, whatever scope it asks for', async (t) => {
    const { refresh_token: token } = await signIn({ scope: 'openid' })
    const forged = (token[0] === 'A' ? 'B' : 'A') + token.slice(1)
    for (const scope of ['openid', 'openid profile']) {
      t.match((await refresh(forged, { client_id: 'spa', scope })).body, { error: 'invalid_grant' })
    }
  })
})

t.test('wanted: to know when a token was exchanged, from introspection', async (t) => {
  const { signIn, refresh, post, age, stored } = await world(t)
  const { refresh_token: token } = await signIn({ scope: 'openid' })
  await age(3600)
  const introspect = async () => (await post('/oauth2/introspect', { token, ...AS_WEB })).body
  const live = await introspect()
  t.equal(live.active, true)
  const { refresh_token: successor } = (await refresh(token)).body
  const before = await stored()
  t.strictSame(await introspect(), live, 'inside the window it is as good as before')
  t.same(await stored(), before)
  await age(31)
  t.strictSame(await introspect(), { active: false }, 'after the window')
  t.equal((await refresh(successor)).status, 200)
})

t.test('wanted: to know when a token was exchanged, by revoking it as another client', async (t) => {
  const { signIn, refresh, post, age, me } = await world(t)
  const tokens = await signIn({ scope: 'openid' })
  const revoke = async () => await post('/oauth2/revoke', { token: tokens.refresh_token, ...AS_WEB })
  const live = await revoke()
  t.same([live.status, live.body.error], [400, 'invalid_grant'])
  await refresh(tokens.refresh_token)
  t.strictSame((await revoke()).body, live.body, 'just exchanged')
  await age(31)
  t.strictSame((await revoke()).body, live.body, 'exchanged before the window')
  t.equal(await me(tokens.access_token), 200, 'another client ends no session')
})

t.test('wanted: to know when a token was exchanged, from what an access token opens', async (t) => {
  const { signIn, refresh, get, age, sql } = await world(t)
  const stolen = await signIn({ scope: 'openid' })
  const other = await signIn({ scope: 'openid' })
  await age(20 * 24 * 3600)
  const paths = ['/me', '/me/sessions', '/me/activity', '/me/accounts', '/me/preferences', '/me/export']
  async function seen (accessToken: string) {
    const answers = await Promise.all(paths.map((path) => get(path, accessToken)))
    for (const answer of answers) delete answer.exportedAt
    return answers
  }
  const look = async () => [await seen(stolen.access_token), await seen(other.access_token)]
  const shown = async () => {
    const { items } = await get('/me/sessions', other.access_token)
    return items.find(({ id }: { id: string }) => id === sessionOf(stolen.access_token))
  }
  const useOf = async () => Date.parse((await shown()).lastUsedAt)
  const idle = 30 * 24 * 3600 * 1000
  const signedInAt = (await sql.query('SELECT created_at FROM sessions WHERE id = $1',
    [sessionOf(stolen.access_token)])).rows[0].created_at.getTime()
  t.ok(Math.abs(await useOf() - signedInAt) < 60_000)

  const before = await look()
  const first = (await refresh(stolen.refresh_token)).body
  t.strictSame(await look(), before, 'an exchange')
  await refresh(stolen.refresh_token)
  t.strictSame(await look(), before, 'a repeat')
  const second = (await refresh(first.refresh_token)).body
  t.strictSame(await look(), before, 'the next exchange')
  await age(61)
  t.ok(await useOf() < Date.now() - 10 * 24 * 3600 * 1000, 'the longest window is over, and nothing is shown yet')

  await age(60)
  const { lastUsedAt, expiresAt } = await shown()
  t.ok(Math.abs(Date.now() - 121_000 - Date.parse(lastUsedAt)) < 20_000, 'two minutes later a use is shown')
  t.equal(Date.parse(expiresAt) - Date.parse(lastUsedAt), idle)

  const later = await look()
  const third = (await refresh(second.refresh_token)).body
  t.strictSame(await look(), later, 'an exchange after another one that is shown')
  await sql.query("UPDATE sessions SET expires_at = now() + interval '1 day'")
  t.ok(Date.parse((await shown()).expiresAt) < Date.now() + 24 * 3600 * 1000 + 1000, 'never after the last day')
  const capped = await look()
  await refresh(third.refresh_token)
  t.strictSame(await look(), capped, 'an exchange shortly before the last day')
})

const HOME = ['198.51.100.1', 'Firefox'] as const
const ELSEWHERE = ['203.0.113.7', 'curl'] as const

t.test('wanted: to repeat each exchange inside the window for ever, unnoticed', async (t) => {
  const { signIn, refreshAt, events, url } = await world(t)
  const { samples } = sampler(url)
  const counted = async () => (await samples('token_reuses_in_window_total'))['']
  t.equal(await counted(), 0, 'there before the first')
  const tokens = await signIn({ scope: 'openid' })
  const client = await refreshAt(tokens.refresh_token, ...HOME)

  for (const [address, userAgent] of [HOME, [HOME[0], 'curl'], ['203.0.113.7', HOME[1]]] as const) {
    t.equal((await refreshAt(tokens.refresh_token, address, userAgent)).status, 200)
    t.same(await events(), [], `${address}, ${userAgent}: a device that moves, or two of one household`)
  }
  const thief = await refreshAt(tokens.refresh_token, ...ELSEWHERE)
  const shape = ({ status, body }: typeof thief) => [status, Object.keys(body), body.scope, body.expires_in]
  t.same(shape(thief), shape(client), 'the thief is told nothing')
  t.equal(thief.body.refresh_token, client.body.refresh_token)
  const sessionId = sessionOf(tokens.access_token)
  t.match(await events(), [{
    user_id: String,
    actor_id: null,
    client_id: 'spa',
    provider: 'github',
    ip_address: ELSEWHERE[0],
    user_agent: ELSEWHERE[1],
    details: { sessionId, rotationIpAddress: HOME[0], rotationUserAgent: HOME[1], rotatedAt: /^\d{4}-.*Z$/ }
  }])
  t.equal(await counted(), 1)

  await t.test('once for each exchange, however often it is repeated', async (t) => {
    for (let repeat = 0; repeat < 3; repeat++) await refreshAt(tokens.refresh_token, ...ELSEWHERE)
    t.equal((await events()).length, 1)
    // This time the thief is first.
    await refreshAt(client.body.refresh_token, ...ELSEWHERE)
    const repeats = await race(20, () => refreshAt(client.body.refresh_token, ...HOME))
    t.same([...new Set(repeats.map(({ status }) => status))], [200])
    t.match(await events(), [{}, { ip_address: HOME[0], details: { rotationIpAddress: ELSEWHERE[0] } }])
    t.equal((await events()).length, 2)
    t.equal(await counted(), 2)
  })
})

t.test('wanted: where the other holder of the token is', async (t) => {
  const { signIn, refreshAt, get, age } = await world(t)
  const tokens = await signIn({ scope: 'openid' })
  await age(3600)
  const paths = ['/me/activity', '/me/export', '/me/sessions']
  const look = async () => {
    const answers = await Promise.all(paths.map((path) => get(path, tokens.access_token)))
    for (const answer of answers) delete answer.exportedAt
    return answers
  }
  const before = await look()
  await refreshAt(tokens.refresh_token, ...HOME)
  await refreshAt(tokens.refresh_token, ...ELSEWHERE)
  t.strictSame(await look(), before, 'the event of a repeat shows as late as a use')
  await age(121)
  const [activity, document] = await look()
  const [event] = activity.items
  t.match(event, { type: 'token.reused_in_window', actorId: null, ipAddress: null, userAgent: null, requestId: null })
  t.strictSame(event.details, { sessionId: sessionOf(tokens.access_token) })
  t.strictSame(document.activity[0], event)
  for (const text of [...HOME, ...ELSEWHERE]) t.notMatch(JSON.stringify([activity, document]), text)
})
