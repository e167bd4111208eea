import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { decodeProtectedHeader, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { createBrowser } from '../../fakes/browser.ts'
import { parameter, type Call } from '../../fakes/calls.ts'
import { clientCredentials } from '../../fakes/grants.ts'
import { startFakeOidc, type FakeOidc, type FakeOidcOptions } from '../../fakes/oidc.ts'
import { eventually, race, setup } from '../../helper.ts'

/** The ways in which Signet proves itself to a provider of the settings: at login, refresh and revocation. */

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const ec = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
const ed = generateKeyPairSync('ed25519').privateKey
const pemOf = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString()

/** OpenID Connect Core section 9: every assertion is for this endpoint, short-lived, and used once. */
function takesAssertions (key: KeyObject, algorithm: string, world: () => FakeOidc) {
  const used = new Set<unknown>()
  return async ({ body, headers }: Call): Promise<boolean> => {
    const { clientId, url, paths } = world()
    const assertion = parameter(body, 'client_assertion') ?? ''
    const isAlone = headers.authorization === undefined && parameter(body, 'client_secret') === undefined
    if (!isAlone || parameter(body, 'client_assertion_type') !== ASSERTION_TYPE) return false
    const { payload } = await jwtVerify(assertion, createPublicKey(key), {
      algorithms: [algorithm],
      issuer: clientId,
      subject: clientId,
      audience: url + paths.token,
      maxTokenAge: 60,
      requiredClaims: ['exp', 'jti']
    })
    const isNew = !used.has(payload.jti)
    used.add(payload.jti)
    return isNew && parameter(body, 'client_id') === clientId
  }
}

type Row = [
  name: string,
  settings: Record<string, string>,
  isClient: (world: () => FakeOidc) => (call: Call) => boolean | Promise<boolean>,
  options?: FakeOidcOptions
]

const by = (method: string) => (world: () => FakeOidc) => (call: Call) => {
  const { clientId, clientSecret } = world()
  const client = clientCredentials(call)
  const hasSecret = method === 'none' || client.clientSecret === clientSecret
  return client.methods.join() === method && client.clientId === clientId && hasSecret
}

const AWKWARD = { clientId: 'an:id +%', clientSecret: "a %&+:!'()*/=" }
const rows: Row[] = [
  ['client_secret_basic', { AUTHENTICATION: 'client_secret_basic' }, by('client_secret_basic'), AWKWARD],
  ['client_secret_post', { AUTHENTICATION: 'client_secret_post' }, by('client_secret_post'), AWKWARD],
  ['none', { AUTHENTICATION: 'none' }, by('none')],
  ['an RSA key', { PRIVATE_KEY: pemOf(rsa) }, (world) => takesAssertions(rsa, 'RS256', world)],
  [
    'an RSA key, for a provider that takes PS256 only',
    { PRIVATE_KEY: pemOf(rsa).replaceAll('\n', '\\n'), AUTHENTICATION: 'private_key_jwt' },
    (world) => takesAssertions(rsa, 'PS256', world),
    { manners: { metadata: () => ({ token_endpoint_auth_signing_alg_values_supported: ['ES256', 'PS256'] }) } }
  ],
  [
    'a JWK that names its key',
    { PRIVATE_KEY: JSON.stringify({ ...ec.export({ format: 'jwk' }), kid: 'the-key', use: 'sig', alg: 'ES384' }) },
    (world) => async (call) => {
      const isKnown = decodeProtectedHeader(parameter(call.body, 'client_assertion') ?? '').kid === 'the-key'
      return isKnown && await takesAssertions(ec, 'ES384', world)(call)
    }
  ],
  ['an Ed25519 key', { PRIVATE_KEY: pemOf(ed) }, (world) => takesAssertions(ed, 'EdDSA', world)]
]

async function useTheClient (
  t: Test, fake: FakeOidc, environment: Record<string, string>, grants = ['authorization_code', 'refresh_token']
): Promise<void> {
  const { url, log } = await setup(t, environment)
  fake.tokenResponse({ expires_in: 1 })
  const login = await createBrowser(url).login('/login/acme')
  t.equal(login.status, 200, login.text)
  const { access_token: accessToken, user } = login.json()
  const headers = { authorization: `Bearer ${accessToken}` }
  const lent = await fetch(`${url}/me/accounts/${user.accounts[0].id}/token`, { method: 'POST', headers })
  t.equal(lent.status, 200, await lent.text())
  t.equal((await fetch(`${url}/me`, { method: 'DELETE', headers })).status, 204)
  await eventually('the revocation', () => fake.calls(fake.paths.revoke).length > 0)
  t.same(fake.calls(fake.paths.token).map(({ body }) => parameter(body, 'grant_type')), grants)
  t.notMatch(log(), /client_assertion|PRIVATE KEY/)
}

t.test('each way to prove the client, at login, refresh and revocation', async (t) => {
  for (const [name, own, isClient, options = {}] of rows) {
    await t.test(name, async (t) => {
      const refused: Call[] = []
      const check = isClient(() => fake)
      const fake: FakeOidc = await startFakeOidc({
        ...options,
        manners: {
          ...options.manners,
          async isClient (call) {
            const isGood = await check(call)
            if (!isGood) refused.push(call)
            return isGood
          }
        }
      })
      t.teardown(() => fake.close())
      const { OIDC_ACME_CLIENT_SECRET: secret = '', ...settings } = fake.settings('acme')
      const hasSecret = own['AUTHENTICATION']?.startsWith('client_secret')
      await useTheClient(t, fake, {
        ...settings,
        ...hasSecret ? { OIDC_ACME_CLIENT_SECRET: secret } : {},
        ...Object.fromEntries(Object.entries(own).map(([setting, value]) => [`OIDC_ACME_${setting}`, value]))
      })
      t.same(refused, [])
    })
  }
})

t.test('a provider that does not decode Basic credentials (requests-oauthlib#568) is found out', async (t) => {
  const refused: string[] = []
  const asItIs = Buffer.from(`${AWKWARD.clientId}:${AWKWARD.clientSecret}`).toString('base64')
  const world = async (t: Test) => {
    refused.length = 0
    const fake: FakeOidc = await startFakeOidc({
      ...AWKWARD,
      manners: {
        isClient ({ path, headers: { authorization } }) {
          if (authorization === `Basic ${asItIs}`) return true
          refused.push(path)
          return false
        }
      }
    })
    t.teardown(() => fake.close())
    return { fake, settings: { ...fake.settings('acme'), OIDC_ACME_AUTHENTICATION: 'client_secret_basic' } }
  }
  await t.test('once, at login and at revocation', async (t) => {
    const { fake, settings } = await world(t)
    await useTheClient(t, fake, settings, ['authorization_code', 'authorization_code', 'refresh_token'])
    t.same(refused, [fake.paths.token, fake.paths.revoke])
  })
  await t.test('by several first logins at once, which all get through', async (t) => {
    const { settings } = await world(t)
    const { url } = await setup(t, settings)
    const statuses = await race(5, async () => (await createBrowser(url).login('/login/acme')).status)
    t.same(statuses, [200, 200, 200, 200, 200])
    t.ok(refused.length > 0)
  })
})

t.test('a plain OAuth 2.0 provider: a key, a separator, and its own endpoints', async (t) => {
  const check = takesAssertions(rsa, 'RS256', () => fake)
  const fake: FakeOidc = await startFakeOidc({ manners: { isClient: check } })
  t.teardown(() => fake.close())
  const at = (path: keyof FakeOidc['paths']) => fake.url + fake.paths[path]
  const environment = {
    OAUTH_PROVIDERS: 'acme',
    OAUTH_ACME_AUTHORIZATION_URL: `${at('authorize')}?audience=api`,
    OAUTH_ACME_TOKEN_URL: at('token'),
    OAUTH_ACME_PROFILE_URL: at('userinfo'),
    OAUTH_ACME_REVOCATION_URL: at('revoke'),
    OAUTH_ACME_CLIENT_ID: fake.clientId,
    OAUTH_ACME_PRIVATE_KEY: pemOf(rsa),
    OAUTH_ACME_SUBJECT: '/sub',
    OAUTH_ACME_SCOPE: 'read email',
    OAUTH_ACME_SCOPE_SEPARATOR: ',',
    OAUTH_ACME_ISSUER: fake.issuer
  }
  fake.sendIss()
  await useTheClient(t, fake, environment)
  t.match(fake.calls(fake.paths.authorize)[0]?.query, { scope: 'read,email', audience: 'api' })
})

t.test('an issuer whose endpoints are in the settings, user info and revocation too', async (t) => {
  const fake = await startFakeOidc()
  t.teardown(() => fake.close())
  const at = (path: keyof FakeOidc['paths']) => fake.url + fake.paths[path]
  fake.person({ sub: 'jane', name: 'Jane' }, { idToken: [] })
  const urls = {
    OIDC_ACME_AUTHORIZATION_URL: at('authorize'),
    OIDC_ACME_TOKEN_URL: at('token'),
    OIDC_ACME_JWKS_URL: at('jwks'),
    OIDC_ACME_USERINFO_URL: at('userinfo'),
    OIDC_ACME_REVOCATION_URL: at('revoke')
  }
  await useTheClient(t, fake, { ...fake.settings('acme'), ...urls })
  t.equal(fake.calls(fake.paths.discovery).length, 0)
  t.equal(fake.calls(fake.paths.userinfo).length, 1)
})
