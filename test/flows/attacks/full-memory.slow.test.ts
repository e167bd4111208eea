import { once } from 'node:events'
import http from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import pg from 'pg'
import t, { type Test } from 'tap'
import { eventually, readJson } from '../../helper.ts'
import { freePort } from '../../free-port.ts'
import { startRedis, withoutRedis } from '../../plugins/redis.ts'
import { signedIn } from '../signed-in.ts'

const EVENTS = 30_000

async function world (t: Test, environment: Record<string, string> = {}) {
  const running = await signedIn(t, { LOG_LEVEL: 'info', ...environment })
  const { sql, url } = running

  const addEvents = (userId: string) => sql.query(
    `INSERT INTO audit_events (id, type, user_id, created_at, ip_address, user_agent, details)
    SELECT gen_random_uuid(), 'login.succeeded', $1, now() - n * interval '1 s', '192.0.2.1', repeat('x', 200), '{}'
    FROM generate_series(1, ${EVENTS}) n`, [userId])

  /** The response of an export, of which nothing is read yet. */
  async function begin (token: string, at = url) {
    const headers = { authorization: `Bearer ${token}` }
    const request = http.get(`${at}/me/export`, { headers, agent: false })
    const [response] = await once(request, 'response') as [http.IncomingMessage]
    return response
  }

  /** Reads to the end, and keeps nothing. */
  async function drain (response: http.IncomingMessage) {
    let bytes = 0
    if (response.statusCode !== 200) throw new Error(`Answered with ${response.statusCode}`)
    for await (const chunk of response) bytes += chunk.length
    return bytes
  }

  return { ...running, addEvents, begin, drain }
}

/** The pages of events that are read from now on. */
function countPages (t: Test) {
  const pages = { count: 0 }
  const { query } = pg.Client.prototype
  t.teardown(() => { pg.Client.prototype.query = query })
  pg.Client.prototype.query = function (this: pg.Client, ...args: Parameters<typeof query>) {
    const text = typeof args[0] === 'string' ? args[0] : (args[0] as { text?: string } | undefined)?.text
    if (text?.includes('audit_events') && /^\s*SELECT/.test(text)) pages.count++
    return query.apply(this, args)
  } as typeof query
  return pages
}

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

/** Bytes that are in use, by this process and the instances in it. */
function memoryInUse (): number {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

t.test('wanted: a full memory, by many exports of one user at the same time', async (t) => {
  const { login, begin, drain, addEvents, call } = await world(t, { RATE_LIMITS: 'on' })
  const { access_token: token, user } = await login()
  const { access_token: second } = await login()
  const { access_token: other } = await login('acme')
  await addEvents(user.id)
  const first = await begin(token)
  t.equal(first.statusCode, 200)
  for (const again of [token, second]) {
    const refused = await call('GET', '/me/export', again)
    t.match(refused, { status: 429, body: { code: 'rate_limited' } }, 'also from another session')
    t.match(refused.headers.get('retry-after'), /^[1-9]\d?$/)
  }
  t.equal((await call('GET', '/me/export', other)).status, 200, 'another user')
  t.ok(await drain(first) > EVENTS * 300)
  t.equal((await call('GET', '/me/export', second)).status, 200, 'one after the other')
  // What was refused was not counted: three more make five.
  for (let turn = 0; turn < 3; turn++) t.ok(await drain(await begin(token)))
  const limited = await call('GET', '/me/export', token)
  t.match(limited, { status: 429, body: { code: 'rate_limited' } })
  t.ok(Number(limited.headers.get('retry-after')) > 3000, 'an hour')
  t.equal(limited.headers.get('ratelimit-policy'), '"exports";q=5;w=3600')
  t.equal((await call('GET', '/me/export', token)).headers.get('ratelimit-policy'), '"exports";q=5;w=3600',
    'a refusal ends the turn')
})

t.test('wanted: the same at several instances', { skip: withoutRedis }, async (t) => {
  const port = await freePort()
  await startRedis(t, port)
  const environment = { RATE_LIMITS: 'on', REDIS_URL: `redis://127.0.0.1:${port}` }
  const { app, login, begin, drain, addEvents, another, call } = await world(t, environment)
  const { app: otherApp, address } = await another()
  await eventually('both reach Redis', () => app.limitStore.isShared() && otherApp.limitStore.isShared())
  const { access_token: token, user } = await login()
  await addEvents(user.id)
  const first = await begin(token)
  t.equal(first.statusCode, 200)
  t.equal((await call('GET', '/me/export', token, { at: address })).status, 429)
  await drain(first)
  const isServed = async () => (await call('GET', '/me/export', token, { at: address })).status === 200
  await eventually('the turn is over', isServed)
})

t.test('wanted: a full memory, by a client that does not read', async (t) => {
  const { login, begin, addEvents, call } = await world(t, { RATE_LIMITS: 'on' })
  const { access_token: token, user } = await login()
  await addEvents(user.id)
  const pages = countPages(t)
  const response = await begin(token)
  let seen = -1
  await eventually('the server waits for the client', async () => {
    const isStill = seen === pages.count
    seen = pages.count
    await new Promise((resolve) => setTimeout(resolve, 300))
    return isStill && seen > 0
  })
  t.ok(seen < EVENTS / 500, `${seen} pages are read`)
  response.destroy()
  await eventually('its turn ends with the connection', async () => {
    const { status } = await call('HEAD', '/me/sessions', token)
    return status === 200 && (await begin(token)).destroy().statusCode === 200
  })
  t.ok(pages.count < EVENTS / 500, 'reading has ended, too')
})

t.test('wanted: a document that looks whole and is not', async (t) => {
  const { login, begin, addEvents, sql, log } = await world(t)
  const { access_token: token, user } = await login()
  await addEvents(user.id)
  const response = await begin(token)
  await sql.query('ALTER TABLE audit_events RENAME TO audit_events_away')
  let text = ''
  await t.rejects(async () => { for await (const chunk of response) text += chunk }, { code: 'ECONNRESET' })
  t.ok(text.length > 1000)
  t.throws(() => JSON.parse(text))
  t.match(log(), 'audit_events')
  await sql.query('ALTER TABLE audit_events_away RENAME TO audit_events')
})

t.test('the document has every event once, and memory does not grow with it', async (t) => {
  const { url, github, login, begin, drain, addEvents, sql } = await world(t)
  const tokens: string[] = []
  for (let id = 1; id <= 4; id++) {
    github.user({ id, login: `person${id}`, email: `person${id}@example.com` })
    const { access_token: token, user } = await login()
    await addEvents(user.id)
    tokens.push(token)
  }
  await drain(await begin(tokens[0]!))
  const before = memoryInUse()
  let peak = before
  const timer = setInterval(() => { peak = Math.max(peak, memoryInUse()) }, 1_000)
  await Promise.all(tokens.map(async (token) => t.ok(await drain(await begin(token)) > EVENTS * 300)))
  clearInterval(timer)
  const grown = Math.round((peak - before) / 1024 / 1024)
  t.comment(`four exports at the same time: ${grown} MB more than before`)
  t.ok(grown < 40, `${grown} MB`)

  const response = await fetch(`${url}/me/export`, { headers: { authorization: `Bearer ${tokens[0]}` } })
  const { user, activity } = await readJson(response)
  const { rows } = await sql.query('SELECT id FROM audit_events WHERE user_id = $1 ORDER BY created_at DESC, id DESC',
    [user.id])
  t.ok(rows.length > EVENTS)
  t.same(activity.map(({ id }: { id: string }) => id), rows.map(({ id }) => id))
})
