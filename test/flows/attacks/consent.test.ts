import t from 'tap'
import { createBrowser } from '../../fakes/browser.ts'
import { startFakeDocument } from '../../fakes/client-document.ts'
import { inThePast, race } from '../../helper.ts'
import { setupWithAgents } from '../agents-world.ts'

// A page, an app or a second browser that wants a consent which the person has not given.

const world = await setupWithAgents(t)
const { url, origin, sql, document, visit, answer, consent, register } = world

t.beforeEach(async () => { await sql.query('DELETE FROM users') })

const consents = async () => (await sql.query('SELECT 1 FROM consents')).rowCount
const codes = async () => (await sql.query('SELECT 1 FROM authorization_codes')).rowCount

t.test('a page of another site cannot answer for the person', async (t) => {
  const { browser, id } = await visit()
  for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }, {}] as Record<string, string>[]) {
    for (const decision of ['allow', 'cancel']) {
      t.equal((await answer(browser, id, decision, headers)).status, 403, JSON.stringify(headers))
    }
  }
  t.same([await consents(), await codes()], [0, 0])
  t.equal((await answer(browser, id, 'allow')).status, 302, 'the person still can')
})

t.test('the consent page cannot be framed or cached, and has no script and no image', async (t) => {
  const { page } = await visit()
  const { headers } = page
  t.equal(headers.get('x-frame-options'), 'DENY')
  t.match(headers.get('content-security-policy'), /default-src 'none'.*frame-ancestors 'none'/)
  t.notMatch(headers.get('content-security-policy'), 'script-src')
  t.equal(headers.get('cache-control'), 'no-store')
  t.equal(headers.get('cross-origin-opener-policy'), null, 'an app may wait for it in a popup')
  t.notMatch(page.text, /<script|<img|<iframe/)
})

t.test('one click counts once, also when it is sent many times to two instances', async (t) => {
  const { address } = await world.another()
  const { browser, id } = await visit()
  const cookie = browser.cookieHeader()
  const answers = await race(10, (index) => fetch(`${index % 2 ? url : address}/oauth2/consent`, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin, cookie },
    body: new URLSearchParams({ request: id, decision: 'allow' })
  }))
  t.same(answers.map(({ status }) => status).sort(), [302, ...Array(9).fill(400)])
  t.equal(await codes(), 1)
  const replay = await fetch(`${url}/oauth2/consent?request=${id}`, { redirect: 'manual', headers: { cookie } })
  t.equal(replay.status, 400, 'nor does the page lead to a second code')
  t.equal(await codes(), 1)
})

t.test('another browser cannot answer, nor one that alters what was asked', async (t) => {
  const first = await visit()
  const second = await visit()
  t.equal((await answer(createBrowser(url), first.id, 'allow')).status, 400, 'no cookie')
  t.equal((await answer(second.browser, first.id, 'allow')).status, 400, 'the cookie of another')
  const [mine] = first.browser.cookies().filter(({ name }) => name.includes('consent'))
  const name = mine?.name ?? ''
  for (const value of [`${mine?.value}A`, mine?.value.replace(/.$/, (last) => last === 'A' ? 'B' : 'A'), 'x']) {
    const response = await fetch(`${url}/oauth2/consent`, {
      method: 'POST',
      headers: { origin, cookie: `${name}=${value}` },
      body: new URLSearchParams({ request: first.id, decision: 'allow' })
    })
    t.equal(response.status, 400)
  }
  // The cookie of one visit under the name of another.
  const response = await fetch(`${url}/oauth2/consent`, {
    method: 'POST',
    headers: { origin, cookie: `${name.replace(first.id, second.id)}=${mine?.value}` },
    body: new URLSearchParams({ request: second.id, decision: 'allow' })
  })
  t.equal(response.status, 400)
  t.same([await consents(), await codes()], [0, 0])
})

t.test('a request for more after a consent is asked for, whatever was allowed before', async (t) => {
  await consent({ scope: 'notes:read' })
  const { page, browser, id } = await visit({ scope: 'notes:read notes:write' })
  t.match(page.text, 'Write and delete notes')
  const forged = await browser.post('/oauth2/consent', {
    form: { request: id, decision: 'allow', scope: 'notes:read notes:write email' }, headers: { origin }
  })
  t.equal(forged.status, 302)
  const { rows } = await sql.query('SELECT scopes FROM consents')
  t.same(rows[0].scopes.sort(), ['notes:read', 'notes:write'], 'the form says nothing of the scope')
})

