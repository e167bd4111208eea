import { createServer } from 'node:net'
import { once } from 'node:events'
import t from 'tap'
import { freePort } from './free-port.ts'

t.test('gives ports that nobody listens on, each once, and passes over one that is taken', async (t) => {
  const before = await freePort()
  await t.rejects(fetch(`http://127.0.0.1:${before}`), { cause: { code: 'ECONNREFUSED' } })
  const taken = createServer().listen(before + 1, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const ports = [before, ...await Promise.all(Array.from({ length: 20 }, freePort))]
  t.equal(new Set(ports).size, 21)
  t.notOk(ports.includes(before + 1))
  t.ok(ports.every((port) => port >= 11_000 && port < 31_000))
})
