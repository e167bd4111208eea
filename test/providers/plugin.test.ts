import cookie from '@fastify/cookie'
import fc from 'fast-check'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { providerClients } from '../../src/providers/plugin.ts'
import type { Provider } from '../../src/providers/provider.ts'
import type { PluginNamespace } from '../../src/providers/registration.ts'
import { BUILT_IN_PROVIDERS, createProviders, type Providers } from '../../src/providers/registry.ts'
import { readSettings } from '../../src/settings.ts'
import { startFakeOidc } from '../fakes/oidc.ts'
import { slow } from '../slow.ts'

/** @fastify/oauth2 on the app, once for each provider. */

const credentials = (prefix: string) => ({
  [`${prefix}_CLIENT_ID`]: 'the-id',
  [`${prefix}_CLIENT_SECRET`]: 'the-secret'
})
const endpoints = (prefix: string, url = 'https://id.example.com') => ({
  [`${prefix}_AUTHORIZATION_URL`]: `${url}/authorize`,
  [`${prefix}_TOKEN_URL`]: `${url}/token`
})

async function start (
  t: Test,
  environment: Record<string, string>
): Promise<{ app: FastifyInstance, providers: Providers }> {
  const app = Fastify()
  t.teardown(() => app.close())
  const providers = createProviders(readSettings(environment).providers)
  await app.register(cookie)
  await app.register(providerClients, { providers })
  await app.ready()
  return { app, providers }
}

t.test(
  'a provider whose endpoints and secret are in the settings is registered by name, and its logins go through it',
  async (t) => {
    const environment = {
      ...Object.assign({}, ...BUILT_IN_PROVIDERS.map(({ id }) => credentials(id.toUpperCase()))),
      ...endpoints('YAHOO'),
      YAHOO_JWKS_URL: 'https://id.example.com/jwks',
      OAUTH_PROVIDERS: 'log,forum',
      ...credentials('OAUTH_LOG'),
      ...endpoints('OAUTH_LOG'),
      OAUTH_LOG_PROFILE_URL: 'https://id.example.com/me',
      ...credentials('OAUTH_FORUM'),
      ...endpoints('OAUTH_FORUM'),
      OAUTH_FORUM_PROFILE_URL: 'https://id.example.com/me'
    }
    const { app, providers } = await start(t, environment)
    // Their endpoints are discovered at the first login.
    const discovered = ['google', 'microsoft']
    for (const id of discovered) t.notOk(app.hasDecorator(id), id)
    const names = [...providers.keys()]
      .filter((id) => !discovered.includes(id))
      .map((id) => [id, ['log', 'forum'].includes(id) ? `provider-${id}` : id] as const)
    t.equal(names.length, BUILT_IN_PROVIDERS.length + 2 - discovered.length)
    for (const [id, name] of names) {
      const calls = t.capture(
        app.getDecorator<PluginNamespace>(name),
        'generateAuthorizationUri',
        async () => `https://plugin.example/${id}`
      )
      const { url } = await (providers.get(id) as Provider).authorize()
      t.match(url, `https://plugin.example/${id}`)
      t.equal(calls().length, 1, id)
    }
  }
)

t.test('an issuer that is discovered registers late, once until its metadata change', async (t) => {
  const acme = await startFakeOidc()
  t.teardown(() => acme.close())
  const { app, providers } = await start(t, acme.settings('acme'))
  t.notOk(app.hasDecorator('provider-acme'))
  for (let round = 0; round < 3; round++) {
    t.match((await providers.get('acme')?.authorize())?.url, `${acme.url}/authorize?`)
  }
  t.equal(acme.calls(acme.paths.discovery).length, 1)
})

slow.test('what the settings let through the plugin takes: a bad option would end the process', async (t) => {
  const anyText = fc.string({ unit: 'binary', maxLength: 30 })
  const printable = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 30 })
  const credential = fc.oneof({ weight: 9, arbitrary: printable }, { weight: 1, arbitrary: anyText })
  const odd = fc.constantFrom('a{b', 'a_b', 'a~b', 'a%20b', 'xn--a', 'a..b', '-')
  const host = fc.oneof(
    { weight: 6, arbitrary: fc.domain() },
    {
      weight: 3,
      arbitrary: fc.oneof(
        fc.ipV4(),
        fc.ipV6().map((address) => `[${address}]`)
      )
    },
    { weight: 1, arbitrary: fc.oneof(odd, anyText) }
  )
  const url = fc
    .tuple(host, fc.webPath(), fc.constantFrom('', '?a=b', '//x', '/../y'))
    .map((parts) => `https://${parts.join('')}`)
  let accepted = 0
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        OAUTH_FORUM_CLIENT_ID: credential,
        OAUTH_FORUM_CLIENT_SECRET: credential,
        OAUTH_FORUM_SCOPE: anyText,
        OAUTH_FORUM_AUTHORIZATION_URL: url,
        OAUTH_FORUM_TOKEN_URL: url
      }),
      async (settings) => {
        const environment = {
          OAUTH_PROVIDERS: 'forum',
          OAUTH_FORUM_PROFILE_URL: 'https://id.example.com/me',
          ...settings
        }
        let providers: Providers
        try {
          providers = createProviders(readSettings(environment).providers)
        } catch {
          return
        }
        accepted++
        const { url } = await (providers.get('forum') as Provider).authorize()
        t.equal(new URL(url).host, new URL(settings.OAUTH_FORUM_AUTHORIZATION_URL).host)
      }
    ),
    { numRuns: 500 }
  )
  t.ok(accepted > 100, `${accepted} of 500`)
})

t.test('what the settings refuse of the credentials, without quoting it', async (t) => {
  for (const [name, value] of [
    ['GITHUB_CLIENT_SECRET', 'canary-\u20ac'],
    ['GITHUB_CLIENT_ID', 'canary-\u0007'],
    ['GITHUB_CLIENT_ID', 'canary-\u00e9']
  ] as const) {
    const error = t.throws(() => readSettings({ ...credentials('GITHUB'), [name]: value })) as Error
    t.match(error.message, `${name} must be printable ASCII`)
    t.notMatch(error.message, /canary/)
  }
  for (const url of ['https://a{b/token', 'https://[::1', 'https://exa mple.com/', 'https://a|b/']) {
    t.throws(
      () => readSettings({ ...credentials('GITHUB'), GITHUB_TOKEN_URL: url }),
      { message: /GITHUB_TOKEN_URL must be an https URL/ },
      url
    )
  }
})
