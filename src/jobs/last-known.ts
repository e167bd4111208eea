/** A value that is read now and then and cached in between. */
export interface LastKnown<Value> {
  /** Reads the value again if it is too old, once at a time, and waits for at most `waitMs`. Never throws. */
  refresh: (waitMs: number) => Promise<void>
  /** Undefined until the first refresh, and after one that failed or took too long. */
  value: () => Value | undefined
}

export function createLastKnown<Value> (read: () => Promise<Value>, maxAgeMs: number): LastKnown<Value> {
  let known: Value | undefined
  let startedAt = -Infinity
  let reading: Promise<void> | undefined

  function startReading (): Promise<void> {
    startedAt = Date.now()
    return read()
      .then((value) => { known = value }, () => { known = undefined })
      .finally(() => { reading = undefined })
  }

  return {
    async refresh (waitMs) {
      if (!reading && Date.now() - startedAt < maxAgeMs) return
      reading ??= startReading()
      let timer: NodeJS.Timeout | undefined
      const timeout = new Promise<void>((resolve) => {
        timer = setTimeout(() => {
          known = undefined
          resolve()
        }, waitMs)
      })
      await Promise.race([reading, timeout]).finally(() => clearTimeout(timer))
    },
    value: () => known
  }
}
