import { decodeJwt } from 'jose'
import t from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { startFakeDocument } from '../fakes/client-document.ts'
import { inThePast, readJson } from '../helper.ts'
import { MAPS, NOTES, setupWithAgents } from './agents-world.ts'

const world = await setupWithAgents(t)
const { url, sql, document, redirectUri } = world
const { visit, answer, consent, signInAgent, refreshAgent, register, introspect } = world
const { token, post, userinfo, signIn, another } = world

t.beforeEach(async () => { await sql.query('DELETE FROM users') })

const bearer = (accessToken: string) => ({ headers: { authorization: `Bearer ${accessToken}` } })

t.test('a client with a metadata document signs a person in, after the person has allowed it', async (t) => {
  const { page, browser, id, codeVerifier } = await visit()
  t.equal(page.status, 200)
  for (const text of ['Notes helper', new URL(document.url).host, 'Notes', 'Read your notes', 'The Octocat']) {
    t.match(page.text, text)
  }
  t.notMatch(page.text, 'Write and delete notes', 'only what is asked')
  t.match(page.text, 'cannot check which app on this computer asks')
  const { location } = await answer(browser, id, 'allow')
  const back = new URL(location ?? '')
  t.same([back.origin + back.pathname, back.searchParams.get('state')], [redirectUri, 'the state'])
  t.equal(back.searchParams.get('iss'), url)
  const { status, body } = await token({
    grant_type: 'authorization_code',
    code: back.searchParams.get('code') ?? '',
    code_verifier: codeVerifier,
    client_id: document.url,
    redirect_uri: redirectUri,
    resource: NOTES
  })
  t.equal(status, 200)
  t.match(decodeJwt(body.access_token), {
    aud: NOTES, client_id: document.url, scope: 'openid notes:read', roles: []
  })
  t.equal(decodeJwt(body.id_token).aud, document.url)
  t.equal(decodeJwt(body.id_token)['nonce'], 'the nonce')
  const refreshed = await refreshAgent(body.refresh_token, { resource: NOTES })
  t.match(decodeJwt(refreshed.body.access_token), { aud: NOTES, scope: 'openid notes:read' })
})

t.test('the document is fetched once for many requests, and again when it is no longer fresh', async (t) => {
  const other = await startFakeDocument()
  t.teardown(() => other.close())
  const more = { client_id: other.url, redirect_uri: `${other.origin}/callback` }
  await signInAgent(more)
  await signInAgent(more)
  t.equal(other.fetches(), 1)
})

t.test('nobody is asked twice for the same, and everyone for more', async (t) => {
  t.ok((await consent()).wasAsked)
  t.notOk((await consent()).wasAsked)
  t.notOk((await consent({ scope: 'notes:read' })).wasAsked, 'less')
  t.ok((await consent({ scope: 'openid notes:read notes:write' })).wasAsked, 'another scope')
  t.notOk((await consent({ scope: 'openid notes:read notes:write' })).wasAsked)
  t.ok((await consent({ resource: MAPS, scope: 'openid' })).wasAsked, 'another resource')
  t.ok((await consent({ scope: 'openid email notes:read' })).wasAsked, 'more of the person')
  t.ok((await consent({ prompt: 'consent' })).wasAsked, 'prompt=consent')
  t.notOk((await consent()).wasAsked)
})

t.test('the consent of one user says nothing of another', async (t) => {
  t.ok((await consent()).wasAsked)
  world.github.user({ id: 2, login: 'another', name: 'Another', email: 'another@example.com' })
  t.ok((await consent()).wasAsked)
  world.github.user({ id: 1, login: 'octocat', name: 'The Octocat', email: 'octocat@github.com' })
  t.notOk((await consent()).wasAsked)
})

