import t from 'tap'
import { readJson } from '../helper.ts'
import { createBrowser, type Browser } from '../fakes/browser.ts'
import { grid, slow } from '../slow.ts'
import { pagesOf } from './pages-world.ts'
import { WEB } from './setup-with-clients.ts'
import { signedIn } from './signed-in.ts'

// Every page and every form of /account and /admin, found by following the links of the pages themselves.

const { url, origin, sql, github, login } = await signedIn(t, { CLIENTS: JSON.stringify([WEB]) })
const { get, post, visit, crawl } = pagesOf(url)

const document = await readJson(await fetch(`${url}/openapi.json`))
const routesOf = (method: string) => Object.entries<Record<string, { tags: string[] }>>(document.paths)
  .filter(([, methods]) => methods[method]?.tags.some((tag) => / pages$/.test(tag)))
  .map(([path]) => path)
  .sort()

/** The route of a path: ids are in the place of parameters. */
const toRoute = (path: string, routes: string[]) =>
  routes.find((route) => route === path) ??
    routes.find((route) => new RegExp(`^${route.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path)) ?? path

/** A third party that the person allowed to act for them, as the consent page keeps it. */
const allow = async (userId: string, clientName: string) => await sql.query(
  `INSERT INTO consents (id, user_id, client_id, resource, scopes, fingerprint, client_name)
  VALUES (gen_random_uuid(), $1, 'dynamic-x', 'https://notes.example.com', '{notes:read}', 'x', $2)`,
  [userId, clientName]
)

/** An administrator who has one of everything, and another user. */
async function people () {
  const admin = await visit('acme')
  const { rows: [{ id: adminId }] } = await sql.query("UPDATE users SET roles = '{admin}' RETURNING id")
  await login('acme')
  await post(admin, '/account/tokens/new', { name: 'backup of Jane', expiresInDays: '1' })
  await post(admin, '/admin/pages/clients/new', {
    name: 'A client', type: 'confidential', redirectUris: 'https://c.example/', postLogoutRedirectUris: '', more: ''
  })
  await allow(adminId, 'Helper of Jane')
  const { rows: [{ id: webhookId }] } = await sql.query(`INSERT INTO webhook_endpoints (id, url, types, sealed_secret)
    VALUES (gen_random_uuid(), 'http://127.0.0.1:9/', '{user.created}', '') RETURNING id`)
  await sql.query(`INSERT INTO webhook_deliveries (id, endpoint_id, user_id, type, details, status)
    VALUES (gen_random_uuid(), $1, $1, 'user.created', '{}', 'delivered')`, [webhookId])
  const another = await visit('github')
  await sql.query('INSERT INTO users (id, name, disabled_at) VALUES (gen_random_uuid(), \'Somebody disabled\', now())')
  return { admin, another, adminId }
}

const { admin, another, adminId } = await people()
const everything = await crawl(admin, ['/account', '/admin'])

/** What a form may change. */
async function state () {
  const sessions = '(SELECT id, user_id, personal_token, revoked_at FROM sessions) sessions'
  const tables = ['users', 'accounts', sessions, 'clients', 'consents', 'webhook_endpoints', 'webhook_deliveries',
    'signing_keys']
  const rows = await Promise.all(tables.map((table) => sql.query(`SELECT * FROM ${table} ORDER BY 1`)))
  return JSON.stringify(rows.map(({ rows }) => rows))
}

t.test('the links of the pages lead to every page and every form that there is', async (t) => {
  const pages = routesOf('get')
  t.same([...new Set(everything.pages.map((page) => toRoute(page, pages)))].sort(), pages.filter((page) =>
    // These follow the form that begins to link an account.
    !/^\/account\/accounts\/link(ed|$|\/start)/.test(page)))
  const forms = routesOf('post')
  t.ok(forms.length > 25)
  t.same([...new Set(everything.forms.map((form) => toRoute(form, forms)))].sort(), forms)
})

t.test('no form of another site changes anything, whatever it says of itself', async (t) => {
  const before = await state()
  const fields = { name: 'Mallory', provider: 'github', roles: 'admin', url: 'https://mallory.example/' }
  for (const action of everything.forms) {
    const others = ['https://mallory.example', 'null', `${origin}.mallory.example`, origin.replace('http:', 'https:')]
    for (const other of grid(others, (other) => typeof other)) {
      const { status, text } = await post(admin, action, fields, { origin: other })
      t.equal(status, 403, `${action} from ${other}`)
      t.match(text, 'This form came from another page', action)
    }
    const { status } = await admin.post(action, { form: fields, headers: { accept: 'text/html' } })
    t.equal(status, 403, `${action} without an origin`)
    const json = await admin.post(action, { json: fields, headers: { accept: 'text/html', origin } })
    t.ok([400, 415].includes(json.status), `${action} by JSON, which a form cannot send: ${json.status}`)
  }
  t.equal(await state(), before)
})

t.test('no form does anything without the cookie of the pages, not even with the refresh cookie', async (t) => {
  const before = await state()
  const browser = createBrowser(url)
  const { refresh_token: refreshToken } = await login('acme')
  browser.plantCookie(`signet-refresh=${refreshToken}; Path=/`)
  browser.plantCookie(`signet-pages=${refreshToken}; Path=/`)
  const sessionsBefore = (await state()).length
  for (const action of everything.forms) {
    const { status, location } = await post(browser, action)
    t.equal(status, 303, action)
    t.match(location, `${url}/login?return_to=`, action)
  }
  for (const page of everything.pages) t.equal((await get(browser, page)).status, 303, page)
  t.equal((await state()).length, sessionsBefore)
  t.ok(before.length < sessionsBefore, 'the login alone has added something')
})

t.test("another user gets none of the person's pages, forms or data", async (t) => {
  const before = await state()
  const secrets = ['jane@example.com', adminId, 'backup of Jane', 'Helper of Jane', 'https://c.example/']
  for (const page of everything.pages) {
    const { status, text } = await get(another, page)
    t.equal(status, expectedOfAnother(page), page)
    for (const secret of secrets) t.notMatch(text, secret, page)
  }
  for (const action of everything.forms.filter((form) => form.startsWith('/admin/') || /[0-9a-f-]{36}/.test(form))) {
    t.equal((await post(another, action)).status, expectedOfAnother(action), action)
  }
  t.equal(await state(), before)
})

/** Administration is for its role; what has an id is another's; the rest is each person's own. */
function expectedOfAnother (path: string): number {
  if (/^\/admin(\/|$)/.test(path)) return 403
  return /[0-9a-f-]{36}/.test(path) ? 404 : 200
}

t.test('a role that was taken away closes the administration at once', async (t) => {
  await sql.query("UPDATE users SET roles = '{}' WHERE id = $1", [adminId])
  for (const page of everything.pages.filter((page) => /^\/admin(\/|$)/.test(page))) {
    const { status, text } = await get(admin, page)
    t.equal(status, 403, page)
    t.match(text, 'You are not an administrator')
  }
  await sql.query("UPDATE users SET roles = '{admin}' WHERE id = $1", [adminId])
  t.equal((await get(admin, '/admin')).status, 200)
})

slow.test('every page is escaped, not stored, and has no script', async (t) => {
  const evil = '<script>alert(1)</script>"\'&'
  github.user({ id: 9, login: evil, name: evil, email: 'evil@example.com' })
  const browser: Browser = await visit('github')
  await sql.query("UPDATE users SET roles = '{admin}' WHERE name = $1", [evil])
  await post(browser, '/account/tokens/new', { name: evil, expiresInDays: '1' })
  await sql.query('UPDATE clients SET name = $1', [evil])
  const { rows: [{ id }] } = await sql.query('SELECT id FROM users WHERE name = $1', [evil])
  await allow(id, evil)
  const search = `/admin?query=${encodeURIComponent(evil)}`
  const { pages } = await crawl(browser, ['/account', '/admin', `/admin/pages/users/${id}`, search])
  for (const page of pages) {
    const { text, headers } = await get(browser, page)
    t.notMatch(text, '<script', page)
    t.equal(headers.get('cache-control'), 'no-store', page)
    t.match(headers.get('content-security-policy'), /^default-src 'none'; style-src 'sha256-[^']+'; /, page)
  }
})
