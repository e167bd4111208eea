import t from 'tap'
import { createBrowser, type Browser } from '../fakes/browser.ts'
import { eventually } from '../helper.ts'
import { findIn, pagesOf } from './pages-world.ts'
import { SPA } from './setup-with-clients.ts'
import { signedIn } from './signed-in.ts'

const COOKIE = 'signet-pages'
const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0'

const running = await signedIn(t, { CLIENTS: JSON.stringify([SPA]) })
const { url, origin, sql, github, acme, login, call } = running
const { get, post, visit } = pagesOf(url)

t.beforeEach(() => sql.query('DELETE FROM users; DELETE FROM audit_events; DELETE FROM spent_states'))

/** Signs in where an account is to be linked: the answer of the callback. */
async function signInToLink (browser: Browser) {
  const { location = '' } = await get(browser, '/account/accounts/link/start')
  return await browser.callback(await browser.authorize(location))
}

const cookieOf = (browser: Browser) => browser.cookies().find(({ name }) => name === COOKIE)
const sessionsOf = async () => (await sql.query('SELECT * FROM sessions ORDER BY created_at, id')).rows

t.test('who is not signed in is sent to the sign-in page, and comes back to where they were going', async (t) => {
  const browser = createBrowser(url)
  const refused = await get(browser, '/account/sessions?cursor=abc')
  t.equal(refused.status, 303)
  t.equal(refused.location, `${url}/login?return_to=${encodeURIComponent(`${url}/account/sessions`)}`)
  const page = await get(browser, refused.location)
  t.equal(page.status, 200)
  const [, link = ''] = /href="([^"]*\/login\/github[^"]*)"/.exec(page.text) ?? []
  const back = await browser.login(link.replaceAll('&amp;', '&'))
  t.equal(back.location, `${url}/account/sessions`)
  t.notOk(browser.cookies().some(({ name }) => name === 'signet-refresh'), 'there is no refresh cookie')
  const opened = await get(browser, back.location)
  t.equal(opened.status, 200)
  t.match(opened.headers.get('cache-control'), 'no-store')
  t.match(opened.text, /Where you are signed in/)
})

t.test('the cookie is HttpOnly, Lax and random, and the database has a hash of it only', async (t) => {
  const browser = createBrowser(url)
  const answer = await browser.login(`/login/github?return_to=${encodeURIComponent(`${url}/account`)}`)
  const line = answer.headers.getSetCookie().find((one) => one.startsWith(`${COOKIE}=`)) ?? ''
  t.match(line, /; Path=\/; HttpOnly; SameSite=Lax$/)
  t.match(line, /Max-Age=15552000;/)
  const [session] = await sessionsOf()
  t.equal(session.page_secret_hash.length, 32)
  t.notOk(line.includes(session.id))
  t.equal(session.scope, '')
})

t.test('a session of the pages is listed as this browser, and its end ends the pages', async (t) => {
  const browser = await visit()
  const { access_token: token } = await login()
  const { body: { items } } = await call('GET', '/me/sessions', token)
  t.equal(items.length, 2)
  t.match((await get(browser, '/account/sessions')).text, /This browser/)
  const own = items.find((session: { current: boolean }) => !session.current)
  await call('DELETE', `/me/sessions/${own.id}`, token)
  const after = await get(browser, '/account')
  t.equal(after.status, 303)
  t.match(after.location, /\/login\?return_to=/)
})

t.test('a new sign-in replaces the cookie, and ends the session that the browser had', async (t) => {
  const browser = await visit()
  const before = cookieOf(browser)?.value
  await browser.login(`/login/github?return_to=${encodeURIComponent(`${url}/account`)}`)
  t.not(cookieOf(browser)?.value, before)
  const [first, second] = await sessionsOf()
  t.equal(first.revocation_reason, 'logout')
  t.equal(second.revoked_at, null)
})

t.test('signing out on the page ends the session and takes the cookie away', async (t) => {
  const browser = await visit()
  const kept = cookieOf(browser)
  const out = await post(browser, '/account/sign-out')
  t.equal(out.status, 200)
  t.match(out.text, /You are signed out/)
  t.equal(cookieOf(browser), undefined)
  t.equal((await sessionsOf())[0].revocation_reason, 'logout')
  browser.plantCookie(`${COOKIE}=${kept?.value}`)
  t.equal((await get(browser, '/account')).status, 303, 'a copy of the cookie opens nothing')
})

