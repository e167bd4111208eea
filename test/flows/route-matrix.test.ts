import t, { type Test } from 'tap'
import { pathOf } from '../../src/http/issuer-path.ts'
import { readJson } from '../helper.ts'
import { grid } from '../slow.ts'
import { WEB } from './setup-with-clients.ts'
import { sessionOf, signedIn } from './signed-in.ts'

/**
 * Every route of the OpenAPI document, called by every kind of caller (SEC-103, SEC-104): without a session, for
 * another user's data, and without the role. A route that this table does not name fails, and so does one
 * that the document does not.
 */
type Role = 'anonymous' | 'another' | 'user' | 'admin'

/** The status for anonymous, another user, the user whose objects the path names, and an administrator. */
type Row = [anonymous: number, another: number, user: number, admin: number, body?: object]

const open = (status: number, body?: object): Row =>
  body ? [status, status, status, status, body] : [status, status, status, status]
/** Needs any signed-in user: each reaches their own data only. */
const signed = (status: number, body?: object): Row =>
  body ? [401, status, status, status, body] : [401, status, status, status]
/** Names an object: another's is not there, and an administrator is another too. */
const owned = (status: number): Row => [401, 404, status, 404]
const admins = (status: number, body?: object): Row => (body ? [401, 403, 403, status, body] : [401, 403, 403, status])

/** For browsers alone. */
const page = open(406)

const CLIENT = { name: 'A client', redirectUris: ['https://client.example.com/'] }

const WEBHOOK = { url: 'https://hooks.example.com/', types: ['user.created'] }

