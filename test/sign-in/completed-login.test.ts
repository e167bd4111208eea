import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createCookiePolicy } from '../../src/http/cookies.ts'
import { createCompletedLogins } from '../../src/sign-in/completed-login.ts'
import { createSealer } from '../../src/vault/sealing.ts'
import { createReply } from './reply.ts'

const sealer = createSealer([{ id: 'k', key: randomBytes(32) }], 'completed-login')
const lifetimes = { attemptSeconds: 600, refreshTokenSeconds: 10, sessionSeconds: 10 }
const cookies = createCookiePolicy('http://localhost', lifetimes)
const login = { stateHash: 'h', isDirect: true }

t.test('a browser knows the sign-in that it completed, by its state, for ten minutes', async (t) => {
  const logins = createCompletedLogins(sealer, cookies)
  const { now } = Date
  t.teardown(() => { Date.now = now })
  const at = now()
  Date.now = () => at
  const { calls, reply } = createReply()
  logins.write(reply, login, false)
  logins.write(reply, login, true)
  const [[, name, value, attributes] = [], [,,, formPost] = []] = calls
  t.equal(name, 'signet-signed-in')
  t.same([attributes, formPost], [cookies.loginAttempt(false), cookies.loginAttempt(true)])
  const read = (stateHash: string, jar: object) => logins.read({ cookies: jar } as never, stateHash)
  const jar = { 'signet-signed-in': value }
  t.strictSame(read('h', jar), login)
  t.equal(read('another', jar), undefined)
  t.equal(read('h', {}), undefined)
  t.equal(read('h', { 'signet-signed-in': `${String(value)}x` }), undefined)
  t.equal(read('h', { 'signet-signed-in': sealer.seal(JSON.stringify({ ...login, at }), 'other') }), undefined)
  Date.now = () => at + 600_000
  t.strictSame(read('h', jar), login)
  Date.now = () => at + 600_001
  t.equal(read('h', jar), undefined)
})
