import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import type { Client } from '../../src/clients/clients.ts'
import { readSettings, SettingsError } from '../../src/settings.ts'
import { createLogoutDelivery } from '../../src/webhooks/logout-delivery.ts'
import { createBrowser } from '../fakes/browser.ts'
import { startLogoutReceiver } from '../fakes/logout-receiver.ts'
import { eventually, sharing } from '../helper.ts'
import { AS_WEB, setupWithClients, SPA, WEB } from './setup-with-clients.ts'

/** A Signet of which `spa` and `web` want to know when their sessions end, and `other` does not. */
async function open (t: Test, environment: Record<string, string> = {}) {
  const receiver = await startLogoutReceiver()
  t.teardown(() => receiver.close())
  const clients = [
    { ...SPA, backchannel_logout_uri: `${receiver.url}/spa?tenant=1` },
    { ...WEB, backchannel_logout_uri: `${receiver.url}/web` },
    { ...SPA, client_id: 'other' }
  ]
  const running = await setupWithClients(t, {
    CLIENTS: JSON.stringify(clients), MAX_SESSIONS_PER_USER: '3', ADMIN_EMAILS: 'octocat@github.com', ...environment
  })
  receiver.trust(running.url)
  const { url, sql } = running
  const call = (method: string, path: string, token: string, body?: object) => fetch(url + path, {
    method,
    headers: {
      authorization: `Bearer ${token}`, ...body === undefined ? {} : { 'content-type': 'application/json' }
    },
    ...body === undefined ? {} : { body: JSON.stringify(body) }
  })
  const pending = async () => (await sql.query('SELECT client_id, attempts FROM logout_deliveries')).rows
  /** The time between attempts is taken out, and the minute is over after which somebody looks. */
  const later = async () => {
    await sql.query('UPDATE logout_deliveries SET next_attempt_at = now()')
    await sql.query("SELECT graphile_worker.add_job('deliver-due-logouts')")
  }
  return { ...running, receiver, call, pending, later }
}

const world = sharing(t, open, ({ receiver }) => {
  receiver.received.length = 0
  receiver.answer(200)
})

const sid = (token: string) => decodeJwt(token)['sid'] as string

t.test('a client is told of the end of each of its sessions, however it ends, and of no other', async (t) => {
  const signet = await world(t)
  const { url, receiver, signIn, signInWeb, call, post, refresh, logout, authorize, exchange, sql, pending } = signet
  const told: string[] = []
  async function ends (how: string, sessionIds: string[]) {
    told.push(...sessionIds)
    const received = await receiver.came(told.length)
    t.same(received.slice(-sessionIds.length).map(({ claims }) => claims['sid']).sort(), sessionIds.sort(), how)
  }

  const first = await signIn()
  await call('POST', '/logout', first.access_token)
  await ends('logout', [sid(first.access_token)])
  const { claims, path } = receiver.received[0]!
  t.equal(path, '/spa?tenant=1')
  t.match(claims, {
    iss: url,
    aud: 'spa',
    sub: decodeJwt(first.access_token).sub,
    jti: /./,
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} }
  })
  t.equal((claims.exp ?? 0) - (claims.iat ?? 0), 120)

  const web = await signInWeb()
  await post('/oauth2/revoke', { token: web.refresh_token, ...AS_WEB })
  await ends('revocation', [sid(web.access_token)])
  t.match(receiver.received.at(-1), { path: '/web', claims: { aud: 'web' } })

  const byHint = await signIn()
  await logout({ id_token_hint: byHint.id_token })
  await ends('RP-initiated logout', [sid(byHint.access_token)])

  const { code, codeVerifier } = await authorize()
  const replayed = (await exchange(code, codeVerifier)).body
  await exchange(code, codeVerifier)
  await ends('a replayed code', [sid(replayed.access_token)])

  const stolen = await signIn()
  await refresh(stolen.refresh_token)
  await sql.query("UPDATE sessions SET rotated_at = now() - interval '1 hour'")
  await refresh(stolen.refresh_token)
  await ends('theft', [sid(stolen.access_token)])

  const [one, two, three] = [await signIn(), await signInWeb(), await signIn()]
  const four = await signIn()
  await ends('too many sessions', [sid(one.access_token)])
  await call('DELETE', `/me/sessions/${sid(two.access_token)}`, four.access_token)
  await ends('ended by the user', [sid(two.access_token)])
  await call('DELETE', '/me/sessions', four.access_token)
  await ends('all others ended by the user', [sid(three.access_token)])
  const { sub } = decodeJwt(four.access_token)
  await call('POST', `/admin/users/${sub}/logout`, four.access_token)
  await ends('logged out by an administrator', [sid(four.access_token)])

  // Who are told of nothing: another client, and Signet's own sessions.
  const other = await signIn({ client_id: 'other' }, { client_id: 'other' })
  await call('POST', '/logout', other.access_token)
  const direct = (await createBrowser(url).login('/login/github')).json()
  await call('POST', '/logout', direct.access_token)

  const last = [await signIn(), await signInWeb()]
  await call('DELETE', '/me', last[0].access_token)
  await ends('a deleted user', last.map(({ access_token: token }) => sid(token)))
  await eventually('nothing is left to deliver', async () => (await pending()).length === 0)
  t.equal(receiver.received.length, told.length)
  t.same(receiver.invalid, [])
})

