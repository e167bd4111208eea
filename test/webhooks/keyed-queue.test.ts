import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { createKeyedQueue } from '../../src/webhooks/keyed-queue.ts'

/** A queue whose work lasts until it is released, and what has started, in order. */
function world () {
  const started: string[] = []
  const running = new Map<string, () => void>()
  const queue = createKeyedQueue((group, key) => new Promise((resolve) => {
    started.push(`${group}:${key}`)
    running.set(`${group}:${key}`, resolve)
  }))
  const release = async (name: string) => {
    running.get(name)?.()
    running.delete(name)
    await turn()
  }
  return { queue, started, release, running: () => [...running.keys()] }
}

t.test('five keys of a group run at once, and a group that hangs delays only itself', async (t) => {
  const { queue, running, release } = world()
  for (let key = 0; key < 7; key++) queue.add('slow', String(key))
  queue.add('other', 'x')
  t.same(running(), ['slow:0', 'slow:1', 'slow:2', 'slow:3', 'slow:4', 'other:x'])
  await release('slow:3')
  t.same(running(), ['slow:0', 'slow:1', 'slow:2', 'slow:4', 'other:x', 'slow:5'])
})

t.test('a key never runs twice at once; what is added meanwhile runs once more', async (t) => {
  const { queue, started, running, release } = world()
  queue.add('a', '1')
  queue.add('a', '1')
  queue.add('a', '1')
  t.same(running(), ['a:1'])
  await release('a:1')
  t.same(started, ['a:1', 'a:1'])
  await release('a:1')
  t.same(started, ['a:1', 'a:1'])
})

t.test('closing starts nothing more, and waits for what is running', async (t) => {
  const { queue, started, release } = world()
  for (let key = 0; key < 6; key++) queue.add('a', String(key))
  let isClosed = false
  const closed = queue.close().then(() => { isClosed = true })
  for (let key = 0; key < 5; key++) {
    t.notOk(isClosed)
    await release(`a:${key}`)
  }
  await closed
  queue.add('b', '1')
  t.equal(started.length, 5)
})