const TABLE: Record<string, Row> = {
  'GET /': open(200),
  'GET /healthz': open(200),
  'GET /readyz': open(200),
  'GET /metrics': open(200),
  'GET /openapi.json': open(200),
  'GET /problems': open(200),
  'GET /problems/{code}': open(200),
  'GET /.well-known/jwks.json': open(200),
  'GET /.well-known/openid-configuration': open(200),
  'GET /.well-known/oauth-authorization-server': open(200),
  'GET /.well-known/oauth-protected-resource': open(200),
  'GET /login': open(200),
  'GET /login/{provider}': open(302),
  // Without the state that this browser was given; a provider that posts is another.
  'GET /login/{provider}/callback': open(400),
  'POST /login/{provider}/callback': open(404),
  'GET /oauth2/authorize': open(400),
  'POST /oauth2/authorize': open(400),
  'POST /oauth2/token': open(400),
  'POST /oauth2/register': open(400, {}),
  'POST /oauth2/device_authorization': open(400),
  'POST /oauth2/revoke': open(400),
  'POST /oauth2/introspect': open(400),
  // A token of a sign-in without the scope `openid`.
  'GET /oauth2/userinfo': signed(403),
  'POST /oauth2/userinfo': signed(403),
  'GET /oauth2/logout': open(400),
  'POST /oauth2/logout': open(400),
  // Without a sign-in that waits for an answer.
  'GET /oauth2/consent': open(400),
  'POST /oauth2/consent': open(400),
  'GET /device': open(200),
  'POST /device': open(400),
  'GET /device/login/{provider}': open(400),
  'GET /device/confirm': open(400),
  'POST /device/confirm': open(400),
  'POST /logout': open(204),
  'GET /me': signed(200),
  'PATCH /me': signed(200, { name: 'Another name' }),
  'DELETE /me': signed(204),
  'GET /me/export': signed(200),
  'GET /me/activity': signed(200),
  'GET /me/preferences': signed(200),
  'PUT /me/preferences': signed(200, { theme: 'dark' }),
  'PATCH /me/preferences': signed(200, { theme: 'light' }),
  'GET /me/sessions': signed(200),
  'DELETE /me/sessions': signed(204),
  'DELETE /me/sessions/{id}': owned(204),
  'GET /me/grants': signed(200),
  'DELETE /me/grants/{clientId}': owned(204),
  'GET /me/tokens': signed(200),
  'POST /me/tokens': signed(201, { name: 'a script', expiresInDays: 1 }),
  'DELETE /me/tokens/{id}': owned(204),
  'GET /me/accounts': signed(200),
  'POST /me/accounts': signed(400, {
    code: 'x',
    code_verifier: 'v'.repeat(43),
    redirect_uri: 'https://x.example/',
    client_id: 'x'
  }),
  'DELETE /me/accounts/{id}': owned(409),
  'POST /me/accounts/{id}/token': owned(200),
  // Pages take a cookie and no token: test/flows/page-forms.test.ts has them for each kind of person.
  'GET /account': page,
  'GET /account/accounts': page,
  'GET /account/accounts/{id}/unlink': page,
  'POST /account/accounts/{id}/unlink': page,
  'GET /account/accounts/link': page,
  'POST /account/accounts/link': page,
  'GET /account/accounts/link/start': page,
  'GET /account/accounts/linked': page,
  'GET /account/activity': page,
  'GET /account/data': page,
  'GET /account/delete': page,
  'POST /account/delete': page,
  'POST /account/export': page,
  'POST /account/profile': page,
  'GET /account/sessions': page,
  'POST /account/sessions/{id}/end': page,
  'GET /account/sessions/end-others': page,
  'POST /account/sessions/end-others': page,
  'POST /account/sign-out': page,
  'GET /account/grants': page,
  'GET /account/grants/{id}/end': page,
  'POST /account/grants/{id}/end': page,
  'GET /account/tokens': page,
  'GET /account/tokens/{id}/end': page,
  'POST /account/tokens/{id}/end': page,
  'GET /account/tokens/new': page,
  'POST /account/tokens/new': page,
  'GET /admin': page,
  'GET /admin/pages/clients': page,
  'GET /admin/pages/clients/{id}': page,
  'POST /admin/pages/clients/{id}': page,
  'GET /admin/pages/clients/{id}/delete': page,
  'POST /admin/pages/clients/{id}/delete': page,
  'GET /admin/pages/clients/{id}/secret': page,
  'POST /admin/pages/clients/{id}/secret': page,
  'GET /admin/pages/clients/new': page,
  'POST /admin/pages/clients/new': page,
  'GET /admin/pages/events': page,
  'GET /admin/pages/keys': page,
  'GET /admin/pages/keys/rotate': page,
  'POST /admin/pages/keys/rotate': page,
  'GET /admin/pages/users/{id}': page,
  'GET /admin/pages/users/{id}/delete': page,
  'POST /admin/pages/users/{id}/delete': page,
  'GET /admin/pages/users/{id}/disable': page,
  'POST /admin/pages/users/{id}/disable': page,
  'POST /admin/pages/users/{id}/enable': page,
  'GET /admin/pages/users/{id}/logout': page,
  'POST /admin/pages/users/{id}/logout': page,
  'POST /admin/pages/users/{id}/metadata': page,
  'POST /admin/pages/users/{id}/roles': page,
  'GET /admin/pages/webhooks': page,
  'GET /admin/pages/webhooks/{id}': page,
  'POST /admin/pages/webhooks/{id}': page,
  'GET /admin/pages/webhooks/{id}/delete': page,
  'POST /admin/pages/webhooks/{id}/delete': page,
  'POST /admin/pages/webhooks/{id}/deliveries/{deliveryId}/replay': page,
  'POST /admin/pages/webhooks/{id}/replay': page,
  'GET /admin/pages/webhooks/{id}/secret': page,
  'POST /admin/pages/webhooks/{id}/secret': page,
  'POST /admin/pages/webhooks/{id}/test': page,
  'GET /admin/pages/webhooks/new': page,
  'POST /admin/pages/webhooks/new': page,
  // By the credentials of a client; a bearer is none.
  'GET /revocations': open(401),
  'POST /revocations': open(401, {}),
  'GET /admin/users': admins(200),
  'GET /admin/users/{id}': admins(200),
  'PATCH /admin/users/{id}': admins(200, { roles: ['editor'] }),
  'DELETE /admin/users/{id}': admins(204),
  'POST /admin/users/{id}/logout': admins(204),
  'GET /admin/clients': admins(200),
  'POST /admin/clients': admins(201, CLIENT),
  'GET /admin/clients/{id}': admins(200),
  'PATCH /admin/clients/{id}': admins(200, { name: 'Another name' }),
  'DELETE /admin/clients/{id}': admins(204),
  'POST /admin/clients/{id}/secret': admins(200),
  'GET /admin/webhooks': admins(200),
  'POST /admin/webhooks': admins(201, WEBHOOK),
  'GET /admin/webhooks/{id}': admins(200),
  'PATCH /admin/webhooks/{id}': admins(200, { enabled: false }),
  'DELETE /admin/webhooks/{id}': admins(204),
  'POST /admin/webhooks/{id}/secret': admins(200),
  'POST /admin/webhooks/{id}/test': admins(200),
  'GET /admin/webhooks/{id}/deliveries': admins(200),
  'POST /admin/webhooks/{id}/deliveries/{deliveryId}/replay': admins(202),
  'POST /admin/webhooks/{id}/replay': admins(202, { since: '2026-01-01T00:00:00Z' }),
  'GET /admin/keys': admins(200),
  'POST /admin/keys/rotate': admins(200),
  'GET /admin/audit-events': admins(200)
}

