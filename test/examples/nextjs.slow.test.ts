import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { launchChromium } from '../browser/chromium.ts'
import { startSignet } from '../browser/signet.ts'
import { choosePersona } from '../browser/world.ts'
import { startWebApp } from '../clients/program.ts'
import { newSecret } from '../clients/world.ts'
import { freePort } from '../free-port.ts'
import { checkTypes, installExample } from './installed.ts'

const port = await freePort()
const app = `http://localhost:${port}/`
const CLIENT = {
  client_id: 'nextjs',
  name: 'Next.js app',
  client_secret: newSecret(),
  redirect_uris: [`${app}api/auth/callback/signet`]
}

// To install and to compile takes minutes where the machine is busy.
const timeout = 600_000
t.setTimeout(timeout)

t.test('the Next.js app signs in, refreshes, calls /me on the server and signs out', { timeout }, async (t) => {
  const folder = await installExample(t, 'nextjs')
  await checkTypes(folder)
  // The app refreshes half a minute before the end.
  const { url, sql } = await startSignet(t, { CLIENTS: JSON.stringify([CLIENT]), ACCESS_TOKEN_TTL: '31' })
  const next = [join(folder, 'node_modules/next/dist/bin/next'), 'dev', folder, '--port', String(port)]
  await startWebApp(t, app, [process.execPath, ...next], {
    AUTH_SECRET: randomBytes(32).toString('base64'),
    AUTH_SIGNET_ISSUER: url,
    AUTH_SIGNET_ID: CLIENT.client_id,
    AUTH_SIGNET_SECRET: CLIENT.client_secret,
    NEXT_TELEMETRY_DISABLED: '1'
  })

  const context = await (await launchChromium(t)).newContext()
  const page = await context.newPage()
  const signIn = async () => {
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('link', { name: 'Continue with Dev' }).click()
    await choosePersona(page, 'Verified Vera')
    await page.getByRole('heading', { name: 'Hello, Verified Vera' }).waitFor()
  }
  const me = async () => JSON.parse(await page.getByLabel('Answer of GET /me').innerText())
  const sessions = async () => (await sql.query('SELECT counter, revoked_at FROM sessions ORDER BY id')).rows
  await page.goto(app)
  await signIn()
  t.match(await me(), { name: 'Verified Vera', email: 'vera@example.com' })
  t.equal(await page.evaluate('document.cookie'), '', 'no script can read a cookie')

  const uses = async () => (await sessions())[0].counter
  const before = await uses()
  // The development server may ask for the page by itself meanwhile: two requests with one refresh token count once.
  for (let reload = 1; reload <= 6 && await uses() < before + 2; reload++) {
    await sleep(1500)
    await page.reload()
    await page.getByRole('heading', { name: 'Hello, Verified Vera' }).waitFor()
    t.match(await me(), { name: 'Verified Vera' }, `reload ${reload}`)
  }
  t.ok(await uses() >= before + 2, `the refresh token was used: ${before}, ${await uses()}`)

  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('button', { name: 'Sign in' }).waitFor()
  t.match(await sessions(), [{ revoked_at: Date }], "Signet's session has ended as well")
  await page.reload()
  await page.getByRole('button', { name: 'Sign in' }).waitFor()

  await signIn()
  await sql.query("UPDATE sessions SET revoked_at = now(), revocation_reason = 'admin' WHERE revoked_at IS NULL")
  await sleep(1500)
  await page.reload()
  await page.getByRole('button', { name: 'Sign in' }).waitFor()
})
