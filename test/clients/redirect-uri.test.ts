import t from 'tap'
import { newClientSecret, registerClient } from '../../src/clients/registration.ts'
import { originsOf } from '../../src/clients/repository.ts'
import type { By } from '../../src/audit/events.ts'
import { hashClientSecret, type Client } from '../../src/clients/clients.ts'
import { createAllowedOrigins } from '../../src/clients/allowed-origins.ts'
import { comesFromAllowedOrigin } from '../../src/http/allowed-origins.ts'
import { redirectUriMistake } from '../../src/clients/redirect-uri.ts'
import { redirectBack, redirectCode, redirectWithError } from '../../src/sign-in/redirects.ts'
import { commonScope, grantableScope, hasScope } from '../../src/tokens/scope.ts'
import { OAuthError, Problem } from '../../src/http/errors.ts'
import { isRedirectUri } from '../../src/http/url.ts'

t.test('a redirect URI is a registered one to the letter, or the rule that it breaks is named', async (t) => {
  const registered = [
    'https://app.example.com/cb?a=1',
    'http://127.0.0.1/cb',
    'http://[::1]:8080',
    'com.example.app:/cb'
  ]
  for (const good of [
    ...registered,
    'http://127.0.0.1:49152/cb',
    'http://127.0.0.1:1/cb',
    'http://[::1]',
    'http://[::1]:9'
  ]) {
    t.equal(redirectUriMistake(good, registered), undefined, good)
  }
  for (const [received, mistake] of [
    ['/cb', 'it is not an absolute URI'],
    ['https://app.example.com/cb?a=1#', 'it has a fragment'],
    ['http://app.example.com/cb?a=1', 'the scheme differs'],
    ['https://other.example.com/cb?a=1', 'the host differs'],
    ['https://app.example.com:444/cb?a=1', 'the port differs'],
    ['https://app.example.com/other?a=1', 'the path differs'],
    ['https://app.example.com/cb?a=2', 'the query differs'],
    ['https://APP.example.com/cb?a=1', 'it is spelled differently'],
    ['http://127.0.0.1:5/other', 'the path differs'],
    ['http://127.0.0.1:123456/cb', 'it is not an absolute URI'],
    ['http://127.0.0.1:99999/cb', 'it is not an absolute URI'],
    ['http://127.0.0.1:5/cb?x', 'the query differs'],
    ['xhttp://127.0.0.1:5/cb', 'the scheme differs'],
    ['http://127.0.0.1.example:5/cb', 'the host differs']
  ] as const) {
    t.equal(redirectUriMistake(received, registered), mistake, received)
  }
  t.equal(redirectUriMistake('https://x/', []), 'the client has registered none')
  t.equal(redirectUriMistake('http://127.0.0.1:5/cb', ['http://[::1]/cb']), 'the host differs')
  t.equal(
    redirectUriMistake('http://localhost:5/cb', ['http://localhost/cb']),
    undefined,
    'localhost may have any port, too'
  )
  t.equal(redirectUriMistake('http://localhost:5/cb', ['http://127.0.0.1/cb']), 'the host differs')
  t.equal(redirectUriMistake('http://localhost.evil.example:5/cb', ['http://localhost/cb']), 'the host differs')
  t.equal(
    redirectUriMistake('javascript:x', ['javascript:x']),
    'it may not be a redirect URI',
    'whatever was registered before'
  )
  t.equal(
    redirectUriMistake('https://a.example/x?y', ['https://b.example/x?y', 'https://a.example/x']),
    'the host differs',
    'of two with one mistake each the first'
  )
  t.equal(
    redirectUriMistake('https://a.example/x?y', ['https://b.example/z', 'https://a.example/x']),
    'the query differs',
    'the one most like it'
  )
})

t.test('what may be registered', async (t) => {
  for (const good of ['https://app.example.com/cb', 'com.example.app:/cb', `https://x/${'a'.repeat(990)}`]) {
    t.equal(isRedirectUri(good), true, good)
  }
  for (const bad of [
    '',
    '/cb',
    'https://x/#',
    'https://x/#a',
    'https://x/ä',
    ' https://x/',
    'https://x/ ',
    `https://x/${'a'.repeat(991)}`
  ]) {
    t.equal(isRedirectUri(bad), false, bad)
  }
})

t.test('a client is registered, with a secret when it can keep one', async (t) => {
  const created: unknown[][] = []
  const createdAt = new Date()
  const repository = {
    async create (client: Client, by: By) {
      created.push([client, by])
      return { ...client, createdAt }
    }
  }
  const by = { actorId: 'me', caller: {} }
  const request = {
    name: 'App',
    redirectUris: ['https://x/cb'],
    postLogoutRedirectUris: ['https://x/bye'],
    isConfidential: true
  }
  const { client, clientSecret } = await registerClient(repository, request, by)
  t.match(clientSecret, /^[\w-]{43}$/)
  t.not(newClientSecret(), newClientSecret())
  t.match(client, {
    clientId: /^[\da-f-]{36}$/,
    name: 'App',
    redirectUris: ['https://x/cb'],
    postLogoutRedirectUris: ['https://x/bye'],
    secretHash: hashClientSecret(clientSecret ?? ''),
    createdAt
  })
  t.match(created, [[{ ...client, createdAt: undefined }, by]])
  const open = await registerClient(repository, { ...request, isConfidential: false }, by)
  t.equal(open.clientSecret, undefined)
  t.equal(open.client.secretHash, undefined)
  t.not(open.client.clientId, client.clientId)
  await t.rejects(registerClient(repository, { ...request, redirectUris: ['https://x/cb', 'rubbish'] }, by), {
    message: '"rubbish"'
  })
  await t.rejects(registerClient(repository, { ...request, postLogoutRedirectUris: ['https://x/#'] }, by), {
    message: '"https://x/#"'
  })
  t.equal(created.length, 2)
})

