/** Where and why a login, or a call to a provider, failed: for the log and the audit trail. */
export interface FailureOrigin {
  /** The step that failed. */
  step?: string | undefined
  /** The id of the identity provider. */
  provider?: string | undefined
  /** How the login was to end: `direct`, `cookie`, `code`, `link`, `device` or `native`. */
  mode?: string | undefined
  /** The client that the login was for. */
  clientId?: string | undefined
  /** Why it failed, in words of ours. */
  reason?: string | undefined
  /** The HTTP status of the provider's response. */
  providerStatus?: number | undefined
  /** The `error` of the provider's response, cleaned: see `toErrorWord`. */
  providerError?: string | undefined
}

const origins = new WeakMap<object, FailureOrigin>()

/** Notes where an error comes from, and returns it. What was noted before, nearer to the cause, stays. */
export function noteOrigin<Thrown> (error: Thrown, origin: FailureOrigin): Thrown {
  if (typeof error === 'object' && error !== null) origins.set(error, { ...origin, ...originOf(error) })
  return error
}

/** What is known of an error's origin. */
export function originOf (error: unknown): FailureOrigin {
  return (typeof error === 'object' && error !== null && origins.get(error)) || {}
}

const MAX_ERROR_WORD = 64

/**
 * The `error` that a provider sent as one word of letters, digits, `_`, `.` and `-`, so that it can be logged: what
 * follows the first other character is cut off. Undefined where nothing is left, or where the text repeats one of
 * `secrets`.
 */
export function toErrorWord (error: unknown, secrets: readonly string[] = []): string | undefined {
  if (typeof error !== 'string' || secrets.some((secret) => secret !== '' && error.includes(secret))) return undefined
  const [word = ''] = /^[\w.-]*/.exec(error) ?? []
  return word === '' ? undefined : word.slice(0, MAX_ERROR_WORD)
}
