export interface Cookie {
  name: string
  value: string
  /** Host and port: unlike a real browser's, this jar keeps the servers of one machine apart. */
  host: string
  path: string
  secure: boolean
  httpOnly: boolean
  sameSite: string | undefined
  /** Milliseconds since 1970; `undefined` for a session cookie. */
  expiresAt: number | undefined
}

/**
 * What browsers keep of a cookie at most:
 * https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.5
 */
const MAX_COOKIE_BYTES = 4096

export interface CookieJar {
  /** Takes in the Set-Cookie line of an answer of `url`, or leaves it, as a browser would (RFC 6265 section 5.3). */
  set: (url: URL, line: string) => void
  /** The cookies that go to `url`, longest path first (RFC 6265 section 5.4). SameSite is kept, not acted on. */
  for: (url: URL) => Cookie[]
  header: (url: URL) => string
  all: () => Cookie[]
  clear: () => void
}

/**
 * A cookie is known by name, host with port, and path, as in a browser: a deletion under another path deletes nothing.
 */
export function createCookieJar (): CookieJar {
  let cookies: Cookie[] = []

  function alive (): Cookie[] {
    cookies = cookies.filter((cookie) => cookie.expiresAt === undefined || cookie.expiresAt > Date.now())
    return cookies
  }

  function matching (url: URL): Cookie[] {
    return alive()
      .filter(
        (cookie) =>
          cookie.host === url.host && isBelow(url.pathname, cookie.path) && (!cookie.secure || isTrustworthy(url))
      )
      .toSorted((one, other) => other.path.length - one.path.length)
  }

  return {
    set (url, line) {
      const cookie = parseSetCookie(url, line)
      if (!cookie) return
      cookies = cookies.filter(
        ({ name, host, path }) => name !== cookie.name || host !== cookie.host || path !== cookie.path
      )
      cookies.push(cookie)
    },
    for: matching,
    header: (url) =>
      matching(url)
        .map(({ name, value }) => `${name}=${value}`)
        .join('; '),
    all: () => [...alive()],
    clear () {
      cookies = []
    }
  }
}

/** The cookie of a Set-Cookie line; `undefined` when a browser would refuse it. */
function parseSetCookie (url: URL, line: string): Cookie | undefined {
  const [pair = '', ...rest] = line.split(';').map((part) => part.trim())
  const [name, value] = splitAtEquals(pair)
  const attributes = new Map(rest.map(splitAtEquals).map(([key, text]) => [key.toLowerCase(), text]))
  const path = attributes.get('path') ?? ''
  const cookie = {
    name,
    value,
    host: url.host,
    path: path.startsWith('/') ? path : defaultPath(url),
    secure: attributes.has('secure'),
    httpOnly: attributes.has('httponly'),
    sameSite: attributes.get('samesite'),
    expiresAt: expiry(attributes)
  }
  const isTooLarge = Buffer.byteLength(name + value) > MAX_COOKIE_BYTES
  const isForeign = attributes.has('domain') && attributes.get('domain')?.replace(/^\./, '') !== url.hostname
  const isInsecure = cookie.secure && !isTrustworthy(url)
  return name === '' || isTooLarge || isForeign || isInsecure || breaksPrefix(cookie, url, attributes.has('domain'))
    ? undefined
    : cookie
}

/** `__Host-` and `__Secure-` work on https alone, not even on http://localhost. */
function breaksPrefix ({ name, secure, path }: Cookie, url: URL, hasDomain: boolean): boolean {
  const isSecure = secure && url.protocol === 'https:'
  if (name.startsWith('__Host-')) return !isSecure || hasDomain || path !== '/'
  return name.startsWith('__Secure-') && !isSecure
}

/** Max-Age wins over Expires (RFC 6265 section 5.3). */
function expiry (attributes: Map<string, string>): number | undefined {
  const maxAge = attributes.get('max-age')
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) {
    return Number(maxAge) <= 0 ? 0 : Date.now() + Number(maxAge) * 1000
  }
  const expires = Date.parse(attributes.get('expires') ?? '')
  return Number.isNaN(expires) ? undefined : expires
}

/** Where Secure cookies are taken and sent: https, and this machine, which browsers trust as much. */
function isTrustworthy (url: URL): boolean {
  return url.protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
}

function defaultPath ({ pathname }: URL): string {
  return pathname.slice(0, pathname.lastIndexOf('/')) || '/'
}

function isBelow (pathname: string, path: string): boolean {
  return pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`)
}

function splitAtEquals (text: string): [string, string] {
  const at = text.indexOf('=')
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}
