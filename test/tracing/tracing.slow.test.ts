import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import process from 'node:process'
import t, { type Test } from 'tap'
import { startCollector, ERROR, KIND, TRACES_PATH, type Span } from '../fakes/collector.ts'
import { createBrowser } from '../fakes/browser.ts'
import { startFakeGitHub, GITHUB_PATHS } from '../fakes/github.ts'
import { eventually, race, setup } from '../helper.ts'

// Read by the SDK itself: only the end of the process sends, unless a test sets another.
process.env['OTEL_BSP_SCHEDULE_DELAY'] = '600000'

/** An app with its collector and GitHub. `ended` are all spans, once the app has closed. */
async function world (t: Test, environment: Record<string, string> = {}) {
  const [collector, github] = await Promise.all([startCollector(), startFakeGitHub()])
  t.teardown(() => Promise.all([collector.close(), github.close()]))
  const running = await setup(t, { ...github.settings, ...collector.settings, ...environment })
  const ended = async () => {
    await running.app.close()
    return collector.spans()
  }
  return { ...running, collector, github, ended }
}

function traceparent (traceId = randomBytes(16).toString('hex'), spanId = randomBytes(8).toString('hex')) {
  return { traceId, spanId, headers: { traceparent: `00-${traceId}-${spanId}-01` } }
}

t.test('without OTEL_EXPORTER_OTLP_ENDPOINT no SDK, no exporter and no instrumentation is loaded', async (t) => {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const { url } = await setup(t, github.settings)
  t.equal((await createBrowser(url).login('/login/github')).status, 200)
  const { cache } = createRequire(import.meta.url)
  t.ok(
    Object.keys(cache).some((file) => file.includes('/node_modules/fastify/')),
    'this is where loaded packages are found'
  )
  // prom-client brings the API along, which is a few small files and does nothing by itself.
  const loaded = Object.keys(cache).filter((file) => /opentelemetry|@fastify\/otel|prisma\/instrumentation/.test(file))
  t.same(
    loaded.filter((file) => !file.includes('/node_modules/@opentelemetry/api/')),
    []
  )
})

t.test('a login is a trace: its route, the calls to the provider, the statements', async (t) => {
  const { url, log, ended } = await world(t)
  const browser = createBrowser(url)
  const callback = await browser.authorize(await browser.start('/login/github'))
  const { traceId, spanId, headers } = traceparent()
  const answer = await browser.get(callback, { headers })
  t.equal(answer.status, 200)
  const spans = (await ended()).filter((span) => span.traceId === traceId)

  const request = only(t, spans, 'GET /login/:provider/callback')
  t.match(request, {
    kind: KIND.server,
    parentSpanId: spanId,
    status: { code: 0 },
    attributes: {
      'http.route': '/login/:provider/callback',
      'url.path': '/login/github/callback',
      'http.request.method': 'GET',
      'http.response.status_code': 200
    },
    resource: { 'service.name': 'signet', 'process.pid': process.pid }
  })
  for (const step of ['token exchange', 'profile', 'emails']) {
    t.match(only(t, spans, `GitHub: ${step}`), {
      kind: KIND.client,
      parentSpanId: request.spanId,
      status: { code: 0 },
      attributes: { 'signet.provider': 'GitHub' }
    })
  }
  for (const statement of ['INSERT spent_states', 'WITH users', 'INSERT users', 'INSERT accounts']) {
    const attributes = { 'db.system.name': 'postgresql', 'db.query.summary': statement }
    t.match(only(t, spans, statement), { kind: KIND.client, attributes })
  }
  const lines = log()
    .split('\n')
    .filter((line) => line.includes(traceId))
    .map((line) => JSON.parse(line))
  t.match(
    lines.find(({ msg }) => msg === 'request completed'),
    { trace_id: traceId, span_id: request.spanId, reqId: String }
  )
})

