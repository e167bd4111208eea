/** Runs at most `count` pieces of work at once; the others wait their turn, until `signal` says that it is too late. */
export function createPlaces (count: number) {
  let free = count
  const queue = new Set<() => void>()

  async function take (signal: AbortSignal): Promise<void> {
    if (free > 0) {
      free--
      return
    }
    await new Promise<void>((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener('abort', giveUp)
        queue.delete(enter)
        resolve()
      }
      const giveUp = () => {
        queue.delete(enter)
        reject(signal.reason)
      }
      queue.add(enter)
      signal.addEventListener('abort', giveUp, { once: true })
    })
  }

  return async function inPlace<Result> (signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    await take(signal)
    try {
      return await work()
    } finally {
      const [next] = queue
      if (next) next()
      else free++
    }
  }
}
