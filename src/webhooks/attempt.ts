import { networkReason } from '../providers/http.ts'
import { mayReach } from './address.ts'
import { post } from './post.ts'

/** The status of the response, or why there was none. */
export interface Attempt { statusCode: number | null, error: string | null }

export interface AttemptOptions {
  headers: Record<string, string>
  body: string
  /** Aborts it early. */
  signal: AbortSignal
  allowPrivate: boolean
}

const TIMEOUT_MS = 10_000

/** Posts to an address that may be reached, for ten seconds at most. Does not throw. */
export async function attempt (
  url: string, { headers, body, signal, allowPrivate }: AttemptOptions
): Promise<Attempt> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  const { protocol } = new URL(url)
  try {
    const { status } = await post(url, {
      headers,
      body,
      signal: AbortSignal.any([timeout, signal]),
      mayReach: (address) => mayReach(address, { protocol, allowPrivate })
    })
    return { statusCode: status, error: null }
  } catch (error) {
    return { statusCode: null, error: timeout.aborted ? 'TIMEOUT' : networkReason(error) }
  }
}
