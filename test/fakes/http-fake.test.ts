import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { answerJson } from './answers.ts'
import type { Fault } from './faults.ts'
import { startHttpFake, type Handler } from './http-fake.ts'

async function setup (
  t: Test,
  handler: Handler = (call) => (call.path === '/ok' ? answerJson({ ok: true }) : undefined)
) {
  const fake = await startHttpFake(handler)
  t.teardown(fake.close)
  const get = async (path: string, signal?: AbortSignal) => await fetch(fake.url + path, signal ? { signal } : {})
  return { fake, get }
}

/** Waits, two seconds at most, until no answer is under way any more. */
async function letGo (pending: () => unknown[]) {
  for (let round = 0; pending().length > 0 && round < 100; round++) await sleep(20)
  return pending().length
}

t.test('records every call', async (t) => {
  const { fake } = await setup(t)
  const before = Date.now()
  await fetch(`${fake.url}/ok?a=1&b=2&b=3`, { headers: { 'x-test': 'yes' } })
  await fetch(`${fake.url}/form`, {
    method: 'POST',
    body: new URLSearchParams([
      ['code', 'a b'],
      ['twice', '1'],
      ['twice', '2']
    ])
  })
  await fetch(`${fake.url}/json`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{"n":1}' })
  await fetch(`${fake.url}/text`, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'hello' })
  const [first, ...others] = fake.calls()
  t.match(first, { method: 'GET', path: '/ok', headers: { 'x-test': 'yes' } })
  t.strictSame(first?.query, { a: '1', b: ['2', '3'] })
  t.equal(first?.body, undefined)
  t.ok(first && first.at >= before && first.at <= Date.now())
  t.strictSame(
    others.map(({ method, body }) => ({ method, body })),
    [
      { method: 'POST', body: { code: 'a b', twice: ['1', '2'] } },
      { method: 'PUT', body: { n: 1 } },
      { method: 'POST', body: 'hello' }
    ]
  )
})

t.test('tells calls by path, unexpected ones apart, and forgets them', async (t) => {
  const { fake, get } = await setup(t)
  t.equal((await get('/ok')).status, 200)
  t.equal((await get('/missing')).status, 404)
  t.equal(fake.calls('/ok').length, 1)
  t.strictSame(
    fake.unexpected().map(({ path }) => path),
    ['/missing']
  )
  fake.reset()
  t.strictSame([fake.calls(), fake.unexpected()], [[], []])
})

t.test('plays faults that answer', async (t) => {
  const { fake, get } = await setup(t)
  const play = async (fault: Fault) => {
    fake.fault('/ok', fault)
    return await fetch(`${fake.url}/ok`, { redirect: 'manual' })
  }
  const status = await play({ kind: 'status', status: 503, body: { message: 'boom' }, headers: { 'retry-after': '7' } })
  t.equal(status.status, 503)
  t.match(status.headers.get('content-type'), 'application/json')
  t.equal(status.headers.get('retry-after'), '7')
  t.strictSame(await status.json(), { message: 'boom' })
  const bare = await play({ kind: 'status', status: 500, body: 'oops', contentType: 'text/x-test' })
  t.equal(bare.headers.get('content-type'), 'text/x-test')
  t.equal(await bare.text(), 'oops')
  const malformed = await play({ kind: 'malformed' })
  t.match(malformed.headers.get('content-type'), 'application/json')
  await t.rejects(malformed.json(), SyntaxError)
  const html = await play({ kind: 'html' })
  t.match(html.headers.get('content-type'), 'text/html')
  t.match(await html.text(), '<title>')
  const redirect = await play({ kind: 'redirect', location: `${fake.url}/elsewhere` })
  t.equal(redirect.status, 302)
  t.equal(redirect.headers.get('location'), `${fake.url}/elsewhere`)
  t.equal(await (await play({ kind: 'json', value: null })).json(), null)
  const startedAt = Date.now()
  t.strictSame(await (await play({ kind: 'delay', ms: 100 })).json(), { ok: true })
  t.ok(Date.now() - startedAt >= 95)
  t.equal(fake.calls('/ok').length, 7, 'faulted calls are recorded too')
  fake.heal()
  t.strictSame(await (await get('/ok')).json(), { ok: true })
})

