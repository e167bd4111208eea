import t from 'tap'
import { useForwardProxy } from '../../src/http/forward-proxy.ts'
import { createDiscovery, type EndpointRules } from '../../src/providers/discovery.ts'
import { startFakeForwardProxy } from '../fakes/forward-proxy.ts'
import { startFakeOidc } from '../fakes/oidc.ts'

t.test('ALLOW_HTTP: endpoints of a private network may be http, but not the one that a browser opens', async (t) => {
  const proxy = await startFakeForwardProxy()
  const fake = await startFakeOidc()
  useForwardProxy({ httpProxy: proxy.url })
  t.teardown(async () => {
    useForwardProxy({})
    await Promise.all([proxy.close(), fake.close()])
  })
  const inside = fake.url.replace('127.0.0.1', 'keycloak')
  const discover = async (authorizationHost: string, rules: EndpointRules) => {
    fake.discovery({
      issuer: inside,
      authorization_endpoint: `${authorizationHost}/authorize`,
      token_endpoint: `${inside}/token`,
      userinfo_endpoint: `${inside}/userinfo`,
      revocation_endpoint: undefined,
      jwks_uri: `${inside}/jwks`
    })
    return await createDiscovery('Acme', inside, inside, rules)()
  }
  const allowHttp = true
  const publicUrl = 'https://id.example.com'
  t.match(await discover(publicUrl, { allowHttp }), {
    authorizationEndpoint: `${publicUrl}/authorize`, tokenEndpoint: `${inside}/token`, jwksUri: `${inside}/jwks`
  })
  await t.rejects(discover(inside, { allowHttp }), { message: /authorization_endpoint is missing or not a safe URL/ })
  const replaced = { authorizationEndpoint: `${publicUrl}/auth` }
  t.match(await discover(inside, { allowHttp, replaced }), replaced, 'unless a setting replaces it')
  t.match(await discover(inside, {}), { authorizationEndpoint: `${inside}/authorize` }, 'outside production, as before')
  await t.rejects(discover('http://127.0.0.1', { allowHttp }), { message: /authorization_endpoint/ })
})