t.test('signing out of the browser for an app ends the session of the pages, too', async (t) => {
  const browser = await visit()
  const signedOut = await post(browser, '/oauth2/logout', { confirmed: 'yes' })
  t.equal(signedOut.status, 200)
  t.equal(cookieOf(browser), undefined)
  t.equal((await get(browser, '/account')).status, 303)
  t.match(await sessionsOf(), [{ revocation_reason: 'logout' }])
})

t.test('an old session of the pages ends as any other does: unused, or at its end; a use moves the end', async (t) => {
  const browser = await visit()
  await sql.query(`UPDATE sessions SET last_used_at = now() - interval '3 minutes',
    idle_expires_at = now() + interval '1 hour'`)
  t.equal((await get(browser, '/account')).status, 200)
  const [used] = await sessionsOf()
  t.ok(used.idle_expires_at.getTime() > Date.now() + 29 * 86_400_000)
  t.ok(used.last_used_at.getTime() > Date.now() - 60_000)
  t.ok(used.previously_used_at.getTime() < Date.now() - 120_000)
  await sql.query('UPDATE sessions SET idle_expires_at = now() - interval \'1 second\'')
  t.equal((await get(browser, '/account')).status, 303)
  await sql.query(`UPDATE sessions SET idle_expires_at = now() + interval '1 hour',
    expires_at = now() - interval '1 second'`)
  t.equal((await get(browser, '/account')).status, 303)
})

t.test('a disabled user is signed out of the pages', async (t) => {
  const browser = await visit()
  await sql.query('UPDATE users SET disabled_at = now()')
  t.equal((await get(browser, '/account')).status, 303)
})

t.test('a program gets no page: 406, as a problem', async (t) => {
  const answer = await fetch(`${url}/account`, { redirect: 'manual' })
  t.equal(answer.status, 406)
  t.match(await answer.json(), { code: 'not_acceptable' })
})

t.test('the page says who one is, escaped, and a name and a language can be changed', async (t) => {
  github.user({ id: 1, login: 'octocat', name: '<b>Octo & "cat"</b>', email: 'octocat@github.com' })
  const browser = await visit()
  const page = await get(browser, '/account')
  t.match(page.text, '&lt;b&gt;Octo &amp; &quot;cat&quot;&lt;/b&gt;')
  t.notMatch(page.text, '<b>')
  t.match(page.text, 'octocat@github.com')
  const saved = await post(browser, '/account/profile', { name: 'Mona', locale: '' })
  t.equal(saved.status, 303)
  t.equal(saved.location, `${url}/account?done=profile`)
  const after = await get(browser, saved.location)
  t.match(after.text, /role="status"[^>]*>Your changes are saved\./)
  t.match(after.text, 'Hello, Mona')
  const { rows: [user] } = await sql.query('SELECT name, locale, edited_fields FROM users')
  t.strictSame(user, { name: 'Mona', locale: null, edited_fields: ['name'] }, 'the rest follows the provider')
  t.notMatch((await get(browser, '/account?done=%3Cb%3E')).text, 'role="status"', 'only what is on the list is shown')
})

t.test('a form that is refused comes back with what was written, and says where the mistake is', async (t) => {
  const browser = await visit()
  const refused = await post(browser, '/account/profile', { name: 'Mona "M"', locale: 'not a language' })
  t.equal(refused.status, 400)
  t.match(refused.text, /<p class="notice" id="problem" role="alert" tabindex="-1" autofocus>/)
  t.match(refused.text, /name="locale" aria-invalid="true" aria-describedby="locale-hint problem"/)
  t.match(refused.text, 'value="Mona &quot;M&quot;"')
})

t.test('other sessions are ended one by one, or all at once after a question', async (t) => {
  const browser = await visit()
  const sessions = [await login(), await login(), await login()]
  const me = async (index: number) => (await call('GET', '/me', sessions[index].access_token)).status
  const [, action = ''] = /action="([^"]*\/end)"/.exec((await get(browser, '/account/sessions')).text) ?? []
  const ended = await post(browser, action)
  t.equal(ended.location, `${url}/account/sessions?done=session`)
  t.strictSame((await Promise.all([0, 1, 2].map(me))).sort(), [200, 200, 401])
  t.match((await get(browser, '/account/sessions/end-others')).text, /Sign out everywhere else\?/)
  t.equal((await post(browser, '/account/sessions/end-others')).location, `${url}/account/sessions?done=sessions`)
  t.strictSame(await Promise.all([0, 1, 2].map(me)), [401, 401, 401])
  t.equal((await get(browser, '/account')).status, 200)
  t.equal((await post(browser, '/account/sessions/00000000-0000-4000-8000-000000000000/end')).status, 404)
})

