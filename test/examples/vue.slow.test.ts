import t from 'tap'
import { launchChromium } from '../browser/chromium.ts'
import { startSignet } from '../browser/signet.ts'
import { choosePersona } from '../browser/world.ts'
import { freePort } from '../free-port.ts'
import { checkTypes, installExample, startVite } from './installed.ts'

const port = await freePort()
const origin = `http://localhost:${port}`
const app = `${origin}/`

// To install takes a minute or more where the machine is busy.
const timeout = 600_000
t.setTimeout(timeout)

t.test('the Vue app signs in by cookie, keeps that after a reload, calls /me and signs out', { timeout }, async (t) => {
  const folder = await installExample(t, 'vue')
  await checkTypes(folder)
  const { url, sql } = await startSignet(t, { ALLOWED_ORIGINS: origin })
  await startVite(t, folder, port, { VITE_SIGNET_URL: url })

  const context = await (await launchChromium(t)).newContext()
  const page = await context.newPage()
  const isSignedIn = (tab = page) => tab.getByRole('heading', { name: 'Hello, Verified Vera' }).waitFor()
  const isSignedOut = (tab = page) => tab.getByRole('heading', { name: 'You are not signed in' }).waitFor()
  const signIn = async (persona: string) => {
    await page.getByRole('link', { name: 'Continue with Dev' }).click()
    await choosePersona(page, persona)
  }
  await page.goto(app)
  await isSignedOut()
  t.equal(await page.getByRole('alert').isVisible(), false)
  await signIn('Says-no Sam')
  t.match(await page.getByRole('alert').innerText(), /declined/, 'why nobody is signed in')
  t.equal(page.url(), app, 'the error is gone from the address')
  await signIn('Verified Vera')
  await isSignedIn()
  t.equal(page.url(), app)

  const callMe = async () => {
    await page.getByRole('button', { name: 'Call /me' }).click()
    return await page.getByLabel('Answer of GET /me').filter({ hasText: '{' }).innerText()
  }
  t.match(JSON.parse(await callMe()), { name: 'Verified Vera', email: 'vera@example.com' })
  for (const place of ['document.cookie', 'Object.keys(localStorage).join()', 'Object.keys(sessionStorage).join()']) {
    t.equal(await page.evaluate<string>(place), '', `no token in ${place}`)
  }
  await page.reload()
  await isSignedIn()
  const second = await context.newPage()
  await second.goto(app)
  await isSignedIn(second)

  await page.bringToFront()
  await page.getByRole('button', { name: 'Sign out' }).click()
  for (const tab of [page, second]) await isSignedOut(tab)
  t.match((await sql.query('SELECT revoked_at FROM sessions')).rows, [{ revoked_at: Date }])
  t.same((await context.cookies(url)).map(({ name }) => name).filter((name) => name === 'signet-refresh'), [])
  await page.reload()
  await isSignedOut()

  await signIn('Verified Vera')
  await isSignedIn()
  await sql.query('UPDATE sessions SET revoked_at = now(), revocation_reason = $1', ['admin'])
  await page.getByRole('button', { name: 'Call /me' }).click()
  await isSignedOut()
})
