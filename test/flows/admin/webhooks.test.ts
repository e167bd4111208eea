import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { WEBHOOK_TYPES } from '../../../src/audit/outbox.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../../fakes/webhook-receiver.ts'
import { administration } from './world.ts'

type World = Awaited<ReturnType<typeof administration>>

async function register ({ ask }: Pick<World, 'ask'>, receiver: WebhookReceiver, more = {}) {
  const { status, body } = await ask('POST', '/admin/webhooks', { url: receiver.url, types: ['user.updated'], ...more })
  if (status !== 201) throw new Error(JSON.stringify(body))
  receiver.verifyWith(body.secret)
  return body
}

async function receive (t: Parameters<typeof administration>[0]) {
  const receiver = await startWebhookReceiver()
  t.teardown(() => receiver.close())
  return receiver
}

t.test('endpoints are added, read, changed and removed, with an event each', async (t) => {
  const { ask, sql, admin, octocat, call } = await administration(t)
  const receiver = await receive(t)
  const { secret, ...endpoint } = await register({ ask }, receiver)
  t.match(endpoint, { url: receiver.url, types: ['user.updated'], enabled: true })
  t.match(secret, /^whsec_[\w+/]{43}=$/)
  const other = (
    await ask('POST', '/admin/webhooks', { url: 'https://example.com/hooks', types: WEBHOOK_TYPES, enabled: false })
  ).body
  t.same((await ask('GET', `/admin/webhooks/${endpoint.id}`)).body, endpoint, 'the secret is shown once')
  t.notOk(
    (await sql.query("SELECT string_agg(e::text, ' ') AS rows FROM webhook_endpoints e")).rows[0].rows.includes(
      secret.slice(6)
    ),
    'and sealed'
  )
  const { body: { items: [first], nextCursor } } = await ask('GET', '/admin/webhooks?limit=1')
  t.equal(first.id, other.id)
  t.match((await ask('GET', `/admin/webhooks?cursor=${nextCursor}`)).body, {
    items: [{ id: endpoint.id }],
    nextCursor: null
  })

  const changed = await ask('PATCH', `/admin/webhooks/${other.id}`, { enabled: true, types: ['user.deleted'] })
  t.match(changed, { status: 200, body: { url: 'https://example.com/hooks', types: ['user.deleted'], enabled: true } })
  const replayed = await ask('POST', `/admin/webhooks/${other.id}/replay`, { since: '0000-01-01T00:00:00Z' })
  t.match(replayed, { status: 202, body: { replayed: 0 } }, 'PostgreSQL has no year 0')
  t.equal((await ask('DELETE', `/admin/webhooks/${other.id}`)).status, 204)
  for (const [method, path, body] of [
    ['GET', '', undefined],
    ['PATCH', '', {}],
    ['DELETE', '', undefined],
    ['POST', '/secret', undefined],
    ['POST', '/test', undefined],
    ['GET', '/deliveries', undefined],
    ['POST', '/replay', { since: '2026-01-01T00:00:00Z' }],
    ['POST', `/deliveries/${other.id}/replay`, undefined]
  ] as const) {
    t.match(
      await ask(method, `/admin/webhooks/${other.id}${path}`, body),
      { status: 404, body: { code: 'not_found' } },
      `${method} ${path}`
    )
    t.equal(
      (await call(method, `/admin/webhooks/${endpoint.id}${path}`, octocat.access_token, body ? { body } : {})).status,
      403,
      'for administrators only'
    )
  }
  const { rows } = await sql.query(
    "SELECT type, actor_id, details FROM audit_events WHERE type LIKE 'webhook.%' ORDER BY id"
  )
  t.same(
    rows.map(({ type, details }) => [type, details.webhookId]),
    [
      ['webhook.created', endpoint.id],
      ['webhook.created', other.id],
      ['webhook.updated', other.id],
      ['webhook.deleted', other.id]
    ]
  )
  t.ok(rows.every((row) => row.actor_id === admin.user.id))
})

t.test(
  'an invalid endpoint is refused with a reason; production calls no private address, also not by a name',
  async (t) => {
    const { ask, sql } = await administration(t, { WEBHOOK_ALLOW_PRIVATE_ADDRESSES: 'false' })
    const types = ['user.updated']
    for (const url of [
      'http://example.com/',
      'ftp://example.com/',
      'no url',
      'https://user@example.com/',
      'https://example.com/#x',
      'https://127.0.0.1/',
      'https://[::1]/',
      'https://[::ffff:10.0.0.1]/',
      'https://169.254.169.254/latest',
      'https://0x7f.1/',
      'https://100.64.0.1/',
      ''
    ]) {
      t.match(
        await ask('POST', '/admin/webhooks', { url, types }),
        { status: 400, body: { code: 'validation_failed' } },
        url
      )
    }
    for (const body of [
      {},
      { url: 'https://example.com/' },
      { url: 'https://example.com/', types: [] },
      { url: 'https://example.com/', types: ['user.born'] },
      { url: 'https://example.com/', types, secret: 'whsec_x' }
    ]) {
      t.equal((await ask('POST', '/admin/webhooks', body)).status, 400, JSON.stringify(body))
    }
    const receiver = await receive(t)
    const { body: { id } } = await ask('POST', '/admin/webhooks', { url: 'https://localhost/', types })
    t.same((await ask('POST', `/admin/webhooks/${id}/test`)).body, { statusCode: null, error: 'ADDRESS_REFUSED' })
    await sql.query('UPDATE webhook_endpoints SET url = $1', [receiver.url])
    t.same(
      (await ask('POST', `/admin/webhooks/${id}/test`)).body,
      { statusCode: null, error: 'ADDRESS_REFUSED' },
      'nor one that was let in before'
    )
    t.same([receiver.received, receiver.unverified], [[], []])
  }
)

