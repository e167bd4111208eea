import t, { type Test } from 'tap'
import type { Page } from 'playwright-core'
import { readJson } from '../helper.ts'
import { contrast, luminance } from './axe.ts'
import { press, untilFocused } from './by-keyboard.ts'
import { choosePersona, startWorld } from './world.ts'

// A second provider, so that there is something to choose. Nobody goes there.
const world = await startWorld(t, { GITHUB_CLIENT_ID: 'x', GITHUB_CLIENT_SECRET: 'y' })
const { url, otherSite } = world
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'

/** A page, and what its console complained about: a breach of the content security policy for instance. */
async function openPage (t: Test): Promise<{ page: Page, complaints: string[] }> {
  const page = await (await world.visit(t)).newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  return { page, complaints }
}

async function post (path: string, form: Record<string, string>) {
  return await readJson(await fetch(url + path, { method: 'POST', body: new URLSearchParams(form) }))
}

const beginDevice = () => post('/oauth2/device_authorization', { client_id: 'spa', scope: 'openid' })
const poll = (deviceCode: string) =>
  post('/oauth2/token', { grant_type: DEVICE_GRANT, device_code: deviceCode, client_id: 'spa' })

t.test('the keyboard alone gets one from the app through the chooser and the provider', async (t) => {
  const { page, complaints } = await openPage(t)
  await page.goto(otherSite)
  await press(page, page.getByRole('button', { name: 'Sign in', exact: true }))
  await page.getByRole('heading', { level: 1, name: 'Sign in to Example app' }).waitFor()
  await press(page, page.getByRole('link', { name: 'Continue with Dev' }))
  await press(page, page.getByRole('button', { name: 'Verified Vera' }))
  await page.getByRole('heading', { name: 'Hello, Verified Vera' }).waitFor()
  await press(page, page.getByRole('button', { name: 'Call /me' }))
  await page.getByLabel('Answer of GET /me').filter({ hasText: 'vera@example.com' }).waitFor()
  t.same(complaints, [], 'the console is quiet')
})

t.test('the keyboard alone gets one through /login', async (t) => {
  const { page, complaints } = await openPage(t)
  await page.goto(`${url}/login`)
  await press(page, page.getByRole('link', { name: 'Continue with Dev' }))
  await press(page, page.getByRole('button', { name: 'Verified Vera' }))
  await page.waitForURL(`${url}/login/dev/callback?**`)
  t.match(await page.getByRole('main').innerText(), 'You are signed in as Verified Vera.')
  t.same(complaints, [], 'the console is quiet')
})

t.test('a screen reader finds its way on the pages of Signet', async (t) => {
  const { page, complaints } = await openPage(t)
  const authorize = new URLSearchParams({
    client_id: 'spa',
    redirect_uri: `${otherSite}/`,
    response_type: 'code',
    code_challenge: 'x'.repeat(43),
    code_challenge_method: 'S256'
  })
  for (const [path, title] of [
    ['/login', `Sign in to ${new URL(url).host}`],
    [`/oauth2/authorize?${authorize}`, 'Sign in to Example app']
  ] as const) {
    await page.goto(url + path)
    t.match(await page.title(), title)
    t.equal(await page.locator('html').getAttribute('lang'), 'en')
    const main = page.getByRole('main')
    t.same(await main.getByRole('heading', { level: 1 }).allInnerTexts(), [title])
    t.equal(await main.getByRole('list').getByRole('listitem').getByRole('link').count(), 2)
    for (const name of ['Continue with GitHub', 'Continue with Dev']) {
      t.equal(await main.getByRole('link', { name, exact: true }).count(), 1, 'its mark is no part of the name')
    }
  }
  await page.goto(`${url}/device`)
  t.match(await page.title(), 'Connect a device')
  await page.getByRole('main').getByRole('textbox', { name: 'The code that the device shows' }).waitFor()
  await page.getByRole('button', { name: 'Continue' }).waitFor()
  t.same(complaints, [], 'the console is quiet')
})

