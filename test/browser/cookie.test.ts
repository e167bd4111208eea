import t from 'tap'
import type { BrowserContext, Page, Response } from 'playwright-core'
import { choosePersona, meetAt, pressAtOnce, startWorld, waitForNews } from './world.ts'

const world = await startWorld(t)
const { url, otherSite, sameSite, sql } = world
const TOKEN_URL = `${url}/oauth2/token`

async function signIn (context: BrowserContext, persona = 'Verified Vera'): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`${sameSite}/cookie.html`)
  await page.getByRole('link', { name: 'Continue with Dev' }).click()
  await choosePersona(page, persona)
  await page.getByRole('heading', { name: `Hello, ${persona}` }).waitFor()
  return page
}

async function openAnother (context: BrowserContext): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`${sameSite}/cookie.html`)
  await page.getByRole('heading', { name: 'Hello, Verified Vera' }).waitFor()
  return page
}

async function refreshNow (page: Page): Promise<Response> {
  const answer = page.waitForResponse(TOKEN_URL)
  await page.getByRole('button', { name: 'Refresh now' }).click()
  return await answer
}

async function callMe (page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Call /me' }).click()
  const answer = page.getByLabel('Answer of GET /me')
  await answer.waitFor()
  return await answer.innerText()
}

async function refreshCookie (context: BrowserContext) {
  return (await context.cookies(url)).find(({ name }) => name === 'signet-refresh')
}

/** Every session as the database has it: a refresh or a sign-out shows. */
async function allSessions (): Promise<unknown[]> {
  return (await sql.query('SELECT * FROM sessions ORDER BY id')).rows
}

t.test('somebody signs in by cookie; no script can read it, and no answer has the refresh token', async (t) => {
  const context = await world.visit(t)
  const page = await signIn(context)
  t.equal(page.url(), `${sameSite}/cookie.html`)
  t.match(JSON.parse(await callMe(page)), { name: 'Verified Vera', email: 'vera@example.com' })
  t.match(await refreshCookie(context), { httpOnly: true, sameSite: 'Strict', path: '/' })

  const answer = await refreshNow(page)
  t.equal(answer.status(), 200)
  t.same(Object.keys(await answer.json()).sort(), ['access_token', 'expires_in', 'scope', 'token_type'])
  for (const place of ['document.cookie', 'JSON.stringify(localStorage)', 'JSON.stringify(sessionStorage)']) {
    t.ok(['', '{}'].includes(await page.evaluate<string>(place)), place)
  }
  await page.goto(`${url}/login`)
  t.equal(await page.evaluate('document.cookie'), '', 'not on the pages of Signet either')
})

t.test('a reload and a second tab keep the sign-in', async (t) => {
  const context = await world.visit(t)
  const page = await signIn(context)
  const before = await refreshCookie(context)
  await page.reload()
  await page.getByRole('heading', { name: 'Hello, Verified Vera' }).waitFor()
  t.not((await refreshCookie(context))?.value, before?.value, 'the cookie has its successor in its place')
  const second = await openAnother(context)
  t.match(await callMe(second), 'vera@example.com')
  t.equal((await refreshNow(second)).status(), 200)
})

t.test('two tabs that refresh at the same moment both stay signed in, round after round', async (t) => {
  const context = await world.visit(t)
  const first = await signIn(context)
  const second = await openAnother(context)
  let metRounds = 0
  for (let round = 0; round < 5; round++) {
    const answers = await meetAt(context, TOKEN_URL, 2, () => pressAtOnce([first, second], 'Refresh now'))
    t.same(
      answers.map((answer) => answer.status()),
      [200, 200]
    )
    const [one, other] = await Promise.all(
      answers.map(async (answer) => (await answer.request().allHeaders())['cookie'])
    )
    t.match(one, /signet-refresh=/)
    if (one === other) metRounds++
  }
  t.ok(metRounds > 0, 'one cookie was presented twice')
  for (const page of [first, second, first]) {
    await page.bringToFront()
    t.equal((await refreshNow(page)).status(), 200)
    t.match(await callMe(page), 'vera@example.com')
    t.equal(await page.getByRole('alert').isVisible(), false)
  }
})