t.test('another account is linked by a sign-in there, which comes back to the page', async (t) => {
  const browser = await visit()
  const begun = await post(browser, '/account/accounts/link', { provider: 'acme' })
  t.equal(begun.location, `${url}/account/accounts/link`)
  const question = await get(browser, begun.location)
  t.match(question.text, 'Link an account at acme')
  const linked = await signInToLink(browser)
  t.match(linked.location, `${url}/account/accounts/linked?code=`)
  const done = await get(browser, linked.location ?? '')
  t.equal(done.location, `${url}/account/accounts?done=linked`)
  t.match((await get(browser, done.location)).text, /The account is linked[^]*jane@example\.com/)
  const again = await get(browser, linked.location ?? '')
  t.equal(again.status, 400, 'the way back works once')
  t.match(again.text, 'no longer under way')
})

t.test('a link that ends too long after the sign-in asks for another one, which leads to the list', async (t) => {
  const browser = await visit()
  await post(browser, '/account/accounts/link', { provider: 'acme' })
  const { location = '' } = await signInToLink(browser)
  await sql.query("UPDATE sessions SET authenticated_at = now() - interval '11 minutes'")
  const asked = await get(browser, location)
  t.equal(asked.status, 403)
  const again = findIn(asked.text, /class="button primary" href="([^"]+)"/)
  t.equal(new URL(again).searchParams.get('return_to'), `${url}/account/accounts`)
  await sql.query('DELETE FROM sessions')
  const signIn = new URL((await get(browser, location)).location ?? '')
  t.equal(signIn.searchParams.get('return_to'), `${url}/account/accounts`, 'also where the session is over')
})

t.test('sessions have the names of their apps and devices, in the language of the page', async (t) => {
  const browser = await visit()
  await sql.query(`INSERT INTO sessions (id, user_id, account_id, client_id, provider, scope, secret_hash, user_agent,
      authenticated_at, idle_expires_at, expires_at)
    SELECT gen_random_uuid(), user_id, accounts.id, client, provider, '', '', $1, now(), now() + interval '1 hour',
      now() + interval '1 day'
    FROM accounts, unnest('{spa,gone}'::text[]) client`, [FIREFOX])
  const { text } = await get(browser, '/account/sessions', { 'accept-language': 'de' })
  t.match(text, '<h2>Firefox unter Windows</h2>')
  t.match(text, '<dt>App</dt><dd><bdi>The app</bdi></dd>')
  t.match(text, '<dt>App</dt><dd><bdi>gone</bdi></dd>', 'one that is no longer registered has no name')
})

t.test('a link code of somebody else cannot be planted: it needs the cookie of this session', async (t) => {
  const mallory = await visit('github')
  await post(mallory, '/account/accounts/link', { provider: 'github' })
  const { location: planted = '' } = await signInToLink(mallory)
  acme.person({ sub: 'jane', email: 'jane@example.com', email_verified: true, name: 'Jane' })
  const victim = await visit('acme')
  t.equal((await get(victim, planted)).status, 400)
  await post(victim, '/account/accounts/link', { provider: 'github' })
  t.equal((await get(victim, planted)).status, 400, 'also while the victim links an account')
  const link = mallory.cookies().find(({ name }) => name === 'signet-link')
  victim.plantCookie(`signet-link=${link?.value}`)
  t.equal((await get(victim, planted)).status, 400, 'also with the cookie: it is sealed to the session')
  t.equal((await sql.query('SELECT 1 FROM accounts')).rowCount, 2)
})

