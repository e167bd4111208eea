import { getEventListeners } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { eventually } from '../helper.ts'
import { callProvider } from '../../src/providers/http.ts'
import { slow } from '../slow.ts'
import { clientOptions, startProviderServer, tokenRequests } from './provider-server.ts'

/** The limits and the connections of all calls to providers: ours, and those of @fastify/oauth2. */

const JSON_TYPE = { 'content-type': 'application/json' }
const TOKENS = '{"access_token":"x","token_type":"bearer"}'

type Call = (signal: AbortSignal) => Promise<unknown>

function callsTo (url: string): Record<string, Call> {
  const { exchange, refresh } = tokenRequests(clientOptions(url))
  return {
    exchange,
    refresh,
    get: async (signal) => await callProvider(`${url}/me`, { provider: 'Acme', step: 'profile', signal }),
    post: async (signal) =>
      await callProvider(`${url}/me`, { provider: 'Acme', step: 'profile', method: 'POST', body: 'x', signal })
  }
}

/** One byte of a body every 100 ms, without an end. */
function drip (response: ServerResponse): void {
  response.writeHead(200, JSON_TYPE).write('{')
  const timer = setInterval(() => response.write(' '), 100)
  response.once('close', () => clearInterval(timer))
}

// Made once, before any call: to compress takes longer than a call may, on a busy machine.
const FOUR_MEBIBYTES = Buffer.alloc(4 * 1024 * 1024, 'x')
const BOMB = gzipSync(Buffer.concat([Buffer.from('{"access_token":"'), Buffer.alloc(32 * 1024 * 1024, 'x')]))

const huge = (response: ServerResponse) => { response.writeHead(200, JSON_TYPE).write(FOUR_MEBIBYTES) }
const bomb = (response: ServerResponse) => {
  response.writeHead(200, { ...JSON_TYPE, 'content-encoding': 'gzip' }).end(BOMB)
}

slow.test('a call that is given up leaves no connection open, no timer and no listener', async (t) => {
  const faults: [name: string, play: (response: ServerResponse) => void, code: string, abortAfterMs?: number][] = [
    ['a server that hangs', () => {}, 'provider_timeout'],
    ['a body without an end', drip, 'provider_timeout'],
    ['four mebibytes', huge, 'provider_error'],
    ['32 mebibytes in 32 kibibytes', bomb, 'provider_error'],
    ['a signal that aborts before the head', () => {}, 'provider_timeout', 300],
    ['a signal that aborts within the body', drip, 'provider_timeout', 300]
  ]
  await Promise.all(
    faults.map(async ([name, play, code, abortAfterMs]) => {
      const { url, connections } = await startProviderServer(t, (_request, response) => play(response))
      await Promise.all(
        Object.entries(callsTo(url)).map(async ([call, work]) => {
          const controller = new AbortController()
          if (abortAfterMs !== undefined) setTimeout(() => controller.abort(), abortAfterMs)
          const started = performance.now()
          const error = await work(controller.signal).then(
            () => undefined,
            (error) => error
          )
          const took = performance.now() - started
          t.equal(error?.code, code, `${name}: ${call}`)
          if (code === 'provider_error') t.match(error.message, /the answer is too large/, `${name}: ${call}`)
          if (code === 'provider_timeout' && abortAfterMs === undefined) {
            t.ok(took > 4_900, `${name}: ${call} took ${took} ms`)
          }
          await eventually('the listener is gone', () => getEventListeners(controller.signal, 'abort').length === 0)
        })
      )
      await eventually(`${name}: the connections are closed`, () => connections.every(({ closed }) => closed))
    })
  )
})

t.test('a call whose signal has aborted is not made', async (t) => {
  const { url, requests, connections } = await startProviderServer(t, (_request, response) => response.end())
  for (const [name, work] of Object.entries(callsTo(url))) {
    await t.rejects(work(AbortSignal.abort()), { code: 'provider_timeout' }, name)
  }
  t.same([requests(), connections.length], [0, 0])
})

t.test('of many calls at once, the one whose signal aborts is given up, and no other', async (t) => {
  const waiting: ServerResponse[] = []
  const { url, requests } = await startProviderServer(t, (_request, response) => { waiting.push(response) })
  const calls = Array.from({ length: 4 }, () => Object.values(callsTo(url))).flat()
  const controllers = calls.map(() => new AbortController())
  const outcomes = calls.map((call, index) => call(controllers[index]?.signal as AbortSignal).then(
    () => 'answered', ({ code }) => code))
  await eventually('all have arrived', () => requests() === calls.length)
  const given = [0, 5, 10, 15]
  for (const index of given) controllers[index]?.abort()
  t.same(await Promise.all(given.map((index) => outcomes[index])), given.map(() => 'provider_timeout'))
  for (const response of waiting) response.writeHead(200, JSON_TYPE).end(TOKENS)
  const expected = calls.map((_, index) => given.includes(index) ? 'provider_timeout' : 'answered')
  t.same(await Promise.all(outcomes), expected)
})

t.test('an answer may be compressed by gzip, and no other coding is asked for', async (t) => {
  const asked = new Set<string | undefined>()
  const { url } = await startProviderServer(t, ({ headers }, response) => {
    asked.add(headers['accept-encoding'] as string | undefined)
    response.writeHead(200, { ...JSON_TYPE, 'content-encoding': 'gzip' }).end(gzipSync(TOKENS))
  })
  const { exchange, refresh, get } = callsTo(url) as Record<'exchange' | 'refresh' | 'get', Call>
  const inTime = AbortSignal.timeout(10_000)
  t.match(await exchange(inTime), { accessToken: 'x' })
  t.match(await refresh(inTime), { accessToken: 'x' })
  t.match(await get(inTime), { status: 200, text: TOKENS })
  t.same([...asked], ['gzip'])
})

t.test('after a host has reset an idle connection, single-use requests get a fresh one for an hour', async (t) => {
  const served = new WeakSet<object>()
  // Takes one request a connection, without saying so.
  const { url, connections } = await startProviderServer(t, ({ socket }, response) => {
    if (served.has(socket)) return socket.resetAndDestroy()
    served.add(socket)
    response.writeHead(200, JSON_TYPE).end(TOKENS)
  })
  const { exchange, refresh, get, post } = callsTo(url) as Record<'exchange' | 'refresh' | 'get' | 'post', Call>
  const inTime = AbortSignal.timeout(30_000)
  const settle = async () => await sleep(50)
  await exchange(inTime)
  await settle()
  await t.rejects(exchange(inTime), { code: 'provider_error', message: /ECONNRESET/ }, 'the first one meets the reset')
  for (let round = 0; round < 5; round++) {
    await settle()
    await t.resolves(exchange(inTime))
    await t.resolves(refresh(inTime))
    await t.resolves(post(inTime))
  }
  t.equal(connections.length, 1 + 15)
  await settle()
  t.equal(connections.length, 1 + 15)
  for (let round = 0; round < 2; round++) {
    await t.resolves(get(inTime))
    await settle()
  }
  t.equal(connections.length, 16 + 2, 'a GET uses a connection again, and a fresh one when it meets the reset')

  const now = Date.now
  t.teardown(() => {
    Date.now = now
  })
  Date.now = () => now() + 61 * 60_000
  await t.resolves(exchange(inTime))
  await settle()
  await t.rejects(exchange(inTime), { code: 'provider_error' }, 'and an hour later all do')
})
