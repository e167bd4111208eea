import t from 'tap'
import { sessionOf } from './signed-in.ts'
import { withReceiver } from '../webhooks/world.ts'

t.test('each change is told once, verifiably, in order, with the user as they are', async (t) => {
  const { receiver, login, call, url, sql, deliveries } = await withReceiver(t)
  const { access_token: token, user } = await login('github')
  const sessionId = sessionOf(token)
  const created = (await receiver.taken(1))[0]
  t.match(created, {
    type: 'user.created',
    data: { userId: user.id, sessionId, provider: 'github', user: { id: user.id, email: 'octocat@github.com', status: 'active', accounts: [{ provider: 'github' }] } }
  })
  t.match(created?.timestamp, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)

  await call('PATCH', '/me', token, { body: { name: 'Octo' } })
  await call('PUT', '/me/preferences', token, { body: { theme: 'dark' } })
  await fetch(`${url}/logout`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
  const again = await login('github')
  await call('DELETE', '/me', again.access_token)
  const told = await receiver.taken(5)
  t.match(told.map(({ type, data }) => [type, data.userId]), ['user.created', 'user.updated', 'user.updated', 'session.revoked', 'user.deleted'].map((type) => [type, user.id]))
  t.equal(told[1]?.data.user.name, 'Octo')
  t.match(told[3]?.data, { sessionId, reason: 'logout' })
  t.same(told[4]?.data, { userId: user.id, user: null })
  t.equal(new Set(told.map(({ id }) => id)).size, 5)
  t.same(receiver.unverified, [])
  t.equal(receiver.received.length, 5)
  t.ok((await deliveries()).every(({ status, attempts, lastStatusCode }) => status === 'delivered' && attempts === 1 && lastStatusCode === 204))
  t.equal((await sql.query("SELECT 1 FROM audit_events WHERE type = 'user.deleted' AND user_id IS NULL")).rowCount, 1, 'the audit trail still does not name them')
})
