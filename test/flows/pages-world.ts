import { createBrowser, type Browser } from '../fakes/browser.ts'

const HTML = { accept: 'text/html,application/xhtml+xml' }

type Texts = Record<string, string>

/** What a person's browser does at /account and /admin of the Signet at `url`. */
export function pagesOf (url: string) {
  const { origin } = new URL(url)

  const get = (browser: Browser, path = '', headers: Texts = {}) =>
    browser.get(path, { headers: { ...HTML, ...headers } })

  /** Submits a form from Signet's own page, unless `headers` has another origin. */
  const post = (browser: Browser, path = '', form: Texts = {}, headers: Texts = {}) =>
    browser.post(path, { form, headers: { ...HTML, origin, ...headers } })

  /** A person's browser, signed in to the pages. */
  async function visit (provider = 'github', path = '/account'): Promise<Browser> {
    const browser = createBrowser(url)
    const answer = await browser.login(`/login/${provider}?return_to=${encodeURIComponent(url + path)}`)
    if (answer.location !== url + path) throw new Error(`The login ended at ${answer.location}: ${answer.text}`)
    return browser
  }

  /** The path of a link, from Signet's URL on. Undefined for one that leads elsewhere. */
  function pathBelow (link: string): string | undefined {
    const { href, pathname } = new URL(link, url)
    return href.startsWith(`${url}/`) ? pathname.slice(new URL(`${url}/`).pathname.length - 1) : undefined
  }

  /** Opens all pages that links lead to from `starts`: their paths, and where their forms go. */
  async function crawl (browser: Browser, starts: string[]): Promise<{ pages: string[], forms: string[] }> {
    const pages = new Set(starts)
    const forms = new Set<string>()
    for (const page of pages) {
      const { text, status } = await get(browser, page)
      if (status !== 200) continue
      for (const link of found(text, /<a [^>]*href="([^"]*)"/g)) {
        const path = pathBelow(link)
        if (path !== undefined && /^\/(account|admin)(\/|$)/.test(path)) pages.add(path)
      }
      const actions = found(text, /<form method="post" action="([^"]*)"/g)
      for (const action of actions) forms.add(pathBelow(action) ?? action)
    }
    return { pages: [...pages], forms: [...forms] }
  }

  return { get, post, visit, crawl }
}

function found (text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, value = '']) => value.replaceAll('&amp;', '&'))
}

/** The first group of a pattern in a page. Throws when the page has no such thing. */
export function findIn (text: string, pattern: RegExp): string {
  const [value] = found(text, new RegExp(pattern, 'g'))
  if (value === undefined) throw new Error(`There is no ${pattern} in ${text}`)
  return value
}
