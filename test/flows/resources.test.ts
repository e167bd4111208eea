import { decodeJwt } from 'jose'
import t from 'tap'
import { createVerifier } from '../../packages/verify/src/index.ts'
import { createBrowser } from '../fakes/browser.ts'
import { idTokenFrom } from '../fakes/oidc-app.ts'
import { startFakeOidc } from '../fakes/oidc.ts'
import { readJson } from '../helper.ts'
import { AS_WEB, REDIRECT_URI, SPA, WEB, setupWithClients, type Parameters } from './setup-with-clients.ts'

const NOTES = 'https://notes.example.com/api'
const MAPS = 'urn:example:maps'
const RESOURCES = [
  { resource: NOTES, name: 'Notes', scopes: ['notes:read', 'notes:write'] },
  { resource: MAPS, name: 'Maps', scopes: ['maps:read'] }
]
/** Its tokens are for the notes unless it says so. */
const NOTEBOOK = { client_id: 'notebook', name: 'Notebook', redirect_uris: [REDIRECT_URI], resource: NOTES }
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'
const ALL_SCOPES = 'openid provider_token notes:read notes:write maps:read nonsense'

const acme = await startFakeOidc()
t.teardown(() => acme.close())
const world = await setupWithClients(t, {
  ...acme.settings('acme'),
  RESOURCES: JSON.stringify(RESOURCES),
  CLIENTS: JSON.stringify([SPA, WEB, NOTEBOOK])
})
const { url, origin, sql, request, authorize, exchange, token, post, signIn, me, userinfo, another, ask } = world

/** What an access token is for, and what it may. */
const grantOf = ({ access_token: accessToken }: { access_token: string }) => {
  const { aud, scope } = decodeJwt(accessToken)
  return [aud, scope]
}

/** An authorization request with resources, which a query repeats. */
function withResources (resources: string[], more: Parameters = {}) {
  const { codeVerifier, query } = request({ scope: ALL_SCOPES, ...more })
  for (const resource of resources) query.append('resource', resource)
  return { codeVerifier, path: `/oauth2/authorize?${query}` }
}

async function signInFor (resources: string[], form: object = {}, more: Parameters = {}) {
  const { codeVerifier, path } = withResources(resources, more)
  const code = new URL((await createBrowser(url).login(path)).location ?? '').searchParams.get('code') ?? ''
  return await exchange(code, codeVerifier, form as Record<string, string>)
}

/** A refresh as a form that repeats `resource`. */
async function refreshFor (refreshToken: string, resources: string[], more: Record<string, string> = {}, at = url) {
  const body = new URLSearchParams({
    grant_type: 'refresh_token', refresh_token: refreshToken, client_id: 'spa', ...more
  })
  for (const resource of resources) body.append('resource', resource)
  const response = await fetch(`${at}/oauth2/token`, { method: 'POST', body })
  return { status: response.status, body: await readJson(response) }
}

t.test('a token for a resource names it, and has what was asked and the resource has (RFC 8707)', async (t) => {
  for (const visit of ['the first', 'a known person']) {
    const { body } = await signInFor([NOTES])
    t.same(grantOf(body), [NOTES, 'openid notes:read notes:write'], visit)
    t.equal(body.scope, 'openid notes:read notes:write')
    t.equal(decodeJwt(body.id_token).aud, 'spa')
  }
  t.same(grantOf((await signInFor([NOTES], {}, { scope: 'notes:read maps:read' })).body), [NOTES, 'notes:read'])
  const bare = (await signInFor([MAPS], {}, { scope: 'notes:read' })).body
  t.same([grantOf(bare), 'scope' in bare], [[MAPS, ''], false], 'an empty scope is left out of the answer')
  t.same(grantOf((await signInFor([MAPS, NOTES, MAPS])).body), [
    [MAPS, NOTES], 'openid maps:read notes:read notes:write'
  ])
  t.same(grantOf((await signInFor([])).body), [url, 'openid provider_token'], 'and without, it is as ever')
  const { scopes_supported: scopes } = await readJson(await fetch(`${url}/.well-known/openid-configuration`))
  t.ok(['notes:read', 'notes:write', 'maps:read', 'openid'].every((scope) => scopes.includes(scope)))
})