t.test('an account is unlinked after a question, and the only one stays', async (t) => {
  const browser = await visit()
  const unlink = async () => /href="([^"]*\/unlink)"/.exec((await get(browser, '/account/accounts')).text)?.[1] ?? ''
  const only = await post(browser, await unlink())
  t.equal(only.status, 409)
  t.match(only.text, 'This is your only account')
  await post(browser, '/account/accounts/link', { provider: 'acme' })
  await get(browser, (await signInToLink(browser)).location ?? '')
  const path = await unlink()
  t.match((await get(browser, path)).text, /Unlink GitHub \(octocat\)\?/)
  const done = await post(browser, path)
  t.equal(done.location, `${url}/account/accounts?done=unlinked`)
  t.equal((await sql.query('SELECT provider FROM accounts')).rows[0].provider, 'acme')
  t.equal((await get(browser, '/account')).status, 303, 'what was opened through it has ended, this page too')
})

t.test('a personal token is made, shown once, used and taken back', async (t) => {
  const browser = await visit()
  const made = await post(browser, '/account/tokens/new', { name: 'backup <i>', expiresInDays: '7', scope: 'email' })
  t.equal(made.status, 200)
  t.match(made.headers.get('cache-control'), 'no-store')
  t.match(made.text, 'backup &lt;i&gt;')
  const [token = ''] = /signet_pt_[\w-]{64}/.exec(made.text) ?? []
  const redeem = () => fetch(`${url}/oauth2/token`, {
    method: 'POST', body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token })
  })
  t.match(await (await redeem()).json(), { scope: 'email' })
  const list = await get(browser, '/account/tokens')
  t.notMatch(list.text, 'signet_pt_')
  const [, path = ''] = /href="([^"]*\/end)"/.exec(list.text) ?? []
  t.match((await get(browser, path)).text, 'What uses it stops working')
  t.equal((await post(browser, path)).location, `${url}/account/tokens?done=token`)
  t.equal((await redeem()).status, 400)
  const refused = await post(browser, '/account/tokens/new', { name: '', expiresInDays: '1000' })
  t.equal(refused.status, 400)
  t.match(refused.text, /id="name" name="name" required aria-invalid="true"/)
})

t.test('an app that the person allowed is listed, and its access is taken back after a question', async (t) => {
  const browser = await visit()
  t.match((await get(browser, '/account/grants')).text, 'You have not allowed any app')
  const client = 'https://helper.example/client.json'
  const { rows: [{ id }] } = await sql.query(
    `INSERT INTO consents (id, user_id, client_id, resource, scopes, fingerprint, client_name, client_host)
    SELECT gen_random_uuid(), id, $1, 'https://notes.example.com', '{notes:read}', 'x', 'Helper', 'helper.example'
    FROM users RETURNING id`, [client]
  )
  await sql.query(`INSERT INTO sessions (id, user_id, account_id, client_id, provider, scope, secret_hash,
      authenticated_at, idle_expires_at, expires_at)
    SELECT gen_random_uuid(), user_id, id, $1, provider, '', '', now(), now() + interval '1 hour',
      now() + interval '1 day'
    FROM accounts`, [client])
  const { text } = await get(browser, '/account/grants')
  for (const word of ['Helper', 'helper.example', 'https://notes.example.com', 'notes:read']) t.match(text, word)
  const sessions = await get(browser, '/account/sessions')
  t.match(sessions.text, '<dt>App</dt><dd><bdi>Helper</bdi></dd>', 'the name, not the client id')
  t.match((await get(browser, `/account/grants/${id}/end`)).text, 'Take access back from Helper?')
  const done = await post(browser, `/account/grants/${id}/end`)
  t.equal(done.location, `${url}/account/grants?done=grant`)
  t.match((await get(browser, done.location)).text, /The app has no access any more[^]*not allowed any app/)
  const ended = await sql.query('SELECT revoked_at FROM sessions WHERE client_id = $1', [client])
  t.ok(ended.rows[0].revoked_at, 'it is signed out')
  t.equal((await post(browser, `/account/grants/${id}/end`)).status, 404)
})

