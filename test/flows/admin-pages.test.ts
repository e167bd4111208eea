import t from 'tap'
import { pagesOf, findIn } from './pages-world.ts'
import { WEB } from './setup-with-clients.ts'
import { signedIn } from './signed-in.ts'

const { url, sql, github, call, login } = await signedIn(t, { CLIENTS: JSON.stringify([WEB]) })
const { get, post, visit } = pagesOf(url)

const admin = await visit('acme', '/admin')
await sql.query("UPDATE users SET roles = '{admin}'")
const octocat = await login('github')
const userPath = `/admin/pages/users/${octocat.user.id}`
const me = async () => (await call('GET', '/me', octocat.access_token)).status
const rowOf = async (table: string) =>
  (await sql.query(`SELECT * FROM ${table} ORDER BY created_at DESC LIMIT 1`)).rows[0]

t.test('who is no administrator is told so', async (t) => {
  const browser = await visit('github')
  const refused = await get(browser, '/admin')
  t.equal(refused.status, 403)
  t.match(refused.text, /<h1>You are not an administrator<\/h1>/)
  t.match(refused.text, `href="${url}/account"`)
})

t.test('users are searched by name, status and provider, page by page', async (t) => {
  await sql.query(`INSERT INTO users (id, name, created_at) SELECT gen_random_uuid(), 'Number ' || n,
    now() - n * interval '1 day' FROM generate_series(1, 25) n`)
  const first = await get(admin, '/admin?query=number&status=&provider=')
  t.equal(first.text.split('>Number ').length - 1, 20)
  const next = findIn(first.text, /href="([^"]*cursor=[^"]*)"/)
  t.match(next, 'query=number')
  t.equal((await get(admin, next)).text.split('>Number ').length - 1, 5)
  t.match((await get(admin, '/admin?query=octo')).text, 'The Octocat')
  t.notMatch((await get(admin, '/admin?status=disabled')).text, 'The Octocat')
  t.notMatch((await get(admin, '/admin?provider=acme')).text, 'The Octocat')
  t.match((await get(admin, '/admin?query=nobody')).text, 'There is nothing here.')
})

t.test("a user's roles and metadata are set, and a mistake comes back with what was written", async (t) => {
  const saved = await post(admin, `${userPath}/roles`, { roles: 'editor\r\n author \r\n' })
  t.equal(saved.location, `${url}${userPath}?done=user`)
  t.match((await get(admin, saved.location)).text, /role="status"[^]*editor\nauthor/)
  const wrong = await post(admin, `${userPath}/roles`, { roles: 'Not a role' })
  t.equal(wrong.status, 400)
  t.match(wrong.text, /aria-invalid="true" aria-describedby="roles-hint problem"[^>]*>Not a role</)
  t.equal((await post(admin, `${userPath}/metadata`, { metadata: '{"plan":"pro"}' })).status, 303)
  t.equal((await post(admin, `${userPath}/metadata`, { metadata: '{"plan":' })).status, 400)
  const { rows: [user] } = await sql.query('SELECT roles, metadata FROM users WHERE id = $1', [octocat.user.id])
  t.strictSame(user, { roles: ['editor', 'author'], metadata: { plan: 'pro' } })
})

t.test('a user is disabled, enabled, signed out and deleted, each after a question', async (t) => {
  t.match((await get(admin, `${userPath}/disable`)).text, 'Disable The Octocat?')
  t.equal(await me(), 200)
  t.equal((await post(admin, `${userPath}/disable`)).status, 303)
  t.equal(await me(), 401)
  t.match((await get(admin, userPath)).text, 'Disabled')
  t.equal((await post(admin, `${userPath}/enable`)).status, 303)
  const again = await login('github')
  t.match((await get(admin, `${userPath}/logout`)).text, 'Sign The Octocat out everywhere?')
  t.equal((await post(admin, `${userPath}/logout`)).location, `${url}${userPath}?done=userSignedOut`)
  t.equal((await call('GET', '/me', again.access_token)).status, 401)
  t.match((await get(admin, `${userPath}/delete`)).text, 'Delete The Octocat?')
  t.equal((await post(admin, `${userPath}/delete`)).location, `${url}/admin?done=userDeleted`)
  t.equal((await get(admin, userPath)).status, 404)
})

