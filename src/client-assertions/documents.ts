import type { Problem } from '../http/errors.ts'
import { parseJson } from '../http/json.ts'
import { askNameServers } from '../http/name-servers.ts'
import { providerError } from '../providers/failure.ts'
import { mayReach } from '../webhooks/address.ts'
import { send } from '../webhooks/post.ts'

/** A JSON document that is read over the network. */
export type ReadDocument = (url: string) => Promise<string>

const TIMEOUT_MS = 5_000
/** After a failure a document is not read again for so long: an assertion must not be a way to send requests. */
const COOLDOWN_MS = 10_000
const MAX_FAILURES = 1_000

/**
 * Reads the documents that registrations name: within five seconds and 64 KiB, once for all who ask at the same time,
 * without redirects, from public addresses over https; with `allowPrivate` also from the operator's own network, as
 * webhooks are sent there. Third parties name such documents, too, so the name servers are asked for names, or with
 * `allowPrivate` the system. Throws a Problem whose message tells the operator why, and has nothing of the answer.
 */
export function createDocumentReader ({ allowPrivate }: { allowPrivate: boolean }): ReadDocument {
  const failures = new Map<string, { error: unknown, at: number }>()
  const reading = new Map<string, Promise<string>>()

  async function readOnce (url: string): Promise<string> {
    try {
      return await read(url, allowPrivate)
    } catch (error) {
      if (failures.size >= MAX_FAILURES) failures.clear()
      failures.set(url, { error, at: Date.now() })
      throw error
    } finally {
      reading.delete(url)
    }
  }

  return async (url) => {
    const failure = failures.get(url)
    if (failure && Date.now() - failure.at < COOLDOWN_MS) throw failure.error
    const begun = reading.get(url) ?? readOnce(url)
    reading.set(url, begun)
    return await begun
  }
}

async function read (url: string, allowPrivate: boolean): Promise<string> {
  const { protocol } = new URL(url)
  const answer = await send(url, {
    method: 'GET',
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    mayReach: (address) => mayReach(address, { protocol, allowPrivate })
  }, allowPrivate ? undefined : askNameServers).catch((error: unknown) => {
    const { code } = error as { code?: unknown }
    throw unreadable(url, typeof code === 'string' ? code : 'no answer in time')
  })
  if (answer.status !== 200) throw unreadable(url, `HTTP ${answer.status}`)
  if (answer.body === undefined) throw unreadable(url, 'the answer is too slow, or longer than 64 KiB')
  if (parseJson(answer.body) === undefined) throw unreadable(url, 'the answer is not JSON')
  return answer.body
}

export function unreadable (url: string, reason: string): Problem {
  return providerError(url, 'keys', reason)
}