t.test('a changed document asks again', async (t) => {
  const changing = await startFakeDocument()
  t.teardown(() => changing.close())
  changing.headers({ 'cache-control': 'no-store' })
  const more = { client_id: changing.url, redirect_uri: `${changing.origin}/callback` }
  t.ok((await inThePast(120, () => consent(more))).wasAsked)
  t.notOk((await inThePast(60, () => consent(more))).wasAsked, 'the same document, fetched again')
  t.equal(changing.fetches(), 2)
  changing.change({ client_name: 'Notes helper 2' })
  const { page } = await visit(more)
  t.match(page.text, 'Notes helper 2')
})

t.test('"Cancel" sends the person back with access_denied, and leaves nothing', async (t) => {
  const { browser, id } = await visit()
  const back = new URL((await answer(browser, id, 'cancel')).location ?? '')
  t.equal(back.searchParams.get('error'), 'access_denied')
  t.equal(back.searchParams.get('state'), 'the state')
  t.equal((await sql.query('SELECT 1 FROM consents')).rowCount, 0)
  t.equal((await sql.query('SELECT 1 FROM authorization_codes')).rowCount, 0)
  const { rows } = await sql.query('SELECT revocation_reason AS reason FROM sessions')
  t.same(rows, [{ reason: 'consent_denied' }])
  t.ok((await consent()).wasAsked, 'the next time as well')
})

t.test('a third-party client must name a resource, and gets its scopes and openid, profile, email alone', async (t) => {
  const { page } = await visit({ resource: undefined }).catch((error) => ({ page: error.message }))
  t.match(page, 'invalid_target')
  const refused = await fetch(url + world.agentRequest({ resource: undefined }).path, { redirect: 'manual' })
  const back = new URL(refused.headers.get('location') ?? '')
  t.same([back.searchParams.get('error'), back.searchParams.get('iss')], ['invalid_target', url])
  const scope = 'openid profile email roles offline_access provider_token notes:read maps:read nonsense'
  const { body } = await signInAgent({ scope })
  t.equal(body.scope, 'openid profile email notes:read')
})

t.test("its tokens open nothing of Signet's but userinfo", async (t) => {
  const { body } = await signInAgent({ scope: 'openid email notes:read' })
  await sql.query("UPDATE users SET roles = '{admin}'")
  for (const [method, path] of [
    ['GET', '/me'], ['PATCH', '/me'], ['DELETE', '/me'], ['GET', '/me/export'], ['GET', '/me/grants'],
    ['GET', '/me/accounts'], ['POST', '/me/tokens'], ['GET', '/me/sessions'], ['GET', '/admin/users'],
    ['POST', '/admin/keys/rotate']
  ] as const) {
    const response = await fetch(url + path, { method, ...bearer(body.access_token) })
    t.same([response.status, (await readJson(response)).code], [403, 'insufficient_scope'], `${method} ${path}`)
    t.match(response.headers.get('www-authenticate'), /error="insufficient_scope"/)
  }
  t.match((await userinfo(body.access_token)).body, { email: 'octocat@github.com' })
  t.notOk('roles' in (await userinfo(body.access_token)).body)
  t.match(await introspect(body.access_token), { active: true, roles: [], client_id: document.url })
  const { address } = await another({
    ID_TOKEN_CLAIMS: '{"plan":"gold"}', TOKEN_CLAIMS: '{"contact":"{user.email}"}'
  })
  const refreshed = await token(
    { grant_type: 'refresh_token', refresh_token: body.refresh_token, client_id: document.url }, {}, address)
  t.same(decodeJwt(refreshed.body.access_token)['roles'], [], 'nor has a later one the roles of the user')
  t.notOk('plan' in decodeJwt(refreshed.body.id_token))
  t.notOk('contact' in decodeJwt(refreshed.body.access_token))
  const claims = await readJson(await fetch(`${address}/oauth2/userinfo`, bearer(refreshed.body.access_token)))
  t.notOk('plan' in claims)
  const { access_token: own } = await signIn()
  t.match(await readJson(await fetch(`${address}/oauth2/userinfo`, bearer(own))), { plan: 'gold' })
  t.notOk('user' in await readJson(await fetch(url, bearer(body.access_token))))
})

