import { readFile } from 'node:fs/promises'
import t from 'tap'
import { PRODUCTS } from '../../../tools/provider-products.ts'
import { createBrowser } from '../../fakes/browser.ts'
import { startFakeOidc, type ClaimPlaces, type FakeOidc, type OidcManners } from '../../fakes/oidc.ts'
import { setup } from '../../helper.ts'

/** The settings of docs/providers.md, with the shapes that each product documents for its answers. */

interface Shape {
  issuerPath?: string
  manners: (clientId: string) => OidcManners
  person: Record<string, unknown> & { sub: string }
  places?: ClaimPlaces
  sendsIss?: boolean
  /** What becomes of it. */
  user: { email: string | null, username: string | null }
}

const TENANT = '775527ff-9a37-4307-8b3d-cc311f58d925'
const FLOW = '/contoso.onmicrosoft.com/b2c_1_in'
const under = (base: string, authorize = 'authorize', keys = 'keys') => ({
  authorize: `${base}/${authorize}`,
  token: `${base}/token`,
  userinfo: `${base}/userinfo`,
  revoke: `${base}/revoke`,
  jwks: `${base}/${keys}`
})
const jane = { name: 'Jane Doe', email: 'jane@example.com', email_verified: true }
const basicOnly = { token_endpoint_auth_methods_supported: ['client_secret_basic'] }

