import { setTimeout as sleep } from 'node:timers/promises'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import { createVerifier } from '../../packages/verify/src/index.ts'
import { failure } from '../clients/world.ts'
import { eventually, readJson } from '../helper.ts'
import { slow } from '../slow.ts'
import { AS_WEB, basic, setupWithClients, SPA, WEB } from './setup-with-clients.ts'

const JOBS = {
  client_id: 'jobs',
  name: 'Nightly jobs',
  redirect_uris: [],
  client_secret: 'the secret of the jobs',
  grant_types: ['client_credentials'],
  scope: 'notes:read notes:write'
}
const AS_JOBS = basic(JOBS.client_secret, JOBS.client_id)

const { url, sql, post, token, signIn, signInWeb, me, userinfo, log } = await setupWithClients(t, {
  CLIENTS: JSON.stringify([SPA, WEB, JOBS]),
  ADMIN_EMAILS: 'octocat@github.com'
})

const ask = (more: Record<string, string> = {}, headers: Record<string, string> = AS_JOBS) =>
  token({ grant_type: 'client_credentials', ...more }, headers)
const introspect = async (value: string) => (await post('/oauth2/introspect', { token: value, ...AS_WEB })).body
const revocations = async () =>
  (await readJson(await fetch(`${url}/revocations`, { headers: basic(WEB.client_secret) }))).items

/** A request of an administrator. */
async function administer (method: string, path: string, body?: object) {
  const { access_token: admin } = await signIn()
  const response = await fetch(url + path, {
    method,
    headers: {
      authorization: `Bearer ${admin}`, ...body === undefined ? {} : { 'content-type': 'application/json' }
    },
    ...body === undefined ? {} : { body: JSON.stringify(body) }
  })
  return { status: response.status, body: response.status === 204 ? undefined : await readJson(response) }
}

/** A registered client with a token of its own. */
async function registered () {
  const { status, body } = await administer('POST', '/admin/clients', {
    name: 'Importer', type: 'confidential', grantTypes: ['client_credentials'], scope: 'notes:write'
  })
  if (status !== 201) throw new Error(JSON.stringify(body))
  const answer = await ask({}, basic(body.clientSecret, body.clientId))
  return { clientId: body.clientId as string, accessToken: answer.body.access_token as string, answer }
}

t.test('a confidential client gets a token of its own, with the scope that it is registered with', async (t) => {
  const { status, body, headers } = await ask()
  t.equal(status, 200)
  t.strictSame({ ...body, access_token: '' }, {
    access_token: '', token_type: 'Bearer', expires_in: 900, scope: JOBS.scope
  }, 'no refresh token and no ID token')
  t.equal(headers.get('cache-control'), 'no-store')
  t.match(decodeProtectedHeader(body.access_token), { typ: 'at+jwt', alg: 'ES256' })
  const { exp = 0, iat = 0, jti, ...claims } = decodeJwt(body.access_token)
  t.strictSame(claims, {
    iss: url, sub: 'jobs', aud: url, client_id: 'jobs', scope: JOBS.scope, roles: []
  }, 'no session and no sign-in')
  t.equal(exp - iat, 900)
  t.match(jti, /^[0-9a-f-]{36}$/)

  t.match(await ask({ scope: 'notes:read' }), { body: { scope: 'notes:read' } })
  const inBody = { client_id: 'jobs', client_secret: JOBS.client_secret }
  t.match(await ask({ scope: ' notes:write notes:write', ...inBody }, {}), { body: { scope: 'notes:write' } })
})

t.test('no other client gets one, and none more than it is registered for', async (t) => {
  for (const scope of ['notes:delete', 'notes:read openid', 'openid', 'notes:read\0']) {
    t.match(await ask({ scope }), { status: 400, body: { error: 'invalid_scope' } }, scope)
  }
  t.match(await ask({}, {}), { status: 401, body: { error: 'invalid_client' } }, 'nobody')
  t.match(await ask({ client_id: 'signet' }, {}), { status: 401, body: { error: 'invalid_client' } })
  t.match(await ask({}, basic('wrong', 'jobs')), { status: 401, body: { error: 'invalid_client' } })
  t.match(await ask({ client_id: 'jobs' }, {}), { status: 401, body: { error: 'invalid_client' } }, 'no secret')
  t.match(await ask(AS_WEB, {}), { status: 400, body: { error: 'unauthorized_client' } }, 'without the grant type')
  t.match(await ask({ client_id: 'spa' }, {}), { status: 400, body: { error: 'unauthorized_client' } }, 'public')
})

t.test('grant_types keep the client from every other grant', async (t) => {
  const query = new URLSearchParams({ client_id: 'jobs', redirect_uri: 'https://x', response_type: 'code' })
  t.equal((await fetch(`${url}/oauth2/authorize?${query}`)).status, 400)
  const refused = { status: 400, body: { error: 'unauthorized_client' } }
  const code = { code: 'x', redirect_uri: 'x', code_verifier: 'v'.repeat(43) }
  t.match(await token({ grant_type: 'authorization_code', ...code }, AS_JOBS), refused)
  const [device, exchange] = ['device_code', 'token-exchange'].map((name) => `urn:ietf:params:oauth:grant-type:${name}`)
  t.match(await token({ grant_type: device ?? '', device_code: 'x' }, AS_JOBS), refused)
  t.match(await token({ grant_type: exchange ?? '', subject_token: 'x', provider: 'github' }, AS_JOBS), refused)
  t.match(await post('/oauth2/device_authorization', {}, AS_JOBS), refused)
})

