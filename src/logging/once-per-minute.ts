const MINUTE_MS = 60_000

/**
 * Returns a function that is true for a key once a minute. Knows at most `maximum` keys: a further one is not due until
 * a known one has been for a minute, so that neither the memory nor the log fills up.
 */
export function oncePerMinute (maximum: number): (key: string) => boolean {
  const seenAt = new Map<string, number>()

  return (key) => {
    const now = performance.now()
    // In the order in which they were seen.
    for (const [known, at] of seenAt) {
      if (now - at < MINUTE_MS) break
      seenAt.delete(known)
    }
    if (seenAt.has(key) || seenAt.size >= maximum) return false
    seenAt.set(key, now)
    return true
  }
}
