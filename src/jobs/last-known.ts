/** A value that is asked for now and then, and known in between. */
export interface LastKnown<Value> {
  /** Asks again when the value is older than allowed, once at a time, and waits no longer than this. Never throws. */
  refresh: (waitMs: number) => Promise<void>
  /** Undefined until it is known, and when the last answer was a failure. */
  value: () => Value | undefined
}

export function createLastKnown<Value> (ask: () => Promise<Value>, maxAgeMs: number): LastKnown<Value> {
  let known: Value | undefined
  let askedAt = -Infinity
  let asking: Promise<void> | undefined

  function askOnce (): Promise<void> {
    askedAt = Date.now()
    return ask().then((value) => { known = value }, () => { known = undefined }).finally(() => { asking = undefined })
  }

  return {
    async refresh (waitMs) {
      if (!asking && Date.now() - askedAt < maxAgeMs) return
      asking ??= askOnce()
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(() => {
          known = undefined
          resolve()
        }, waitMs)
      })
      await Promise.race([asking, late]).finally(() => clearTimeout(timer))
    },
    value: () => known
  }
}
