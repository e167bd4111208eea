/** Remembers the DPoP proofs that were used (RFC 9449 section 11.1). */
export interface ReplayStore {
  /**
   * Marks a proof as used, by a text of 43 characters, and remembers it for so many seconds. False when it was used
   * before: of many calls at once, one gets true. With Redis: `SET id 1 NX EX seconds`.
   */
  spend: (id: string, seconds: number) => boolean | Promise<boolean>
}

/** For a service of one process. What is over is forgotten as others come. */
export function createMemoryReplayStore (): ReplayStore {
  const usedUntil = new Map<string, number>()
  let sweepAt = 0

  function sweep (now: number, seconds: number): void {
    if (now < sweepAt) return
    for (const [id, until] of usedUntil) if (until <= now) usedUntil.delete(id)
    sweepAt = now + seconds * 1000
  }

  return {
    spend (id, seconds) {
      const now = performance.now()
      sweep(now, seconds)
      if ((usedUntil.get(id) ?? 0) > now) return false
      usedUntil.set(id, now + seconds * 1000)
      return true
    }
  }
}