t.test('web origins: those of the settings, of the clients there, and of the clients of the database', async (t) => {
  t.same(originsOf(['https://x.example/a', 'https://x.example/b', 'http://y.example:8080/', 'com.app:/cb']), [
    'https://x.example',
    'http://y.example:8080'
  ])
  const asked: string[] = []
  const clients = {
    hasOrigin: async (origin: string) => {
      asked.push(origin)
      return origin === 'https://db.example'
    }
  }
  const origins = createAllowedOrigins(
    { allowedOrigins: ['https://set.example'], clients: [{ redirect_uris: ['https://client.example/cb'] }] } as never,
    clients
  )
  t.equal(await origins.has('https://set.example'), true)
  t.equal(await origins.has('https://client.example'), true)
  t.same(asked, [])
  t.equal(await origins.has('https://db.example'), true)
  t.equal(await origins.has('http://no.example'), false)
  t.same(asked, ['https://db.example', 'http://no.example'])
  for (const rubbish of [
    'null',
    '',
    'x://db.example',
    'https://db.example\n',
    'https://a b',
    'javascript:alert(1)',
    `https://${'x'.repeat(251)}`
  ]) {
    t.equal(await origins.has(rubbish), false, rubbish)
  }
  t.equal(asked.length, 2, 'what is no origin does not reach the database')
  const from = (origin?: string, site?: string) =>
    comesFromAllowedOrigin({ headers: { origin, 'sec-fetch-site': site } } as never, origins)
  t.same([await from('https://set.example'), await from('https://no.example'), await from()], [true, false, false])
  t.same(
    [await from('https://set.example', 'same-site'), await from('https://set.example', 'cross-site')],
    [true, false]
  )
})

t.test('a scope is what there is of what was asked', async (t) => {
  t.equal(grantableScope('email unknown openid'), 'openid email')
  t.equal(grantableScope('openid profile email offline_access'), 'openid profile email offline_access')
  t.equal(grantableScope(undefined), '')
  t.equal(hasScope('openid profile', 'profile'), true)
  t.equal(hasScope('openid profile', 'prof'), false)
  t.equal(commonScope('openid profile email', 'email openid'), 'openid email')
})

/** What a reply was told. */
function createReply () {
  const told: { headers: Record<string, string>, to?: URL, status?: number } = { headers: {} }
  const reply = {
    header (name: string, value: string) {
      told.headers[name] = value
      return reply
    },
    redirect (to: string, status: number) {
      Object.assign(told, { to: new URL(to), status })
      return reply
    }
  }
  return { told, reply: reply as never }
}

t.test('back to the client by a 302 with iss, and state where there was one', async (t) => {
  const { told, reply } = createReply()
  redirectBack(reply, { redirectUri: 'https://x/cb?a=1', state: 's&t', issuerUrl: 'https://id' }, { code: 'c' })
  t.match(told, { status: 302, headers: { 'cache-control': 'no-store' } })
  t.same(Object.fromEntries(told.to?.searchParams ?? []), { a: '1', code: 'c', state: 's&t', iss: 'https://id' })
  redirectBack(reply, { redirectUri: 'https://x/cb', state: undefined, issuerUrl: 'https://id' }, {})
  t.same(Object.fromEntries(told.to?.searchParams ?? []), { iss: 'https://id' })
})

t.test('errors travel under the codes that a redirect has', async (t) => {
  const codes: [unknown, string, string | RegExp][] = [
    [new Problem('access_denied', 'no'), 'access_denied', 'no'],
    [new Problem('provider_timeout', 'late'), 'temporarily_unavailable', 'late'],
    [new Problem('service_unavailable', 'away'), 'temporarily_unavailable', 'away'],
    [new Problem('provider_error', 'bad'), 'server_error', 'bad'],
    [new Error('a secret'), 'server_error', 'Something went wrong here.']
  ]
  for (const [error, code, description] of codes) t.same(redirectCode(error), [code, description])
  const { told, reply } = createReply()
  const back = { redirectUri: 'https://x/cb', state: 's', issuerUrl: 'https://id' }
  redirectWithError(reply, back, new OAuthError('login_required', 'again'))
  t.same(Object.fromEntries(told.to?.searchParams ?? []), {
    error: 'login_required',
    error_description: 'again',
    state: 's',
    iss: 'https://id'
  })
  redirectWithError(reply, back, new Problem('provider_timeout', 'late'))
  t.match(Object.fromEntries(told.to?.searchParams ?? []), {
    error: 'temporarily_unavailable',
    error_description: 'late'
  })
})