t.test('a third party learns nothing of a person who may not come in', async (t) => {
  await visit()
  await sql.query('UPDATE users SET disabled_at = now()')
  const { page } = await visit()
  t.equal(page.location, undefined)
  t.match([page.status, page.json().code], [403, 'account_disabled'])
})

t.test('a token that was for a resource opens nothing when that becomes TOKEN_AUDIENCE', async (t) => {
  const { body } = await signInAgent()
  const { address } = await another({ TOKEN_AUDIENCE: NOTES, RESOURCES: '[{"resource":"urn:x","name":"X"}]' })
  const response = await fetch(`${address}/me`, bearer(body.access_token))
  t.equal(response.status, 403)
})

t.test('it has no other grant, and links no account', async (t) => {
  for (const [path, form] of [
    ['/oauth2/device_authorization', { resource: NOTES }],
    ['/oauth2/token', { grant_type: 'client_credentials' }],
    ['/oauth2/token', {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: 'x',
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      provider: 'github'
    }]
  ] as const) {
    const { status, body } = await post(path, { client_id: document.url, ...form })
    t.same([status, body.error], [400, 'unauthorized_client'], JSON.stringify(form))
  }
  const response = await fetch(url + world.agentRequest({ intent: 'link' }).path, { redirect: 'manual' })
  t.match(response.headers.get('location'), /error=invalid_request/)
})

t.test('a resource may be spelled with the slash, the port and the capitals that URLs leave open', async (t) => {
  const { body } = await signInAgent({ resource: 'HTTPS://Maps.example.com:443/', scope: 'maps:read' }, {
    resource: `${MAPS}/`
  })
  t.match(decodeJwt(body.access_token), { aud: MAPS, scope: 'maps:read' })
})

t.test('a resource that is named twice, in two spellings, is one', async (t) => {
  const named = [MAPS, `${MAPS}/`]
  const visitBoth = async (browser = createBrowser(url)) => {
    const { path, codeVerifier } = world.agentRequest({ resource: undefined, scope: 'maps:read' })
    const both = named.map((resource) => `&resource=${encodeURIComponent(resource)}`).join('')
    return { ...await visit({}, browser, path + both), codeVerifier }
  }
  const { browser, id, codeVerifier } = await visitBoth()
  const { location } = await answer(browser, id, 'allow')
  const { body } = await token({
    grant_type: 'authorization_code',
    code: new URL(location ?? '').searchParams.get('code') ?? '',
    code_verifier: codeVerifier,
    client_id: document.url,
    redirect_uri: redirectUri
  })
  t.match(decodeJwt(body.access_token), { aud: MAPS, scope: 'maps:read' })
  t.match((await visitBoth()).page.location, /\?code=/, 'the consent covers both spellings')
})

t.test('an ID token of a third party is a hint, also when its document is not at hand', async (t) => {
  const gone = await startFakeDocument()
  const { body } = await signInAgent({ client_id: gone.url, redirect_uri: `${gone.origin}/callback` })
  gone.close()
  const { address } = await another()
  const hint = (more: Record<string, string>) =>
    fetch(`${address}/oauth2/logout?${new URLSearchParams({ id_token_hint: body.id_token, ...more })}`)
  t.equal((await hint({ client_id: 'spa' })).status, 400, 'not of this client')
  const back = { post_logout_redirect_uri: `${gone.origin}/callback` }
  t.equal((await hint(back)).status, 400, 'it has no place to go back to')
  t.equal((await introspect(body.access_token)).active, true)
  t.equal((await hint({ client_id: gone.url })).status, 200)
  t.equal((await introspect(body.access_token)).active, false)
})

