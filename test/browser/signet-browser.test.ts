import { createServer } from 'node:http'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import type { BrowserContext, Page, Request } from 'playwright-core'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/package-root.ts'
import { freePort } from '../free-port.ts'
import { eventually, sharing } from '../helper.ts'
import { launchChromium } from './chromium.ts'
import { startSignet } from './signet.ts'
import { choosePersona } from './world.ts'

/** An app of one page that uses packages/browser as it is published, and Signet, on one site. */
async function openWorld (t: Test, environment: Record<string, string> = {}) {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const running = await startSignet(t, { ALLOWED_ORIGINS: origin, ACCESS_TOKEN_TTL: '900', ...environment })
  const { outputFiles: [script] } = buildSync({
    entryPoints: [join(packageRoot, 'packages/browser/src/index.ts')],
    bundle: true,
    minify: true,
    format: 'esm',
    write: false
  })
  const page = `<!doctype html><title>App</title><script type="module">
    import { createSignet } from '/signet.js'
    window.users = []
    window.signet = createSignet({ url: '${running.url}', onUserChange: (id) => users.push(id ?? null) })
  </script>`
  const server = createServer((request, response) => {
    const isScript = request.url === '/signet.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(request.url?.startsWith('/api') ? JSON.stringify(request.headers) : isScript ? script?.text : page)
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return { ...running, origin, browser: await launchChromium(t) }
}

const world = sharing(t, openWorld)

/** A browser whose requests for tokens are counted, with as many tabs of the app. */
async function openTabs (t: Test, count: number, environment?: Record<string, string>) {
  const { browser, origin, ...running } = await world(t, environment)
  const context = await browser.newContext()
  t.teardown(() => context.close())
  const refreshes: Request[] = []
  context.on('request', (request) => {
    if (request.url() === `${running.url}/oauth2/token`) refreshes.push(request)
  })
  const tabs: Page[] = []
  for (let n = 0; n < count; n++) tabs.push(await openTab(context, origin))
  return { ...running, origin, context, tabs, refreshes }
}

async function openTab (context: BrowserContext, origin: string): Promise<Page> {
  const tab = await context.newPage()
  await tab.goto(origin)
  await tab.waitForFunction('window.signet')
  return tab
}

async function signIn (tab: Page, persona = 'Verified Vera'): Promise<void> {
  await tab.goto(await tab.evaluate<string>("signet.loginUrl('dev')"))
  await choosePersona(tab, persona)
  await tab.waitForFunction('window.signet')
}

/** The statuses of ten calls of /me at once. */
const TEN_CALLS = (url: string) => `
  Promise.all(Array.from({ length: 10 }, () => signet.fetch('${url}/me').then(({ status }) => status)))`

t.test('ten requests at once in each of two tabs cause one refresh', async (t) => {
  const { url, tabs, refreshes, context, sql } = await openTabs(t, 2)
  const [one, other] = tabs as [Page, Page]
  await signIn(one)
  t.equal(refreshes.length, 0, 'nothing was asked for yet')
  for (let round = 1; round <= 5; round++) {
    const statuses = await Promise.all([one, other].map((tab) => tab.evaluate<number[]>(TEN_CALLS(url))))
    t.same(statuses.flat(), Array.from({ length: 20 }, () => 200), `round ${round}`)
    t.equal(refreshes.length, round, 'one refresh')
    t.match((await sql.query('SELECT counter FROM sessions')).rows, [{ counter: round }])
    // As long after: the token has expired in both tabs.
    for (const tab of [one, other]) {
      await tab.evaluate(`(Date.real ??= Date.now, Date.now = () => Date.real() + ${round} * 1_000_000)`)
    }
  }
  const names = (await context.cookies(url)).map(({ name }) => name)
  t.ok(names.includes('signet-refresh'))
  for (const place of ['document.cookie', 'JSON.stringify(localStorage)', 'JSON.stringify(sessionStorage)']) {
    t.ok(['', '{}'].includes(await one.evaluate<string>(place)), `no token in ${place}`)
  }
})

t.test('a sign-out in one tab is seen in the other, and its token is gone', async (t) => {
  const { url, tabs, refreshes, sql } = await openTabs(t, 2)
  const [one, other] = tabs as [Page, Page]
  await signIn(one)
  await one.evaluate('signet.accessToken()')
  await other.waitForFunction('users.length === 1')
  const { rows: [{ id }] } = await sql.query('SELECT id FROM users')
  t.equal(await other.evaluate('users[0]'), id, 'it learnt who signed in')
  t.same(await other.evaluate(TEN_CALLS(url)), Array.from({ length: 10 }, () => 200))
  t.equal(refreshes.length, 1, 'with the token of the first')
  await one.evaluate('signet.signOut()')
  await other.waitForFunction('users.length === 2')
  t.same(await other.evaluate('users'), [id, null])
  t.same(await one.evaluate('users'), [id, null])
  t.match((await sql.query('SELECT revoked_at FROM sessions')).rows, [{ revoked_at: Date }])
  for (const tab of [one, other]) t.equal(await tab.evaluate('signet.accessToken()'), undefined)
  t.equal(await other.evaluate(`signet.fetch('${url}/me').then(({ status }) => status)`), 401)
})

t.test('another person who signs in in one tab is the user of the other one too', async (t) => {
  const { tabs } = await openTabs(t, 2)
  const [one, other] = tabs as [Page, Page]
  await signIn(one)
  await one.evaluate('signet.accessToken()')
  await other.waitForFunction('users.length === 1')
  await signIn(one, 'No-email Nora')
  await one.evaluate('signet.accessToken()')
  await other.waitForFunction('users.length === 2')
  const users = await other.evaluate<string[]>('users')
  t.not(users[1], users[0])
  t.same(await one.evaluate('users'), [users[1]])
})

t.test('a session that ended elsewhere is found out by a 401, and both tabs are told', async (t) => {
  const { url, tabs, sql } = await openTabs(t, 2)
  const [one, other] = tabs as [Page, Page]
  await signIn(one)
  await one.evaluate('signet.accessToken()')
  await other.waitForFunction('users.length === 1')
  await sql.query("UPDATE sessions SET revoked_at = now(), revocation_reason = 'admin'")
  t.equal(await one.evaluate(`signet.fetch('${url}/me').then(({ status }) => status)`), 401)
  for (const tab of [one, other]) await tab.waitForFunction('users.at(-1) === null')
})

t.test('the token goes to Signet, the own origin and those of `apis` alone', async (t) => {
  const { tabs: [tab], origin } = await openTabs(t, 1)
  await signIn(tab!)
  const sent = 'signet.fetch(\'/api\', { headers: { \'x-own\': \'1\' } }).then((response) => response.json())'
  t.match(await tab!.evaluate(sent), { authorization: /^Bearer ey/, 'x-own': '1' })
  await t.rejects(tab!.evaluate(`signet.fetch('${origin.replace('localhost', '127.0.0.1')}/api')`),
    /RangeError: http:\/\/127\.0\.0\.1:\d+ is not in apis/)
})

t.test('while Signet cannot answer, the session stays, and the next call tries again', async (t) => {
  const { url, tabs: [tab], context, refreshes } = await openTabs(t, 1)
  await signIn(tab!)
  await context.route(`${url}/oauth2/token`, (route) => route.fulfill({
    status: 503, headers: { 'access-control-allow-origin': '*' }
  }).catch(() => {}))
  await t.rejects(tab!.evaluate('signet.accessToken()'), /Failed to fetch|SignetError: Signet answered 503/)
  t.same(await tab!.evaluate('users'), [])
  await context.unroute(`${url}/oauth2/token`)
  t.match(await tab!.evaluate('signet.accessToken()'), /^ey/)
  await eventually('both requests were counted', () => refreshes.length === 2)
})