const SHAPES: Record<string, Shape> = {
  b2c: {
    issuerPath: `/${TENANT}/v2.0/`,
    manners: () => ({
      paths: { ...under(`${FLOW}/oauth2/v2.0`), jwks: `${FLOW}/discovery/v2.0/keys`, userinfo: '/none' },
      metadata: () => ({ token_endpoint_auth_methods_supported: ['client_secret_post'] }),
      idToken: () => ({ ver: '1.0', tfp: 'b2c_1_in', at_hash: undefined })
    }),
    person: { sub: TENANT, oid: TENANT, name: 'Jane Doe', emails: ['jane@example.com'] },
    user: { email: null, username: null }
  },
  okta: {
    manners: () => ({ paths: under('/oauth2/v1'), idToken: () => ({ ver: 1, amr: ['pwd'], idp: '00o1' }) }),
    person: { sub: '00uid4BxXw6I6TV4m0g3', ...jane, preferred_username: 'jane.doe@example.com' },
    places: { idToken: ['name', 'email', 'preferred_username'] },
    user: { email: 'jane@example.com', username: 'jane.doe@example.com' }
  },
  auth0: {
    issuerPath: '/',
    manners: () => ({
      paths: { ...under('/oauth'), authorize: '/authorize', userinfo: '/userinfo', jwks: '/.well-known/jwks.json' },
      metadata: () => ({ token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'] })
    }),
    person: { sub: 'auth0|5f7c8ec7c33c6c004bbafe82', ...jane, nickname: 'jane' },
    user: { email: 'jane@example.com', username: null }
  },
  keycloak: {
    issuerPath: '/realms/example',
    manners: () => ({
      paths: under('/realms/example/protocol/openid-connect', 'auth', 'certs'),
      idToken: (_url, _grant, clientId) => ({ typ: 'ID', azp: clientId, sid: 'x', acr: '1' })
    }),
    person: { sub: 'f3b5a6d2-3c3e-4d0c-8f6a-1f6f5c3d2b1a', ...jane, preferred_username: 'jane' },
    sendsIss: true,
    user: { email: 'jane@example.com', username: 'jane' }
  },
  zitadel: {
    manners: () => ({
      paths: { ...under('/oauth/v2'), userinfo: '/oidc/v1/userinfo' },
      metadata: () => basicOnly,
      idToken: (_url, _grant, clientId) => ({ aud: [clientId, '234567@project', '345678'], azp: clientId, sid: 'V1' })
    }),
    person: { sub: '123456789012345678', ...jane, preferred_username: 'jane@example.zitadel.cloud' },
    places: { idToken: [] },
    user: { email: 'jane@example.com', username: 'jane@example.zitadel.cloud' }
  },
  authentik: {
    issuerPath: '/application/o/signet/',
    manners: () => ({
      paths: {
        authorize: '/application/o/authorize/',
        token: '/application/o/token/',
        userinfo: '/application/o/userinfo/',
        revoke: '/application/o/revoke/',
        jwks: '/application/o/signet/jwks/'
      },
      idToken: (_url, _grant, clientId) => ({ azp: clientId, uid: 'x', acr: 'goauthentik.io/providers/oauth2/default' })
    }),
    person: { sub: 'a'.repeat(64), ...jane, preferred_username: 'jane', groups: ['users'] },
    user: { email: 'jane@example.com', username: 'jane' }
  },
  cognito: {
    issuerPath: '/eu-central-1_EXAMPLE',
    manners: () => ({
      paths: { ...under('/oauth2'), userinfo: '/oauth2/userInfo', jwks: '/eu-central-1_EXAMPLE/.well-known/jwks.json' },
      metadata: () => basicOnly,
      idToken: () => ({ token_use: 'id', 'cognito:username': 'jane', 'cognito:groups': ['users'] })
    }),
    person: { sub: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee', ...jane },
    user: { email: 'jane@example.com', username: null }
  }
}

async function documented (name: string): Promise<Record<string, string>> {
  const page = await readFile(new URL('../../../docs/providers.md', import.meta.url), 'utf8')
  const [, block = ''] = new RegExp(`\\n### ${name}\\n\\n\`\`\`sh\\n([^\`]+)\`\`\``).exec(page) ?? []
  return Object.fromEntries(block.trim().split('\n').map((line) => {
    const [setting = '', ...value] = line.split('=')
    return [setting, value.join('=')]
  }))
}

async function world (id: string, name: string) {
  const shape = SHAPES[id] as Shape
  const clientId = `${id}-client`
  const fake: FakeOidc = await startFakeOidc({
    clientId,
    manners: shape.manners(clientId),
    ...shape.issuerPath === undefined ? {} : { issuerPath: shape.issuerPath }
  })
  fake.person(shape.person, shape.places)
  if (shape.sendsIss) fake.sendIss()
  const own = Object.entries(await documented(name)).map(([setting, value]) =>
    [setting, value.replace(/^https:\/\/[^/]+/, fake.url).replace('<client id>', clientId)])
  const prefix = `OIDC_${id.toUpperCase()}`
  const credentials = { [`${prefix}_CLIENT_ID`]: clientId, [`${prefix}_CLIENT_SECRET`]: fake.clientSecret }
  return { fake, shape, prefix, settings: { ...Object.fromEntries(own), ...credentials } as Record<string, string> }
}

for (const { id, name } of PRODUCTS) {
  t.test(`${name}, with the settings of its page`, async (t) => {
    const { fake, shape, prefix, settings } = await world(id, name)
    t.teardown(() => fake.close())
    t.equal(settings['OIDC_PROVIDERS'], id)
    t.equal(settings[`${prefix}_ISSUER`], fake.issuer)
    const { url, log } = await setup(t, settings)
    const login = await createBrowser(url).login(`/login/${id}`)
    t.equal(login.status, 200, login.text)
    const { user } = login.json()
    t.match(user, { name: 'Jane Doe', email: shape.user.email })
    t.match(user.accounts, [{ subject: shape.person.sub, username: shape.user.username }])
    t.equal((await createBrowser(url).login(`/login/${id}`)).json().user.id, user.id)
    t.same(fake.unexpected(), [])
    t.notMatch(log(), /get no email here/)
  })
}

t.test('without EMAIL_TRUSTED its people have no email, and the log says so once', async (t) => {
  const { fake, settings } = await world('keycloak', 'Keycloak')
  t.teardown(() => fake.close())
  const { OIDC_KEYCLOAK_EMAIL_TRUSTED: _trusted, ...untrusted } = settings
  const { url, log } = await setup(t, untrusted)
  for (const sub of ['one', 'two']) {
    fake.person({ ...jane, sub })
    const { user } = (await createBrowser(url).login('/login/keycloak')).json()
    t.match(user, { email: null, accounts: [{ email: 'jane@example.com', emailVerified: false }] })
  }
  const lines = log().split('\n').filter((line) => line.includes('get no email here'))
  t.equal(lines.length, 1)
  t.match(JSON.parse(lines[0] as string), { level: 40, provider: 'keycloak', setting: 'OIDC_KEYCLOAK_EMAIL_TRUSTED' })
})
