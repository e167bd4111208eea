import t, { type Test } from 'tap'
import type { Page } from 'playwright-core'
import { press, tabTo, untilFocused } from './by-keyboard.ts'
import { startWorld } from './world.ts'

const world = await startWorld(t)
const { url, sql } = world

/** A page of a browser without scripts, and what its console complained about. */
async function openPage (t: Test, options: Parameters<typeof world.visit>[1] = {}) {
  const page = await (await world.visit(t, { javaScriptEnabled: false, ...options })).newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  return { page, complaints }
}

const link = (page: Page, name: string) => page.getByRole('link', { name, exact: true })
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })
const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name }).waitFor()

/** From the page's own address through the sign-in, by the keyboard. */
async function signIn (page: Page, path = '/account'): Promise<void> {
  await page.goto(url + path)
  await press(page, page.getByRole('link', { name: 'Continue with Dev' }))
  await press(page, page.getByRole('button', { name: 'Verified Vera' }))
  await page.waitForURL(url + path)
}

t.test('the keyboard alone walks through /account, with scripts off', async (t) => {
  const { page, complaints } = await openPage(t)
  await signIn(page)
  await heading(page, 'Hello, Verified Vera')

  await tabTo(page, page.getByLabel('Name', { exact: true }))
  await page.keyboard.press('Control+A')
  await page.keyboard.type('Vera V.')
  await page.keyboard.press('Enter')
  const saved = page.getByRole('status')
  t.equal(await saved.innerText(), 'Your changes are saved.')
  await untilFocused(saved)

  await tabTo(page, page.getByLabel('Language'))
  await page.keyboard.type('no language')
  await page.keyboard.press('Enter')
  const alert = page.getByRole('alert')
  t.match(await alert.innerText(), 'Something in the form is not valid')
  await untilFocused(alert)
  t.equal(await page.getByLabel('Language').getAttribute('aria-invalid'), 'true')
  complaints.splice(0) // Chromium reports the 400.

  await press(page, link(page, 'Where you are signed in'))
  await heading(page, 'Where you are signed in')
  await press(page, link(page, 'Sign out everywhere else'))
  await press(page, button(page, 'Sign out everywhere else'))
  t.equal(await page.getByRole('status').innerText(), 'All other sessions have ended.')

  await press(page, link(page, 'Personal tokens'))
  await press(page, link(page, 'Make a personal token'))
  await tabTo(page, page.getByLabel('Name', { exact: true }))
  await page.keyboard.type('backup')
  await tabTo(page, page.getByLabel('your email address'))
  await page.keyboard.press('Space')
  await press(page, button(page, 'Make a personal token'))
  t.match(await page.getByRole('textbox', { name: 'Personal token' }).inputValue(), /^signet_pt_/)
  await press(page, link(page, 'I have copied it'))
  await press(page, link(page, 'Take back: backup'))
  await press(page, button(page, 'Take back'))
  t.equal(await page.getByRole('status').innerText(), 'The personal token no longer works.')

  await press(page, link(page, 'Activity'))
  await page.getByRole('heading', { name: 'A personal token was made' }).waitFor()

  await press(page, link(page, 'Your data'))
  const download = page.waitForEvent('download')
  await press(page, button(page, 'Download'))
  t.equal((await download).suggestedFilename(), 'signet-export.json')
  await press(page, link(page, 'Delete your account …'))
  await press(page, button(page, 'Delete it for good'))
  await heading(page, 'Your account is deleted')
  t.equal((await sql.query('SELECT 1 FROM users')).rowCount, 0)
  t.same(complaints, [], 'the console is quiet')
})

t.test('an account is linked by the keyboard alone, through the sign-in there and back', async (t) => {
  const { page, complaints } = await openPage(t)
  await signIn(page, '/account/accounts')
  await press(page, button(page, 'Link'))
  await press(page, link(page, 'Continue with Dev'))
  await press(page, page.getByRole('button', { name: 'Changing Charlie' }))
  t.equal(await page.getByRole('status').innerText(), 'The account is linked.')
  t.equal((await sql.query('SELECT 1 FROM accounts')).rowCount, 2)
  t.same(complaints, [], 'the console is quiet')
})

t.test('the keyboard alone administers, with scripts off', async (t) => {
  const { page, complaints } = await openPage(t)
  await signIn(page)
  await page.goto(`${url}/admin`)
  await heading(page, 'You are not an administrator')
  complaints.splice(0) // Chromium reports the 403.
  await sql.query("UPDATE users SET roles = '{admin}'")
  await sql.query("INSERT INTO users (id, name, email) VALUES (gen_random_uuid(), 'Some Body', 'some@body.example')")
  await page.goto(`${url}/admin`)
  await tabTo(page, page.getByLabel('Name or email'))
  await page.keyboard.type('some')
  await page.keyboard.press('Enter')
  await press(page, link(page, 'Some Body'))
  await press(page, link(page, 'Disable'))
  await press(page, button(page, 'Disable'))
  t.equal(await page.getByRole('status').innerText(), 'The user was changed.')
  await press(page, button(page, 'Enable'))
  await press(page, link(page, 'Delete'))
  await press(page, button(page, 'Delete for good'))
  t.equal(await page.getByRole('status').innerText(), 'The user is deleted.')

  await press(page, link(page, 'Apps'))
  await press(page, link(page, 'Register an app'))
  await tabTo(page, page.getByLabel('Name', { exact: true }))
  await page.keyboard.type('Notes')
  await tabTo(page, page.getByLabel('Redirect URIs', { exact: true }))
  await page.keyboard.type('https://notes.example.com/')
  await press(page, button(page, 'Register an app'))
  await heading(page, 'Notes')

  await press(page, link(page, 'Keys'))
  await press(page, link(page, 'Rotate now'))
  await press(page, button(page, 'Rotate now'))
  t.equal(await page.getByRole('status').innerText(), 'The keys were rotated.')
  await press(page, link(page, 'Events'))
  await page.getByRole('heading', { name: 'key.rotated' }).first().waitFor()
  await press(page, button(page, 'Sign out'))
  await heading(page, 'You are signed out')
  t.same(complaints, [], 'the console is quiet')
})
