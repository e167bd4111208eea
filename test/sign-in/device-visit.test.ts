import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createCookiePolicy } from '../../src/http/cookies.ts'
import { readDeviceVisit, writeDeviceVisit } from '../../src/sign-in/device-visit.ts'
import { sendToProvider } from '../../src/sign-in/start.ts'
import { createSealer } from '../../src/vault/sealing.ts'

const keys = [{ id: 'k', key: randomBytes(32) }]
const sealer = createSealer(keys, 'device-visit')
const cookies = createCookiePolicy('http://localhost', { attemptSeconds: 600, refreshTokenSeconds: 10, sessionSeconds: 10 })
const visit = { deviceCodeHash: 'h', userCode: 'BCDFGHJK', clientId: 'tv', scope: 'openid' }

/** A reply that writes down what it is told. */
function createReply () {
  const told: unknown[][] = []
  const note =
    (name: unknown) =>
      (...args: unknown[]) => {
        told.push([name, ...args])
        return reply
      }
  // An async function awaits what it returns: a reply is no promise.
  const reply: object = new Proxy({}, { get: (_, name) => (name === 'then' ? undefined : note(name)) })
  return { told, reply: reply as never }
}

t.test('a visit comes back from its cookie for ten minutes', async (t) => {
  const { told, reply } = createReply()
  writeDeviceVisit(reply, sealer, cookies, visit)
  const [[, name, value, attributes] = []] = told
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

t.test("who is sent to a provider gets the attempt's cookie, and older attempts make room", async (t) => {
  const { told, reply } = createReply()
  const sizes: number[] = []
  await sendToProvider(
    {
      signIn: {
        start: async (id: string, completion: unknown) => ({
          url: `https://${id}`,
          cookie: { name: 'name', value: 'value' },
          provider: { formPost: true },
          completion
        })
      } as never,
      attempts: {
        surplus: (_: unknown, size: number) => {
          sizes.push(size)
          return ['old', 'older']
        }
      } as never,
      cookies
    },
    { cookies: {}, headers: {} } as never,
    reply,
    'acme',
    { mode: 'direct' }
  )
  const attributes = cookies.loginAttempt(true)
  t.same(sizes, [9])
  t.same(told, [
    ['clearCookie', 'old', attributes],
    ['clearCookie', 'older', attributes],
    ['header', 'cache-control', 'no-store'],
    ['setCookie', 'name', 'value', attributes],
    ['redirect', 'https://acme', 302]
  ])
})