t.test('the pages of Signet can be read in light and dark, and on a narrow screen', async (t) => {
  for (const colorScheme of ['light', 'dark'] as const) {
    const page = await (await world.visit(t, { colorScheme, viewport: { width: 320, height: 600 } })).newPage()
    for (const path of ['/login', '/device']) {
      await page.goto(url + path)
      const { ink, paper, width } = await page.evaluate<{ ink: string, paper: string, width: number }>(
        '({ ink: getComputedStyle(document.body).color, paper: getComputedStyle(document.body).backgroundColor, ' +
          'width: document.documentElement.scrollWidth })'
      )
      t.ok(contrast(ink, paper) > 7, `${path}, ${colorScheme}: ${ink} on ${paper}`)
      t.equal(luminance(paper) < 0.2, colorScheme === 'dark')
      t.ok(width <= 320, 'nothing to scroll sideways')
    }
  }
})

t.test('a device is connected by hand: code typed, provider chosen, who asks shown, confirmed', async (t) => {
  const { page, complaints } = await openPage(t)
  const grant = await beginDevice()
  await page.goto(grant.verification_uri)
  await untilFocused(page.getByRole('textbox'))
  await page.keyboard.type(grant.user_code.toLowerCase())
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Sign in to Example app', exact: true }).waitFor()
  t.match(await page.getByRole('main').innerText(), grant.user_code)
  await press(page, page.getByRole('link', { name: 'Continue with Dev' }))
  await press(page, page.getByRole('button', { name: 'Verified Vera' }))
  await page.getByRole('heading', { name: 'Sign in to Example app?' }).waitFor()
  t.match(
    await page.getByRole('main').innerText(),
    new RegExp(`${grant.user_code}[^]*will be signed in as you: Verified Vera`)
  )
  t.equal((await poll(grant.device_code)).error, 'authorization_pending')
  await press(page, page.getByRole('button', { name: 'Yes, sign it in' }))
  await page.getByRole('heading', { name: 'The device is signed in' }).waitFor()
  await world.sql.query("UPDATE device_grants SET last_polled_at = last_polled_at - interval '1 minute'")
  const { access_token: accessToken } = await poll(grant.device_code)
  const me = await fetch(`${url}/me`, { headers: { authorization: `Bearer ${accessToken}` } })
  t.match(await readJson(me), { name: 'Verified Vera' })
  t.same(complaints, [], 'the console is quiet')
})

t.test('a device is refused by the same hand', async (t) => {
  const { page, complaints } = await openPage(t)
  const grant = await beginDevice()
  await page.goto(grant.verification_uri_complete)
  t.equal(await page.getByRole('textbox').inputValue(), grant.user_code)
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('link', { name: 'Continue with Dev' }).click()
  await choosePersona(page, 'Verified Vera')
  await page.getByRole('button', { name: 'No' }).click()
  await page.getByRole('heading', { name: 'The device is not signed in' }).waitFor()
  t.equal((await poll(grant.device_code)).error, 'access_denied')
  t.same(complaints, [], 'the console is quiet')
})

t.test('a wrong device code is told in words, and can be typed again', async (t) => {
  const page = await (await world.visit(t)).newPage()
  await page.goto(`${url}/device`)
  await page.getByRole('textbox').fill('BBBB-BBBB')
  await page.getByRole('button', { name: 'Continue' }).click()
  t.match(await page.getByRole('alert').innerText(), 'This code is not known')
  const grant = await beginDevice()
  await page.getByRole('textbox').fill(grant.user_code)
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('heading', { name: 'Sign in to Example app', exact: true }).waitFor()
})

t.test('whoever declines at the provider is told so on the way to a device', async (t) => {
  const page = await (await world.visit(t)).newPage()
  const grant = await beginDevice()
  await page.goto(grant.verification_uri_complete)
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('link', { name: 'Continue with Dev' }).click()
  await choosePersona(page, 'Says-no Sam')
  await page.waitForURL(`${url}/login/dev/callback?**`)
  t.match(await page.locator('body').innerText(), /The sign-in at Dev was stopped/)
  t.equal((await poll(grant.device_code)).error, 'authorization_pending')
})
