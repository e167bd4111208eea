import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createCookiePolicy } from '../../src/http/cookies.ts'
import { clearConsentVisit, readConsentVisit, writeConsentVisit } from '../../src/sign-in/consent-visit.ts'
import { createSealer } from '../../src/vault/sealing.ts'
import { createReply } from './reply.ts'

const sealer = createSealer([{ id: 'k', key: randomBytes(32) }], 'consent')
const lifetimes = { attemptSeconds: 600, refreshTokenSeconds: 10, sessionSeconds: 10 }
const cookies = createCookiePolicy('http://localhost', lifetimes)
const visit = { sessionId: 's', userId: 'u', completion: { mode: 'code', redirectUri: 'https://app' } as never }
type Jar = Record<string, string>

/** Writes a visit in a browser with these cookies. */
function write (jar: Jar, state = '') {
  const { calls, reply } = createReply()
  const longer = { ...visit, completion: { ...visit.completion as object, state } as never }
  const id = writeConsentVisit({ cookies: jar } as never, reply, sealer, cookies, longer)
  const [, name, value, attributes] = calls.at(-1) as [string, string, string, object]
  const cleared = calls.filter(([method]) => method === 'clearCookie')
  return { id, name, value, attributes, cleared }
}

const read = (jar: Jar, id: string) => readConsentVisit({ cookies: jar } as never, sealer, cookies, id)

t.test('a visit is read by its id, in its browser, for ten minutes', async (t) => {
  const { now } = Date
  t.teardown(() => { Date.now = now })
  const at = now()
  Date.now = () => at
  const { id, name, value, attributes, cleared } = write({ other: 'x'.repeat(5000) })
  t.match(id, /^[\w-]{16}$/)
  t.equal(name, `signet-consent-${id}`)
  t.same(attributes, cookies.consent)
  t.same(cleared, [], 'cookies of others stay')
  t.strictSame(read({ [name]: value }, id), { ...visit, completion: { ...visit.completion as object, state: '' } })
  t.equal(read({}, id), undefined)
  t.equal(read({ [name]: `${value}x` }, id), undefined)
  t.equal(read({ 'signet-consent-other': value }, 'other'), undefined, 'a cookie under another name')
  Date.now = () => at + 600_000
  t.equal(read({ [name]: value }, id)?.sessionId, 's')
  Date.now = () => at + 600_001
  t.equal(read({ [name]: value }, id), undefined)
})

t.test('5000 bytes of visits have room; the oldest and unreadable ones go first', async (t) => {
  const { now } = Date
  t.teardown(() => { Date.now = now })
  const at = now()
  const opened = [2, 0, 1].map((minutes) => {
    Date.now = () => at + minutes * 60_000
    return { ...write({}, 'x'.repeat(900)), minutes }
  })
  Date.now = () => at + 180_000
  const jar = Object.fromEntries(opened.map(({ name, value }) => [name, value]))
  const rubbish = { 'signet-consent-rubbish': 'x'.repeat(100) }
  const names = new Map(opened.map(({ name, minutes }) => [minutes, name]))
  const size = opened[0]?.value.length ?? 0
  t.ok(size * 3 < 5000 && size * 4 > 5000, 'three have room')
  const { cleared } = write({ ...rubbish, ...jar }, 'x'.repeat(900))
  t.same(cleared.map(([, name]) => name), [names.get(0), 'signet-consent-rubbish'])
  t.same(cleared.map(([,, attributes]) => attributes), [cookies.consent, cookies.consent])

  const rest = 5000 - write({}).value.length
  t.same(write({ 'signet-consent-a': 'x'.repeat(rest) }).cleared, [])
  t.same(write({ 'signet-consent-a': 'x'.repeat(rest + 1) }).cleared.map(([, name]) => name), ['signet-consent-a'])
})

t.test('a visit that is over loses its cookie', async (t) => {
  const { calls, reply } = createReply()
  clearConsentVisit(reply, cookies, 'id')
  t.same(calls, [['clearCookie', 'signet-consent-id', cookies.consent]])
})