t.test('a secret is exchanged while messages come: for a day both verify, then the new one only', async (t) => {
  const { ask, call, sql, octocat } = await administration(t)
  const receiver = await receive(t)
  const { id, secret } = await register({ ask }, receiver)
  const change = (name: string) => call('PATCH', '/me', octocat.access_token, { body: { name } })
  await change('One')
  t.equal((await receiver.taken(1))[0]?.signatures.length, 1)
  const renewed = (await ask('POST', `/admin/webhooks/${id}/secret`)).body.secret
  t.not(renewed, secret)
  await change('Two')
  t.equal((await receiver.taken(2))[1]?.signatures.length, 2, 'verified by the old secret')
  receiver.verifyWith(renewed)
  await change('Three')
  t.equal((await receiver.taken(3))[2]?.signatures.length, 2, 'and by the new one')
  await sql.query("UPDATE webhook_endpoints SET previous_secret_until = now() - interval '1 second'")
  await change('Four')
  t.equal((await receiver.taken(4))[3]?.signatures.length, 1)
  t.same(receiver.unverified, [])
})

t.test('deliveries are listed, and sent again under their ids', async (t) => {
  const { ask, call, readAll, admin, octocat } = await administration(t)
  const receiver = await receive(t)
  const { id } = await register({ ask }, receiver)
  for (const name of ['One', 'Two', 'Three']) await call('PATCH', '/me', octocat.access_token, { body: { name } })
  const told = await receiver.taken(3)
  await sleep(100)
  const list = await readAll(`/admin/webhooks/${id}/deliveries`, admin.access_token, 2)
  t.same(
    list.map((delivery) => delivery.id),
    told.map((message) => message.id).reverse()
  )
  t.match(list[0], {
    type: 'user.updated',
    userId: octocat.user.id,
    status: 'delivered',
    attempts: 1,
    lastStatusCode: 204,
    lastError: null,
    nextAttemptAt: null
  })

  const [first, second] = told as [(typeof told)[0] & object, (typeof told)[0] & object]
  t.match(await ask('POST', `/admin/webhooks/${id}/deliveries/${first.id}/replay`), {
    status: 202,
    body: { id: first.id }
  })
  t.match((await receiver.taken(4))[3], { id: first.id, timestamp: first.timestamp, data: { user: { name: 'Three' } } })
  t.equal(
    (await ask('POST', `/admin/webhooks/${id}/replay`, { since: '2016-12-31T23:59:60Z' })).status,
    400,
    'a leap second is no time that can be looked for'
  )
  t.same(
    await ask('POST', `/admin/webhooks/${id}/replay`, { since: second.timestamp }).then(({ status, body }) => [
      status,
      body
    ]),
    [202, { replayed: 2 }]
  )
  t.same(
    (await receiver.taken(6)).slice(4).map((message) => message.id),
    told.slice(1).map((message) => message.id),
    'in order'
  )
  t.same((await ask('POST', `/admin/webhooks/${id}/test`)).body, { statusCode: 204, error: null })
  t.match((await receiver.taken(7))[6], { type: 'webhook.test', data: {} })
  t.same(receiver.unverified, [])
})

t.test(
  'changed roles and status are sent as user.updated; an endpoint that is enabled again gets pending deliveries',
  async (t) => {
    const { ask, octocat, sql } = await administration(t)
    const receiver = await receive(t)
    const { id } = await register({ ask }, receiver, { types: ['user.updated', 'session.revoked', 'user.deleted'] })
    await ask('PATCH', `/admin/users/${octocat.user.id}`, { roles: ['editor'] })
    t.match((await receiver.taken(1))[0], {
      type: 'user.updated',
      data: { user: { roles: ['editor'], status: 'active' } }
    })
    receiver.behave(() => 410)
    await ask('PATCH', `/admin/users/${octocat.user.id}`, { status: 'disabled' })
    await receiver.came(2)
    for (
      const endsAt = Date.now() + 5_000;
      Date.now() < endsAt && (await ask('GET', `/admin/webhooks/${id}`)).body.enabled;
    ) { await sleep(50) }
    receiver.behave(() => 204)
    await sql.query(
      `UPDATE webhook_deliveries SET last_attempt_at = now() - interval '1 minute',
        next_attempt_at = now() + interval '1 day'
      WHERE attempts = 1 AND status = 'pending'`
    )
    t.equal((await ask('PATCH', `/admin/webhooks/${id}`, { enabled: true })).status, 200)
    const told = (await receiver.taken(3)).slice(1)
    t.match(
      told.map(({ type, data }) => [type, data.reason, data.user.status]),
      [
        ['user.updated', undefined, 'disabled'],
        ['session.revoked', 'user_disabled', 'disabled']
      ]
    )
    await ask('DELETE', `/admin/users/${octocat.user.id}`)
    t.match((await receiver.taken(4))[3], { type: 'user.deleted', data: { userId: octocat.user.id, user: null } })
  }
)
