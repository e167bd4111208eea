import { createCookieJar, type Cookie } from './cookie-jar.ts'

export interface BrowserResponse {
  status: number
  headers: Headers
  /** Of this answer: after redirects, the last one's. */
  url: string
  /** The absolute URL of the Location header, when there is one. */
  location: string | undefined
  text: string
  /** The body as JSON; throws with the body in the message when it is none. */
  json: () => any
  /** Every Location that came on the way here, absolute, this answer's own included. */
  locations: string[]
}

export interface RequestOptions {
  headers?: Record<string, string>
  /** Goes where redirects lead, ten at most. Off by default. */
  follow?: boolean
  form?: Record<string, string>
  json?: unknown
}

export interface Browser {
  /** URLs may be relative to the base URL; a path is below the one of the base URL. */
  get: (url: string, options?: Omit<RequestOptions, 'form' | 'json'>) => Promise<BrowserResponse>
  post: (url: string, options?: RequestOptions) => Promise<BrowserResponse>
  request: (method: string, url: string, options?: RequestOptions) => Promise<BrowserResponse>
  /** Starts a login: the provider's authorization URL. Throws when the answer is no redirect. */
  start: (url: string) => Promise<string>
  /** Visits the provider, which says yes or no: the callback URL. Throws when the answer is no redirect. */
  authorize: (authorizationUrl: string) => Promise<string>
  /** Comes back: the server's answer, whatever it is. */
  callback: (url: string) => Promise<BrowserResponse>
  /** All three. `locations` are the authorization URL, the callback URL, and where the answer leads, if anywhere. */
  login: (startUrl: string) => Promise<BrowserResponse>
  cookies: () => Cookie[]
  /** All of them as a Cookie header, whatever their path and attributes. */
  cookieHeader: () => string
  /** Bytes of the Cookie header that goes to `url`, or to the base URL. */
  cookieHeaderSize: (url?: string) => number
  /** Takes in a Set-Cookie line as if the base URL had sent it. */
  plantCookie: (line: string) => void
  clearCookies: () => void
}

const TIME_LIMIT_MS = 30_000
const MAX_REDIRECTS = 10

/** One person's browser: real requests, and a cookie jar of its own. Each request fails after 30 seconds. */
export function createBrowser (baseUrl: string): Browser {
  const jar = createCookieJar()
  const basePath = new URL(baseUrl).pathname.replace(/\/$/, '')

  function resolve (url: string): URL {
    const isBelow = !url.startsWith('/') || url.startsWith(`${basePath}/`)
    return new URL(isBelow ? url : basePath + url, baseUrl)
  }

  async function fetchOnce (
    method: string,
    url: URL,
    { headers = {}, form, json }: RequestOptions
  ): Promise<BrowserResponse> {
    const cookie = jar.header(url)
    const body = form ? new URLSearchParams(form) : json === undefined ? undefined : JSON.stringify(json)
    const response = await fetch(url, {
      method,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIME_LIMIT_MS),
      headers: {
        ...(cookie && { cookie }),
        ...(json !== undefined && { 'content-type': 'application/json' }),
        ...headers
      },
      ...(body !== undefined && { body })
    })
    for (const line of response.headers.getSetCookie()) jar.set(url, line)
    const text = await response.text()
    const location = response.headers.get('location')
    const absolute = location === null ? undefined : new URL(location, url).href
    return {
      status: response.status,
      headers: response.headers,
      url: url.href,
      location: absolute,
      text,
      json: () => parse(text, url, response.status),
      locations: absolute === undefined ? [] : [absolute]
    }
  }

  async function request (method: string, url: string, options: RequestOptions = {}): Promise<BrowserResponse> {
    let response = await fetchOnce(method, resolve(url), options)
    const locations = [...response.locations]
    while (options.follow && isRedirect(response)) {
      if (locations.length > MAX_REDIRECTS) throw new Error(`Too many redirects:\n${locations.join('\n')}`)
      // 307 and 308 repeat the request; the others make it a GET (RFC 9110 section 15.4).
      const { form, json, ...rest } = options
      const repeats = response.status === 307 || response.status === 308
      response = await fetchOnce(repeats ? method : 'GET', new URL(response.location), repeats ? options : rest)
      locations.push(...response.locations)
    }
    return { ...response, locations }
  }

  async function redirectOf (url: string): Promise<string> {
    const response = await request('GET', url)
    if (!isRedirect(response)) {
      throw new Error(
        `Expected a redirect from ${response.url}, but it answered ${response.status}: ${response.text.slice(0, 500)}`
      )
    }
    return response.location
  }

  async function login (startUrl: string): Promise<BrowserResponse> {
    const authorizationUrl = await redirectOf(startUrl)
    const callbackUrl = await redirectOf(authorizationUrl)
    const response = await request('GET', callbackUrl)
    return { ...response, locations: [authorizationUrl, callbackUrl, ...response.locations] }
  }

  return {
    request,
    get: (url, options) => request('GET', url, options),
    post: (url, options) => request('POST', url, options),
    start: redirectOf,
    authorize: redirectOf,
    callback: (url) => request('GET', url),
    login,
    cookies: jar.all,
    cookieHeader: () => jar.all().map(({ name, value }) => `${name}=${value}`).join('; '),
    cookieHeaderSize: (url = baseUrl) => Buffer.byteLength(jar.header(resolve(url))),
    plantCookie: (line) => jar.set(new URL(baseUrl), line),
    clearCookies: jar.clear
  }
}

function isRedirect (response: BrowserResponse): response is BrowserResponse & { location: string } {
  return response.status >= 301 && response.status <= 308 && response.location !== undefined
}

function parse (text: string, url: URL, status: number): any {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`${url.href} answered ${status} with a body that is not JSON: ${text.slice(0, 500)}`)
  }
}
