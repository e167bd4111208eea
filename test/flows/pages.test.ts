import t, { type Test } from 'tap'
import { createBrowser, type Browser, type BrowserResponse } from '../fakes/browser.ts'
import { sharing } from '../helper.ts'
import { REDIRECT_URI, SPA, setupWithClients } from './setup-with-clients.ts'

/** What people get where other clients get JSON. */

const AS_BROWSER = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } }

async function open (t: Test, environment: Record<string, string> = {}) {
  return await setupWithClients(t, { ALLOWED_ORIGINS: 'https://app.example.com', ...environment })
}

const world = sharing(t, open, ({ github }) => {
  github.heal()
  github.allow()
})

/** A sign-in whose callback a browser opens. */
async function signIn (browser: Browser, start: string) {
  const callbackUrl = await browser.authorize(await browser.start(start))
  return { callbackUrl, page: await browser.get(callbackUrl, AS_BROWSER) }
}

const titleOf = ({ text }: BrowserResponse) => /<h1>(.*?)<\/h1>/s.exec(text)?.[1]
/** The text and target of each link, in order. */
const linksOf = ({ text }: BrowserResponse) => [...text.matchAll(/<a [^>]*href="([^"]*)"[^>]*>(.*?)<\/a>/gs)]
  .map(([, href = '', content = '']) => [content.replace(/<span class="mark.*?<\/span>|<[^>]*>/gs, ''),
    href.replaceAll('&amp;', '&')])
/** What stands before the part for developers. */
const wordsOf = ({ text }: BrowserResponse) => text.slice(text.indexOf('<main>'), text.indexOf('<details>'))

t.test('a browser that signs in directly sees who it is; the tokens stand behind a disclosure', async (t) => {
  const { url, me } = await world(t)
  const { page } = await signIn(createBrowser(url), '/login/github')
  t.equal(page.status, 200)
  t.match(page.headers.get('content-type'), /^text\/html/)
  t.equal(page.headers.get('cache-control'), 'no-store')
  t.equal(titleOf(page), 'You are signed in')
  t.match(wordsOf(page), 'You are signed in as The Octocat.')
  t.notMatch(wordsOf(page), /eyJ|client|provider|npm/)
  const [, token = ''] = /Bearer (eyJ[\w.-]+)/.exec(page.text) ?? []
  t.equal(await me(token), 200)
  t.match(page.text, /<details>.*refresh_token=[\w-]{100,}/s)
})

t.test('a name with markup is shown as it is', async (t) => {
  const { url, github } = await world(t)
  github.user({ id: 2, login: 'x', name: '<img src=x> & "co"' })
  const { page } = await signIn(createBrowser(url), '/login/github')
  t.match(page.text, 'You are signed in as &lt;img src=x&gt; &amp; &quot;co&quot;.')
  github.user({ id: 1, login: 'octocat', name: 'The Octocat', email: 'octocat@github.com' })
})

t.test('a callback loaded again says that the sign-in is done, in this browser and for this state', async (t) => {
  const { url, sql } = await world(t)
  const browser = createBrowser(url)
  const { callbackUrl } = await signIn(browser, '/login/github')
  const again = await browser.get(callbackUrl, AS_BROWSER)
  t.match([again.status, titleOf(again)], [200, 'You are signed in'])
  t.notMatch(again.text, /eyJ|refresh_token/, 'without the tokens')
  t.same(linksOf(again), [['Your account', `${url}/account`], ['Sign in again', `${url}/login`]])

  const stranger = await createBrowser(url).get(callbackUrl, AS_BROWSER)
  t.match([stranger.status, titleOf(stranger)], [400, 'This sign-in cannot go on'])
  const other = new URL(callbackUrl)
  other.searchParams.set('state', 'x'.repeat(43))
  t.equal((await browser.get(other.href, AS_BROWSER)).status, 400, 'another state')
  t.match((await browser.callback(callbackUrl)).json(), { status: 400, code: 'invalid_state' }, 'JSON as before')

  const marks = browser.cookies().filter(({ name }) => name === 'signet-signed-in')
  t.match(marks, [{ httpOnly: true, sameSite: 'Lax' }])
  const forged = (marks[0]?.value ?? '').replace(/.(?=.{9}$)/, (one) => one === 'A' ? 'B' : 'A')
  browser.plantCookie(`signet-signed-in=${forged}; Path=/`)
  t.equal((await browser.get(callbackUrl, AS_BROWSER)).status, 400, 'a forged mark')
  t.equal(Number((await sql.query('SELECT count(*) FROM sessions')).rows[0].count), 1)
})

t.test('after a sign-in for an app it offers the way back to the app', async (t) => {
  const { url, request } = await world(t)
  for (const start of [request().path, `/login/github?return_to=${encodeURIComponent('https://app.example.com/x?y=1')}`]) {
    const browser = createBrowser(url)
    const { callbackUrl, page } = await signIn(browser, start)
    t.equal(page.status, 302)
    t.same(linksOf(await browser.get(callbackUrl, AS_BROWSER)), [['Back to app.example.com', 'https://app.example.com/']])
  }
})

t.test('a mark of a sign-in that failed does not exist', async (t) => {
  const { url, github } = await world(t)
  github.deny()
  const browser = createBrowser(url)
  const { callbackUrl, page } = await signIn(browser, '/login/github')
  t.match([page.status, titleOf(page)], [403, 'You are not signed in'])
  t.match(wordsOf(page), 'The sign-in at GitHub was stopped, so nothing was changed.')
  t.same(linksOf(page), [['Try again', `${url}/login/github`], ['Choose another way to sign in', `${url}/login`]])
  t.match([(await browser.get(callbackUrl, AS_BROWSER)).status, browser.cookies()], [400, []])
})

t.test('every error has a page with plain words and a next step, and JSON for everyone else', async (t) => {
  const { url, request } = await world(t)
  const tryAgain = (path: string) => ['Try again', url + path]
  const back = ['Back to The app', 'https://app.example.com/']
  const signOut = ['Sign out', `${url}/oauth2/logout`]
  for (const [path, status, code, title, links] of [
    ['/login/nowhere?return_to=https%3A%2F%2Fapp.example.com', 404, 'unknown_provider', 'You cannot sign in this way',
      [['Choose another way to sign in', `${url}/login?return_to=https%3A%2F%2Fapp.example.com`]]],
    ['/login/github?return_to=https://evil.example', 400, 'invalid_return_to', 'This link does not work', []],
    ['/login/github?max_age=x', 400, 'invalid_request', 'This link does not work', []],
    ['/login/github/callback', 400, 'invalid_state', 'This sign-in cannot go on', [tryAgain('/login')]],
    ['/login/a/b/c', 404, 'not_found', 'There is nothing here', [['Sign in', `${url}/login`]]],
    ['/nowhere', 404, 'not_found', 'There is nothing here', [['Sign in', `${url}/login`]]],
    ['/oauth2/authorize', 400, 'invalid_request', 'This sign-in cannot start', []],
    ['/oauth2/authorize?client_id=nobody', 400, 'invalid_request', 'This sign-in cannot start', []],
    [request({ redirect_uri: 'https://evil.example/' }).path, 400, 'invalid_request', 'This sign-in cannot start', [back]],
    ['/oauth2/logout?client_id=nobody', 400, 'invalid_request', 'You are not signed out', [signOut]],
    ['/oauth2/logout?client_id=spa&post_logout_redirect_uri=https://evil.example', 400, 'invalid_request',
      'You are not signed out', [back, signOut]],
    ['/device/confirm', 400, 'invalid_state', 'Please start again', [['Type the code again', `${url}/device`]]]
  ] as const) {
    const page = await createBrowser(url).get(path, AS_BROWSER)
    t.match([page.status, page.headers.get('content-type'), titleOf(page)], [status, /^text\/html/, title], path)
    t.same(linksOf(page), links, `${path}: the next step`)
    t.notMatch(wordsOf(page), /client|provider|attempt|npm|URI|state/, `${path}: words for a person`)
    t.match(page.text, `<code>${code}</code>`, 'the code stands in the part for developers')
    t.match(page.text, `<code>${page.headers.get('x-request-id')}</code>`)
    t.equal(page.headers.get('cache-control'), 'no-store')
    t.match(page.headers.get('vary'), /Accept, Accept-Language$/)
    const json = await createBrowser(url).get(path)
    t.match([json.status, json.json().code], [status, code], `${path}: JSON`)
  }
})

t.test('an error page does not lead anywhere that a query says', async (t) => {
  const { url, request } = await world(t)
  for (const path of [
    request({ redirect_uri: 'https://evil.example/' }).path,
    '/oauth2/logout?client_id=spa&post_logout_redirect_uri=https://evil.example',
    '/login?return_to=https://evil.example',
    '/login/github?return_to=https://evil.example'
  ]) {
    const page = await createBrowser(url).get(path, AS_BROWSER)
    t.equal(page.status, 400)
    for (const [, href = ''] of linksOf(page)) t.notMatch(new URL(href, url).host, 'evil', path)
  }
})

t.test('trying again keeps what the sign-in was started with', async (t) => {
  const { url } = await world(t, { OIDC_PROVIDERS: 'off', OIDC_OFF_ISSUER: 'http://127.0.0.1:9', OIDC_OFF_CLIENT_ID: 'x', OIDC_OFF_CLIENT_SECRET: 'y', OIDC_OFF_NAME: 'Off' })
  const query = '?login_hint=octo%40cat&prompt=login'
  const page = await createBrowser(url).get(`/login/off${query}`, AS_BROWSER)
  t.match([page.status, titleOf(page)], [502, 'The sign-in did not work'])
  t.match(wordsOf(page), 'Off could not complete it.')
  t.same(linksOf(page), [
    ['Try again', `${url}/login/off${query}`], ['Choose another way to sign in', `${url}/login${query}`]
  ])
})

t.test('the sign-in page can be left: the app gets access_denied', async (t) => {
  const { url, request } = await world(t)
  const cancelOf = (page: BrowserResponse) => new URL(linksOf(page).find(([text]) => text === 'Cancel')?.[1] ?? '')
  const denied = { error: 'access_denied', error_description: 'The person cancelled the sign-in.' }
  const code = cancelOf(await createBrowser(url).get(request({ provider: undefined }).path, AS_BROWSER))
  t.equal(code.origin + code.pathname, 'https://app.example.com/callback')
  t.same(Object.fromEntries(code.searchParams), { tenant: '1', ...denied, state: 'the state', iss: url })

  const returnTo = 'https://app.example.com/home?tab=2#top'
  const query = new URLSearchParams({ return_to: returnTo })
  const cookie = cancelOf(await createBrowser(url).get(`/login?${query}`, AS_BROWSER))
  t.same([cookie.origin + cookie.pathname, cookie.hash], ['https://app.example.com/home', '#top'])
  t.same(Object.fromEntries(cookie.searchParams), { tab: '2', ...denied })

  const byForm = request({ provider: undefined, response_mode: 'form_post' }).path
  const form = await createBrowser(url).get(byForm, AS_BROWSER)
  t.match(form.text, `<form method="post" action="${REDIRECT_URI}">`)
  t.match(form.text, 'name="error" value="access_denied"')
  t.match(form.text, 'name="state" value="the state"')
  t.match(form.headers.get('content-security-policy'), "form-action 'self' https:")
  t.same(linksOf(await createBrowser(url).get('/login', AS_BROWSER)).map(([text]) => text), ['Continue with GitHub'])
})

t.test('the provider that was used last comes first, by a cookie that holds its id alone', async (t) => {
  const acme = { OIDC_PROVIDERS: 'acme', OIDC_ACME_ISSUER: 'http://127.0.0.1:9', OIDC_ACME_CLIENT_ID: 'x', OIDC_ACME_CLIENT_SECRET: 'y', OIDC_ACME_NAME: 'Acme' }
  const { url, request } = await world(t, acme)
  const browser = createBrowser(url)
  const buttons = async (path: string) => linksOf(await browser.get(path, AS_BROWSER)).map(([text]) => text)
  t.same(await buttons('/login'), ['Continue with GitHub', 'Continue with Acme'])
  browser.plantCookie('signet-provider=acme; Path=/')
  t.same(await buttons('/login'), ['Continue with Acme', 'Continue with GitHub'])
  t.match((await browser.get('/login', AS_BROWSER)).text, /Continue with Acme.*Used last time.*Continue with GitHub/s)
  t.match((await browser.get('/login')).json().providers, [{ id: 'github' }, { id: 'acme' }], 'JSON as before')
  await signIn(browser, '/login/github')
  t.match(browser.cookies().find(({ name }) => name === 'signet-provider'), {
    value: 'github', httpOnly: true, sameSite: 'Lax', path: '/'
  })
  t.same(await buttons(request({ provider: undefined }).path), ['Continue with GitHub', 'Continue with Acme', 'Cancel'])
  for (const forged of ['nobody', '%3Cscript%3E', '__proto__']) {
    browser.plantCookie(`signet-provider=${forged}; Path=/`)
    const page = await browser.get('/login', AS_BROWSER)
    t.notMatch(page.text, /nobody|script|Used last/, forged)
  }
})

t.test('a client that is no browser gets no cookie of the pages', async (t) => {
  const { url } = await world(t)
  const browser = createBrowser(url)
  t.equal((await browser.login('/login/github')).status, 200)
  t.same(browser.cookies(), [])
})

t.test('the pages carry the name and logo of the service, and of the client that a person signs in to', async (t) => {
  const spa = {
    ...SPA, logo_uri: 'https://cdn.example.com/logo.png', tos_uri: 'https://app.example.com/terms?a=1&b="'
  }
  const { url, request } = await world(t, {
    APP_NAME: 'Notes & more',
    LOGO_URL: 'https://static.example.com/logo.svg?v=1',
    PRIVACY_URL: 'https://example.com/privacy',
    CLIENTS: JSON.stringify([spa])
  })
  const login = await createBrowser(url).get('/login', AS_BROWSER)
  t.equal(titleOf(login), 'Sign in to Notes &amp; more')
  t.match(login.text, '<title>Sign in to Notes &amp; more · Notes &amp; more</title>')
  t.match(login.text, '<img src="https://static.example.com/logo.svg?v=1" alt=""')
  t.match(login.headers.get('content-security-policy'), /img-src 'self' https:\/\/static\.example\.com;/)
  t.match(linksOf(login), [['Continue with GitHub'], ['Privacy', 'https://example.com/privacy']])

  const authorize = await createBrowser(url).get(request({ provider: undefined }).path, AS_BROWSER)
  t.equal(titleOf(authorize), 'Sign in to The app')
  t.match(authorize.text, '<img src="https://cdn.example.com/logo.png" alt=""')
  t.match(authorize.headers.get('content-security-policy'), /img-src 'self' https:\/\/cdn\.example\.com;/)
  t.match(linksOf(authorize).slice(2), [
    ['Privacy', 'https://example.com/privacy'], ['Terms of use', 'https://app.example.com/terms?a=1&b=&quot;']
  ])
})

t.test('without them the name is the host, and no image of elsewhere may load', async (t) => {
  const { url } = await world(t)
  const page = await createBrowser(url).get('/login', AS_BROWSER)
  t.equal(titleOf(page), `Sign in to ${new URL(url).host}`)
  t.match(page.headers.get('content-security-policy'), /img-src 'self';/)
})

t.test('the icon is an icon, and cached', async (t) => {
  const { url } = await world(t)
  const response = await fetch(`${url}/favicon.ico`)
  t.match([response.status, response.headers.get('content-type')], [200, 'image/x-icon'])
  t.match(response.headers.get('cache-control'), /max-age=86400/)
  t.same([...new Uint8Array(await response.arrayBuffer()).slice(0, 6)], [0, 0, 1, 0, 1, 0])
})

t.test('the pages are in the language of the person, with its direction', async (t) => {
  const { url, request } = await world(t)
  for (const [path, language, headers, expected] of [
    ['/login', 'de', { 'accept-language': 'de-CH,de;q=0.9' }, 'Weiter mit GitHub'],
    ['/login?ui_locales=es-MX%20en', 'es', { 'accept-language': 'de' }, 'Continuar con GitHub'],
    [request({ provider: undefined, ui_locales: 'ja' }).path, 'ja', {}, 'The app にサインイン'],
    ['/nowhere', 'ar', { 'accept-language': 'ar-EG' }, 'لا يوجد شيء هنا'],
    ['/device', 'de', { 'accept-language': 'de' }, 'Gerät verbinden'],
    ['/oauth2/logout', 'ja', { 'accept-language': 'ja' }, 'サインアウトしますか？'],
    ['/login', 'en', { 'accept-language': 'xx' }, 'Continue with GitHub'],
    ['/login', 'en', {}, 'Continue with GitHub']
  ] as const) {
    const page = await createBrowser(url).get(path, { headers: { ...AS_BROWSER.headers, ...headers } })
    t.match(page.text, `<html lang="${language}" dir="${language === 'ar' ? 'rtl' : 'ltr'}">`, path)
    t.match(page.text, expected)
    t.equal(page.headers.get('content-language'), language)
  }
})

t.test('a sign-in with ui_locales stays in its language after the provider, in browsers alone', async (t) => {
  const { url, github, request } = await world(t)
  const browser = createBrowser(url)
  const german = { headers: { ...AS_BROWSER.headers, 'accept-language': 'de' } }
  const { location = '', headers } = await browser.get('/login/github?ui_locales=ja', german)
  t.match(headers.getSetCookie().find((line) => line.startsWith('signet-language=')),
    'signet-language=ja; Max-Age=600; Path=/; HttpOnly; SameSite=Lax')
  github.deny()
  const declined = await browser.get(await browser.authorize(location), german)
  t.match([declined.status, declined.headers.get('content-language')], [403, 'ja'])
  t.equal((await browser.get('/login', german)).headers.get('content-language'), 'ja')
  const asked = await browser.get('/login?ui_locales=es', german)
  t.equal(asked.headers.get('content-language'), 'es', 'what the request itself asks for comes first')
  github.allow()

  browser.clearCookies()
  browser.plantCookie('signet-language=%3Cscript%3E')
  t.equal((await browser.get('/login', german)).headers.get('content-language'), 'de')
  for (const start of [request({ ui_locales: 'ja' }).path, '/login/github?ui_locales=ja']) {
    const program = createBrowser(url)
    await program.start(start)
    t.notOk(program.cookies().some(({ name }) => name === 'signet-language'), start)
  }
})
