import t from 'tap'
import { violations } from './axe.ts'
import { launchChromium } from './chromium.ts'
import { startSignet } from './signet.ts'
import { choosePersona } from './world.ts'

const { url, sql } = await startSignet(t, { APP_NAME: 'Acme' })
const browser = await launchChromium(t)

t.test('a person signs in at /docs by a popup, and tries a route with the token', async (t) => {
  const context = await browser.newContext()
  t.teardown(() => context.close())
  const foreign: string[] = []
  const refused: string[] = []
  const page = await context.newPage()
  page.on('request', (request) => {
    if (!/^(data:|blob:)/.test(request.url()) && !request.url().startsWith(`${url}/`)) foreign.push(request.url())
  })
  page.on('console', (message) => { if (message.type() === 'error') refused.push(message.text()) })

  await page.goto(`${url}/docs`)
  await page.getByRole('button', { name: 'Authorize', exact: true }).click()
  const dialog = page.locator('.auth-container', { hasText: 'authorizationCode with PKCE' })
  const opened = context.waitForEvent('page')
  await dialog.getByRole('button', { name: 'Apply given OAuth2 credentials' }).click()
  const popup = await opened
  await popup.getByRole('heading', { name: 'Acme' }).waitFor()
  await popup.getByRole('link', { name: 'Continue with Dev' }).click()
  const closed = popup.waitForEvent('close')
  await choosePersona(popup, 'Verified Vera')
  await closed
  await dialog.getByRole('button', { name: 'Remove authorization' }).waitFor()
  await page.locator('.btn-done').first().click()

  const route = page.locator('#operations-User-get_me')
  await route.locator('.opblock-summary-control').click()
  await route.getByRole('button', { name: 'Try it out' }).click()
  await route.getByRole('button', { name: 'Execute' }).click()
  const answer = route.locator('.live-responses-table')
  await answer.getByText('Verified Vera').first().waitFor()
  t.match(await answer.locator('.response-col_status').last().textContent(), '200')
  t.same(foreign, [], 'it loads nothing from elsewhere')
  t.same(refused, [], 'its content security policy refuses nothing that it needs')
  const { rows } = await sql.query('SELECT client_id, scope FROM sessions')
  t.same(rows, [{ client_id: 'signet-docs', scope: 'openid profile email' }])
})

t.test('the texts of /docs and of its sign-in stand out from what is behind them, in light and dark', async (t) => {
  for (const colorScheme of ['light', 'dark'] as const) {
    const context = await browser.newContext({ colorScheme })
    t.teardown(() => context.close())
    const page = await context.newPage()
    await page.goto(`${url}/docs`)
    await page.locator('.opblock').first().waitFor()
    t.same(await violations(page, '.information-container'), [], colorScheme)
    t.same(await violations(page, '.opblock-tag-section:has([data-tag=User])'), [], colorScheme)
    await page.getByRole('button', { name: 'Authorize', exact: true }).click()
    await page.locator('.auth-container').first().waitFor()
    t.same(await violations(page, '.modal-ux'), [], colorScheme)
  }
})