async function world (t: Test) {
  const signet = await signedIn(t, {
    CLIENTS: JSON.stringify([WEB]), REGISTRATION: 'dynamic', RESOURCES: '[{"resource":"urn:notes","name":"Notes"}]'
  })
  const { github, login, sql, url } = signet
  const document: { paths: Record<string, Record<string, { security?: object[] }>> } = await readJson(
    await fetch(`${url}/openapi.json`)
  )

  /** New sessions for all: a call that changed something may have ended any. */
  async function people () {
    await sql.query('DELETE FROM users')
    const signIn = async (id: number) => {
      github.user({ id, login: `person${id}`, email: `person${id}@example.com` })
      return await login()
    }
    const [user, another, admin] = [await signIn(1), await signIn(2), await signIn(3)]
    await sql.query("UPDATE users SET roles = '{admin}' WHERE id = $1", [admin.user.id])
    const { rows: [client] } = await sql.query(`INSERT INTO clients (client_id, name, redirect_uris, secret_hash)
      VALUES (gen_random_uuid()::text, 'A client', '{https://client.example.com/}', '\\x00') RETURNING client_id AS id`)
    await sql.query('UPDATE webhook_endpoints SET enabled = false')
    const { rows: [webhook] } = await sql.query(`INSERT INTO webhook_endpoints (id, url, types, sealed_secret)
      VALUES (gen_random_uuid(), 'http://127.0.0.1:9/', '{user.created}', '') RETURNING id`)
    const { rows: [delivery] } = await sql.query(
      `INSERT INTO webhook_deliveries (id, endpoint_id, user_id, type, details, status, expires_at)
      VALUES (gen_random_uuid(), $1, $1, 'user.created', '{}', 'delivered', now() + interval '1 day') RETURNING id`,
      [webhook.id]
    )
    const { rows: [personal] } = await sql.query(
      `INSERT INTO sessions (id, user_id, client_id, provider, scope, secret_hash, personal_token, authenticated_at,
        idle_expires_at, expires_at)
      VALUES (gen_random_uuid(), $1, 'signet', 'github', '', '\\x00', 'a script', now(), now() + interval '1 day',
        now() + interval '1 day') RETURNING id`,
      [user.user.id]
    )
    await sql.query(`INSERT INTO consents (id, user_id, client_id, resource, fingerprint, client_name)
      VALUES (gen_random_uuid(), $1, 'dynamic-a', 'urn:notes', '', 'An agent')`, [user.user.id])
    const ids: Record<string, string> = {
      clientId: 'dynamic-a',
      '/me/tokens': personal.id,
      '/admin/webhooks': webhook.id,
      deliveryId: delivery.id,
      '/me/sessions': sessionOf(user.access_token),
      '/me/accounts': user.user.accounts[0].id,
      '/admin/users': user.user.id,
      '/admin/clients': client.id
    }
    return {
      tokens: { another: another.access_token, user: user.access_token, admin: admin.access_token },
      user,
      another,
      ids
    }
  }

  function fill (path: string, ids: Record<string, string>): string {
    return path
      .replace('{provider}', 'github')
      .replace('{code}', 'not_found')
      .replace('{clientId}', ids['clientId'] ?? '')
      .replace('{deliveryId}', ids['deliveryId'] ?? '')
      .replace(/^(.*?)\/\{id\}/, (_all, before: string) => `${before}/${ids[before] ?? 'nothing-here'}`)
  }

  return { ...signet, document, people, fill }
}

const routesOf = (document: { paths: Record<string, object> }) =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)
  )

