import t from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { setupWithClients } from './setup-with-clients.ts'

/** The audit trail of what clients do; that of /me, /admin and the command line is tested with them. */
t.test('each action is an event with its actor, user, client address and request id', async (t) => {
  const { url, sql, authorize, exchange, refresh, signIn, post, github } = await setupWithClients(t)
  let read = 0
  /** The events since the last call, each with every column. */
  async function events () {
    const { rows } = await sql.query(
      `SELECT type, user_id AS "userId", actor_id AS "actorId", client_id AS "clientId", provider,
        ip_address AS "ipAddress", user_agent AS "userAgent", request_id AS "requestId", details,
        created_at AS "createdAt"
      FROM audit_events ORDER BY created_at, id OFFSET $1`,
      [read]
    )
    read += rows.length
    return rows
  }
  const from = { ipAddress: '127.0.0.1', userAgent: String, requestId: /^[\w.-]+$/, createdAt: Date }
  const types = (list: { type: string }[]) => list.map(({ type }) => type)

  const first = await signIn()
  const created = await events()
  t.same(types(created), ['user.created', 'login.succeeded'])
  const [
    {
      userId,
      details: { sessionId }
    }
  ] = created
  for (const event of created) {
    t.match(event, { ...from, userId, actorId: userId, clientId: 'spa', provider: 'github', details: { sessionId } })
  }

  github.user({ id: 1, login: 'octocat', name: 'Another name', email: 'octocat@github.com' })
  const second = await signIn()
  const again = await events()
  t.same(
    types(again),
    ['user.updated', 'login.succeeded'],
    'what follows the provider is a change too, and comes before the login'
  )
  t.match(again[0].details.fields, ['name'])

  github.deny('access_denied')
  await createBrowser(url).login('/login/github')
  t.match(await events(), [
    {
      ...from,
      type: 'login.failed',
      userId: null,
      actorId: null,
      provider: 'github',
      details: { code: 'access_denied' }
    }
  ])
  t.equal(
    (await sql.query("SELECT client_id FROM audit_events WHERE type = 'login.failed'")).rows[0].client_id,
    'signet'
  )
  github.allow()
  await createBrowser(url).get('/login/github/callback?state=forged&code=x')
  t.same(types(await events()), [], 'a forged state is no login: nobody fills the trail with those')

  await refresh(second.refresh_token)
  t.same(types(await events()), [], 'a refresh is told by metrics')
  await sql.query("UPDATE sessions SET rotated_at = rotated_at - interval '1 hour'")
  await refresh(second.refresh_token)
  t.match(await events(), [
    {
      ...from,
      type: 'token.reuse_detected',
      userId,
      actorId: null,
      clientId: 'spa',
      provider: 'github',
      details: { sessionId: String, reason: 'reuse_detected' }
    }
  ])

  const { code, codeVerifier } = await authorize()
  await exchange(code, codeVerifier)
  await exchange(code, codeVerifier)
  t.match(await events(), [
    { type: 'login.succeeded' },
    { ...from, type: 'session.revoked', userId, details: { reason: 'code_replayed' } }
  ])

  await post('/oauth2/revoke', { token: first.refresh_token, client_id: 'spa' })
  t.match(await events(), [
    {
      ...from,
      type: 'session.revoked',
      userId,
      actorId: userId,
      clientId: 'spa',
      details: { sessionId, reason: 'revoked' }
    }
  ])
  const third = await signIn()
  await fetch(`${url}/logout`, {
    method: 'POST',
    headers: { authorization: `Bearer ${third.access_token}`, 'x-request-id': 'the-request', 'user-agent': 'curl/8' }
  })
  t.match(await events(), [
    { type: 'login.succeeded' },
    {
      type: 'session.revoked',
      userId,
      actorId: userId,
      userAgent: 'curl/8',
      requestId: 'the-request',
      details: { reason: 'logout' }
    }
  ])

  const last = await signIn()
  await fetch(`${url}/me`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${last.access_token}`, 'content-type': 'application/json' },
    body: '{"name":"x"}'
  })
  t.match(await events(), [
    { type: 'login.succeeded' },
    { ...from, type: 'user.updated', userId, actorId: userId, clientId: 'spa', details: { fields: ['name'] } }
  ])
  await sql.query('UPDATE users SET disabled_at = now()')
  await createBrowser(url).login('/login/github')
  t.match(await events(), [
    {
      ...from,
      type: 'login.failed',
      userId,
      actorId: null,
      clientId: 'signet',
      provider: 'github',
      details: { code: 'account_disabled' }
    }
  ])
})