t.test("a token for another resource opens nothing of Signet's but userinfo, where it has openid", async (t) => {
  const { access_token: accessToken, refresh_token: refreshToken } = (await signInFor([NOTES, MAPS])).body
  const headers = { authorization: `Bearer ${accessToken}` }
  t.equal((await userinfo(accessToken)).status, 200)
  const { sid } = decodeJwt(accessToken)
  await sql.query("UPDATE users SET roles = '{admin}'")
  for (const [method, path] of [
    ['GET', '/me'], ['PATCH', '/me'], ['DELETE', '/me'], ['GET', '/me/export'], ['GET', '/me/preferences'],
    ['GET', '/me/accounts'], ['GET', '/me/sessions'], ['DELETE', '/me/sessions'], ['DELETE', `/me/sessions/${sid}`],
    ['GET', '/me/activity'], ['GET', '/admin/users'], ['GET', '/admin/clients'], ['POST', '/admin/keys/rotate'],
    ['POST', '/logout']
  ] as const) {
    const response = await fetch(url + path, { method, headers })
    t.same([response.status, (await readJson(response)).code], [401, 'invalid_token'], `${method} ${path}`)
    t.match(response.headers.get('www-authenticate'), /error="invalid_token"/)
  }
  await sql.query("UPDATE users SET roles = '{}'")
  t.notOk('user' in await readJson(await fetch(url, { headers })))
  t.equal((await userinfo(accessToken)).status, 200, 'nothing of that has ended the session')

  const withoutOpenId = (await signInFor([NOTES], {}, { scope: 'notes:read' })).body
  t.equal((await userinfo(withoutOpenId.access_token)).status, 403)

  t.match((await post('/oauth2/introspect', { token: accessToken, ...AS_WEB })).body, {
    active: true, aud: [NOTES, MAPS]
  })
  t.equal((await post('/oauth2/revoke', { token: accessToken, client_id: 'spa' })).status, 200)
  t.same((await post('/oauth2/introspect', { token: accessToken, ...AS_WEB })).body, { active: false })
  t.equal((await refreshFor(refreshToken, [])).body.error, 'invalid_grant')
})

t.test('packages/verify takes a token for several resources at each of them', async (t) => {
  const { access_token: accessToken } = (await signInFor([NOTES, MAPS])).body
  for (const [audience, isTaken] of [[NOTES, true], [MAPS, true], [url, false], ['https://x', false]] as const) {
    const verifier = createVerifier({ issuer: url, audience })
    t.teardown(() => verifier.close())
    const claims = await verifier.verify(accessToken).catch((error) => error)
    if (isTaken) t.same(claims.aud, [NOTES, MAPS])
    else t.match(claims, { code: 'wrong_audience' })
  }
})

t.test('a refresh keeps the granted resources, or narrows them for its own tokens', async (t) => {
  const { body } = await signInFor([NOTES, MAPS])
  const kept = await refreshFor(body.refresh_token, [])
  t.same(grantOf(kept.body), [[NOTES, MAPS], 'openid notes:read notes:write maps:read'])
  const narrowed = await refreshFor(kept.body.refresh_token, [MAPS])
  t.same(grantOf(narrowed.body), [MAPS, 'openid maps:read'])
  const both = await refreshFor(narrowed.body.refresh_token, [MAPS, NOTES], { scope: 'maps:read notes:write' })
  t.same(grantOf(both.body), [[MAPS, NOTES], 'maps:read notes:write'])
  t.same(grantOf((await refreshFor(both.body.refresh_token, [])).body), grantOf(kept.body), 'nothing was given up')

  const plain = (await signInFor([])).body
  for (const [refreshToken, resource] of [
    [(await signInFor([NOTES])).body.refresh_token, MAPS], [plain.refresh_token, NOTES], [plain.refresh_token, url]
  ]) {
    const answer = await refreshFor(refreshToken, [resource])
    t.match(answer, { status: 400, body: { error: 'invalid_target' } })
    t.equal((await refreshFor(refreshToken, [])).status, 200, 'refused before anything was rotated')
  }
  t.equal((await refreshFor((await signInFor([NOTES])).body.refresh_token, [], { scope: 'maps:read' })).body.error,
    'invalid_scope')
})

t.test('the exchange of a code may narrow them, too, and no more', async (t) => {
  const { body } = await signInFor([NOTES, MAPS], { resource: NOTES })
  t.same(grantOf(body), [NOTES, 'openid notes:read notes:write'])
  t.same(grantOf((await refreshFor(body.refresh_token, [])).body)[0], [NOTES, MAPS])
  const active = async () => (await sql.query('SELECT 1 FROM sessions WHERE revoked_at IS NULL')).rowCount
  const before = await active()
  for (const resources of [[NOTES], []]) {
    t.match(await signInFor(resources, { resource: MAPS }), { status: 400, body: { error: 'invalid_target' } })
  }
  t.equal(await active(), before, 'the session goes with its code')
})

