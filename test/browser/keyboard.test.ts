import t from 'tap'
import { press, untilFocused } from './by-keyboard.ts'
import { launchChromium } from './chromium.ts'
import { startPages } from './page-states.ts'

const { url } = await startPages(t)
const browser = await launchChromium(t)

t.test('by keyboard alone, scripts off: sign in, see the tokens, sign out, recover from an error', async (t) => {
  const context = await browser.newContext({ javaScriptEnabled: false })
  t.teardown(() => context.close())
  const page = await context.newPage()
  const heading = async () => await page.getByRole('heading', { level: 1 }).innerText()

  await page.goto(`${url}/login/nowhere`)
  await press(page, page.locator('a.primary'))
  await page.waitForURL(`${url}/login`)
  await press(page, page.locator('a[href$="/login/github"]'))
  await page.getByText('You are signed in as The Octocat.').waitFor()
  t.equal(await page.locator('pre').first().isVisible(), false)
  await press(page, page.locator('summary'))
  await page.locator('pre').first().waitFor()
  await page.goto(`${url}/oauth2/logout`)
  await press(page, page.locator('button'))
  await page.getByText('You can close this page.').waitFor()
  t.equal(await heading(), 'Signed out')
  await page.goto(`${url}/device`)
  await untilFocused(page.getByRole('textbox'))
  await page.keyboard.type('BBBB-BBBB')
  await page.keyboard.press('Enter')
  await untilFocused(page.locator('#mistake'))
})