t.test('a client that changes between the page and the click gets nothing', async (t) => {
  const changing = await startFakeDocument()
  t.teardown(() => changing.close())
  changing.headers({ 'cache-control': 'no-store' })
  const more = { client_id: changing.url, redirect_uri: `${changing.origin}/callback` }
  const { browser, id } = await inThePast(90, () => visit(more))
  changing.change({ client_name: 'Your bank' })
  const answered = await answer(browser, id, 'allow')
  t.equal(answered.status, 400)
  t.same([await consents(), await codes()], [0, 0])
})

t.test('a click that comes too late, or after the user was disabled, gives no code', async (t) => {
  const late = await inThePast(601, () => visit())
  t.equal((await answer(late.browser, late.id, 'allow')).status, 400)
  const { browser, id } = await visit()
  await sql.query('UPDATE users SET disabled_at = now()')
  t.equal((await answer(browser, id, 'allow')).status, 400)
  t.same([await consents(), await codes()], [0, 0])
})

t.test('a session that waits for the answer has no tokens, and ends when nobody answers', async (t) => {
  await visit()
  const { rows } = await sql.query(
    "SELECT idle_expires_at <= now() + interval '10 minutes 10 seconds' AS soon, counter FROM sessions")
  t.same(rows, [{ soon: true, counter: 0 }])
  t.equal(await codes(), 0)
})

t.test('script in a name or a logo stays text, and no logo is loaded', async (t) => {
  const name = '<script>alert(1)</script>"\'><img src=x onerror=alert(1)>'
  const { body } = await register({
    client_name: name,
    redirect_uris: ['https://agent.example.com/cb'],

    logo_uri: 'javascript:alert(1)'
  })
  const { page } = await visit({ client_id: body.client_id, redirect_uri: 'https://agent.example.com/cb' })
  t.match(page.text, '&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&gt;&lt;img src=x onerror=alert(1)&gt;')
  t.notMatch(page.text, /<script|<img|javascript:/)
  const chooser = await fetch(url + world.agentRequest({
    client_id: body.client_id, redirect_uri: 'https://agent.example.com/cb', provider: undefined
  }).path)
  const text = await chooser.text()
  t.match(text, '&lt;script&gt;')
  t.notMatch(text, /<script|<img/)
})

t.test('an unknown or broken document is a page, never a redirect', async (t) => {
  const broken = await startFakeDocument({ client_id: 'https://other.example.com/' })
  t.teardown(() => broken.close())
  for (const clientId of [broken.url, 'https://127.0.0.1:1/client.json', 'https://localhost/', 'dynamic-unknown']) {
    const path = world.agentRequest({ client_id: clientId, redirect_uri: 'https://evil.example/' }).path
    const response = await fetch(url + path, { redirect: 'manual', headers: { accept: 'text/html' } })
    t.same([response.status, response.headers.get('location')], [400, null], clientId)
  }
})

t.test('no page of Signet leads to a client that nobody has checked, unless the person allows it', async (t) => {
  const { body } = await register({ client_name: 'Your bank', redirect_uris: ['https://evil.example/cb'] })
  const headers = { accept: 'text/html' }
  for (const path of [
    world.agentRequest({ client_id: body.client_id, redirect_uri: 'https://evil.example/other' }).path,
    `/oauth2/logout?client_id=${body.client_id}`
  ]) {
    const text = await (await fetch(url + path, { headers })).text()
    t.notMatch(text, 'href="https://evil.example', path)
  }
})

t.test('fetches of documents and registrations are limited for each address', async (t) => {
  const limited = await world.another({ RATE_LIMITS: 'on' })
  let status = 0
  for (let index = 0; index < 31; index++) {
    const clientId = `${document.origin}/unknown-${index}`
    const path = world.agentRequest({ client_id: clientId }).path
    status = (await fetch(limited.address + path, { redirect: 'manual' })).status
    if (index < 30) t.equal(status, 400)
  }
  t.equal(status, 429)
  for (let index = 0; index < 21; index++) {
    status = (await fetch(`${limited.address}/oauth2/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: ['https://agent.example.com/cb'] })
    })).status
  }
  t.equal(status, 429)
})
