import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { askNameServers } from '../../src/http/name-servers.ts'

const [A, AAAA] = [1, 28]

/** A name server on a port of its own. `records` has addresses as bytes by type; without any it keeps silent. */
async function startNameServer (t: Test, records?: Record<number, number[]>) {
  const questions: number[] = []
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  socket.on('message', (question, { port, address }) => {
    // After the header of twelve bytes: the name in labels, which ends with a zero, and the type (RFC 1035 section 4).
    const end = question.indexOf(0, 12)
    const type = question.readUInt16BE(end + 1)
    questions.push(type)
    if (!records) return
    const record = records[type]
    const header = Buffer.from([...question.subarray(0, 2), 0x81, 0x80, 0, 1, 0, record ? 1 : 0, 0, 0, 0, 0])
    const answer = record ? [0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, record.length, ...record] : []
    socket.send(Buffer.concat([header, question.subarray(12, end + 5), Buffer.from(answer)]), port, address)
  })
  await once(socket, 'listening')
  t.teardown(() => { socket.close() })
  return { servers: [`127.0.0.1:${socket.address().port}`], questions }
}

t.test('a name has the addresses of both families', async (t) => {
  const { servers } = await startNameServer(t, {
    [A]: [203, 0, 113, 7], [AAAA]: [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
  })
  t.same(await askNameServers('app.example.com', servers), [
    { address: '203.0.113.7', family: 4 }, { address: '2001:db8::1', family: 6 }
  ])
})

t.test('one family is enough, and a name without an address is an error', async (t) => {
  const one = await startNameServer(t, { [A]: [203, 0, 113, 7] })
  t.same(await askNameServers('app.example.com', one.servers), [{ address: '203.0.113.7', family: 4 }])
  const none = await startNameServer(t, {})
  await t.rejects(askNameServers('app.example.com', none.servers), { code: 'ENODATA' })
})

t.test('a name server that keeps silent is given up, and holds up no other look-up', async (t) => {
  const silent = await startNameServer(t)
  const { servers } = await startNameServer(t, { [A]: [203, 0, 113, 7] })
  let waiting = 50
  const slow = Array.from({ length: waiting }, async (_, index) => {
    await t.rejects(askNameServers(`slow-${index}.example.com`, silent.servers), { code: 'ETIMEOUT' })
    waiting--
  })
  t.same(await askNameServers('app.example.com', servers), [{ address: '203.0.113.7', family: 4 }])
  t.equal(waiting, 50, 'while all of them wait')
  await Promise.all(slow)
  t.ok(silent.questions.length >= 50)
})
