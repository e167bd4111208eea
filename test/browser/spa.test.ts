import t from 'tap'
import type { BrowserContext, Page } from 'playwright-core'
import { installService } from '../examples/resource-server.ts'
import { meetAt, pressAtOnce, signInThroughChooser, startWorld, waitForNews } from './world.ts'

const world = await startWorld(t)
const { url, otherSite, notesUrl } = world

interface Tokens {
  access_token: string
  refresh_token: string
  id_token: string
  expires_at: number
}

/** The example's own page, where somebody is signed in. */
async function signIn (context: BrowserContext, persona = 'Verified Vera'): Promise<Page> {
  const page = await context.newPage()
  await page.goto(otherSite)
  await signInThroughChooser(page, persona)
  await page.getByRole('heading', { name: `Hello, ${persona}` }).waitFor()
  return page
}

/** What oidc-client-ts has stored; undefined for nothing. */
async function storedTokens (page: Page): Promise<Tokens | undefined> {
  const stored = await page.evaluate<string | null>(`localStorage.getItem('oidc.user:${url}:spa')`)
  return stored === null ? undefined : JSON.parse(stored)
}

async function stored (page: Page): Promise<Tokens> {
  const tokens = await storedTokens(page)
  if (!tokens) throw new Error('Nobody is signed in here.')
  return tokens
}

/** Polls, because a tab behind another one is not painted. */
async function waitForNewToken (page: Page, { refresh_token: old }: Pick<Tokens, 'refresh_token'>): Promise<void> {
  await page.waitForFunction(
    `JSON.parse(localStorage.getItem('oidc.user:${url}:spa')).refresh_token !== ${JSON.stringify(old)}`,
    undefined,
    { polling: 20 }
  )
}

async function me (tokens: Tokens): Promise<number> {
  return (await fetch(`${url}/me`, { headers: { authorization: `Bearer ${tokens.access_token}` } })).status
}

async function callMe (page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Call /me' }).click()
  const answer = page.getByLabel('Answer of GET /me')
  await answer.waitFor()
  return await answer.innerText()
}

/** Presses the button and waits for the answer of the token endpoint. */
async function refreshNow (page: Page): Promise<number> {
  const answer = page.waitForResponse(`${url}/oauth2/token`)
  await page.getByRole('button', { name: 'Refresh now' }).click()
  return (await answer).status()
}

t.test('somebody signs in, sees who they are, and calls /me', async (t) => {
  const context = await world.visit(t)
  const page = await signIn(context)
  t.equal(page.url(), `${otherSite}/`, 'code and state are gone from the address')
  const claims = await page.getByRole('definition').allInnerTexts()
  for (const claim of [url, 'spa', 'Verified Vera', 'vera@example.com']) t.ok(claims.includes(claim), claim)
  t.match(JSON.parse(await callMe(page)), {
    name: 'Verified Vera',
    email: 'vera@example.com',
    accounts: [{ provider: 'dev' }]
  })
  t.equal(await page.getByRole('alert').isVisible(), false)
})

t.test('a reload keeps the sign-in, and so does a second tab', async (t) => {
  const context = await world.visit(t)
  const page = await signIn(context)
  await page.reload()
  await page.getByRole('heading', { name: 'Hello, Verified Vera' }).waitFor()
  t.match(await callMe(page), 'vera@example.com')
  const second = await context.newPage()
  await second.goto(otherSite)
  await second.getByRole('heading', { name: 'Hello, Verified Vera' }).waitFor()
  t.match(await callMe(second), 'vera@example.com')
})

t.test('the button refreshes, as often as one likes', async (t) => {
  const page = await signIn(await world.visit(t))
  let before = await stored(page)
  for (let round = 0; round < 3; round++) {
    t.equal(await refreshNow(page), 200)
    await waitForNewToken(page, before)
    const after = await stored(page)
    t.not(after.access_token, before.access_token)
    before = after
  }
  t.match(await callMe(page), 'vera@example.com')
})

t.test('two tabs that refresh at the same moment both stay signed in, round after round', async (t) => {
  const context = await world.visit(t)
  const first = await signIn(context)
  const second = await context.newPage()
  await second.goto(otherSite)
  await second.getByRole('heading', { name: 'Hello, Verified Vera' }).waitFor()

  for (let round = 0; round < 5; round++) {
    const before = await stored(first)
    const answers = await meetAt(context, `${url}/oauth2/token`, 2, () => pressAtOnce([first, second], 'Refresh now'))
    const presented = answers.map((answer) =>
      new URLSearchParams(answer.request().postData() ?? '').get('refresh_token')
    )
    t.same(presented, [before.refresh_token, before.refresh_token], 'one refresh token, presented twice')
    t.same(
      answers.map((answer) => answer.status()),
      [200, 200]
    )
    await waitForNewToken(first, before)
  }
  for (const page of [first, second, first]) {
    await page.bringToFront()
    const before = await stored(page)
    t.equal(await refreshNow(page), 200)
    await waitForNewToken(page, before)
    t.match(await callMe(page), 'vera@example.com')
    t.equal(await page.getByRole('alert').isVisible(), false)
  }
})