t.test('a client registers itself (RFC 7591), is public, and asks for consent', async (t) => {
  const { status, body, headers } = await register({
    client_name: 'Agent\u202e\u0000 Smith ',
    redirect_uris: ['http://127.0.0.1:4567/callback', 'https://agent.example.com/cb'],
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    software_id: 'ignored',
    application_type: 'native'
  })
  t.equal(status, 201)
  t.equal(headers.get('cache-control'), 'no-store')
  t.match(body, {
    client_name: 'Agent Smith',
    token_endpoint_auth_method: 'none',
    redirect_uris: ['http://127.0.0.1:4567/callback', 'https://agent.example.com/cb'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code']
  })
  t.notOk('client_secret' in body)
  const more = { client_id: body.client_id, redirect_uri: 'http://127.0.0.1:9999/callback' }
  const { page } = await visit(more)
  t.match(page.text, 'An app on this computer')
  t.match(page.text, 'cannot check which app')
  t.match(decodeJwt((await signInAgent(more)).body.access_token), { client_id: body.client_id, aud: NOTES })
  const web = await visit({ ...more, redirect_uri: 'https://agent.example.com/cb', prompt: 'consent' })
  t.match(web.page.text, /has not checked who is behind \u2068agent\.example\.com\u2069/)
  t.match(web.page.headers.get('content-security-policy'), /form-action 'self' https:$/)
  t.equal((await fetch(url + world.agentRequest({ ...more, redirect_uri: 'https://x.example/' }).path)).status, 400)
})

t.test('a registration that breaks a rule has the error of RFC 7591', async (t) => {
  for (const [metadata, error] of [
    [{}, 'invalid_redirect_uri'],
    [{ redirect_uris: [] }, 'invalid_redirect_uri'],
    [{ redirect_uris: 'https://x.example/' }, 'invalid_redirect_uri'],
    [{ redirect_uris: [1] }, 'invalid_redirect_uri'],
    [{ redirect_uris: ['http://x.example/'] }, 'invalid_redirect_uri'],
    [{ redirect_uris: ['https://x.example/#a'] }, 'invalid_redirect_uri'],
    [{ redirect_uris: ['com.example.app:/callback'] }, 'invalid_redirect_uri'],

    [{ redirect_uris: ['javascript:alert(1)'] }, 'invalid_redirect_uri'],
    [{ redirect_uris: Array(21).fill('https://x.example/') }, 'invalid_redirect_uri'],
    [{ redirect_uris: ['https://x.example/'], client_name: 'x'.repeat(101) }, 'invalid_client_metadata'],
    [{ redirect_uris: ['https://x.example/'], client_name: '\u200b' }, 'invalid_client_metadata'],
    [{ redirect_uris: ['https://x.example/'], client_name: {} }, 'invalid_client_metadata'],
    [{ redirect_uris: ['https://x.example/'], grant_types: ['client_credentials'] }, 'invalid_client_metadata'],
    [{ redirect_uris: ['https://x.example/'], response_types: ['token'] }, 'invalid_client_metadata']
  ] as const) {
    const { status, body } = await register(metadata)
    t.same([status, body.error], [400, error], JSON.stringify(metadata))
  }
})

t.test('the metadata announces both ways, and neither unless REGISTRATION opens it', async (t) => {
  const open = await readJson(await fetch(`${url}/.well-known/oauth-authorization-server`))
  t.equal(open.client_id_metadata_document_supported, true)
  t.equal(open.registration_endpoint, `${url}/oauth2/register`)
  const { address } = await another({ REGISTRATION: 'none' })
  const closed = await readJson(await fetch(`${address}/.well-known/oauth-authorization-server`))
  t.notOk('registration_endpoint' in closed)
  t.notOk('client_id_metadata_document_supported' in closed)
  t.equal((await fetch(`${address}/oauth2/register`, { method: 'POST' })).status, 404)
  t.equal((await fetch(address + world.agentRequest().path, { redirect: 'manual' })).status, 400)
  const { body } = await signInAgent()
  const response = await fetch(`${address}/me`, bearer(body.access_token))
  t.equal(response.status, 403, 'a token from before stays what it is')
})

t.test('/me/grants lists what was allowed; taking it back ends the sessions of the client', async (t) => {
  const { body: agent } = await signInAgent({ scope: 'openid notes:read' })
  await signInAgent({ resource: MAPS, scope: 'maps:read' })
  const { access_token: accessToken } = await signIn()
  const list = async () => (await readJson(await fetch(`${url}/me/grants`, bearer(accessToken)))).items
  const grants = await list()
  t.match(grants, [
    { clientId: document.url, clientName: 'Notes helper', resource: MAPS, resourceName: 'Maps', scope: 'maps:read' },
    { clientHost: new URL(document.url).host, resource: NOTES, resourceName: 'Notes', scope: 'openid notes:read' }
  ])
  const take = (clientId: string) =>
    fetch(`${url}/me/grants/${encodeURIComponent(clientId)}`, { method: 'DELETE', ...bearer(accessToken) })
  t.equal((await take('https://unknown.example.com/client.json')).status, 404)
  t.equal((await take('spa')).status, 404, 'a first-party client has no grant to take back')
  t.equal((await take(document.url)).status, 204)
  t.equal((await take(document.url)).status, 404)
  t.same(await list(), [])
  t.match((await refreshAgent(agent.refresh_token)).body, { error: 'invalid_grant' })
  t.same(await introspect(agent.access_token), { active: false })
  const { sid } = decodeJwt(agent.access_token)
  const feed = await sql.query('SELECT 1 FROM revocations WHERE session_id = $1', [sid])
  t.equal(feed.rowCount, 1, 'services hear of it')
  t.equal((await fetch(`${url}/me`, bearer(accessToken))).status, 200, "the user's own session stays")
  t.ok((await consent()).wasAsked, 'asked again')
})

t.test('consent is in the activity and the export, and goes with the user', async (t) => {
  await signInAgent()
  const { access_token: accessToken } = await signIn()
  await fetch(`${url}/me/grants/${encodeURIComponent(document.url)}`, { method: 'DELETE', ...bearer(accessToken) })
  await signInAgent()
  const { items } = await readJson(await fetch(`${url}/me/activity?limit=100`, bearer(accessToken)))
  const types = items.map(({ type }: { type: string }) => type).filter((type: string) => type.startsWith('consent.'))
  t.same(types, ['consent.granted', 'consent.revoked', 'consent.granted'])
  t.match(items.find(({ type }: { type: string }) => type === 'consent.granted'), {
    clientId: document.url, details: { resources: [NOTES], scope: 'openid notes:read' }
  })
  const exported = await readJson(await fetch(`${url}/me/export`, bearer(accessToken)))
  t.match(exported.grants, [{ clientId: document.url, resource: NOTES, scopes: ['openid', 'notes:read'] }])
  t.equal((await fetch(`${url}/me`, { method: 'DELETE', ...bearer(accessToken) })).status, 204)
  t.equal((await sql.query('SELECT 1 FROM consents')).rowCount, 0)
})

t.test('first-party clients see no consent page and change in nothing', async (t) => {
  const { location, code } = await world.authorize({ scope: 'openid roles provider_token', prompt: 'consent' })
  t.equal(location.origin, 'https://app.example.com')
  t.ok(code)
  await sql.query("UPDATE users SET roles = '{editor}'")
  const { access_token: accessToken } = await signIn({ scope: 'openid roles provider_token' })
  t.match(decodeJwt(accessToken), { aud: url, roles: ['editor'], scope: 'openid roles provider_token' })
  t.equal((await sql.query('SELECT 1 FROM consents')).rowCount, 0)
  const notes = await signIn({ resource: NOTES, scope: 'openid offline_access notes:read' })
  t.match(decodeJwt(notes.access_token), { roles: ['editor'], scope: 'openid offline_access notes:read' })
})

t.test("Signet's own API has its metadata (RFC 9728), which pages of any origin may read", async (t) => {
  const response = await fetch(`${url}/.well-known/oauth-protected-resource`)
  t.equal(response.headers.get('access-control-allow-origin'), '*')
  t.match(await readJson(response), {
    resource: url, authorization_servers: [url], bearer_methods_supported: ['header']
  })
})
