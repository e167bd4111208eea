import t from 'tap'
import { createBrowser, type Browser, type BrowserResponse } from '../../fakes/browser.ts'
import { sharing } from '../../helper.ts'
import { slow } from '../../slow.ts'
import { setupWithClients, REDIRECT_URI, SPA } from '../setup-with-clients.ts'

// RFC 8252 section 8.6: another app on the person's device may have registered the same scheme, or listen at the
// loopback address. A page that sends the browser here must not get it a code while the provider asks nothing.

const NATIVE = ['com.example.app:/callback', 'http://127.0.0.1:51004/callback', 'http://[::1]:9/cb', 'http://localhost/cb']
const CLIENTS = JSON.stringify([
  { ...SPA, redirect_uris: [...SPA.redirect_uris, 'http://[::1]/cb', 'http://localhost/cb'] }
])

const GOOGLE = { GOOGLE_CLIENT_ID: 'x', GOOGLE_CLIENT_SECRET: 'y' }

const world = sharing(
  t,
  (t, environment) => setupWithClients(t, { CLIENTS, ...GOOGLE, ...environment }),
  ({ github }) => { github.reset() }
)

/** What browsers send with a navigation that a page of another site began. */
const NAVIGATION = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8', 'sec-fetch-site': 'cross-site' }

/** The links of a page, absolute. */
const linksOf = ({ text, url }: BrowserResponse): string[] =>
  [...text.matchAll(/<a class="button" href="([^"]+)"/g)]
    .map(([, href = '']) => new URL(href.replaceAll('&amp;', '&'), url).href)

/** A person clicks a link of the page, and the provider asks nothing. Where the browser is in the end. */
async function click (browser: Browser, link: string): Promise<URL> {
  const headers = { accept: NAVIGATION.accept, 'sec-fetch-site': 'same-origin' }
  const started = await browser.get(link, { headers })
  const back = await browser.callback(await browser.authorize(started.location ?? 'about:blank'))
  return new URL(back.location ?? 'about:blank')
}

slow.test('wanted: a code in a native app of the attacker, by a page that the person only looks at', async (t) => {
  const { url, request, github } = await world(t)
  for (const redirectUri of NATIVE) {
    for (const [sender, headers] of Object.entries({
      navigation: NAVIGATION,
      'an old browser': { accept: 'text/html' },
      'a frame': { ...NAVIGATION, 'sec-fetch-dest': 'iframe' },
      'a script of a page': { accept: 'application/json', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
      'an image': { accept: 'image/*', 'sec-fetch-site': 'same-site', 'sec-fetch-dest': 'image' }
    })) {
      const name = `${redirectUri}, ${sender}`
      const browser = createBrowser(url)
      const { query, path } = request({ redirect_uri: redirectUri })
      for (const answer of [
        await browser.get(path, { headers }),
        await browser.post('/oauth2/authorize', { form: Object.fromEntries(query), headers })
      ]) {
        t.same([answer.status, answer.location], [200, undefined], name)
        t.match(answer.text, /<h1>Sign in to The app<\/h1>[^]*only if you started this yourself/, name)
        t.match(answer.headers.get('content-security-policy'), "frame-ancestors 'none'")
        t.equal(answer.headers.get('cache-control'), 'no-store')
        t.same(linksOf(answer).map((link) => new URL(link).searchParams.get('provider')), ['github'], name)
      }
    }
  }
  t.equal(github.calls('/login/oauth/access_token').length, 0)
})

t.test('one click goes on, on the page of the named provider and on the choice of all', async (t) => {
  const { url, request, exchange } = await world(t)
  for (const redirectUri of NATIVE) {
    for (const provider of ['github', undefined]) {
      const browser = createBrowser(url)
      const { path, codeVerifier } = request({ redirect_uri: redirectUri, provider })
      const page = await browser.get(path, { headers: NAVIGATION })
      const [link = ''] = linksOf(page)
      t.equal(linksOf(page).length, provider === undefined ? 2 : 1)
      const location = await click(browser, link)
      t.ok(location.href.startsWith(redirectUri), redirectUri)
      t.equal(location.searchParams.get('state'), 'the state')
      const code = location.searchParams.get('code') ?? ''
      t.equal((await exchange(code, codeVerifier, { redirect_uri: redirectUri })).status, 200)
    }
  }
})

t.test('wanted: the second step without the first, by a link that the attacker made', async (t) => {
  const { url, request } = await world(t)
  const redirectUri = 'com.example.app:/callback'
  const pageOf = async (browser: Browser, more = {}) =>
    await browser.get(request({ redirect_uri: redirectUri, ...more }).path, { headers: NAVIGATION })
  const linkOf = async (browser: Browser, more = {}) => linksOf(await pageOf(browser, more))[0] ?? ''
  const isStopped = async (browser: Browser, link: string, name: string) => {
    const answer = await browser.get(link, { headers: NAVIGATION })
    t.same([answer.status, answer.location], [200, undefined], name)
  }
  const attackersLink = await linkOf(createBrowser(url))

  await isStopped(createBrowser(url), attackersLink, 'a browser without a page')
  const victim = createBrowser(url)
  const victimsLink = await linkOf(victim)
  await isStopped(victim, attackersLink, 'a browser with a page of its own')
  const confirmation = new URL(victimsLink).searchParams.get('confirmation') ?? ''
  t.match(confirmation, /^[\w-]{43}$/)
  for (const value of ['', 'x', 'x'.repeat(43), new URL(attackersLink).searchParams.get('confirmation') ?? '']) {
    const link = new URL(victimsLink)
    link.searchParams.set('confirmation', value)
    await isStopped(victim, link.href, `confirmation=${value}`)
    await isStopped(victim, `${victimsLink}&confirmation=${value}`, 'sent twice')
  }
  for (const [name, value] of Object.entries({
    code_challenge: 'x'.repeat(43), state: 'another', redirect_uri: 'http://127.0.0.1:1/callback', intent: 'link'
  })) {
    const link = new URL(victimsLink)
    link.searchParams.set(name, value)
    await isStopped(victim, link.href, `the person has confirmed another ${name}`)
  }
  for (const cookie of ['', 'x', 'x'.repeat(43)]) {
    victim.plantCookie(`signet-confirmation=${cookie}; Path=/`)
    await isStopped(victim, victimsLink, `cookie ${cookie}`)
  }
})

t.test('several tabs may wait for their click at once', async (t) => {
  const { url, request } = await world(t)
  const browser = createBrowser(url)
  const links: string[] = []
  for (const redirectUri of NATIVE) {
    links.push(...linksOf(await browser.get(request({ redirect_uri: redirectUri }).path, { headers: NAVIGATION })))
  }
  for (const [index, link] of links.entries()) {
    t.ok((await click(browser, link)).href.startsWith(NATIVE[index] as string))
  }
})

t.test('https links, errors and scripts pass as before', async (t) => {
  const { url, request, authorize } = await world(t)
  const browser = createBrowser(url)
  const web = await browser.get(request({ redirect_uri: REDIRECT_URI }).path, { headers: NAVIGATION })
  t.equal(web.status, 302, 'no other app has the link')
  t.same(browser.cookies().map(({ name }) => name).filter((name) => name.includes('confirmation')), [])
  const failed = await browser.get(request({ redirect_uri: NATIVE[0], prompt: 'none' }).path, { headers: NAVIGATION })
  t.match(failed.location, /^com\.example\.app:\/callback\?error=login_required/, 'an error is no code')
  const { code } = await authorize({ redirect_uri: NATIVE[0] })
  t.ok(code, 'no page made curl come here')
})