t.test('it opens nothing of a user, and says why', async (t) => {
  const { body: { access_token: accessToken } } = await ask()
  const headers = { authorization: `Bearer ${accessToken}` }
  const [method, description] = ['GET', /a client itself/]
  for (const path of ['/me', '/me/sessions', '/me/export', '/me/preferences', '/admin/users', '/oauth2/userinfo']) {
    const answer = await fetch(url + path, { method, headers })
    t.equal(answer.status, 401, path)
    t.match(answer.headers.get('www-authenticate'), description, path)
  }
  t.equal((await fetch(`${url}/me`, { method: 'DELETE', headers })).status, 401)
  t.equal((await fetch(`${url}/logout`, { method: 'POST', headers })).status, 401)
  t.notMatch(await readJson(await fetch(url, { headers })), { user: {} })
  t.match(await token({ grant_type: 'refresh_token', refresh_token: accessToken }, AS_JOBS), {
    status: 400, body: { error: 'invalid_grant' }
  })
})

t.test('introspection and the verifier take it, until it is revoked', async (t) => {
  const { body: { access_token: accessToken } } = await ask()
  const { body: { access_token: other } } = await ask()
  const verifier = createVerifier({
    issuer: url, clientId: WEB.client_id, clientSecret: WEB.client_secret, pollSeconds: 0.05
  })
  t.teardown(() => verifier.close())
  t.match(await introspect(accessToken), { active: true, sub: 'jobs', client_id: 'jobs', token_type: 'Bearer' })
  t.match(await verifier.verify(accessToken), { sub: 'jobs', client_id: 'jobs', scope: JOBS.scope, roles: [] })

  t.match(await post('/oauth2/revoke', { token: accessToken, ...AS_WEB }), {
    status: 400, body: { error: 'invalid_grant' }
  }, 'another client cannot')
  t.match(await introspect(accessToken), { active: true })
  for (let times = 0; times < 2; times++) {
    t.equal((await post('/oauth2/revoke', { token: accessToken }, AS_JOBS)).status, 200)
  }
  t.strictSame(await introspect(accessToken), { active: false })
  const { jti } = decodeJwt(accessToken)
  t.equal((await revocations()).filter((item: { sessionId?: string }) => item.sessionId === jti).length, 1)
  await eventually('the verifier learns of it', async () => await failure(verifier.verify(accessToken)) !== undefined)
  t.match(await failure(verifier.verify(accessToken)), { code: 'revoked' })
  t.match(await introspect(other), { active: true }, 'and only of that one')
  t.match(await verifier.verify(other), { sub: 'jobs' })
})

slow.test('a client that is removed, is given a new secret or loses the grant takes its tokens with it', async (t) => {
  const changes: [string, (clientId: string) => Promise<{ status: number, body: any }>][] = [
    ['removed', (id) => administer('DELETE', `/admin/clients/${id}`)],
    ['new secret', (id) => administer('POST', `/admin/clients/${id}/secret`)],
    ['no grant', (id) => administer('PATCH', `/admin/clients/${id}`, {
      grantTypes: ['authorization_code'], redirectUris: ['https://importer.example.com/']
    })]
  ]
  const verifier = createVerifier({
    issuer: url, clientId: WEB.client_id, clientSecret: WEB.client_secret, pollSeconds: 0.05
  })
  t.teardown(() => verifier.close())
  for (const [name, change] of changes) {
    const { clientId, accessToken, answer } = await registered()
    t.match(answer, { status: 200, body: { scope: 'notes:write' } })
    t.match(await introspect(accessToken), { active: true, sub: clientId }, name)
    t.match(await administer('PATCH', `/admin/clients/${clientId}`, { name: 'Another name' }), { status: 200 })
    t.match(await introspect(accessToken), { active: true }, 'a new name changes nothing')
    const { status, body } = await change(clientId)
    t.ok(status < 300, `${name}: ${status} ${JSON.stringify(body)}`)
    t.strictSame(await introspect(accessToken), { active: false }, name)
    t.ok((await revocations()).some(({ userId }: { userId?: string }) => userId === clientId), name)
    await eventually(`the verifier learns of it: ${name}`, async () =>
      await failure(verifier.verify(accessToken)) !== undefined)
    t.match(await failure(verifier.verify(accessToken)), { code: 'revoked' }, name)
    if (name !== 'new secret') continue
    await sleep(2_100)
    const renewed = await ask({}, basic(body.clientSecret, clientId))
    t.match(await introspect(renewed.body.access_token), { active: true }, 'what it gets afterwards works')
    t.match(await verifier.verify(renewed.body.access_token), { sub: clientId })
    await sql.query('TRUNCATE revocations')
  }
})

t.test('a registration that makes no sense is refused', async (t) => {
  const machine = { name: 'x', type: 'confidential', grantTypes: ['client_credentials'] }
  const wrong: [string, object][] = [
    ['a public client', { ...machine, type: 'public' }],
    ["a user's scope", { ...machine, scope: 'notes:read openid' }],
    ['an unknown grant', { ...machine, grantTypes: ['password'] }],
    ['no grant', { ...machine, grantTypes: [] }],
    ['a scope with quotes', { ...machine, scope: 'a"b' }],
    ['two spaces', { ...machine, scope: 'a  b' }],
    ['no redirect URI', { name: 'x', type: 'confidential' }]
  ]
  for (const [name, body] of wrong) {
    const answer = await administer('POST', '/admin/clients', body)
    t.match(answer, { status: 400, body: { code: 'validation_failed' } }, name)
  }
})

t.test('what people do with other clients is as before', async (t) => {
  const tokens = await signInWeb()
  t.equal(await me(tokens.access_token), 200)
  t.equal((await userinfo(tokens.access_token)).status, 200)
  t.notMatch(log(), JOBS.client_secret)
})
