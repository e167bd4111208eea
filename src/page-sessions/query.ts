/** The query of an API's list, from that of its page: empty fields of a form are none. */
export function apiQuery (query: Record<string, string | undefined>): string {
  const entries = Object.entries(query).filter((entry): entry is [string, string] =>
    entry[1] !== undefined && entry[1].trim() !== '' && entry[0] !== 'done')
  return entries.length === 0 ? '' : `?${new URLSearchParams(entries)}`
}

export function cursorQuery ({ cursor }: { cursor?: string }): string {
  return apiQuery({ cursor })
}