t.test('the last administrator stays one, and the page says why', async (t) => {
  const { rows: [{ id }] } = await sql.query("SELECT id FROM users WHERE 'admin' = ANY(roles)")
  for (const [path, form] of [['roles', { roles: '' }], ['disable', {}], ['delete', {}]] as [string, {}][]) {
    const refused = await post(admin, `/admin/pages/users/${id}/${path}`, form)
    t.equal(refused.status, 409, path)
    t.match(refused.text, 'This is the only administrator', path)
  }
})

t.test('a client is registered, its secret shown once, changed, and removed', async (t) => {
  const form = { name: 'Notes', redirectUris: 'https://notes.example/cb\r\n', postLogoutRedirectUris: '' }
  const made = await post(admin, '/admin/pages/clients/new', { ...form, type: 'confidential', more: '' })
  t.equal(made.status, 200)
  const secret = findIn(made.text, /<textarea id="secret"[^>]*>([^<]+)</)
  const { client_id: id } = await rowOf('clients')
  const path = `/admin/pages/clients/${id}`
  t.notMatch((await get(admin, path)).text, secret)
  const introspect = async (secret: string) => (await fetch(`${url}/oauth2/introspect`, {
    method: 'POST', body: new URLSearchParams({ token: 'x', client_id: id, client_secret: secret })
  })).status
  t.equal(await introspect(secret), 200)
  const changed = await post(admin, path, { ...form, name: 'Notes 2', more: '{"requirePkce":false}' })
  t.equal(changed.location, `${url}${path}?done=client`)
  t.match(await rowOf('clients'), { name: 'Notes 2', metadata: { requirePkce: false } })
  const wrong = await post(admin, path, { ...form, redirectUris: 'javascript:alert(1)', more: '' })
  t.equal(wrong.status, 400)
  t.match(wrong.text, /role="alert"[^]*javascript:alert\(1\)[^<]*absolute URI[^<]*<\/span><\/p>/)
  t.match((await get(admin, `${path}/secret`)).text, 'A new secret for Notes 2?')
  const renewed = await post(admin, `${path}/secret`)
  t.equal(await introspect(secret), 401)
  t.equal(await introspect(findIn(renewed.text, /<textarea id="secret"[^>]*>([^<]+)</)), 200)
  t.match((await get(admin, `${path}/delete`)).text, 'Remove Notes 2?')
  t.equal((await post(admin, `${path}/delete`)).location, `${url}/admin/pages/clients?done=clientDeleted`)
  t.equal((await get(admin, path)).status, 404)
})

t.test('a client of the settings can be looked at only', async (t) => {
  t.match((await get(admin, '/admin/pages/clients')).text, /The web app[^]*In the settings/)
  const page = await get(admin, '/admin/pages/clients/web')
  t.match(page.text, 'https://web.example.com/callback')
  t.notMatch(page.text, /action="[^"]*clients/)
  t.notMatch(page.text, WEB.client_secret.slice(2))
  const form = { name: 'X', redirectUris: 'https://x.example/', postLogoutRedirectUris: '', more: '' }
  const refused = await post(admin, '/admin/pages/clients/web', form)
  t.equal(refused.status, 409)
  t.match(refused.text, 'This app stands in the settings')
})

t.test('audit events are filtered by type, user and time', async (t) => {
  const { rows: [{ id }] } = await sql.query("SELECT id FROM users WHERE 'admin' = ANY(roles)")
  const all = await get(admin, '/admin/pages/events')
  t.match(all.text, '<code>client.deleted</code>')
  const some = await get(admin, `/admin/pages/events?type=login.succeeded&userId=${id}&from=2020-01-01&to=`)
  t.match(some.text, '<code>login.succeeded</code>')
  t.notMatch(some.text, '<code>client.deleted</code>')
  t.match((await get(admin, '/admin/pages/events?to=2020-01-01')).text, 'There is nothing here.')
  const wrong = await get(admin, '/admin/pages/events?from=yesterday')
  t.equal(wrong.status, 400)
  t.match(wrong.text, 'Something in the form is not valid')
})

