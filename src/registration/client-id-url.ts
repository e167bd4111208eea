import { isLoopback, parseUrl } from '../http/url.ts'

/** The longest client id that the endpoints take. */
const MAX_LENGTH = 200

/**
 * The URL of a client id that is one (OAuth Client ID Metadata Document section 3): https with a path, without a
 * fragment, a user name or dot segments, and spelled as browsers would spell it. `allowLoopbackHttp` also accepts http
 * on this machine. Undefined for any other client id.
 */
export function readClientIdUrl (clientId: string, { allowLoopbackHttp = false } = {}): URL | undefined {
  const url = clientId.length <= MAX_LENGTH && !clientId.includes('#') ? parseUrl(clientId) : null
  // A parsed URL has no dot segments, backslashes, default port or capitals in its host.
  if (!url || url.href !== clientId || url.pathname === '/') return undefined
  if (url.username !== '' || url.password !== '') return undefined
  const isAllowed = url.protocol === 'https:' || (allowLoopbackHttp && url.protocol === 'http:' && isLoopback(url))
  return isAllowed ? url : undefined
}