/** The routes that an issuer with a path has besides (RFC 8414 section 3.1, RFC 9728 section 3.1). */
function routesBefore (path: string): string[] {
  const names = ['oauth-authorization-server', 'openid-configuration', 'oauth-protected-resource']
  return path === '' ? [] : names.map((name) => `GET /.well-known/${name}${path}`)
}

/** The tree that Fastify prints, as a list; without what it adds by itself, the icon, and the files of /docs. */
function routesOfTree (tree: string): string[] {
  const path: string[] = []
  return tree
    .split('\n')
    .flatMap((line) => {
      const [, indent = '', part = '', methods = ''] = /^((?:│ {3}| {4})*)[├└]── (\S+) \(([^)]*)\)/.exec(line) ?? []
      path.splice(indent.length / 4, Infinity, part)
      const whole = path
        .join('')
        .replaceAll(/\/{2,}/g, '/')
        .replaceAll(/:(\w+)/g, '{$1}')
      return methods
        .split(', ')
        .filter((method) => !['', 'HEAD', 'OPTIONS'].includes(method))
        .map((method) => `${method} ${whole}`)
    })
    .filter((route) => !/ \/(docs(\/|\*|$)|favicon\.ico$)/.test(route))
}

t.test('the document, this table and the application name the same routes', async (t) => {
  const { url, document, app } = await world(t)
  const routes = [...Object.keys(TABLE), ...routesBefore(pathOf(url))].sort()
  t.same(routesOf(document).sort(), routes)
  t.same(routesOfTree(app.printRoutes({ commonPrefix: false })).sort(), routes)
})

t.test('each route, for each of them', async (t) => {
  const { document, people, fill, url } = await world(t)
  let everybody = await people()
  const kindOf = ([route, expected]: [string, readonly unknown[]]) =>
    [route.split(' ')[0], ...expected.slice(0, 4)].join()
  for (const [route, [anonymous, another, user, admin, body]] of grid(Object.entries(TABLE), kindOf)) {
    const [method, path] = route.split(' ') as [string, string]
    const expected: Record<Role, number> = { anonymous, another, user, admin }
    const found: Partial<Record<Role, number>> = {}
    for (const role of Object.keys(expected) as Role[]) {
      // What changes nothing is asked of the same people.
      const { tokens, ids } = everybody
      found[role] = (
        await fetch(url + fill(path, ids), {
          method,
          redirect: 'manual',
          headers: {
            ...(body ? { 'content-type': 'application/json' } : {}),
            ...(role === 'anonymous' ? {} : { authorization: `Bearer ${tokens[role]}` })
          },
          ...(body ? { body: JSON.stringify(body) } : {})
        })
      ).status
      if (method !== 'GET' && found[role] < 300) everybody = await people()
    }
    t.same(found, expected, route)
    const security = document.paths[path]?.[method.toLowerCase()]?.security ?? [{}]
    t.equal(
      security.every((scheme) => 'bearer' in scheme || 'oauth2' in scheme),
      anonymous === 401 && user !== 401,
      `${route}: and the document says who may`
    )
  }
})

t.test('the access token alone decides who acts, whatever else a request says', async (t) => {
  const { people, call, url } = await world(t)
  const { another, user, tokens } = await people()
  const headers = {
    'x-user-id': user.user.id,
    'x-forwarded-user': user.user.id,
    'x-signet-user': user.user.id,
    from: user.user.email
  }
  for (const query of ['', `?userId=${user.user.id}&sub=${user.user.id}&user_id=${user.user.id}`]) {
    t.equal((await call('GET', `/me${query}`, tokens.another, { headers })).body.id, another.user.id)
  }
  for (const name of ['userId', 'sub', 'id', 'user_id']) {
    t.equal(
      (await call('PATCH', '/me', tokens.another, { body: { name: 'Mallory', [name]: user.user.id }, headers })).status,
      400,
      name
    )
    t.equal((await call('GET', `/me/sessions?${name}=${user.user.id}`, tokens.another)).status, 400, name)
  }
  t.equal((await call('PATCH', '/me', tokens.another, { body: { name: 'Mallory' }, headers })).body.id, another.user.id)
  t.equal((await call('GET', '/me', tokens.user)).body.name, user.user.name)
  t.equal((await fetch(`${url}/me?access_token=${tokens.user}`, { headers })).status, 401)
})