t.test('what needs a recent sign-in offers one, and comes back', async (t) => {
  const browser = await visit()
  await sql.query('UPDATE sessions SET authenticated_at = now() - interval \'11 minutes\'')
  const [, unlink = ''] = /href="([^"]*\/unlink)"/.exec((await get(browser, '/account/accounts')).text) ?? []
  for (const path of ['/account/delete', '/account/tokens/new', unlink]) {
    const asked = await get(browser, path)
    t.equal(asked.status, 403, path)
    const [, href = ''] = /class="button primary" href="([^"]+)"/.exec(asked.text) ?? []
    const link = new URL(href.replaceAll('&amp;', '&'))
    t.equal(link.origin + link.pathname, `${url}/login`)
    t.strictSame(Object.fromEntries(link.searchParams), {
      return_to: path.startsWith('/') ? url + path : path, prompt: 'login', max_age: '600'
    })
  }
  t.equal((await post(browser, '/account/delete')).status, 403)
  t.equal((await post(browser, '/account/accounts/link', { provider: 'acme' })).status, 403)
  t.equal((await post(browser, '/account/tokens/new', { name: 'x', expiresInDays: '1' })).status, 403)
  t.equal((await post(browser, unlink)).status, 403)
  const returnTo = encodeURIComponent(`${url}/account/delete`)
  const back = await browser.login(`/login/github?prompt=login&max_age=600&return_to=${returnTo}`)
  t.equal(back.location, `${url}/account/delete`)
  t.match((await get(browser, back.location)).text, 'Delete your account?')
})

t.test('activity is told in words, page by page', async (t) => {
  const browser = await visit()
  const userId = (await sql.query('SELECT id FROM users')).rows[0].id
  await sql.query(`INSERT INTO audit_events (id, type, user_id, actor_id, created_at)
    SELECT gen_random_uuid(), 'account.linked', $1, $1, now() - n * interval '1 minute'
    FROM generate_series(1, 30) n`, [userId])
  const first = await get(browser, '/account/activity')
  t.match(first.text, 'Signed in')
  t.equal(first.text.split('An account was linked').length - 1, 18)
  const [, next = ''] = /href="([^"]*cursor=[^"]*)"/.exec(first.text) ?? []
  const second = await get(browser, next.replaceAll('&amp;', '&'))
  t.equal(second.text.split('An account was linked').length - 1, 12)
  t.notMatch(second.text, 'cursor=')
})

t.test('an export is downloaded as the API makes it', async (t) => {
  const browser = await visit()
  const answer = await post(browser, '/account/export')
  t.equal(answer.status, 200)
  t.match(answer.headers.get('content-disposition'), 'attachment; filename="signet-export.json"')
  t.match(answer.headers.get('content-type'), 'application/json')
  t.match(answer.json(), { user: { email: 'octocat@github.com' }, sessions: [{ provider: 'github' }] })
  t.notMatch(answer.text, 'ecret')
})

t.test('a browser that goes away ends its export, so that the next one begins', async (t) => {
  const { address } = await running.another({ RATE_LIMITS: 'on' })
  const browser = await visit()
  const userId = (await sql.query('SELECT id FROM users')).rows[0].id
  await sql.query(`INSERT INTO audit_events (id, type, user_id, actor_id, details)
    SELECT gen_random_uuid(), 'account.linked', $1, $1, jsonb_build_object('text', repeat('x', 500))
    FROM generate_series(1, 20000)`, [userId])
  const download = (signal?: AbortSignal) => fetch(`${address}/account/export`, {
    method: 'POST',
    body: new URLSearchParams(),
    headers: { accept: 'text/html', origin, cookie: `${COOKIE}=${cookieOf(browser)?.value}` },
    ...signal && { signal }
  })
  const leaving = new AbortController()
  const first = await download(leaving.signal)
  t.equal(first.status, 200)
  const second = await download()
  t.equal(second.status, 429, 'one at a time')
  t.match(await second.text(), 'Wait a little, and try again')
  leaving.abort()
  await eventually('the export ended', async () => (await download()).status === 200)
})

t.test('a deletion takes the user away, with the cookie', async (t) => {
  const browser = await visit()
  const gone = await post(browser, '/account/delete')
  t.equal(gone.status, 200)
  t.match(gone.text, 'Your account is deleted')
  t.equal(cookieOf(browser), undefined)
  t.equal((await sql.query('SELECT 1 FROM users')).rowCount, 0)
})

t.test("the API sees the person's own address and browser", async (t) => {
  const browser = await visit()
  const userAgent = 'Mozilla/5.0 (X11; Linux x86_64) Test'
  await post(browser, '/account/profile', { name: 'Mona', locale: '' }, { 'user-agent': userAgent })
  const { rows: [event] } = await sql.query("SELECT * FROM audit_events WHERE type = 'user.updated'")
  t.match(event, { ip_address: '127.0.0.1', user_agent: userAgent, client_id: 'signet' })
})
