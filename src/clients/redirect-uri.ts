import { isRedirectUri, parseUrl } from '../http/url.ts'

/**
 * Compares a redirect URI with the registered ones: as text (RFC 9700 section 2.1), but a registered loopback address may
 * have any port, because native apps listen on a free one (RFC 8252 section 7.3). Returns undefined when one is the
 * same, and otherwise which rule is broken, for the developer who reads the response.
 */
export function redirectUriMistake (received: string, registered: string[]): string | undefined {
  if (registered.some((uri) => uri === received || isSameButForLoopbackPort(uri, received))) {
    // An older version registered others, too.
    return isRedirectUri(received) ? undefined : 'it may not be a redirect URI'
  }
  const url = parseUrl(received)
  if (!url) return 'it is not an absolute URI'
  if (received.includes('#')) return 'it has a fragment'
  if (registered.length === 0) return 'the client has registered none'
  // The client probably meant the registered one that breaks the fewest rules.
  const broken = registered.map((uri) => brokenRules(uri, received)).sort((one, other) => one.length - other.length)[0] ?? []
  return broken[0] ?? 'it is spelled differently'
}

const RULES = [
  ['protocol', 'the scheme is another'], ['hostname', 'the host is another'], ['port', 'the port is another'],
  ['pathname', 'the path is another'], ['search', 'the query is another']
] as const

/** True for an app on the person's own device: a loopback address or the app's own scheme (RFC 8252 section 7). */
export function isNativeRedirectUri (uri: string): boolean {
  return !uri.startsWith('https:')
}

function brokenRules (registered: string, received: string): string[] {
  const [one, other] = [new URL(registered), new URL(received)]
  const anyPort = LOOPBACK.test(registered)
  return RULES.filter(([member]) => one[member] !== other[member] && !(member === 'port' && anyPort)).map(([, rule]) => rule)
}

const LOOPBACK = /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(?::\d{1,5})?(\/[^#]*)?$/

function isSameButForLoopbackPort (registered: string, received: string): boolean {
  const [one, other] = [LOOPBACK.exec(registered), LOOPBACK.exec(received)]
  return one !== null && other !== null && URL.canParse(received) && one[1] === other[1] && one[2] === other[2]
}