t.test('an unknown or malformed resource is invalid_target', async (t) => {
  for (const resource of ['https://unknown.example.com', `${NOTES}/`, 'no URI', url]) {
    const back = new URL((await ask({ resource })).headers.get('location') ?? '')
    t.equal(back.searchParams.get('error'), 'invalid_target', resource)
    t.match(await post('/oauth2/device_authorization', { client_id: 'spa', resource }), {
      status: 400, body: { error: 'invalid_target' }
    })
    t.equal((await token({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: 'x',
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      provider: 'acme',
      client_id: 'spa',
      resource
    })).body.error, 'invalid_target')
  }
  const { path } = withResources([NOTES, 'https://unknown.example.com'])
  t.match((await fetch(url + path, { redirect: 'manual' })).headers.get('location'), /error=invalid_target/)
  t.equal((await post('/oauth2/device_authorization', { client_id: 'spa', resource: '' })).status, 200, 'empty: absent')
})

t.test('the page of providers keeps them all', async (t) => {
  const { path } = withResources([NOTES, MAPS], { provider: undefined })
  const browser = createBrowser(url)
  const page = (await browser.get(path)).text
  const link = /href="([^"]+provider=github[^"]*)"/.exec(page)?.[1]?.replaceAll('&amp;', '&') ?? ''
  t.same(new URLSearchParams(link.slice(1)).getAll('resource'), [NOTES, MAPS])
  const { location } = await browser.login(`/oauth2/authorize${link}`)
  t.ok(new URL(location ?? '').searchParams.get('code'))
  const { rows } = await sql.query('SELECT resources FROM sessions ORDER BY created_at DESC LIMIT 1')
  t.same(rows[0].resources, [NOTES, MAPS])
})

t.test('a client has the resource of its registration where it asks for none', async (t) => {
  const notebook = { client_id: 'notebook' }
  const { code, codeVerifier } = await authorize({ ...notebook, scope: ALL_SCOPES })
  t.same(grantOf((await exchange(code, codeVerifier, notebook)).body), [NOTES, 'openid notes:read notes:write'])
  t.same(grantOf((await signInFor([MAPS], notebook, notebook)).body), [MAPS, 'openid maps:read'])
})

t.test('a device and a native sign-in are granted resources, too', async (t) => {
  const { body: begun } = await post('/oauth2/device_authorization', {
    client_id: 'spa', scope: ALL_SCOPES, resource: NOTES
  })
  const browser = createBrowser(url)
  const submit = (path: string, form: Record<string, string>) => browser.post(path, { form, headers: { origin } })
  await submit('/device', { user_code: begun.user_code })
  await browser.get((await browser.login('/device/login/github')).location ?? '')
  await submit('/device/confirm', { decision: 'approve' })
  const { body } = await token({ grant_type: DEVICE_GRANT, device_code: begun.device_code, client_id: 'spa' })
  t.same(grantOf(body), [NOTES, 'openid notes:read notes:write'])
  t.same(grantOf((await refreshFor(body.refresh_token, [])).body), grantOf(body))

  acme.idToken({})
  const native = await token({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: await idTokenFrom(acme),
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    provider: 'acme',
    client_id: 'spa',
    scope: 'openid maps:read notes:read',
    resource: MAPS
  })
  t.same(grantOf(native.body), [MAPS, 'openid maps:read'])
  t.same(grantOf((await refreshFor(native.body.refresh_token, [])).body), grantOf(native.body))
})

t.test('a resource that is no longer in RESOURCES gets no tokens, and no session falls back to Signet', async (t) => {
  const { address } = await another({ RESOURCES: JSON.stringify([RESOURCES[1]]), CLIENTS: JSON.stringify([SPA]) })
  const both = (await signInFor([NOTES, MAPS])).body
  t.same(grantOf((await refreshFor(both.refresh_token, [], {}, address)).body), [MAPS, 'openid maps:read'])
  const notes = (await signInFor([NOTES])).body
  t.match(await refreshFor(notes.refresh_token, [], {}, address), { status: 400, body: { error: 'invalid_grant' } })
  const headers = { authorization: `Bearer ${notes.access_token}` }
  t.equal((await fetch(`${address}/oauth2/userinfo`, { headers })).status, 401)
})

t.test('TOKEN_AUDIENCE may name several, and each of them is Signet\'s', async (t) => {
  const { address } = await another({ TOKEN_AUDIENCE: `${url}, https://api.example.com` })
  const { refresh_token: refreshToken, access_token: accessToken } = await signIn()
  const { body } = await refreshFor(refreshToken, [], {}, address)
  t.same(decodeJwt(body.access_token).aud, [url, 'https://api.example.com'])
  const status = async (token: string) =>
    (await fetch(`${address}/me`, { headers: { authorization: `Bearer ${token}` } })).status
  t.same([await status(body.access_token), await status(accessToken)], [200, 200])
  t.equal(await me(body.access_token), 200)
})
