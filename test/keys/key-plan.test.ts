import t from 'tap'
import { isEmpty, planKeys, type KeyState } from '../../src/keys/key-plan.ts'

const NOW = new Date('2026-01-01T00:00:00Z')
const ago = (seconds: number) => new Date(NOW.getTime() - seconds * 1000)
const key = (kid: string, more: Partial<KeyState>): KeyState => ({
  kid,
  alg: 'ES256',
  status: 'next',
  createdAt: ago(1000),
  activatedAt: null,
  retiredAt: null,
  isUsable: true,
  ...more
})
const retired = (seconds: number) => key('r', { status: 'retired', retiredAt: ago(seconds) })
const plan = (keys: KeyState[], more: object = {}) =>
  planKeys(keys, { now: NOW, algorithm: 'ES256', rotationSeconds: 10_000, retiredSeconds: 1200, force: false, ...more })

const current = key('c', { status: 'current', activatedAt: ago(5000) })
const old = key('c', { status: 'current', activatedAt: ago(10_001) })
const next = key('n', {})

t.test('the first start creates a current and a next key', async (t) => {
  t.same(plan([]), { retire: [], activate: 'new', createNext: true, remove: [] })
})

t.test('a missing next key is created, and nothing else changes', async (t) => {
  t.ok(isEmpty(plan([current, next])))
  t.same(plan([current]), { retire: [], activate: undefined, createNext: true, remove: [] })
})

t.test('a key that is due is rotated as soon as the next one has been published for ten minutes', async (t) => {
  t.same(plan([old, next]), { retire: ['c'], activate: 'n', createNext: true, remove: [] })
  t.same(plan([key('c', { status: 'current', activatedAt: ago(10_000) }), next]).activate, 'n', 'to the second')
  t.same(plan([old, key('n', { createdAt: ago(600) })]).activate, 'n')
  t.ok(isEmpty(plan([old, key('n', { createdAt: ago(599) })])))
  t.same(plan([key('c', { status: 'current' }), next]).activate, 'n', 'one without a time of activation is due')
})

t.test('a forced rotation waits for neither', async (t) => {
  t.same(plan([current, key('n', { createdAt: ago(1) })], { force: true }).activate, 'n')
})

t.test('a retired key is removed when no token of it is alive', async (t) => {
  t.same(plan([current, next, retired(1201)]).remove, ['r'])
  t.ok(isEmpty(plan([current, next, retired(1200)])))
  t.ok(isEmpty(plan([current, next, retired(1199)])))
})

t.test('a key that cannot sign is replaced at once', async (t) => {
  const unusable = key('c', { ...current, isUsable: false })
  t.same(plan([unusable, next]), { retire: ['c'], activate: 'n', createNext: true, remove: [] })
  t.same(plan([current, next], { algorithm: 'RS256' }),
    { retire: ['c'], activate: 'new', createNext: true, remove: ['n'] }, 'one of another algorithm')
  const unusableNext = key('n', { isUsable: false })
  t.same(plan([current, unusableNext]), { retire: [], activate: undefined, createNext: true, remove: ['n'] })
  t.same(plan([current, unusableNext], { force: true }),
    { retire: [], activate: undefined, createNext: true, remove: ['n'] }, 'a forced rotation has no key to activate')
})

t.test('of several current or next keys, those that can sign stay', async (t) => {
  const rsa = [{ ...current, kid: 'rc', alg: 'RS256' }, key('rn', { alg: 'RS256' })]
  t.same(plan([...rsa, current, next]), { retire: ['rc'], activate: undefined, createNext: false, remove: ['rn'] })
  t.same(plan([current, next, ...rsa], { algorithm: 'RS256' }),
    { retire: ['c'], activate: undefined, createNext: false, remove: ['n'] })
  t.notOk(isEmpty(plan([{ ...current, kid: 'rc', alg: 'RS256' }, current, next])), 'one to retire is a change')
})
