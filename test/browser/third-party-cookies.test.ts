import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { BrowserContext, Page } from 'playwright-core'
import { launchProfile } from './chromium.ts'
import { choosePersona, signInThroughChooser, startWorld } from './world.ts'

// So short that both pages must refresh by themselves every few seconds.
const world = await startWorld(t, { ACCESS_TOKEN_TTL: '6' })
const { url, otherSite, sameSite } = world
const TOKEN_URL = `${url}/oauth2/token`

/** Every frame inside a page that there ever was. */
async function watchFrames (context: BrowserContext): Promise<string[]> {
  const frames: string[] = []
  context.on('page', (page) => {
    page.on('frameattached', (frame) => frames.push(`a frame in ${page.url()} (${frame.url()})`))
    page.on('framenavigated', (frame) => {
      if (frame.parentFrame()) frames.push(frame.url())
    })
  })
  context.on('request', (request) => {
    if (request.frame().parentFrame()) frames.push(request.url())
  })
  return frames
}

/** What a page gets of the SameSite=None cookie of another site. */
async function thirdPartyCookie (t: Test, context: BrowserContext): Promise<string> {
  const server = createServer((request, response) => {
    response.setHeader('set-cookie', 'probe=1; SameSite=None; Secure')
    response.setHeader('access-control-allow-origin', otherSite).setHeader('access-control-allow-credentials', 'true')
    response.end(request.headers.cookie ?? 'nothing')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const there = `http://localhost:${(server.address() as AddressInfo).port}/`
  const page = await context.newPage()
  await page.goto(there)
  await page.reload()
  t.equal(await page.locator('body').innerText(), 'probe=1', 'it is a cookie of the first party there')
  await page.goto(otherSite)
  return await page.evaluate<string>(
    `fetch(${JSON.stringify(there)}, { credentials: 'include' }).then((response) => response.text())`
  )
}

async function refreshesByItself (t: Test, page: Page): Promise<void> {
  for (let round = 0; round < 2; round++) t.equal((await page.waitForResponse(TOKEN_URL)).status(), 200)
  await page.getByRole('button', { name: 'Call /me' }).click()
  await page.getByLabel('Answer of GET /me').filter({ hasText: 'vera@example.com' }).waitFor()
}

t.test('this browser does block third-party cookies, and would not without being told', async (t) => {
  t.equal(await thirdPartyCookie(t, await launchProfile(t, 'blocked')), 'nothing')
  t.equal(await thirdPartyCookie(t, await launchProfile(t, 'allowed')), 'probe=1')
})

t.test(
  'code mode, on another site: sign-in, silent refresh by itself, reload and sign-out, without a frame',
  async (t) => {
    const context = await launchProfile(t, 'blocked')
    const frames = await watchFrames(context)
    const page = await context.newPage()
    await page.goto(otherSite)
    await signInThroughChooser(page, 'Verified Vera')
    await page.getByRole('heading', { name: 'Hello, Verified Vera' }).waitFor()
    await refreshesByItself(t, page)
    await page.reload()
    await page.getByRole('heading', { name: 'Hello, Verified Vera' }).waitFor()
    await refreshesByItself(t, page)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor()
    t.equal(page.url(), `${otherSite}/`)
    t.same(frames, [])
  }
)

t.test(
  'cookie mode, on the same site: sign-in, silent refresh by itself, reload and sign-out, without a frame',
  async (t) => {
    const context = await launchProfile(t, 'blocked')
    const frames = await watchFrames(context)
    const page = await context.newPage()
    await page.goto(`${sameSite}/cookie.html`)
    await page.getByRole('link', { name: 'Continue with Dev' }).click()
    await choosePersona(page, 'Verified Vera')
    await page.getByRole('heading', { name: 'Hello, Verified Vera' }).waitFor()
    await refreshesByItself(t, page)
    await page.reload()
    await page.getByRole('heading', { name: 'Hello, Verified Vera' }).waitFor()
    await refreshesByItself(t, page)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('link', { name: 'Continue with Dev' }).waitFor()
    t.same(frames, [])
  }
)
