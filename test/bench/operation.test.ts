import t from 'tap'
import { mixOf, perform, type Input, type Operation } from '../../bench/compare/operation.ts'
import { callbackFrom, knownPerson, newPerson } from '../../bench/compare/people.ts'

const nothing = async (work: () => Promise<void>) => await work()

t.test('an operation runs as often as asked, and no input twice at the same time', async (t) => {
  const runs: string[] = []
  const busy = new Set<Input>()
  let isTwiceAtOnce = false
  let mostAtOnce = 0
  const operation: Operation = {
    prepare: async (count) => Array.from({ length: count }, (_, index) => ({ value: String(index) })),
    async run (input) {
      isTwiceAtOnce ||= busy.has(input)
      busy.add(input)
      mostAtOnce = Math.max(mostAtOnce, busy.size)
      await new Promise((resolve) => setImmediate(resolve))
      busy.delete(input)
      runs.push(input.value)
    }
  }
  await perform(operation, 250, nothing)
  t.equal(runs.length, 250)
  t.equal(new Set(runs).size, 100)
  t.equal(mostAtOnce, 16)
  runs.length = 0
  await perform({ ...operation, isSingleUse: true }, 250, nothing)
  t.equal(new Set(runs).size, 250, 'a single-use input is not used again')
  t.notOk(isTwiceAtOnce)
})

t.test('only the runs are measured, not their preparation', async (t) => {
  const steps: string[] = []
  const operation: Operation = {
    prepare: async () => { steps.push('prepare'); return [{ value: '' }] },
    run: async () => { steps.push('run') }
  }
  await perform(operation, 1, async (work) => {
    steps.push('begin')
    await work()
    steps.push('end')
  })
  t.same(steps, ['prepare', 'begin', 'run', 'end'])
})

t.test('a mix has 80 checks, 15 refreshes and 5 logins in a hundred', async (t) => {
  const counts: Record<string, number> = {}
  const operation = (name: string): Operation => ({
    prepare: async (count) => Array.from({ length: count }, () => ({ value: '' })),
    run: async () => { counts[name] = (counts[name] ?? 0) + 1 }
  })
  const mix = mixOf({ check: operation('check'), refresh: operation('refresh'), login: operation('login') })
  await perform(mix, 200, nothing)
  t.same(counts, { check: 160, refresh: 30, login: 10 })
})

t.test('500 people sign in again and again; a new person is always another', async (t) => {
  const people = Array.from({ length: 1_000 }, () => knownPerson('oauth'))
  t.equal(new Set(people).size, 500)
  t.same(people.slice(0, 500), people.slice(500))
  t.not(newPerson('oauth'), newPerson('oauth'))
})

t.test('the browser comes back with the state, and with a code that names the person and the nonce', async (t) => {
  t.equal(callbackFrom('http://stub/authorize?state=a%2Fb', '/c', 'oauth-1'), '/c?code=oauth-1&state=a%2Fb')
  t.equal(callbackFrom('http://stub/authorize?state=a&nonce=n', '/c', 'openid-1'), '/c?code=openid-1.n&state=a')
})
