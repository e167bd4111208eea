import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createCookiePolicy } from '../../src/http/cookies.ts'
import { readDeviceVisit, writeDeviceVisit } from '../../src/sign-in/device-visit.ts'
import { createSealer } from '../../src/vault/sealing.ts'
import { createReply } from './reply.ts'

const keys = [{ id: 'k', key: randomBytes(32) }]
const sealer = createSealer(keys, 'device-visit')
const cookies = createCookiePolicy('http://localhost', { attemptSeconds: 600, refreshTokenSeconds: 10, sessionSeconds: 10 })
const visit = { deviceCodeHash: 'h', userCode: 'BCDFGHJK', clientId: 'tv', scope: 'openid' }

t.test('a visit comes back from its cookie for ten minutes', async (t) => {
  const { calls, reply } = createReply()
  writeDeviceVisit(reply, sealer, cookies, visit)
  const [[, name, value, attributes] = []] = calls
  t.equal(name, 'signet-device')
  t.equal(attributes, cookies.deviceVisit)
  const read = (jar: Record<string, unknown>, by = sealer) => readDeviceVisit({ cookies: jar } as never, by, cookies)
  t.same(read({ 'signet-device': value }), visit)
  t.equal(read({}), undefined)
  t.equal(read({ 'signet-device': `${String(value)}x` }), undefined)
  t.equal(read({ 'signet-device': sealer.seal('{}', 'another place') }), undefined)
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  const at = now()
  const sealed = sealer.seal(JSON.stringify({ ...visit, at }), 'device-visit')
  Date.now = () => at + 600_000
  t.same(read({ 'signet-device': sealed }), visit)
  Date.now = () => at + 600_001
  t.equal(read({ 'signet-device': sealed }), undefined)
})