t.test('what fails is marked with its code, and a mistake of the client is no error of ours', async (t) => {
  const { url, github, database, ended } = await world(t)
  const { access_token: accessToken } = (await createBrowser(url).login('/login/github')).json()
  github.fault(GITHUB_PATHS.user, { kind: 'status', status: 500 }, { times: 1 })
  const failed = traceparent()
  const browser = createBrowser(url)
  const callback = await browser.authorize(await browser.start('/login/github'))
  t.equal((await browser.get(callback, { headers: failed.headers })).status, 502)
  github.fault(GITHUB_PATHS.token, { kind: 'status', status: 500 }, { times: 1 })
  const unexchanged = traceparent()
  const another = await browser.authorize(await browser.start('/login/github'))
  t.equal((await browser.get(another, { headers: unexchanged.headers })).status, 502)
  const refused = traceparent()
  t.equal((await fetch(`${url}/me`, { headers: refused.headers })).status, 401)
  const unknown = traceparent()
  t.equal((await fetch(`${url}/nowhere?at=all`, { headers: unknown.headers })).status, 404)
  await database.goAway()
  const broken = traceparent()
  t.equal(
    (await fetch(`${url}/me`, { headers: { ...broken.headers, authorization: `Bearer ${accessToken}` } })).status,
    503
  )
  await database.comeBack()

  const spans = await ended()
  const of = ({ traceId }: { traceId: string }) => spans.filter((span) => span.traceId === traceId)
  t.match(only(t, of(failed), 'GitHub: profile'), {
    status: { code: ERROR },
    attributes: { 'error.type': '500', 'http.response.status_code': 500 }
  })
  t.match(only(t, of(failed), 'GET /login/:provider/callback'), {
    status: { code: ERROR },
    attributes: { 'http.response.status_code': 502 }
  })
  t.match(only(t, of(unexchanged), 'GitHub: token exchange'), {
    status: { code: ERROR },
    attributes: { 'error.type': '500', 'http.response.status_code': 500 }
  })
  t.match(only(t, of(refused), 'GET /me'), { status: { code: 0 }, attributes: { 'http.response.status_code': 401 } })
  t.match(only(t, of(unknown), 'GET'), {
    status: { code: 0 },
    attributes: { 'http.response.status_code': 404, 'url.path': '/nowhere' }
  })
  t.match(
    of(broken).filter(({ kind, status }) => kind === KIND.client && status.code === ERROR),
    [{ attributes: { 'error.type': String } }],
    'the connection or the statement that failed'
  )
  t.same(
    spans.flatMap(({ events, status }) => [...events, ...(status.message ? [status.message] : [])]),
    [],
    'messages of errors stay here'
  )
})

t.test('what waits for the one connection stays in its own trace, and its wait is in it', async (t) => {
  const { url, ended } = await world(t, { DATABASE_POOL_SIZE: '1' })
  const { access_token: accessToken } = (await createBrowser(url).login('/login/github')).json()
  const parents = Array.from({ length: 30 }, () => traceparent())
  const statuses = await race(30, async (index) => {
    return (
      await fetch(`${url}/me`, { headers: { ...parents[index]?.headers, authorization: `Bearer ${accessToken}` } })
    ).status
  })
  t.same([...new Set(statuses)], [200])
  const spans = await ended()
  for (const { traceId } of parents) {
    const own = spans.filter((span) => span.traceId === traceId)
    const { spanId } = only(t, own, 'GET /me')
    t.equal(only(t, own, 'user-by-session').parentSpanId, spanId)
  }
  t.ok(
    spans.some(
      ({ name, traceId }) => name === 'wait for a connection' && parents.some((parent) => parent.traceId === traceId)
    )
  )
})

