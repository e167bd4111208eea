import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createBrowser } from '../../fakes/browser.ts'
import type { Call } from '../../fakes/calls.ts'
import { startFakeOidc } from '../../fakes/oidc.ts'
import { setup } from '../../helper.ts'
import { grid } from '../../slow.ts'
import { refused, rows } from '../failed-login.ts'
import { joined } from './world.ts'

/** What a discovery document may say (SEC-15, SEC-86). */

const ENDPOINTS = ['authorization_endpoint', 'token_endpoint', 'jwks_uri', 'userinfo_endpoint']

t.test('what a discovery document may say', async (t) => {
  const [acme, basic, post, unsaid, slash, realm] = await Promise.all([
    startFakeOidc(),
    startFakeOidc({ clientId: 'a:b c', clientSecret: 'p@ss:w%rd +/&="' }),
    startFakeOidc({ clientId: 'a:b c', clientSecret: 'p@ss:w%rd +/&="' }),
    startFakeOidc(),
    startFakeOidc({ issuerPath: '/' }),
    startFakeOidc({ issuerPath: '/realms/acme' })
  ])
  const issuers = { acme, basic, post, unsaid, slash, realm }
  t.teardown(() => Promise.all(Object.values(issuers).map((fake) => fake.close())))
  const far = {
    OIDC_FAR_ISSUER: 'https://id.example.com',
    OIDC_FAR_CLIENT_ID: 'far',
    OIDC_FAR_CLIENT_SECRET: 'far-fake-secret'
  }
  const { url, sql } = await setup(t, {
    ...joined(issuers),
    ...far,
    OIDC_PROVIDERS: `${Object.keys(issuers).join()},far`
  })
  const login = async (id: string) => await createBrowser(url).login(`/login/${id}`)

  await t.test("no endpoint that is missing, is no URL, or points at a cloud's metadata service", async (t) => {
    const bad = [
      undefined,
      null,
      '',
      42,
      'nowhere',
      '/token',
      'javascript:alert(1)',
      'file:///etc/passwd',
      'ftp://127.0.0.1/',
      'http://169.254.169.254/latest/meta-data/',
      'https://169.254.169.254/',
      'http://[fd00:ec2::254]/',
      'http://[fd20:ce::254]/',
      'https://100.100.100.200/',
      'https://192.0.0.192/',
      'https://[::ffff:169.254.169.254]/',
      'https://[64:ff9b::a9fe:a9fe]/',
      'https://[2002:a9fe:a9fe::]/',
      'https://metadata.google.internal/',
      'https://METADATA.google.internal./',
      'http://[fe80::1]/'
    ]
    for (const endpoint of ENDPOINTS) {
      for (const value of grid(bad, (value) => typeof value)) {
        // An issuer need not have a userinfo endpoint.
        if (endpoint === 'userinfo_endpoint' && (value ?? '') === '') continue
        acme.discovery({ [endpoint]: value })
        refused(t, await createBrowser(url).get('/login/acme'), 502, 'provider_error', /^acme: the discovery failed: /)
      }
    }
    t.same(await rows(sql), [0, 0, 0])
    acme.discovery({})
    t.equal((await login('acme')).status, 200)
  })

  /** The document of an issuer that is not on this machine, without a network. */
  function farAway (t: Test, overrides: Record<string, unknown>) {
    const endpoints = Object.fromEntries(ENDPOINTS.map((name) => [name, `https://id.example.com/${name}`]))
    const document = { issuer: 'https://id.example.com', ...endpoints, ...overrides }
    t.intercept(https, 'request', {
      value: (url: URL, options: http.RequestOptions, answered: (response: http.IncomingMessage) => void) => {
        if (url.href !== 'https://id.example.com/.well-known/openid-configuration') {
          throw new Error(`Nothing listens at ${url}.`)
        }
        farDocument = JSON.stringify(document)
        return http.request(farUrl, { ...options, agent: false }, answered)
      }
    })
  }
  let farDocument = ''
  const farServer = http.createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(farDocument)
  })
  await once(farServer.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => farServer.close())
  const farUrl = `http://127.0.0.1:${(farServer.address() as AddressInfo).port}`

  const unsafe = [
    'http://id.example.com/',
    'http://localhost/',
    'https://localhost/',
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://[::1]/',
    'https://169.254.169.254/',
    'https://0xa9fea9fe/',
    'https://169.254.169.254./',
    // The same places by rarer names.
    'https://0.0.0.0/',
    'https://[::]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:169.254.169.254]/',
    'https://[febf::1]/',
    'https://localhost./',
    'https://id.localhost/'
  ]
  for (const address of grid(unsafe, (address) => address.split(':')[0])) {
    await t.test(`an https issuer has no endpoint in the clear or inside this machine: ${address}`, async (t) => {
      farAway(t, { token_endpoint: `${address}token` })
      const response = await createBrowser(url).get('/login/far')
      t.equal(response.status, 502)
      if (response.status === 502) {
        refused(t, response, 502, 'provider_error', /^far: the discovery failed: token_endpoint/)
      }
    })
  }
  await t.test('of an https issuer, endpoints on other hosts', async (t) => {
    farAway(t, { token_endpoint: 'https://oauth2.example.net/token' })
    t.match(await createBrowser(url).start('/login/far'), /^https:\/\/id\.example\.com\/authorization_endpoint\?/)
  })

  await t.test('endpoints with a query keep it (Azure AD B2C)', async (t) => {
    const { paths } = realm
    const withQuery = (path: string) => `${realm.url}${path}?p=b2c_1&x=a%20b`
    const { authorize, token, userinfo, jwks } = paths
    realm.discovery({
      authorization_endpoint: withQuery(authorize),
      token_endpoint: withQuery(token),
      userinfo_endpoint: withQuery(userinfo),
      jwks_uri: withQuery(jwks)
    })
    t.equal((await login('realm')).status, 200)
    for (const path of [authorize, token, userinfo, jwks]) {
      t.same(
        realm.calls(path).map(({ query }) => [query['p'], query['x']]),
        [['b2c_1', 'a b']],
        path
      )
    }
    t.type(realm.calls(authorize)[0]?.query['state'], 'string')
  })

  await t.test('an issuer that ends in a slash', async (t) => {
    t.equal((await login('slash')).status, 200)
    t.equal(slash.calls('/.well-known/openid-configuration').length, 1)
  })

  await t.test('the client authentication: Basic, or in the body, and never both', async (t) => {
    basic.discovery({ token_endpoint_auth_methods_supported: ['client_secret_basic'] })
    post.discovery({ token_endpoint_auth_methods_supported: ['client_secret_post'] })
    unsaid.discovery({ token_endpoint_auth_methods_supported: undefined })
    const call = async (id: 'basic' | 'post' | 'unsaid'): Promise<Call> => {
      t.equal((await login(id)).status, 200, id)
      return issuers[id].calls('/token')[0] as Call
    }
    for (const id of ['basic', 'unsaid'] as const) {
      const { headers, body } = await call(id)
      t.match(headers.authorization, /^Basic /, id)
      t.notOk(Object.hasOwn(body as object, 'client_secret'), id)
    }
    const { headers, body } = await call('post')
    t.equal(headers.authorization, undefined)
    t.match(body, { client_id: post.clientId, client_secret: post.clientSecret })
  })
})

