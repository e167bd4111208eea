/**
 * Whether a text is a JSON Pointer (RFC 6901 section 3): parts that begin with a slash, with `~` only as `~0` or `~1`.
 */
export function isJsonPointer (text: string): boolean {
  return /^(\/([^/~]|~[01])*)*$/.test(text)
}

/**
 * The value that a JSON Pointer refers to (RFC 6901 section 4); undefined where there is none. Reads own members only,
 * and indexes of lists only, so that no prototype and no `length` is reachable.
 */
export function valueAt (document: unknown, pointer: string): unknown {
  const parts = pointer.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  return parts.reduce<unknown>((value, part) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    if (Array.isArray(value) && !/^(0|[1-9]\d*)$/.test(part)) return undefined
    return (value as Record<string, unknown>)[part]
  }, document)
}
