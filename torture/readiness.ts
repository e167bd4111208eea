import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from './client.ts'

/** Watches both instances as a load balancer does: asks each in turn, and believes the last answer. */
export function watchReadiness (client: Client) {
  const ready = [true, true]
  let out: number | undefined
  const candidates = (index: number) => [index % 2, (index + 1) % 2].filter((at) => at !== out)
  const over = new AbortController()
  const watching = Promise.all(
    [0, 1].map(async (index) => {
      for (; !over.signal.aborted; await sleep(100)) {
        ready[index] = await fetch(`${client.url(index)}/readyz`).then(
          ({ ok }) => ok,
          () => false
        )
      }
    })
  )
  return {
    isReady: (index: number) => ready[index] === true,
    /** The instance for the request of this number: the other where one is not ready, none where neither is. */
    route: (index: number) => candidates(index).find((at) => ready[at]),
    /** The instance for it where none is ready. */
    anyRoute: (index: number) => candidates(index)[0],
    /** Takes an instance out before it is stopped, as a rolling restart does; undefined brings it back. */
    takeOut (index: number | undefined) { out = index },
    async stop () {
      over.abort()
      await watching
    }
  }
}
