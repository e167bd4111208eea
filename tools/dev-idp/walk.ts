const TIME_LIMIT_SECONDS = 15

/**
 * Signs in at the development identity provider as a browser would: follows `authorizationUrl`, keeps cookies, presses
 * the persona's button. Resolves to the URL that the provider sends the browser to in the end, with its `code` or
 * `error`, and does not request it. Rejects when the page has no such persona, when the provider shows an error
 * instead, and after 15 seconds.
 */
export async function signInAs (authorizationUrl: string, persona: string): Promise<string> {
  const signal = AbortSignal.timeout(TIME_LIMIT_SECONDS * 1000)
  const browser = createBrowser(signal)
  let url = new URL(authorizationUrl)
  const { origin } = url
  try {
    let response = await browser.request(url)
    while (true) {
      const location = response.headers.get('location')
      const html = await response.text()
      if (location) {
        url = new URL(location, url)
        if (url.origin !== origin) return url.href
        response = await browser.request(url)
      } else if (response.ok && html.includes('name="persona"')) {
        assertOffered(html, persona)
        response = await browser.request(url, new URLSearchParams({ persona }))
      } else {
        throw new Error(
          `${url.origin}${url.pathname} answered ${response.status} instead of going on: ${readable(html)}`
        )
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error
    const lastPage = url.origin + url.pathname
    throw new Error(
      `The identity provider did not finish within ${TIME_LIMIT_SECONDS} seconds; the last page was ${lastPage}`,
      { cause: error }
    )
  }
}

interface Cookie {
  name: string
  value: string
  path: string
}

/** One origin, one visit: of RFC 6265 it needs names, paths and deletion. */
function createBrowser (signal: AbortSignal) {
  let jar: Cookie[] = []

  function keep (line: string, url: URL) {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
    const [name = '', value = ''] = splitOnce(pair)
    const attribute = new Map(attributes.map(splitOnce).map(([key, text]) => [key.toLowerCase(), text]))
    const path = attribute.get('path') ?? (url.pathname.replace(/\/[^/]*$/, '') || '/')
    jar = jar.filter((cookie) => cookie.name !== name || cookie.path !== path)
    const expires = attribute.get('expires')
    const isOver = attribute.has('max-age')
      ? Number(attribute.get('max-age')) <= 0
      : expires && Date.parse(expires) <= Date.now()
    if (!isOver) jar.push({ name, value, path })
  }

  return {
    async request (url: URL, form?: URLSearchParams): Promise<Response> {
      const isWithin = ({ path }: Cookie) =>
        url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`)
      const cookie = jar
        .filter(isWithin)
        .map(({ name, value }) => `${name}=${value}`)
        .join('; ')
      const response = await fetch(url, {
        redirect: 'manual',
        headers: { accept: 'text/html', ...(cookie && { cookie }) },
        signal,
        ...(form && { method: 'POST', body: form })
      })
      for (const line of response.headers.getSetCookie()) keep(line, url)
      return response
    }
  }
}

function splitOnce (text: string): [string, string] {
  const at = text.indexOf('=')
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function assertOffered (html: string, persona: string) {
  const offered = [...html.matchAll(/name="persona" value="([^"]+)"/g)].map(([, id]) => id)
  if (!offered.includes(persona)) {
    throw new Error(`There is no persona "${persona}" to sign in as, only ${offered.join(', ')}`)
  }
}

function readable (html: string): string {
  return html
    .replace(/<(style|head)[\s\S]*?<\/\1>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 300)
}
