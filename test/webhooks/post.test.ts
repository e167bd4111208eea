import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { useForwardProxy } from '../../src/http/forward-proxy.ts'
import { mayReach } from '../../src/webhooks/address.ts'
import { post, type LookUp } from '../../src/webhooks/post.ts'
import { startFakeForwardProxy } from '../fakes/forward-proxy.ts'

async function listen (t: Test, listener: RequestListener) {
  let connections = 0
  const server = createServer(listener)
    .on('connection', () => connections++)
    .listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, connections: () => connections }
}

const posting = (allowPrivate: boolean, ms = 2000) => ({
  headers: {},
  body: '{}',
  signal: AbortSignal.timeout(ms),
  mayReach: (address: string) => mayReach(address, { protocol: 'http:', allowPrivate })
})

/** A name server of one's own: each look-up gets the next of the answers. */
function answering (...answers: string[][]): LookUp {
  return async () => (answers.shift() ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
}

t.test('no spelling of this machine, nor a name that leads to it, is connected to', async (t) => {
  const { port, connections } = await listen(t, (_request, response) => {
    response.end()
  })
  for (const host of [
    '127.0.0.1',
    '127.1',
    '0x7f000001',
    '2130706433',
    '0177.0.0.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    'localhost',
    'LOCALHOST',
    '0.0.0.0',
    '[::]'
  ]) {
    await t.rejects(post(`http://${host}:${port}/`, posting(false)), { code: 'ADDRESS_REFUSED' }, host)
  }
  t.equal(connections(), 0)
  t.equal((await post(`http://127.0.0.1:${port}/`, posting(true))).status, 200, 'which is there')
})

t.test('what counts is what the name resolves to for this very connection', async (t) => {
  const { port, connections } = await listen(t, (_request, response) => {
    response.end()
  })
  const url = `http://rebinding.example:${port}/`
  const publicOnly = { ...posting(false, 300), mayReach: (address: string) => address === '192.0.2.1' }
  await t.rejects(post(url, publicOnly, answering(['127.0.0.1'])), { code: 'ADDRESS_REFUSED' })
  await t.rejects(
    post(url, publicOnly, answering(['192.0.2.1', '127.0.0.1'])),
    { code: 'ADDRESS_REFUSED' },
    'one good address does not excuse the other'
  )
  await t.rejects(post(url, publicOnly, answering(['192.0.2.1'], ['127.0.0.1'])), 'a second look-up is never made')
  await t.rejects(post(url, publicOnly, answering([])))
  t.equal(connections(), 0)
  t.equal((await post(url, posting(true), answering(['127.0.0.1']))).status, 200)
})

t.test('a forward proxy is asked for the address that was checked, and for no other', async (t) => {
  const proxy = await startFakeForwardProxy()
  useForwardProxy({ httpProxy: proxy.url })
  t.teardown(async () => {
    useForwardProxy({})
    await proxy.close()
  })
  let host: string | undefined
  const { port } = await listen(t, (request, response) => {
    host = request.headers.host
    response.end()
  })
  const url = `http://hooks.example:${port}/`
  const publicOnly = { ...posting(false), mayReach: (address: string) => /^(192\.0\.2\.1|2001:db8::1)$/.test(address) }
  for (const answers of [['10.0.0.1'], ['192.0.2.1', '10.0.0.1'], ['169.254.169.254']]) {
    await t.rejects(post(url, publicOnly, answering(answers)), { code: 'ADDRESS_REFUSED' }, answers.join())
  }
  await t.rejects(post(`http://10.0.0.1:${port}/`, publicOnly), { code: 'ADDRESS_REFUSED' })
  t.same(proxy.connects(), [])
  t.equal((await post(url, publicOnly, answering(['2001:db8::1', '192.0.2.1'], ['10.0.0.1']))).status, 200)
  t.same([proxy.connects(), host], [[`192.0.2.1:${port}`], `hooks.example:${port}`])
  proxy.reset()
  await post(url, publicOnly, answering(['2001:db8::1']))
  t.same(proxy.connects(), [`[2001:db8::1]:${port}`])
  await t.rejects(post(url, publicOnly, answering([])))
  proxy.misbehave(502)
  await t.rejects(post(url, publicOnly, answering(['192.0.2.1'])), { code: 'PROXY_502' })
})

t.test(
  'redirects are not followed, bodies are read up to a limit, and the status counts once it is there',
  async (t) => {
    const { port, connections } = await listen(t, (request, response) => {
      if (request.url === '/redirect') return response.writeHead(302, { location: '/' }).end()
      if (request.url === '/huge') return response.writeHead(200).end('x'.repeat(1024 * 1024))
      if (request.url === '/large') return response.end('x'.repeat(100_000))
      if (request.url === '/drip') return response.writeHead(200).write('x')
      if (request.url !== '/hang') response.end('{"allow":true}')
    })
    const to = (path: string, ms?: number) => post(`http://127.0.0.1:${port}${path}`, posting(true, ms))
    t.match(await to('/'), { status: 200, body: '{"allow":true}' })
    t.equal((await to('/redirect')).status, 302)
    t.equal(connections(), 2)
    t.match(await to('/huge'), { status: 200, body: undefined })
    t.match(await to('/large'), { status: 200, body: undefined })
    t.match(await to('/drip', 1_000), { status: 200, body: undefined })
    await t.rejects(to('/hang', 200))
  }
)
