import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { BrowserContext, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { startFakeApple, type FakeApple } from '../fakes/apple.ts'
import { setup } from '../helper.ts'
import { launchChromium } from './chromium.ts'
import { startHttpsProxy, type HttpsProxy } from './https-proxy.ts'

/**
 * Apple's answer in a real browser: a form that posts itself from Apple's site (http://127.0.0.1) to Signet's
 * (https://localhost), where only a SameSite=None cookie comes along (SEC-13).
 */

interface World {
  url: string
  proxy: HttpsProxy
  apple: FakeApple
  context: BrowserContext
  page: Page
}

const browser = await launchChromium(t)

async function world (t: Test, environment: Record<string, string> = {}): Promise<World> {
  const apple = await startFakeApple()
  t.teardown(() => apple.close())
  const proxy = await startHttpsProxy(t)
  const { app } = await setup(t, { ...apple.settings(), ISSUER_URL: proxy.url, ...environment })
  proxy.target(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
  return { url: proxy.url, proxy, apple, ...(await open(t)) }
}

/** A browser of somebody's own. */
async function open (t: Test): Promise<Pick<World, 'context' | 'page'>> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  t.teardown(() => context.close())
  return { context, page: await context.newPage() }
}

/** What the callback got from the browser: its method, where it came from, and the names of its cookies. */
async function callbackOf (page: Page, go: () => Promise<unknown>) {
  const [request] = await Promise.all([page.waitForRequest((one) => one.url().includes('/login/apple/callback')), go()])
  const headers = await request.allHeaders()
  return {
    method: request.method(),
    site: headers['sec-fetch-site'],
    origin: headers['origin'],
    cookies: (headers['cookie'] ?? '').split('; ').map((one) => one.split('=')[0])
  }
}

const SIGNED_IN = '__Host-signet-signed-in'
const PROVIDER = '__Host-signet-provider'

async function namesOfCookies (context: BrowserContext): Promise<string[]> {
  return (await context.cookies()).map(({ name }) => name).sort()
}

/** A page of the app that signs people in, at Signet's host. */
async function startApp (t: Test): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>The app</title><p>Welcome back')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close().closeAllConnections()
  })
  return `http://localhost:${(server.address() as AddressInfo).port}`
}

/** Who the access token on the page that ends a direct sign-in belongs to. */
async function userOf (page: Page, url: string) {
  const [, token = ''] = /Bearer (\S+)"/.exec(await page.locator('pre').first().textContent() ?? '') ?? []
  const response = await page.request.get(`${url}/me`, { headers: { authorization: `Bearer ${token}` } })
  return await response.json()
}

t.test('direct mode: the form comes back by itself, and the page has the tokens', async (t) => {
  const { url, apple, context, page } = await world(t)
  const came = await callbackOf(page, () => page.goto(`${url}/login/apple`))
  await page.waitForURL(`${url}/login/apple/callback`)
  t.match(came, { method: 'POST', site: 'cross-site', origin: apple.url, cookies: [/^__Host-signet-login-/] })
  t.equal(await page.locator('h1').innerText(), 'You are signed in')
  t.match(await userOf(page, url), { name: 'Anne Haro', email: 'anne@example.com', emailVerified: true })
  t.same(await namesOfCookies(context), [PROVIDER, SIGNED_IN], 'the cookie of the login is gone')
  await page.reload()
  t.match(await page.locator('main').innerText(), 'The sign-in is done.', 'the form is posted again, with its mark')
  t.same(apple.unexpected(), [])
})

t.test('cookie mode: the browser ends at the app, with the refresh cookie', async (t) => {
  const app = await startApp(t)
  const { url, apple, context, page } = await world(t, { ALLOWED_ORIGINS: app })
  await page.goto(`${url}/login/apple?return_to=${encodeURIComponent(`${app}/home`)}`)
  await page.waitForURL(`${app}/home`)
  t.equal(await page.title(), 'The app')
  t.match((await context.cookies()).filter(({ name }) => name.endsWith('refresh')), [
    { name: '__Host-signet-refresh', domain: 'localhost', path: '/', secure: true, httpOnly: true, sameSite: 'Strict' }
  ])
  t.same(await namesOfCookies(context), ['__Host-signet-refresh', SIGNED_IN, PROVIDER].sort())
  t.same(apple.unexpected(), [])
})

t.test('the cookie of the login is None and Secure', async (t) => {
  const { url, context, page } = await world(t)
  // Held on Apple's page, so that the cookie can be looked at.
  await page.route('**/login/apple/callback', (route) => route.abort())
  await page.goto(`${url}/login/apple`)
  t.match(await context.cookies(), [
    { name: /^__Host-signet-login-/, secure: true, httpOnly: true, sameSite: 'None', path: '/', domain: 'localhost' }
  ])
})

t.test('as Lax it would not have come', async (t) => {
  const { url, proxy, apple, context, page } = await world(t)
  proxy.setCookie((line) => line.replace('SameSite=None', 'SameSite=Lax'))
  const came = await callbackOf(page, () => page.goto(`${url}/login/apple`))
  await page.waitForURL(`${url}/login/apple/callback`)
  t.match(await context.cookies(), [{ name: /^__Host-signet-login-/, sameSite: 'Lax' }], 'the browser has it')
  t.match(came, { method: 'POST', site: 'cross-site', cookies: [''] })
  t.match(await page.locator('main').textContent(), /This sign-in cannot go on.*invalid_state/s)
  t.equal(apple.calls(apple.paths.token).length, 0)
})

t.test("somebody else's form in my browser signs nobody in", async (t) => {
  const { url, apple, context, page } = await world(t)
  const attacker = await open(t)
  await attacker.page.route('**/login/apple/callback', (route) => route.abort())
  const [request] = await Promise.all([
    attacker.page.waitForRequest('**/login/apple/callback'),
    attacker.page.goto(`${url}/login/apple`)
  ])
  const form = request.postData() ?? ''
  t.match(form, /code=.*state=/)

  const inputs = [...new URLSearchParams(form)]
    .map(([name, value]) => `<input type="hidden" name="${name}" value='${value}'>`)
    .join('')
  await page.goto(apple.url)
  await page.setContent(`
    <form method="post" action="${url}/login/apple/callback">${inputs}</form>
    <script>document.forms[0].submit()</script>`)
  await page.waitForURL(`${url}/login/apple/callback`)
  t.match(await page.locator('main').textContent(), /This sign-in cannot go on.*invalid_state/s)
  t.same(await context.cookies(), [])
  t.equal(apple.calls(apple.paths.token).length, 0)
})

t.test('on http://localhost, for development, Chromium takes the cookie too', async (t) => {
  const apple = await startFakeApple()
  t.teardown(() => apple.close())
  const { url } = await setup(t, apple.settings())
  const { page } = await open(t)
  const came = await callbackOf(page, () => page.goto(`${url}/login/apple`))
  await page.waitForURL(`${url}/login/apple/callback`)
  t.match(came, { method: 'POST', site: 'cross-site', cookies: [/^signet-login-/] })
  t.equal((await userOf(page, url)).name, 'Anne Haro')
})
