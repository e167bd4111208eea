/**
 * The `updatedAt` of a changed user: now, and later than before even where two changes share a millisecond. A sign-in writes
 * only to the user that it found, and recognizes it by this.
 */
export function updatedAfter (before: Date, now: Date): Date {
  return new Date(Math.max(now.getTime(), before.getTime() + 1))
}
