/**
 * The `updatedAt` of a changed user: now, but strictly later than `before`, also for two changes in one millisecond. A
 * sign-in decides on the user that it has read, and writes only if `updatedAt` is still the same.
 */
export function updatedAfter (before: Date, now: Date): Date {
  return new Date(Math.max(now.getTime(), before.getTime() + 1))
}