t.test('PKCE is S256, whatever is advertised', async (t) => {
  const [plain, none] = await Promise.all([startFakeOidc(), startFakeOidc()])
  t.teardown(() => Promise.all([plain.close(), none.close()]))
  plain.discovery({ code_challenge_methods_supported: ['plain'] })
  none.discovery({ code_challenge_methods_supported: undefined })
  const { url } = await setup(t, joined({ plain, none }))
  for (const [id, fake] of Object.entries({ plain, none })) {
    t.equal((await createBrowser(url).login(`/login/${id}`)).status, 200)
    t.match(fake.calls('/authorize')[0]?.query, { code_challenge_method: 'S256', code_challenge: /^[\w-]{43}$/ }, id)
    t.match(fake.calls('/token')[0]?.body, { code_verifier: /^[\w-]{43}$/ }, id)
  }
})

t.test(
  'in production an issuer on this machine may speak http, but names no endpoint in the clear elsewhere',
  async (t) => {
    const acme = await startFakeOidc()
    t.teardown(() => acme.close())
    const { url } = await setup(t, { ...acme.settings('acme'), NODE_ENV: 'production' })
    acme.discovery({ authorization_endpoint: 'http://192.0.2.1/authorize' })
    const response = await createBrowser(url).get('/login/acme')
    t.equal(response.status, 502)
    if (response.status === 502) {
      refused(t, response, 502, 'provider_error', /^acme: the discovery failed: authorization_endpoint/)
    }
    acme.discovery({})
    t.equal((await createBrowser(url).login('/login/acme')).status, 200)
  }
)

t.test("an endpoint that no library takes for a URL is the issuer's mistake, and no end of this process", async (t) => {
  const acme = await startFakeOidc()
  t.teardown(() => acme.close())
  const { url } = await setup(t, acme.settings('acme'))
  acme.discovery({ token_endpoint: 'http://a{b/token' })
  refused(t, await createBrowser(url).get('/login/acme'), 502, 'provider_error', /^acme: the discovery failed: /)
  acme.discovery({})
  t.equal((await createBrowser(url).login('/login/acme')).status, 200)
})
