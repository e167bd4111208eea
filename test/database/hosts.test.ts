import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import t from 'tap'
import { Client } from '../../src/database/client.ts'
import { urlPerHost } from '../../src/database/hosts.ts'
import { isDatabaseUnavailable } from '../../src/database/unavailable.ts'

t.test('a URL is one for each of its hosts', async (t) => {
  t.same(urlPerHost('postgresql://u:a%2Cb@h1:1,h2,[::1]:3/db?x=y,z'), [
    'postgresql://u:a%2Cb@h1:1/db?x=y,z', 'postgresql://u:a%2Cb@h2/db?x=y,z', 'postgresql://u:a%2Cb@[::1]:3/db?x=y,z'
  ])
  t.same(urlPerHost('postgresql://u:a,b@h1/db'), ['postgresql://u:a,b@h1/db'])
  t.same(urlPerHost('postgresql://h1,h2'), ['postgresql://h1', 'postgresql://h2'])
})

t.test('hosts that accept a connection and never answer are unavailable, and are asked at once', async (t) => {
  const sockets: Socket[] = []
  let open = 0
  let openAtOnce = 0
  const silent = async () => {
    const server = createServer((socket) => {
      sockets.push(socket)
      openAtOnce = Math.max(openAtOnce, ++open)
      socket.on('close', () => { open-- }).resume()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  t.teardown(() => sockets.forEach((socket) => socket.destroy()))
  const connectionString = `postgresql://u:secret@${await silent()},${await silent()}/db`
  const failure = await new Client({ connectionString }).connect().catch((error: unknown) => error)
  t.same([sockets.length, openAtOnce], [2, 2])
  t.ok(isDatabaseUnavailable(failure), String(failure))
  t.notMatch(String(failure), 'secret')
})