t.test('the signing keys are listed, and rotated after a question', async (t) => {
  const current = async () => (await sql.query("SELECT kid FROM signing_keys WHERE status = 'current'")).rows[0].kid
  const before = await current()
  t.match((await get(admin, '/admin/pages/keys')).text, before)
  t.match((await get(admin, '/admin/pages/keys/rotate')).text, 'Rotate the signing keys now?')
  t.equal(await current(), before)
  t.equal((await post(admin, '/admin/pages/keys/rotate')).location, `${url}/admin/pages/keys?done=keys`)
  t.not(await current(), before)
  t.equal((await get(admin, '/admin')).status, 200, 'the pages go on with the new key')
})

t.test('a webhook is added, its secret shown once, changed, tried, replayed and removed', async (t) => {
  const made = await post(admin, '/admin/pages/webhooks/new', {
    url: 'http://127.0.0.1:9/', types: 'user.created', enabled: 'yes'
  })
  t.equal(made.status, 200, made.text)
  t.match(made.text, /<textarea id="secret"[^>]*>whsec_[^<]+</)
  const { id } = await rowOf('webhook_endpoints')
  const path = `/admin/pages/webhooks/${id}`
  t.notMatch((await get(admin, path)).text, 'whsec_')
  const none = await post(admin, path, { url: 'http://127.0.0.1:9/' })
  t.equal(none.status, 400, 'without a type')
  t.equal((await post(admin, path, { url: 'http://127.0.0.1:9/hook', types: 'user.deleted' })).status, 303)
  t.match(await rowOf('webhook_endpoints'), { url: 'http://127.0.0.1:9/hook', types: ['user.deleted'], enabled: false })
  t.match((await post(admin, `${path}/test`)).text, /The test did not arrive[^]*<dt>Answer<\/dt>/)
  t.match((await post(admin, `${path}/secret`)).text, 'whsec_')
  await sql.query(`INSERT INTO webhook_deliveries (id, endpoint_id, user_id, type, details, status)
    VALUES (gen_random_uuid(), $1, $1, 'user.created', '{}', 'failed')`, [id])
  const page = await get(admin, path)
  t.match(page.text, 'Failed')
  const replay = await post(admin, findIn(page.text, /action="([^"]*\/deliveries\/[^"]*)"/))
  t.equal(replay.location, `${url}${path}?done=replayed`)
  t.equal((await rowOf('webhook_deliveries')).status, 'pending')
  t.equal((await post(admin, `${path}/replay`, { since: '2026-01-01' })).status, 303)
  t.equal((await post(admin, `${path}/replay`, { since: 'then' })).status, 400)
  t.equal((await post(admin, `${path}/delete`)).location, `${url}/admin/pages/webhooks?done=webhookDeleted`)
  t.equal((await get(admin, path)).status, 404)
})

t.test('what an administrator does on a page is in the audit trail under their name', async (t) => {
  github.user({ id: 2, login: 'two', name: 'Two' })
  const { user } = await login('github')
  await post(admin, `/admin/pages/users/${user.id}/roles`, { roles: 'editor' }, { 'user-agent': 'Mozilla/5.0 Admin' })
  const { rows: [event] } = await sql.query(
    "SELECT * FROM audit_events WHERE type = 'user.roles_changed' AND user_id = $1", [user.id])
  const { rows: [{ id }] } = await sql.query("SELECT id FROM users WHERE 'admin' = ANY(roles)")
  t.match(event, { actor_id: id, ip_address: '127.0.0.1', user_agent: 'Mozilla/5.0 Admin' })
})
