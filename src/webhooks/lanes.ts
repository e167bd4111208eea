/**
 * Work in lanes: within one, so many at a time and never two of the same key. A lane that hangs holds up itself only. What is in
 * here is forgotten with the process: whoever puts work in finds it again.
 */
export interface Lanes {
  add: (lane: string, key: string) => void
  /** Begins nothing more, and waits for what has begun. */
  close: () => Promise<void>
}

const WIDTH = 5
/** More are left for later: a lane that hangs for long does not fill the memory. */
const MAX_WAITING = 10_000

interface Lane { waiting: Set<string>, running: Map<string, Promise<void>> }

/** `work` must not throw. */
export function createLanes (work: (lane: string, key: string) => Promise<void>): Lanes {
  const lanes = new Map<string, Lane>()
  let isClosed = false

  function go (name: string, { waiting, running }: Lane): void {
    for (const key of waiting) {
      if (isClosed || running.size === WIDTH) return
      if (running.has(key)) continue
      waiting.delete(key)
      running.set(key, work(name, key).then(() => {
        running.delete(key)
        if (waiting.size + running.size === 0) lanes.delete(name)
        else go(name, { waiting, running })
      }))
    }
  }

  return {
    add (name, key) {
      const lane = lanes.get(name) ?? { waiting: new Set(), running: new Map() }
      lanes.set(name, lane)
      if (lane.waiting.size < MAX_WAITING) lane.waiting.add(key)
      go(name, lane)
    },

    async close () {
      isClosed = true
      await Promise.all([...lanes.values()].flatMap(({ running }) => [...running.values()]))
    }
  }
}
