import type { Client } from '../clients/clients.ts'
import { OAuthError } from '../http/errors.ts'
import { parseJson } from '../http/json.ts'
import { askNameServers } from '../http/name-servers.ts'
import { mayReach } from '../webhooks/address.ts'
import { send, type LookUp } from '../webhooks/post.ts'
import { ClientDocumentError, readClientDocument } from './client-document.ts'
import { freshSeconds } from './freshness.ts'

export interface ClientDocuments {
  /**
   * The client of a metadata document, which is fetched unless a fresh copy is here. `beforeFetch` may refuse that;
   * without it, only a copy counts. Throws `invalid_client` for a document that cannot be used, and
   * `temporarily_unavailable` (503) for one that cannot be read.
   */
  find: (url: URL, beforeFetch?: () => Promise<void>) => Promise<Client | undefined>
}

export interface ClientDocumentOptions {
  /** Whether documents may be on the operator's own network. */
  allowPrivate: boolean
  /** By default the name servers are asked, or with `allowPrivate` the system, which knows names of its own. */
  lookUp?: LookUp
  /** How long a fetch may take: five seconds. */
  timeoutMs?: number
}

const TIMEOUT_MS = 5_000
const MAX_BYTES = 5 * 1024
/** After a failure a document is not fetched again for so long. */
const COOLDOWN_MS = 10_000
const MAX_REMEMBERED = 1_000
const MAX_AT_ONCE = 50
/** While a document cannot be read, its last copy counts for so long. */
const MAX_STALE_MS = 24 * 60 * 60 * 1000

interface Copy { client: Client, fetchedAt: number, freshUntil: number }

/**
 * Fetches the metadata documents of clients (OAuth Client ID Metadata Document section 5): from public addresses,
 * without redirects, within five seconds and 5 KiB, once for all who ask at the same time.
 */
export function createClientDocuments (options: ClientDocumentOptions): ClientDocuments {
  const copies = new Map<string, Copy>()
  const failures = new Map<string, { error: OAuthError, at: number }>()
  const fetching = new Map<string, Promise<Client>>()

  async function fetchOnce (url: URL): Promise<Client> {
    const { href } = url
    try {
      const { client, seconds } = await fetchClient(url, options)
      const now = Date.now()
      remember(copies, href, { client, fetchedAt: now, freshUntil: now + seconds * 1000 })
      failures.delete(href)
      return client
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error
      remember(failures, href, { error, at: Date.now() })
      const copy = copies.get(href)
      const isUnreadable = error.error === 'temporarily_unavailable'
      if (isUnreadable && copy && Date.now() - copy.fetchedAt < MAX_STALE_MS) return copy.client
      copies.delete(href)
      throw error
    } finally {
      fetching.delete(href)
    }
  }

  return {
    async find (url, beforeFetch) {
      const { href } = url
      const copy = copies.get(href)
      if (copy && Date.now() < copy.freshUntil) return copy.client
      if (!beforeFetch) return copy?.client
      const failure = failures.get(href)
      if (failure && Date.now() - failure.at < COOLDOWN_MS) {
        if (copy) return copy.client
        throw failure.error
      }
      if (!fetching.has(href)) await beforeFetch()
      const begun = fetching.get(href)
      if (begun) return await begun
      if (fetching.size >= MAX_AT_ONCE) throw unreadable('too many documents are being read')
      const fetched = fetchOnce(url)
      fetching.set(href, fetched)
      return await fetched
    }
  }
}

/** Forgets the oldest where there are too many: client ids are anybody's to choose. */
function remember<Value> (values: Map<string, Value>, key: string, value: Value): void {
  values.delete(key)
  values.set(key, value)
  const [oldest] = values.keys()
  if (values.size > MAX_REMEMBERED && oldest !== undefined) values.delete(oldest)
}

async function fetchClient (
  url: URL,
  { allowPrivate, lookUp = allowPrivate ? undefined : askNameServers, timeoutMs = TIMEOUT_MS }: ClientDocumentOptions
): Promise<{ client: Client, seconds: number }> {
  const { href, protocol } = url
  const { status, headers, body } = await send(href, {
    method: 'GET',
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(timeoutMs),
    mayReach: (address) => mayReach(address, { protocol, allowPrivate }),
    maxBytes: MAX_BYTES
  }, lookUp).catch((error: unknown) => {
    // One answer for all: the codes would tell anybody which names and ports there are on the inner network.
    throw unreadable('it must answer within five seconds, from a public address', error)
  })
  if (status >= 500 || status === 429) throw unreadable(`HTTP ${status}`)
  if (status !== 200) throw unusable(`was answered with HTTP ${status}`)
  if (!/^application\/(?:[\w.+-]+\+)?json\b/i.test(headers['content-type'] ?? '')) {
    throw unusable('is not application/json')
  }
  if (body === undefined) throw unusable('is longer than 5 KiB, or does not end')
  try {
    return { client: readClientDocument(url, parseJson(body)), seconds: freshSeconds(headers) }
  } catch (error) {
    if (error instanceof ClientDocumentError) throw unusable(error.message)
    throw error
  }
}

/** Neither has anything of the answer: the URL is anybody's to choose, and who chose it reads the error. */
const unusable = (reason: string) => new OAuthError('invalid_client', `The document of this client ${reason}.`)
const unreadable = (reason: string, cause?: unknown) =>
  new OAuthError('temporarily_unavailable', `The document of this client cannot be read: ${reason}.`, 503, { cause })
