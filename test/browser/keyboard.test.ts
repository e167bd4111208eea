import t from 'tap'
import { launchChromium } from './chromium.ts'
import { startPages } from './page-states.ts'

const { url } = await startPages(t)
const browser = await launchChromium(t)

t.test('by keyboard alone, scripts off: sign in, see the tokens, sign out, recover from an error', async (t) => {
  const context = await browser.newContext({ javaScriptEnabled: false })
  t.teardown(() => context.close())
  const page = await context.newPage()
  const heading = async () => await page.getByRole('heading', { level: 1 }).innerText()
  /** Presses Tab until the element has the focus, and then Enter. */
  async function press (selector: string): Promise<void> {
    for (let presses = 0; presses < 20; presses++) {
      await page.keyboard.press('Tab')
      if (await page.locator(`${selector}:focus`).count() === 0) continue
      await page.keyboard.press('Enter')
      await page.waitForLoadState()
      return
    }
    throw new Error(`Tab does not get to ${selector}.`)
  }

  await page.goto(`${url}/login/nowhere`)
  await press('a.primary')
  await page.waitForURL(`${url}/login`)
  await press('a[href$="/login/github"]')
  await page.getByText('You are signed in as The Octocat.').waitFor()
  t.equal(await page.locator('pre').first().isVisible(), false)
  await press('summary')
  await page.locator('pre').first().waitFor()
  await page.goto(`${url}/oauth2/logout`)
  await press('button')
  await page.getByText('You can close this page.').waitFor()
  t.equal(await heading(), 'Signed out')
  await page.goto(`${url}/device`)
  await page.keyboard.type('BBBB-BBBB')
  await page.keyboard.press('Enter')
  await page.locator('#mistake').waitFor()
  t.equal(await page.locator('#mistake:focus').count(), 1)
})
