import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { recordEvents } from '../../src/audit/events.ts'
import { createDeliveryRepository } from '../../src/webhooks/delivery-repository.ts'
import { startWebhookReceiver } from '../fakes/webhook-receiver.ts'
import { eventually } from '../helper.ts'
import { slow } from '../slow.ts'
import { addEndpoint, withReceiver } from '../webhooks/world.ts'
import { sessionOf } from './signed-in.ts'

t.test('each change is sent once, signed, in order, with the user of that moment', async (t) => {
  const { receiver, login, call, url, sql, deliveries } = await withReceiver(t)
  const { access_token: token, user } = await login('github')
  const sessionId = sessionOf(token)
  const created = (await receiver.taken(1))[0]
  t.match(created, {
    type: 'user.created',
    data: {
      userId: user.id,
      sessionId,
      provider: 'github',
      user: { id: user.id, email: 'octocat@github.com', status: 'active', accounts: [{ provider: 'github' }] }
    }
  })
  t.match(created?.timestamp, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)

  await call('PATCH', '/me', token, { body: { name: 'Octo' } })
  await call('PUT', '/me/preferences', token, { body: { theme: 'dark' } })
  await fetch(`${url}/logout`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
  const again = await login('github')
  await call('DELETE', '/me', again.access_token)
  const told = await receiver.taken(5)
  t.match(
    told.map(({ type, data }) => [type, data.userId]),
    ['user.created', 'user.updated', 'user.updated', 'session.revoked', 'user.deleted'].map((type) => [type, user.id])
  )
  t.equal(told[1]?.data.user.name, 'Octo')
  t.match(told[3]?.data, { sessionId, reason: 'logout' })
  t.same(told[4]?.data, { userId: user.id, user: null })
  t.equal(new Set(told.map(({ id }) => id)).size, 5)
  t.same(receiver.unverified, [])
  t.equal(receiver.received.length, 5)
  await eventually('it is written down that each was delivered at once', async () =>
    (await deliveries()).every(
      ({ status, attempts, lastStatusCode }) => status === 'delivered' && attempts === 1 && lastStatusCode === 204
    )
  )
  t.notOk(
    (await deliveries()).some(({ type }) => type === 'user.created'),
    'the deliveries about them are gone too'
  )
  t.equal(
    (await sql.query("SELECT 1 FROM audit_events WHERE type = 'user.deleted' AND user_id IS NULL")).rowCount,
    1,
    'the audit trail still does not name them'
  )
})

t.test('a change that is rolled back or has no subscriber sends nothing', async (t) => {
  const { receiver, app, sql, login, deliveries, record } = await withReceiver(t, ['user.updated'])
  const { user } = await login('github')
  await t.rejects(
    app.database.prisma.$transaction(async (tx) => {
      await recordEvents(tx, [{ type: 'user.disabled', userId: user.id }], {})
      t.equal(await tx.webhookDelivery.count(), 1)
      throw new Error('no')
    }),
    { message: 'no' }
  )
  t.same(await deliveries(), [])
  t.equal(
    (await sql.query("SELECT 1 FROM graphile_worker.jobs WHERE task_identifier = 'deliver-webhooks'")).rowCount,
    0
  )

  await record([
    { type: 'user.disabled', userId: user.id },
    { type: 'user.roles_changed', userId: user.id, details: { roles: [] } }
  ])
  t.match(
    await receiver.taken(1),
    [{ type: 'user.updated', data: { userId: user.id } }],
    'two events of one change are sent once'
  )
  t.same(receiver.received.length, 1)
})

t.test(
  'an endpoint that is down for an hour gets all, in order, under the same ids; others and other users do not wait',
  async (t) => {
    const { receiver, sql, login, call, later, deliveries } = await withReceiver(t)
    const other = await startWebhookReceiver()
    t.teardown(() => other.close())
    other.verifyWith((await addEndpoint(sql, other.url)).secret)
    const { access_token: token, user } = await login('github')
    await receiver.taken(1)
    receiver.behave(({ data }) => (data.userId === user.id ? 503 : 204))
    for (const name of ['One', 'Two', 'Three']) await call('PATCH', '/me', token, { body: { name } })
    await receiver.came(2)
    t.match(
      (await other.taken(4)).map(({ type }) => type),
      ['user.created', 'user.updated', 'user.updated', 'user.updated']
    )
    await login('acme')
    t.match((await receiver.taken(2)).at(-1), { type: 'user.created', data: { provider: 'acme' } }, 'another user')
    t.equal(receiver.received.filter(({ type }) => type === 'user.updated').length, 1, 'later ones wait')

    const failing = receiver.received.find(({ type }) => type === 'user.updated')
    const attempts = () => receiver.received.filter(({ id }) => id === failing?.id).length
    /** An attempt that is over and has failed, and how long until the next. */
    const failed = async (attempt: number) =>
      (
        await sql.query(
          `SELECT extract(epoch FROM next_attempt_at - last_attempt_at)::float AS wait FROM webhook_deliveries
    WHERE id = $1 AND attempts = $2 AND status = 'pending' AND last_status_code = 503`,
          [failing?.id, attempt]
        )
      ).rows[0]?.wait
    // The hour, attempt by attempt: only the time between them is taken out.
    for (const [index, seconds] of [30, 300, 1800].entries()) {
      await eventually('it is written down', async () => (await failed(index + 1)) === seconds)
      await sql.query('UPDATE webhook_deliveries SET last_status_code = NULL')
      await later(`${seconds} seconds`)
      await eventually('it is tried again', () => attempts() === index + 2)
    }
    await eventually('it is written down', async () => (await failed(4)) === 2 * 3600)
    t.equal(
      receiver.received.filter(({ type, data }) => type === 'user.updated' && data.userId === user.id).length,
      4,
      'deliveries after it still wait'
    )
    receiver.behave(() => 204)
    await later('2 hours')
    const all = (await receiver.taken(5)).filter(({ data }) => data.userId === user.id)
    t.equal(all.length, 4)
    t.equal(all[1]?.id, failing?.id)
    t.equal(all[1]?.data.user.name, 'Three', 'the user as they are now')
    const ids = (await deliveries()).filter(({ id }) => all.some((message) => message.id === id)).map(({ id }) => id)
    t.same(
      all.map(({ id }) => id),
      ids,
      'in the order in which they happened'
    )
    t.same(receiver.unverified.concat(other.unverified), [])
  }
)

t.test('after three days of failing the next one may go; 410 disables the endpoint', async (t) => {
  const { receiver, login, call, sql, endpoint, later, deliveries } = await withReceiver(t, ['user.updated'])
  const { access_token: token } = await login('github')
  receiver.behave(() => 500)
  for (const name of ['One', 'Two']) await call('PATCH', '/me', token, { body: { name } })
  await receiver.came(1)
  const [first] = await deliveries()
  await sql.query('UPDATE webhook_deliveries SET attempts = 9 WHERE id = $1', [first.id])
  receiver.behave(({ id }) => (id === first.id ? 500 : 410))
  await later('4 days')
  await receiver.came(3)
  for (
    const endsAt = Date.now() + 5_000;
    Date.now() < endsAt && (await sql.query('SELECT 1 FROM webhook_endpoints WHERE enabled')).rowCount !== 0;
  ) { await sleep(20) }
  t.match(await deliveries(), [
    { status: 'failed', attempts: 10, lastStatusCode: 500 },
    { status: 'pending', attempts: 1, lastStatusCode: 410 }
  ])
  t.match((await sql.query('SELECT details FROM audit_events WHERE type = $1', ['webhook.updated'])).rows, [
    { details: { webhookId: endpoint.id } }
  ])
  await call('PATCH', '/me', token, { body: { name: 'Three' } })
  t.equal((await deliveries()).length, 2, 'what happens while it is disabled is not kept for it')
})

t.test('an endpoint that hangs holds up neither the others nor the grants that are taken back', async (t) => {
  const { receiver, sql, login, call, acme, record } = await withReceiver(t, ['user.updated', 'user.deleted'])
  const other = await startWebhookReceiver()
  t.teardown(() => other.close())
  receiver.behave(() => 'hang')
  const { access_token: token } = await login('acme')
  await sql.query('INSERT INTO users (id) SELECT gen_random_uuid() FROM generate_series(1, 50)')
  const { rows: users } = await sql.query('SELECT id FROM users')
  await record(users.map(({ id }) => ({ type: 'user.updated', userId: id })))
  t.equal((await receiver.came(5)).length, 5)
  other.verifyWith((await addEndpoint(sql, other.url)).secret)
  await call('DELETE', '/me', token)
  t.equal((await other.taken(1)).length, 1)
  for (const endsAt = Date.now() + 10_000; Date.now() < endsAt && acme.calls(acme.paths.revoke).length === 0;) {
    await sleep(20)
  }
  t.equal(acme.calls(acme.paths.revoke).length, 1)
  const { rows: failed } = await sql.query('SELECT last_error FROM webhook_deliveries WHERE last_error IS NOT NULL')
  t.same(failed, [], 'before the first attempt has timed out')
  t.equal(receiver.received.length, 5, 'five at a time')
})

t.test('an endpoint with very many that are due crowds out no other', async (t) => {
  const { sql, endpoint, app } = await withReceiver(t)
  const other = await addEndpoint(sql, 'http://127.0.0.1:9/')
  await sql.query('UPDATE webhook_endpoints SET enabled = false')
  await sql.query(
    `INSERT INTO webhook_deliveries (id, endpoint_id, user_id, type, details, next_attempt_at, expires_at)
    SELECT gen_random_uuid(), CASE n WHEN 1 THEN $1::uuid ELSE $2::uuid END, gen_random_uuid(), 'user.updated', '{}',
      now() - n * interval '1 minute', now() + interval '1 day'
    FROM generate_series(1, 10) n`,
    [other.id, endpoint.id]
  )
  const { due } = createDeliveryRepository(app.database)
  t.same(await due(null, 3), [], 'one that is disabled gets nothing')
  await sql.query('UPDATE webhook_endpoints SET enabled = true')
  t.same(
    (await due(null, 3)).map(({ endpointId }) => endpointId).sort(),
    [other.id, ...Array(3).fill(endpoint.id)].sort()
  )
  t.same((await due(other.id, 3)).length, 1)
})

slow.test('two instances deliver each once', async (t) => {
  const { receiver, login, call, another, deliveries, record } = await withReceiver(t)
  const { address } = await another()
  const { access_token: token } = await login('github')
  for (let index = 0; index < 10; index++) {
    await call('PATCH', '/me', token, { body: { name: `Name ${index}` }, ...(index % 2 ? { at: address } : {}) })
  }
  await record(Array.from({ length: 20 }, () => ({ type: 'user.updated', userId: randomUUID() })))
  await receiver.taken(31)
  await sleep(200)
  t.equal(receiver.received.length, 31)
  t.equal(new Set(receiver.received.map(({ id }) => id)).size, 31)
  t.ok((await deliveries()).every(({ status }) => status === 'delivered'))
})