t.test('a client that does not take a logout is told again, by a new token, for 18 hours', async (t) => {
  const { receiver, signIn, call, pending, later, sql } = await world(t)
  receiver.answer(503)
  const tokens = await signIn()
  await call('POST', '/logout', tokens.access_token)
  await receiver.came(1)
  await later()
  const [first, second] = await receiver.came(2)
  t.same([first, second].map((one) => one?.claims['sid']), Array(2).fill(sid(tokens.access_token)))
  t.not(first?.claims.jti, second?.claims.jti)
  await eventually('two attempts are counted', async () => (await pending())[0]?.attempts === 2)
  receiver.answer(204)
  await later()
  await receiver.came(3)
  await eventually('it is over', async () => (await pending()).length === 0)

  receiver.answer(400)
  await call('POST', '/logout', (await signIn()).access_token)
  await receiver.came(4)
  await sql.query('UPDATE logout_deliveries SET attempts = 7')
  await later()
  await receiver.came(5)
  await eventually('it is given up', async () => (await pending()).length === 0)
})

t.test('an end that is rolled back tells nobody', async (t) => {
  const { app, signIn, pending, me } = await world(t)
  const { endSessions } = await import('../../src/sessions/end-sessions.ts')
  const tokens = await signIn()
  await t.rejects(app.database.prisma.$transaction(async (tx) => {
    await endSessions(tx, { where: {}, reason: 'logout', now: new Date() }, { actorId: null, caller: {} })
    t.equal(await tx.logoutDelivery.count(), 1)
    throw new Error('no')
  }), { message: 'no' })
  t.same(await pending(), [])
  t.equal(await me(tokens.access_token), 200)
})

t.test('its URL must be one that may be called, and its address is checked as that of a webhook', async (t) => {
  const read = (uri: string) => () =>
    readSettings({ CLIENTS: JSON.stringify([{ ...SPA, backchannel_logout_uri: uri }]) })
  t.doesNotThrow(read('https://app.example.com/logout?tenant=1'))
  for (const uri of ['/logout', 'javascript:alert(1)', 'https://a:b@app.example.com/', 'https://app.example.com/#x']) {
    t.throws(read(uri), SettingsError, uri)
  }
  const { receiver } = await world(t)
  const warnings: object[] = []
  let removed = 0
  const deliveries = {
    claim: async () => removed === 0
      ? { id: '1', clientId: 'spa', userId: 'u', sessionId: 's', isRetried: false }
      : undefined,
    remove: async () => { removed++ },
    removeAll: async () => {},
    due: async () => []
  }
  const { begin, close } = createLogoutDelivery({
    deliveries,
    clients: { find: async () => ({ metadata: { backchannelLogoutUri: receiver.url } }) as Client },
    logoutToken: () => 'token',
    allowPrivate: false,
    log: { warn: (what: object) => { warnings.push(what) } } as never
  })
  begin('spa', 'u')
  await eventually('it is given up', () => removed === 1)
  await close()
  t.match(warnings, [{ clientId: 'spa', statusCode: null, error: 'ADDRESS_REFUSED' }])
  t.same(receiver.received, [])
})
