import t from 'tap'
import { launchChromium } from '../browser/chromium.ts'
import { startSignet } from '../browser/signet.ts'
import { choosePersona } from '../browser/world.ts'
import { freePort } from '../free-port.ts'
import { checkTypes, installExample, startVite } from './installed.ts'

const port = await freePort()
const app = `http://localhost:${port}/`

// To install takes a minute or more where the machine is busy.
const timeout = 600_000
t.setTimeout(timeout)

t.test('the React app signs in, stays signed in after a reload, calls /me and signs out', { timeout }, async (t) => {
  const folder = await installExample(t, 'react')
  await checkTypes(folder)
  const { url, sql } = await startSignet(t, {
    CLIENTS: JSON.stringify([
      { client_id: 'react', name: 'React app', redirect_uris: [app], post_logout_redirect_uris: [app] }
    ])
  })
  await startVite(t, folder, port, { VITE_SIGNET_URL: url })

  const page = await (await launchChromium(t)).newPage()
  const isSignedIn = () => page.getByRole('heading', { name: 'Hello, Verified Vera' }).waitFor()
  await page.goto(app)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('link', { name: 'Continue with Dev' }).click()
  await choosePersona(page, 'Says-no Sam')
  t.match(await page.getByRole('alert').innerText(), /declined|denied/i, 'why nobody is signed in')
  t.equal(page.url(), app, 'the error is gone from the address')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('link', { name: 'Continue with Dev' }).click()
  await choosePersona(page, 'Verified Vera')
  await isSignedIn()
  t.equal(page.url(), app, 'the code is gone from the address')

  const callMe = async () => {
    await page.getByRole('button', { name: 'Call /me' }).click()
    return await page.getByLabel('Answer of GET /me').filter({ hasText: '{' }).innerText()
  }
  t.match(JSON.parse(await callMe()), { name: 'Verified Vera', email: 'vera@example.com' })
  await page.reload()
  await isSignedIn()

  // As if the access token had expired while the app was closed.
  const before = await page.evaluate<string>(`{
    const key = Object.keys(localStorage).find((key) => key.startsWith('oidc.user:'))
    const user = JSON.parse(localStorage.getItem(key))
    localStorage.setItem(key, JSON.stringify({ ...user, expires_at: 1 }))
    user.access_token
  }`)
  await page.reload()
  await isSignedIn()
  t.match(JSON.parse(await callMe()), { name: 'Verified Vera' })
  const me = (token: string) => fetch(`${url}/me`, { headers: { authorization: `Bearer ${token}` } })
  t.equal((await me(before)).status, 200)

  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('button', { name: 'Sign in' }).waitFor()
  t.equal(page.url(), app)
  t.equal((await me(before)).status, 401, 'the session has ended')
  t.match((await sql.query('SELECT revoked_at FROM sessions')).rows, [{ revoked_at: Date }])
  await page.reload()
  await page.getByRole('button', { name: 'Sign in' }).waitFor()
})
