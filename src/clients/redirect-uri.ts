import { isRedirectUri, parseUrl } from '../http/url.ts'

/**
 * Compares a redirect URI with the registered ones: exactly (RFC 9700 section 2.1), except that the port of a
 * registered loopback address may differ, for apps that listen on a free port (RFC 8252 section 7.3). Returns undefined
 * when it is registered, and otherwise what is wrong with it, for the developer who reads the error.
 */
export function redirectUriMistake (received: string, registered: string[]): string | undefined {
  if (registered.some((uri) => uri === received || differsInLoopbackPortOnly(uri, received))) {
    // An older version registered others, too.
    return isRedirectUri(received) ? undefined : 'it may not be a redirect URI'
  }
  const url = parseUrl(received)
  if (!url) return 'it is not an absolute URI'
  if (received.includes('#')) return 'it has a fragment'
  if (registered.length === 0) return 'the client has registered none'
  // The registered URI with the fewest differences is probably the one that was meant.
  const candidates = registered.map((uri) => differences(uri, received))
  const [fewest = []] = candidates.sort((one, other) => one.length - other.length)
  return fewest[0] ?? 'it is spelled differently'
}

const PARTS = [
  ['protocol', 'the scheme differs'], ['hostname', 'the host differs'], ['port', 'the port differs'],
  ['pathname', 'the path differs'], ['search', 'the query differs']
] as const

/** True for an app on the person's own device: a loopback address or the app's own scheme (RFC 8252 section 7). */
export function isNativeRedirectUri (uri: string): boolean {
  return !uri.startsWith('https:')
}

/**
 * Where the client's own pages are: the origin of its first redirect URI that is a page's at a known port. Undefined
 * for a third party, whose name and address nobody has checked.
 */
export function homeOf (
  { name, redirectUris, thirdParty }: { name: string, redirectUris: string[], thirdParty?: object }
) {
  if (thirdParty) return undefined
  const uri = redirectUris.find((uri) => uri.startsWith('https:') || (LOOPBACK.test(uri) && new URL(uri).port !== ''))
  return uri === undefined ? undefined : { name, url: `${new URL(uri).origin}/` }
}

function differences (registered: string, received: string): string[] {
  const [one, other] = [new URL(registered), new URL(received)]
  const anyPort = LOOPBACK.test(registered)
  return PARTS
    .filter(([part]) => one[part] !== other[part] && !(part === 'port' && anyPort))
    .map(([, difference]) => difference)
}

const LOOPBACK = /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(?::\d{1,5})?(\/[^#]*)?$/

function differsInLoopbackPortOnly (registered: string, received: string): boolean {
  const [one, other] = [LOOPBACK.exec(registered), LOOPBACK.exec(received)]
  return one !== null && other !== null && URL.canParse(received) && one[1] === other[1] && one[2] === other[2]
}
