import t from 'tap'
import { isEmpty, planKeys, type KeyState } from '../../src/keys/key-plan.ts'

const NOW = new Date('2026-01-01T00:00:00Z')
const ago = (seconds: number) => new Date(NOW.getTime() - seconds * 1000)
const key = (kid: string, more: Partial<KeyState>): KeyState =>
  ({ kid, alg: 'ES256', status: 'next', createdAt: ago(1000), activatedAt: null, retiredAt: null, isUsable: true, ...more })
const plan = (keys: KeyState[], more: object = {}) =>
  planKeys(keys, { now: NOW, algorithm: 'ES256', rotationSeconds: 10_000, retiredSeconds: 1200, force: false, ...more })

const current = key('c', { status: 'current', activatedAt: ago(5000) })
const old = key('c', { status: 'current', activatedAt: ago(10_001) })
const next = key('n', {})

t.test('what must change, in every state that the table can be in', async (t) => {
  t.same(plan([]), { retire: [], activate: 'new', createNext: true, remove: [] }, 'the first start')
  t.ok(isEmpty(plan([current, next])), 'nothing to do')
  t.same(plan([current]), { retire: [], activate: undefined, createNext: true, remove: [] }, 'no next')
  t.same(plan([old, next]), { retire: ['c'], activate: 'n', createNext: true, remove: [] }, 'it is time')
  t.same(plan([key('c', { status: 'current', activatedAt: ago(10_000) }), next]).activate, 'n', 'to the second')
  t.ok(isEmpty(plan([old, key('n', { createdAt: ago(599) })])), 'it is time, but next has not been published for long enough')
  t.same(plan([current, key('n', { createdAt: ago(1) })], { force: true }).activate, 'n', 'the operator wants it now')
  t.same(plan([current, next, key('r', { status: 'retired', retiredAt: ago(1201) })]).remove, ['r'], 'no token of it lives any more')
  t.ok(isEmpty(plan([current, next, key('r', { status: 'retired', retiredAt: ago(1199) })])))
  t.same(plan([old, key('n', { createdAt: ago(600) })]).activate, 'n', 'ten minutes are long enough')
  t.ok(isEmpty(plan([current, next, key('r', { status: 'retired', retiredAt: ago(1200) })])), 'the last second')
  t.same(plan([key('c', { status: 'current' }), next]).activate, 'n', 'a current key that was never activated is older than any')
  t.same(plan([key('c', { ...current, isUsable: false }), next]), { retire: ['c'], activate: 'n', createNext: true, remove: [] }, 'a key that cannot be opened')
  t.same(plan([current, next], { algorithm: 'RS256' }), { retire: ['c'], activate: 'new', createNext: true, remove: ['n'] }, 'another algorithm')
})