t.test('signing out ends the session: no /me, no refresh, in no tab', async (t) => {
  const context = await world.visit(t)
  const page = await signIn(context)
  const second = await context.newPage()
  await second.goto(otherSite)
  await second.getByRole('heading', { name: 'Hello, Verified Vera' }).waitFor()
  const tokens = await stored(page)
  t.equal(await me(tokens), 200)

  const logout = page.waitForRequest((request) => request.url().startsWith(`${url}/oauth2/logout?`))
  await page.getByRole('button', { name: 'Sign out' }).click()
  t.equal(new URL((await logout).url()).searchParams.get('id_token_hint'), tokens.id_token)
  await page.waitForURL(`${otherSite}/`)
  await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor()
  await second.getByRole('button', { name: 'Sign in', exact: true }).waitFor()
  t.equal(await storedTokens(page), undefined)
  t.equal(await me(tokens), 401)
  const refused = await fetch(`${url}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', client_id: 'spa', refresh_token: tokens.refresh_token })
  })
  t.equal(refused.status, 400)
  t.match(await refused.json(), { error: 'invalid_grant' })
  await page.reload()
  await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor()
})

t.test('a session that has ended elsewhere is told in words, and the way back in is there', async (t) => {
  const page = await signIn(await world.visit(t))
  const tokens = await stored(page)
  t.equal(
    (await fetch(`${url}/logout`, { method: 'POST', headers: { authorization: `Bearer ${tokens.access_token}` } }))
      .status,
    204
  )
  await page.getByRole('button', { name: 'Call /me' }).click()
  t.equal(await page.getByRole('alert').innerText(), 'Your sign-in has ended. Please sign in again.')
  await signInThroughChooser(page, 'Verified Vera')
  await page.getByRole('heading', { name: 'Hello, Verified Vera' }).waitFor()
  t.equal(await page.getByRole('alert').isVisible(), false)

  t.equal(
    (
      await fetch(`${url}/logout`, {
        method: 'POST',
        headers: { authorization: `Bearer ${(await stored(page)).access_token}` }
      })
    ).status,
    204
  )
  t.equal(await refreshNow(page), 400)
  t.equal(await page.getByRole('alert').innerText(), 'Your sign-in has ended. Please sign in again.')
  t.equal(await storedTokens(page), undefined)
})

t.test('whoever declines at the provider, or meets a broken one, is told so in words', async (t) => {
  const context = await world.visit(t)
  for (const [persona, words] of [
    ['Says-no Sam', 'You declined at the provider, so you are not signed in.'],
    ['Broken Bruno', 'The provider could not complete the sign-in. Please try again.']
  ] as const) {
    const page = await context.newPage()
    await page.goto(otherSite)
    await signInThroughChooser(page, persona)
    await page.waitForURL(`${otherSite}/`)
    t.equal(await page.getByRole('alert').innerText(), words)
    await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor()
    await page.reload()
    await waitForNews(page, /You are not signed in/)
    t.equal(await page.getByRole('alert').isVisible(), false, 'told once')
  }
})

t.test('a Signet that does not answer is told in words, and nobody is signed out by it', async (t) => {
  const context = await world.visit(t)
  const page = await signIn(context)
  await context.route(`${url}/**`, (route) => route.abort('connectionrefused'))
  await page.getByRole('button', { name: 'Refresh now' }).click()
  t.match(await page.getByRole('alert').innerText(), `Signet at ${url} cannot be reached`)
  await context.unroute(`${url}/**`)
  t.equal(await refreshNow(page), 200)
  t.match(await callMe(page), 'vera@example.com')
})

t.test('a service of your own takes the token, from the pages of the origins that it allows', async (t) => {
  const startService = await installService(t)
  const page = await signIn(await world.visit(t))
  const readNotes = () => page.getByRole('button', { name: 'Read my notes' }).click()
  await readNotes()
  t.match(await page.getByRole('alert').innerText(), `The service at ${notesUrl} cannot be reached`)

  const PORT = new URL(notesUrl).port
  const closed = await startService(t, { PORT, ISSUER: url })
  await readNotes()
  await page.getByRole('alert').filter({ hasText: `or does not allow ${otherSite}` }).waitFor()
  await closed.stop()

  await startService(t, { PORT, ISSUER: url, ALLOWED_ORIGINS: `http://localhost:5173,${otherSite}` })
  const preflight = page.waitForRequest((request) => request.url() === `${notesUrl}/notes`)
  await readNotes()
  t.match((await preflight).headers(), { authorization: /^Bearer / })
  const { sub } = await page.evaluate<{ sub: string }>(
    `JSON.parse(localStorage.getItem('oidc.user:${url}:spa')).profile`
  )
  const answer = page.getByLabel('Answer of GET /notes')
  await answer.waitFor()
  t.match(JSON.parse(await answer.innerText()), { owner: sub, notes: ['Buy milk'] })
  t.equal(await page.getByRole('alert').isVisible(), false)
})
