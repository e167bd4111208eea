import { randomUUID } from 'node:crypto'
import pg from 'pg'
import t, { type Test } from 'tap'
import { createDatabase } from '../../src/database/database.ts'
import { createDeliveryRepository, MAX_ATTEMPTS } from '../../src/webhooks/delivery-repository.ts'
import { createDatabase as createTestDatabase } from '../database.ts'
import { race } from '../helper.ts'

const [USER, OTHER_USER] = [randomUUID(), randomUUID()]

/** A database with an endpoint, and no service that delivers. */
async function world (t: Test) {
  const { url, giveBack } = await createTestDatabase()
  const sql = new pg.Pool({ connectionString: url, max: 4 })
  sql.on('error', () => {})
  const { prisma } = createDatabase(sql)
  t.teardown(async () => {
    await prisma.$disconnect()
    await sql.end()
    await giveBack()
  })
  const endpoint = await prisma.webhookEndpoint.create({
    data: {
      url: 'https://example.com/hook',
      types: ['user.updated'],
      sealedSecret: 'sealed',
      sealedPreviousSecret: 'old'
    }
  })
  const add = (userId = USER) =>
    prisma.webhookDelivery.create({
      data: { id: randomUUID(), endpointId: endpoint.id, userId, type: 'user.updated', details: { reason: 'test' } }
    })
  const find = (id: string) => prisma.webhookDelivery.findUniqueOrThrow({ where: { id } })
  const attemptIsOver = () =>
    sql.query(`
      UPDATE webhook_deliveries
      SET last_attempt_at = now() - interval '31 seconds', next_attempt_at = now() + interval '1 hour'
      WHERE attempts > 0`)
  return { prisma, endpoint, add, find, attemptIsOver, deliveries: createDeliveryRepository({ prisma }) }
}

t.test('a claim returns the oldest delivery of a user and what is needed to send it, to one caller', async (t) => {
  const { deliveries, endpoint, add } = await world(t)
  const [first, second] = [await add(), await add()]
  const claims = await race(10, () => deliveries.claim(endpoint.id, USER))
  const claimed = claims.filter((claim) => claim !== undefined)
  t.strictSame(claimed, [
    {
      id: first.id,
      endpointId: endpoint.id,
      userId: USER,
      type: 'user.updated',
      details: { reason: 'test' },
      createdAt: first.createdAt,
      attempts: 1,
      url: 'https://example.com/hook',
      sealedSecret: 'sealed',
      sealedPreviousSecret: null
    }
  ])
  await deliveries.recordResult({ id: first.id, attempts: 1 }, { status: 'delivered', statusCode: 204, error: null })
  t.match(await deliveries.claim(endpoint.id, USER), { id: second.id })
  t.equal(await deliveries.claim(endpoint.id, OTHER_USER), undefined)
})

t.test('a previous secret is returned while it signs, and a disabled endpoint has no deliveries', async (t) => {
  const { deliveries, endpoint, add, prisma } = await world(t)
  await add()
  const data = { previousSecretUntil: new Date(Date.now() + 60_000), enabled: false }
  await prisma.webhookEndpoint.update({ where: { id: endpoint.id }, data })
  t.equal(await deliveries.claim(endpoint.id, USER), undefined)
  await prisma.webhookEndpoint.update({ where: { id: endpoint.id }, data: { enabled: true } })
  t.match(await deliveries.claim(endpoint.id, USER), { sealedPreviousSecret: 'old' })
})

t.test('each attempt postpones the next one by the schedule', async (t) => {
  const { deliveries, endpoint, add, find, prisma } = await world(t)
  const { id } = await add()
  const waits: number[] = []
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    await prisma.webhookDelivery.update({ where: { id }, data: { nextAttemptAt: new Date(0) } })
    t.equal((await deliveries.claim(endpoint.id, USER))?.attempts, attempt)
    const { nextAttemptAt, lastAttemptAt } = await find(id)
    waits.push((nextAttemptAt.getTime() - (lastAttemptAt?.getTime() ?? 0)) / 1000)
  }
  t.same(waits, [30, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400, 30])
})

t.test('a result is recorded for its own attempt only', async (t) => {
  const { deliveries, endpoint, add, find } = await world(t)
  const { id } = await add()
  await deliveries.claim(endpoint.id, USER)
  await deliveries.recordResult({ id, attempts: 2 }, { status: 'failed', statusCode: 500, error: null })
  t.match(await find(id), { status: 'pending', lastStatusCode: null })
  await deliveries.recordResult({ id, attempts: 1 }, { status: 'pending', statusCode: null, error: 'TIMEOUT' })
  t.match(await find(id), { status: 'pending', lastStatusCode: null, lastError: 'TIMEOUT' })
  await deliveries.recordResult({ id, attempts: 1 }, { status: 'delivered', statusCode: 200, error: null })
  await deliveries.recordResult({ id, attempts: 1 }, { status: 'failed', statusCode: 500, error: null })
  t.match(await find(id), { status: 'delivered', lastStatusCode: 200, lastError: null })
})

t.test('what waits for another attempt can be made due at once; an attempt in progress cannot', async (t) => {
  const { deliveries, endpoint, add, attemptIsOver } = await world(t)
  await add()
  await deliveries.claim(endpoint.id, USER)
  await deliveries.makeDueNow(endpoint.id)
  t.strictSame(await deliveries.due(endpoint.id, 10), [], 'in progress')
  await attemptIsOver()
  t.strictSame(await deliveries.due(endpoint.id, 10), [], 'waiting')
  await deliveries.makeDueNow(endpoint.id)
  t.strictSame(await deliveries.due(endpoint.id, 10), [{ endpointId: endpoint.id, userId: USER }])
  t.strictSame(await deliveries.due(null, 10), [{ endpointId: endpoint.id, userId: USER }])
  t.strictSame(await deliveries.due(randomUUID(), 10), [])
})

t.test('deliveries are replayed one by one, or all since a time', async (t) => {
  const { deliveries, endpoint, add, attemptIsOver, prisma } = await world(t)
  const [one, other] = [await add(), await add(OTHER_USER)]
  for (const userId of [USER, OTHER_USER]) await deliveries.claim(endpoint.id, userId)
  t.match(await deliveries.replay(endpoint.id, one.id), { attempts: 1 }, 'not while it is attempted')
  t.equal(await deliveries.replaySince(endpoint.id, one.createdAt), 0)
  await deliveries.recordResult({ id: one.id, attempts: 1 }, { status: 'delivered', statusCode: 200, error: null })
  t.match(await deliveries.replay(endpoint.id, one.id), {
    id: one.id,
    status: 'pending',
    attempts: 0,
    lastStatusCode: 200
  })
  t.equal(await deliveries.replay(endpoint.id, randomUUID()), undefined)
  t.equal(await deliveries.replay(randomUUID(), one.id), undefined, 'of another endpoint')
  await attemptIsOver()
  await prisma.webhookDelivery.update({ where: { id: one.id }, data: { status: 'failed', createdAt: new Date(0) } })
  t.equal(await deliveries.replaySince(endpoint.id, other.createdAt), 1)
  t.equal(await deliveries.replaySince(endpoint.id, new Date(0)), 2, 'what is due is replayed too')
})
