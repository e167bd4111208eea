import pLimit, { type LimitFunction } from 'p-limit'

/** Runs `work` when its turn comes. Rejects with the signal's reason when that aborts before. */
export type Bulkhead = <Result>(key: string, signal: AbortSignal, work: () => Promise<Result>) => Promise<Result>

/**
 * Limits how much runs at once, in total and per key: a key whose work hangs leaves room for the others. Keys are few.
 */
export function createBulkhead ({ maxTotal, maxPerKey }: { maxTotal: number, maxPerKey: number }): Bulkhead {
  const total = pLimit(maxTotal)
  const perKey = new Map<string, LimitFunction>()

  return async (key, signal, work) => {
    signal.throwIfAborted()
    const limit = perKey.get(key) ?? pLimit(maxPerKey)
    perKey.set(key, limit)
    return await new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason)
      signal.addEventListener('abort', abort, { once: true })
      limit(() => total(async () => {
        signal.removeEventListener('abort', abort)
        signal.throwIfAborted()
        return await work()
      })).then(resolve, reject)
    })
  }
}
