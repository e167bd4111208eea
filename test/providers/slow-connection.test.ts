import { fork } from 'node:child_process'
import dns from 'node:dns'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { callProvider } from '../../src/providers/http.ts'

const SERVER = `
  const server = require('node:http').createServer((request, response) => response.end('{}'))
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => process.send(server.address().port))`

/** A server that takes no connection for a while: it is stopped, and its queue of connections is full. */
async function startSlowServer (t: Test) {
  const child = fork('-e', [SERVER], { execArgv: [], stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  const [port] = await once(child, 'message') as [number]
  child.kill('SIGSTOP')
  const waiting = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => {}))
  t.teardown(() => waiting.forEach((socket) => socket.destroy()))
  await sleep(100)
  return { port, goOn: () => child.kill('SIGCONT') }
}

/** What a resolver says of a host whose IPv6 address cannot be reached from here (RFC 3849). */
function resolveTo (t: Test, addresses: dns.LookupAddress[]): void {
  const { lookup } = dns
  t.teardown(() => { dns.lookup = lookup })
  dns.lookup = ((_host: string, _options: object, done: (error: null, all: dns.LookupAddress[]) => void) => {
    setImmediate(done, null, addresses)
  }) as unknown as typeof lookup
}

t.test('nodejs/node#54359: a slow IPv4 beside an unreachable IPv6', async (t) => {
  const addresses = [{ address: '127.0.0.1', family: 4 }, { address: '2001:db8::1', family: 6 }]
  for (const order of [addresses, addresses.toReversed()]) {
    const { port, goOn } = await startSlowServer(t)
    resolveTo(t, order)
    setTimeout(goOn, 400)
    const startedAt = performance.now()
    const answer = await callProvider(`http://provider.example:${port}/`, { provider: 'Acme', step: 'profile' })
    t.equal(answer.status, 200)
    t.ok(performance.now() - startedAt > 350, 'the connection took longer than an attempt of Node, 250 ms')
  }
})
