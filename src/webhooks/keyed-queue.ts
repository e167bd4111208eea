/**
 * Runs work by group and key: five keys of a group at once, and never the same key twice at once. A group that hangs
 * delays only itself. The queue is in memory; after a restart the caller adds again what is still to do.
 */
export interface KeyedQueue {
  /** Adds a key, unless it is waiting already. A group with 10,000 waiting keys takes no more. */
  add: (group: string, key: string) => void
  /** Starts nothing more, and waits for what is running. */
  close: () => Promise<void>
}

const CONCURRENCY = 5
const MAX_WAITING = 10_000

interface Group { waiting: Set<string>, running: Map<string, Promise<void>> }

/** `work` must not throw. */
export function createKeyedQueue (work: (group: string, key: string) => Promise<void>): KeyedQueue {
  const groups = new Map<string, Group>()
  let isClosed = false

  function runNext (name: string, { waiting, running }: Group): void {
    for (const key of waiting) {
      if (isClosed || running.size === CONCURRENCY) return
      if (running.has(key)) continue
      waiting.delete(key)
      running.set(key, work(name, key).then(() => {
        running.delete(key)
        if (waiting.size + running.size === 0) groups.delete(name)
        else runNext(name, { waiting, running })
      }))
    }
  }

  return {
    add (name, key) {
      const group = groups.get(name) ?? { waiting: new Set(), running: new Map() }
      groups.set(name, group)
      if (group.waiting.size < MAX_WAITING) group.waiting.add(key)
      runNext(name, group)
    },

    async close () {
      isClosed = true
      await Promise.all([...groups.values()].flatMap(({ running }) => [...running.values()]))
    }
  }
}
