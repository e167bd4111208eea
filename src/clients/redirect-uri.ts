import { parseUrl } from '../http/url.ts'

/**
 * Whether a redirect URI is one of the registered ones: to the letter (RFC 9700 section 2.1), except that the port of a
 * registered loopback address may be any, for apps that listen where they find room (RFC 8252 section 7.3). Returns
 * undefined when it is, and otherwise which rule it broke, for the developer who reads the answer.
 */
export function redirectUriMistake (received: string, registered: string[]): string | undefined {
  if (registered.some((uri) => uri === received || isSameButForLoopbackPort(uri, received))) return undefined
  const url = parseUrl(received)
  if (!url) return 'it is not an absolute URI'
  if (received.includes('#')) return 'it has a fragment'
  if (registered.length === 0) return 'the client has registered none'
  // The registered one that is most like it is the one that was meant.
  const broken = registered.map((uri) => brokenRules(uri, received)).sort((one, other) => one.length - other.length)[0] ?? []
  return broken[0] ?? 'it is spelled differently'
}

const RULES = [
  ['protocol', 'the scheme is another'], ['hostname', 'the host is another'], ['port', 'the port is another'],
  ['pathname', 'the path is another'], ['search', 'the query is another']
] as const

function brokenRules (registered: string, received: string): string[] {
  const [one, other] = [new URL(registered), new URL(received)]
  const anyPort = LOOPBACK.test(registered)
  return RULES.filter(([member]) => one[member] !== other[member] && !(member === 'port' && anyPort)).map(([, rule]) => rule)
}

const LOOPBACK = /^http:\/\/(127\.0\.0\.1|\[::1\])(?::\d{1,5})?(\/[^#]*)?$/

function isSameButForLoopbackPort (registered: string, received: string): boolean {
  const [one, other] = [LOOPBACK.exec(registered), LOOPBACK.exec(received)]
  return one !== null && other !== null && URL.canParse(received) && one[1] === other[1] && one[2] === other[2]
}