t.test('plays a fault on its path alone, as often as configured, until healed', async (t) => {
  const { fake, get } = await setup(t)
  fake.fault('/other', { kind: 'status', status: 500 })
  fake.fault('/ok', { kind: 'status', status: 500 }, { times: 2 })
  const statuses = [await get('/ok'), await get('/ok'), await get('/ok')].map(({ status }) => status)
  t.strictSame(statuses, [500, 500, 200])
  fake.fault('/ok', { kind: 'status', status: 500 })
  t.equal((await get('/ok')).status, 500)
  fake.heal('/ok')
  t.equal((await get('/ok')).status, 200)
  t.equal((await get('/other')).status, 500)
})

t.test('hangs: takes the request and never answers', async (t) => {
  const { fake, get } = await setup(t)
  fake.fault('/ok', { kind: 'hang' })
  const aborter = new AbortController()
  const hanging = t.rejects(get('/ok', aborter.signal), { name: 'AbortError' })
  while (fake.pending().length === 0) await sleep(5)
  await sleep(200)
  t.match(fake.pending(), [{ path: '/ok' }])
  aborter.abort()
  await hanging
  t.equal(await letGo(fake.pending), 0, 'and shows when the client has let go')
  t.equal(fake.calls('/ok').length, 1)
})

t.test('drips: headers at once, then a byte every 200 ms', async (t) => {
  const { fake, get } = await setup(t)
  fake.fault('/ok', { kind: 'drip' })
  const startedAt = Date.now()
  const aborter = new AbortController()
  const response = await get('/ok', aborter.signal)
  t.equal(response.status, 200)
  let received = ''
  await t.rejects(
    async () => {
      for await (const chunk of response.body ?? []) {
        received += Buffer.from(chunk).toString()
        if (received.length >= 4) aborter.abort()
      }
    },
    { name: 'AbortError' }
  )
  t.match(received, /^\{ {3,}$/)
  t.ok(Date.now() - startedAt >= 590, 'three bytes are six tenths of a second')
})

t.test('resets: destroys the socket', async (t) => {
  const { fake, get } = await setup(t)
  fake.fault('/ok', { kind: 'reset' })
  await t.rejects(get('/ok'), { cause: { code: 'ECONNRESET' } })
})

t.test('answers 50 MB of sound JSON, or less when the client closes', async (t) => {
  const { fake, get } = await setup(t)
  fake.fault('/ok', { kind: 'huge' })
  const response = await get('/ok')
  t.match(response.headers.get('content-type'), 'application/json')
  let bytes = 0
  let last = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    last = chunk.at(-1)
  }
  t.ok(bytes >= 50 * 1024 * 1024)
  t.equal(String.fromCharCode(last), '}')
  const aborter = new AbortController()
  await get('/ok', aborter.signal)
  t.equal(fake.pending().length, 1)
  aborter.abort()
  t.equal(await letGo(fake.pending), 0)
  fake.heal()
  t.equal((await get('/ok')).status, 200)
})

t.test('closes although a client hangs', async (t) => {
  const { fake, get } = await setup(t)
  fake.fault('/ok', { kind: 'hang' })
  const hanging = t.rejects(get('/ok'), { cause: { code: 'UND_ERR_SOCKET' } })
  while (fake.calls().length === 0) await sleep(5)
  await fake.close()
  await hanging
  await t.rejects(get('/ok'), { cause: { code: 'ECONNREFUSED' } })
})

t.test('tells at close when a fake itself was broken', async (t) => {
  const fake = await startHttpFake(() => {
    throw new Error('a bug in the fake')
  })
  await t.rejects(fetch(fake.url))
  await t.rejects(fake.close(), { message: 'a bug in the fake' })
})