t.test('signing out ends the session and the cookie, in every tab', async (t) => {
  const context = await world.visit(t)
  const page = await signIn(context)
  const second = await openAnother(context)
  const { access_token: accessToken } = (await (await refreshNow(second)).json()) as { access_token: string }
  const me = () => fetch(`${url}/me`, { headers: { authorization: `Bearer ${accessToken}` } })
  t.equal((await me()).status, 200)
  const cookie = await refreshCookie(context)

  await page.bringToFront()
  await page.getByRole('button', { name: 'Sign out' }).click()
  for (const tab of [page, second]) await tab.getByRole('link', { name: 'Continue with Dev' }).waitFor()
  t.equal(await refreshCookie(context), undefined)
  t.equal((await me()).status, 401)
  const stolen = await fetch(TOKEN_URL, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: cookie?.value ?? '' })
  })
  t.match(await stolen.json(), { error: 'invalid_grant' })
  await page.reload()
  await waitForNews(page, /You are not signed in/)
  t.equal(await page.getByRole('alert').isVisible(), false)
})

t.test('a session that has ended elsewhere is told in words', async (t) => {
  const context = await world.visit(t)
  const page = await signIn(context)
  await fetch(`${url}/oauth2/revoke`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: 'signet', token: (await refreshCookie(context))?.value ?? '' })
  })
  t.equal((await refreshNow(page)).status(), 400)
  t.equal(await page.getByRole('alert').innerText(), 'Your sign-in has ended. Please sign in again.')
  await page.getByRole('link', { name: 'Continue with Dev' }).waitFor()
  t.equal(await refreshCookie(context), undefined)
})

t.test('whoever declines at the provider, or meets a broken one, is told so in words, once', async (t) => {
  const context = await world.visit(t)
  for (const [persona, words] of [
    ['Says-no Sam', 'You declined at the provider, so you are not signed in.'],
    ['Broken Bruno', 'The provider could not complete the sign-in. Please try again.']
  ] as const) {
    const page = await context.newPage()
    await page.goto(`${sameSite}/cookie.html`)
    await page.getByRole('link', { name: 'Continue with Dev' }).click()
    await choosePersona(page, persona)
    await page.waitForURL(`${sameSite}/cookie.html`)
    t.equal(await page.getByRole('alert').innerText(), words)
    await page.reload()
    await waitForNews(page, /You are not signed in/)
    t.equal(await page.getByRole('alert').isVisible(), false)
  }
})

t.test(
  'a page on an origin that is not allowed reads nothing, refreshes nothing and ends nothing, even on the same site',
  async (t) => {
    const context = await world.visit(t)
    const own = await signIn(context)
    const { access_token: accessToken } = (await (await refreshNow(own)).json()) as { access_token: string }
    const elsewhere = await world.serveElsewhere(t)
    const [sessions, cookie] = [await allSessions(), await refreshCookie(context)]

    const page = await context.newPage()
    const call = (path: string, request: object) =>
      page.evaluate<string>(`
        fetch(${JSON.stringify(url + path)}, ${JSON.stringify(request)})
          .then((response) => response.text(), (error) => error.name)`)
    await page.goto(elsewhere)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.waitForURL(`${url}/oauth2/authorize?*`)
    t.match(await page.getByRole('main').textContent(), 'is not registered', 'the code mode')
    await page.goto(`${elsewhere}/cookie.html`)
    t.match(await page.getByRole('alert').innerText(), "does not allow this page's origin", 'the cookie mode')
    const form = {
      method: 'POST',
      credentials: 'include',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=refresh_token'
    }
    const logged = world.log().length
    t.equal(await call('/oauth2/token', form), 'TypeError')
    t.match(
      world.log().slice(logged),
      '"statusCode":403',
      'the cookie came along, else it were 400: Signet looked at the origin'
    )
    t.equal(
      await call('/oauth2/token', {
        ...form,
        headers: { 'content-type': 'application/json' },
        body: '{"grant_type":"refresh_token"}'
      }),
      'TypeError'
    )
    t.equal(await call('/logout', { method: 'POST', credentials: 'include' }), 'TypeError')
    t.equal(await call('/me', { headers: { authorization: `Bearer ${accessToken}` } }), 'TypeError')
    t.equal(await call('/login', {}), 'TypeError')
    await page.goto(`${url}/login/dev?return_to=${encodeURIComponent(elsewhere)}`)
    t.equal(new URL(page.url()).origin, url, 'and nobody is sent there')

    t.same(await allSessions(), sessions)
    t.same(await refreshCookie(context), cookie)
    await own.bringToFront()
    t.equal((await refreshNow(own)).status(), 200)
  }
)

t.test('from another site the cookie does not come along, allowed as its origin may be', async (t) => {
  const context = await world.visit(t)
  await signIn(context)
  const page = await context.newPage()
  const answer = page.waitForResponse(TOKEN_URL)
  await page.goto(`${otherSite}/cookie.html`)
  t.equal((await answer).status(), 400)
  t.notOk('cookie' in (await (await answer).request().allHeaders()))
  await waitForNews(page, /You are not signed in/)
})
