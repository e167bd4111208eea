export function percentile (values: number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

export const worst = (values: number[]) => Math.max(0, ...values)

/** `{ 200: 41, 503: 2 }` as text. */
export function tally (values: (number | string)[]): string {
  const counts = new Map<number | string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return (
    [...counts]
      .sort(([one], [other]) => String(one).localeCompare(String(other)))
      .map(([value, count]) => `${count} × ${value}`)
      .join(', ') || 'none'
  )
}

export const milliseconds = (value: number) => `${Math.round(value)} ms`
export const megabytes = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MB`
