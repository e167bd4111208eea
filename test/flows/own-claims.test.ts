import { decodeJwt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import { createVerifier } from '../../packages/verify/src/index.ts'
import { idTokenFrom } from '../fakes/oidc-app.ts'
import { startFakeOidc } from '../fakes/oidc.ts'
import { startWebhookReceiver } from '../fakes/webhook-receiver.ts'
import { newSecret } from '../../src/webhooks/signing.ts'
import { readJson } from '../helper.ts'
import { setupWithClients } from './setup-with-clients.ts'

const HASURA = 'https://hasura.io/jwt/claims'
const REGISTERED = [
  'iss', 'sub', 'aud', 'exp', 'iat', 'jti', 'client_id', 'sid', 'scope', 'roles', 'auth_time'
]

const acme = await startFakeOidc()
const hook = await startWebhookReceiver()
t.teardown(() => Promise.all([acme.close(), hook.close()]))
const secret = newSecret()
hook.verifyWith(secret)
const METADATA = { tenant: 'acme', plan: { seats: 5 } }
hook.behave(() => (response) => response.writeHead(200).end(JSON.stringify({ allow: true, metadata: METADATA })))

const world = await setupWithClients(t, {
  ...acme.settings('acme'),
  BEFORE_USER_CREATED_URL: hook.url,
  BEFORE_USER_CREATED_SECRET: secret,
  TOKEN_CLAIMS: JSON.stringify({
    // Hasura: https://hasura.io/docs/2.0/auth/authentication/jwt/
    [HASURA]: {
      'x-hasura-user-id': '{user.id}',
      'x-hasura-allowed-roles': ['user', '{user.roles}'],
      'x-hasura-default-role': 'user',
      'x-hasura-tenant': '{user.metadata.tenant}'
    },
    // PostgREST: https://docs.postgrest.org/en/stable/references/auth.html
    role: 'authenticated',
    email: '{user.email}',
    missing: '{user.metadata.missing}'
  }),
  ID_TOKEN_CLAIMS: JSON.stringify({ seats: '{user.metadata.plan.seats}', at: '{client.id}/{session.id}' })
})
const { url, sql, signIn, refresh, userinfo, another, me } = world

async function call (method: string, path: string, accessToken: string, body?: object) {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${accessToken}`, ...body && { 'content-type': 'application/json' } },
    ...body && { body: JSON.stringify(body) }
  })
  return { status: response.status, body: response.status === 204 ? undefined : await readJson(response) }
}

t.test('a Hasura-shaped and a PostgREST-shaped token, by settings alone', async (t) => {
  const first = await signIn()
  const { sub } = decodeJwt(first.access_token)
  await sql.query("UPDATE users SET roles = '{editor}' WHERE id = $1", [sub])
  const tokens = [first, await signIn(), (await refresh(first.refresh_token)).body]
  for (const [index, { access_token: accessToken }] of tokens.entries()) {
    const claims = decodeJwt(accessToken)
    t.strictSame(claims[HASURA], {
      'x-hasura-user-id': sub,
      'x-hasura-allowed-roles': index === 0 ? ['user'] : ['user', 'editor'],
      'x-hasura-default-role': 'user',
      'x-hasura-tenant': 'acme'
    })
    t.equal(claims['role'], 'authenticated')
    t.equal(claims['email'], 'octocat@github.com')
    t.same(Object.keys(claims).sort(), [...REGISTERED, HASURA, 'role', 'email'].sort(), 'and no others')
    t.equal(await me(accessToken), 200)
  }
  acme.idToken({})
  const native = await world.token({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: await idTokenFrom(acme),
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    provider: 'acme',
    client_id: 'spa'
  })
  t.match(decodeJwt(native.body.access_token), { role: 'authenticated', [HASURA]: { 'x-hasura-tenant': 'acme' } })
})

t.test('ID token and userinfo have claims of their own, roles and preferred_username, and the same', async (t) => {
  const tokens = await signIn({ scope: 'openid profile roles' })
  const { sub, sid } = decodeJwt(tokens.access_token)
  const expected = {
    sub,
    name: 'The Octocat',
    picture: 'https://example.com/octocat.png',
    preferred_username: 'octocat',
    roles: ['editor'],
    seats: 5,
    at: `spa/${sid}`
  }
  const refreshed = (await refresh(tokens.refresh_token)).body
  for (const { id_token: idToken, access_token: accessToken } of [tokens, refreshed]) {
    t.match(decodeJwt(idToken), expected)
    t.strictSame((await userinfo(accessToken)).body, expected)
  }
  const plain = decodeJwt((await signIn({ scope: 'openid email' })).id_token)
  t.match(plain, { preferred_username: undefined, roles: undefined, seats: 5 })
})

t.test('an administrator sets the metadata; the user reads it, and cannot change it', async (t) => {
  const tokens = await signIn()
  const { sub = '' } = decodeJwt(tokens.access_token)
  const path = `/admin/users/${sub}`
  const read = async () => (await call('GET', '/me', tokens.access_token)).body.metadata
  t.same(await read(), METADATA, 'from the hook')
  t.equal((await call('PATCH', '/me', tokens.access_token, { metadata: {} })).status, 400)
  t.equal((await call('PATCH', path, tokens.access_token, { metadata: {} })).status, 403)
  t.same(await read(), METADATA)

  await sql.query("UPDATE users SET roles = '{admin}' WHERE id = $1", [sub])
  const metadata = { tenant: 'other', plan: { seats: 7 } }
  const events = async () => (await sql.query(
    "SELECT details FROM audit_events WHERE type = 'user.updated' AND user_id = $1", [sub])).rows
  t.match(await call('PATCH', path, tokens.access_token, { metadata }), { status: 200, body: { metadata } })
  t.same(await events(), [{ details: { fields: ['metadata'] } }])
  t.equal((await call('PATCH', path, tokens.access_token, { metadata })).status, 200)
  t.equal((await events()).length, 1, 'nothing changed')
  t.same([await read(), (await call('GET', path, tokens.access_token)).body.metadata], [metadata, metadata])
  t.same((await call('GET', '/me/export', tokens.access_token)).body.user.metadata, metadata)
  const next = (await refresh(tokens.refresh_token)).body
  t.match(decodeJwt(next.access_token), { [HASURA]: { 'x-hasura-tenant': 'other' } })
  t.match(decodeJwt(next.id_token), { seats: 7 })
  await signIn()
  t.same(await read(), metadata, 'a sign-in leaves it')

  for (const [wrong, status] of [
    [{ text: 'x'.repeat(16 * 1024) }, 413], [{ nul: '\0' }, 400], [['list'], 400], ['text', 400], [null, 400]
  ]) t.equal((await call('PATCH', path, tokens.access_token, { metadata: wrong })).status, status)
  t.same(await read(), metadata)
})

t.test('ACCESS_TOKEN_TYPE=JWT writes that typ, and an ID token still does not pass for an access token', async (t) => {
  const { address } = await another({ ACCESS_TOKEN_TYPE: 'JWT' })
  const { refresh_token: refreshToken } = await signIn()
  const { body } = await world.token({
    grant_type: 'refresh_token', refresh_token: refreshToken, client_id: 'spa'
  }, {}, address)
  t.equal(decodeProtectedHeader(body.access_token).typ, 'JWT')
  const status = async (path: string, token: string) =>
    (await fetch(address + path, { redirect: 'manual', headers: { authorization: `Bearer ${token}` } })).status
  t.same([await status('/me', body.access_token), await status('/oauth2/userinfo', body.access_token)], [200, 200])
  t.same([await status('/me', body.id_token), await status('/oauth2/userinfo', body.id_token)], [401, 401])
  t.equal(await status(`/oauth2/logout?id_token_hint=${body.access_token}`, ''), 400, 'nor the other way round')
  t.equal(await status('/me', body.access_token), 200)
  t.equal(await me(body.access_token), 401, 'where it is not set, only at+jwt counts')

  for (const [type, code] of [['JWT', undefined], ['at+jwt', 'wrong_type']] as const) {
    const verifier = createVerifier({ issuer: url, type })
    t.teardown(() => verifier.close())
    t.equal(await verifier.verify(body.access_token).then(() => undefined, (error) => error.code), code, type)
    if (type === 'JWT') await t.rejects(verifier.verify(body.id_token), 'not an ID token')
  }
})