t.test('traces hold Prisma operations, unnamed statements and transactions, and no probes or jobs', async (t) => {
  const { url, app, sql, ended } = await world(t, { ADMIN_EMAILS: 'octo@example.com' })
  const { access_token: accessToken } = (await createBrowser(url).login('/login/github')).json()
  await sql.query("UPDATE users SET roles = '{admin}'")
  const as = (headers: Record<string, string>) => ({ ...headers, authorization: `Bearer ${accessToken}` })
  const rotation = traceparent()
  t.equal((await fetch(`${url}/admin/keys/rotate`, { method: 'POST', headers: as(rotation.headers) })).status, 200)
  const edit = traceparent()
  t.equal(
    (
      await fetch(`${url}/me`, {
        method: 'PATCH',
        headers: { ...as(edit.headers), 'content-type': 'application/json' },
        body: '{"name":"Canary"}'
      })
    ).status,
    200
  )
  const before = traceparent()
  for (const path of ['/healthz', '/readyz?x=1', '/metrics']) {
    await fetch(`${url}${path}`, { headers: before.headers })
  }
  await app.database.pool.query('SELECT 1')

  const spans = await ended()
  const of = ({ traceId }: { traceId: string }) => spans.filter((span) => span.traceId === traceId)
  const operation = of(rotation).find(
    ({ name, attributes }) => name === 'prisma:client:operation' && attributes['method'] === 'findMany'
  )
  t.match(operation, { attributes: { model: 'SigningKey' } })
  t.ok(
    of(rotation).some(({ name }) => name === 'SELECT signing_keys'),
    'a statement of Prisma'
  )
  t.match(
    of(edit)
      .map(({ name }) => name)
      .filter((name) => /^[A-Z]+( users)?$/.test(name)),
    ['BEGIN', 'SELECT users', 'SELECT users', 'UPDATE users', 'COMMIT']
  )
  t.same(of(before), [])
  t.same(
    spans.filter(({ kind, parentSpanId }) => kind !== KIND.server && !parentSpanId),
    [],
    'nothing stands alone, such as the making of the first keys'
  )
})

t.test('a collector that hangs, refuses or is away slows no request and no end, and is told of once', async (t) => {
  process.env['OTEL_BSP_SCHEDULE_DELAY'] = '20'
  t.teardown(() => {
    process.env['OTEL_BSP_SCHEDULE_DELAY'] = '600000'
  })
  for (const fault of ['hang', 'refuse', 'away'] as const) {
    await t.test(fault, async (t) => {
      const { url, app, collector, log } = await world(t)
      if (fault === 'hang') collector.fault(TRACES_PATH, { kind: 'hang' })
      if (fault === 'refuse') collector.fault(TRACES_PATH, { kind: 'status', status: 400 })
      if (fault === 'away') await collector.close()
      const { access_token: accessToken } = (await createBrowser(url).login('/login/github')).json()
      if (fault === 'hang') await eventually('the collector holds a batch', () => collector.pending().length > 0)
      for (let call = 0; call < 50; call++) {
        const startedAt = performance.now()
        t.equal((await fetch(`${url}/me`, { headers: { authorization: `Bearer ${accessToken}` } })).status, 200)
        t.ok(performance.now() - startedAt < 2_000)
      }
      if (fault === 'refuse') {
        await eventually('it was refused more than once', () => collector.calls(TRACES_PATH).length > 1)
      }
      const closingAt = performance.now()
      await app.close()
      t.ok(performance.now() - closingAt < 10_000, 'far less than the time-outs of the exporter, which retries')
      if (fault === 'refuse') t.equal(log().split('accepts no traces').length, 2)
    })
  }
})

t.test('spans go to the collector with the headers that it wants, and its return is told of', async (t) => {
  process.env['OTEL_BSP_SCHEDULE_DELAY'] = '20'
  t.teardown(() => {
    process.env['OTEL_BSP_SCHEDULE_DELAY'] = '600000'
  })
  const { url, collector, log } = await world(t, {
    OTEL_EXPORTER_OTLP_HEADERS: 'x-api-key=canary-api-key,x-team=a%20b'
  })
  collector.fault(TRACES_PATH, { kind: 'status', status: 400 })
  await eventually(
    'a batch is refused',
    async () => (await fetch(`${url}/login`)).ok && collector.calls(TRACES_PATH).length > 0
  )
  collector.heal()
  await eventually(
    'its return is in the log',
    async () => (await fetch(`${url}/login`)).ok && log().includes('the collector accepts traces again')
  )
  t.match(collector.calls(TRACES_PATH)[0]?.headers, {
    'x-api-key': 'canary-api-key',
    'x-team': 'a b',
    'content-type': 'application/json'
  })
  t.notMatch(log(), 'canary-api-key')
})

function only (t: Test, spans: Span[], name: string): Span {
  const found = spans.filter((span) => span.name === name)
  if (found.length !== 1) t.fail(`${found.length} spans are named ${name}`, { names: spans.map((span) => span.name) })
  return found[0] as Span
}
