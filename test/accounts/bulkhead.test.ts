import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { createBulkhead } from '../../src/accounts/bulkhead.ts'

const never = new AbortController().signal

/** Work that lasts until it is released, and the names of what is running. */
function jobs () {
  const running = new Map<string, () => void>()
  return {
    running: () => [...running.keys()],
    work: (name: string) => () => new Promise<string>((resolve) => {
      running.set(name, () => {
        running.delete(name)
        resolve(name)
      })
    }),
    async release (name: string) {
      running.get(name)?.()
      await turn()
    }
  }
}

t.test('it limits what runs per key and in total, in the order of the calls', async (t) => {
  const bulkhead = createBulkhead({ maxTotal: 3, maxPerKey: 2 })
  const { running, work, release } = jobs()
  const results = ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'].map((name) => bulkhead(name.charAt(0), never, work(name)))
  await turn()
  t.same(running(), ['a1', 'a2', 'b1'], 'a third of the same key waits, though there was room in total')
  await release('b1')
  t.same(running(), ['a1', 'a2', 'b2'])
  await release('a1')
  t.same(running(), ['a2', 'b2', 'c1'])
  await release('c1')
  t.same(running(), ['a2', 'b2', 'a3'])
  for (const name of ['a2', 'b2', 'a3']) await release(name)
  t.same(await Promise.all(results), ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'])
})

t.test('what fails makes room too, and rejects with its error', async (t) => {
  const bulkhead = createBulkhead({ maxTotal: 1, maxPerKey: 1 })
  const failed = bulkhead('a', never, async () => { throw new Error('failed') })
  const next = bulkhead('a', never, async () => 'next')
  await t.rejects(failed, { message: 'failed' })
  t.equal(await next, 'next')
})

t.test('a signal that aborts while its work waits rejects at once, and the work never runs', async (t) => {
  const bulkhead = createBulkhead({ maxTotal: 1, maxPerKey: 1 })
  const { running, work, release } = jobs()
  const first = bulkhead('a', never, work('first'))
  await turn()
  const controller = new AbortController()
  const waiting = bulkhead('a', controller.signal, work('waiting'))
  controller.abort(new Error('too late'))
  await t.rejects(waiting, { message: 'too late' })
  await t.rejects(bulkhead('a', AbortSignal.abort(new Error('before')), work('never')), { message: 'before' })
  await release('first')
  t.equal(await first, 'first')
  t.same(running(), [])
  t.equal(await bulkhead('a', never, async () => 'room again'), 'room again')
})
