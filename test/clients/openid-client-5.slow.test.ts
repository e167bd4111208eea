import { decodeProtectedHeader } from 'jose'
import { generators, Issuer, type Client, type TokenSet } from 'openid-client-5'
import t from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { readJson } from '../helper.ts'
import { administration } from '../flows/admin/world.ts'

// Version 5 takes RS256 for granted: karakeep, kubelogin and much else stand on it.
const REDIRECT_URI = 'https://old.example.com/callback'
const BYE = 'https://old.example.com/bye'

t.test('openid-client 5 signs in as it comes, once a client is registered with RS256', async (t) => {
  const { ask, url, another, me, sql } = await administration(t)
  const algorithms = async () => {
    const issuer = await Issuer.discover(url)
    return issuer.metadata['id_token_signing_alg_values_supported']
  }
  const published = async () =>
    (await readJson(await fetch(`${url}/.well-known/jwks.json`))).keys.map(({ alg }: { alg: string }) => alg).sort()
  t.same([await algorithms(), await published()], [['ES256'], ['ES256', 'ES256']], 'no RSA key before')

  const registered = await ask('POST', '/admin/clients', {
    name: 'Old',
    type: 'confidential',
    redirectUris: [REDIRECT_URI],
    postLogoutRedirectUris: [BYE],
    idTokenSignedResponseAlg: 'RS256'
  })
  t.match(registered, { status: 201, body: { idTokenSignedResponseAlg: 'RS256' } })
  t.same(await algorithms(), ['ES256', 'RS256'])
  t.same(await published(), ['ES256', 'ES256', 'RS256', 'RS256'])
  t.match(await ask('PATCH', `/admin/clients/${registered.body.clientId}`, { idTokenSignedResponseAlg: 'HS256' }), {
    status: 400, body: { code: 'validation_failed' }
  })

  const issuer = await Issuer.discover(url)
  const client = new issuer.Client({
    client_id: registered.body.clientId,
    client_secret: registered.body.clientSecret
  })
  async function signIn (client: Client) {
    const checks = { state: generators.state(), nonce: generators.nonce(), code_verifier: generators.codeVerifier() }
    const start = client.authorizationUrl({
      redirect_uri: REDIRECT_URI,
      scope: 'openid profile email',
      state: checks.state,
      nonce: checks.nonce,
      code_challenge: generators.codeChallenge(checks.code_verifier),
      code_challenge_method: 'S256',
      provider: 'github'
    })
    const { location } = await createBrowser(url).login(start)
    return await client.callback(REDIRECT_URI, client.callbackParams(location ?? ''), checks)
  }
  const typesOf = ({ id_token: idToken, access_token: accessToken }: TokenSet) =>
    [idToken, accessToken].map((token) => decodeProtectedHeader(token ?? ''))

  const tokens = await signIn(client)
  t.match(typesOf(tokens), [{ alg: 'RS256', typ: 'JWT' }, { alg: 'ES256', typ: 'at+jwt' }])
  t.match(tokens.claims(), { iss: url, aud: registered.body.clientId, email: 'octocat@github.com' })
  t.match(await client.userinfo(tokens), { sub: tokens.claims().sub })
  const refreshed = await client.refresh(tokens)
  t.match(typesOf(refreshed), [{ alg: 'RS256' }, { alg: 'ES256' }])

  // An instance that was started before the client was registered, and one after.
  const { address } = await another()
  t.match(await readJson(await fetch(`${address}/.well-known/openid-configuration`)), {
    id_token_signing_alg_values_supported: ['ES256', 'RS256']
  })

  const rotated = await ask('POST', '/admin/keys/rotate')
  t.equal(rotated.body.items.filter(({ alg, status }: { alg: string, status: string }) =>
    alg === 'RS256' && status === 'current').length, 1)
  const after = await signIn(client)
  t.not(typesOf(after)[0]?.kid, typesOf(tokens)[0]?.kid, 'RSA keys rotate')

  // The hint of a key that is long retired.
  await sql.query("UPDATE signing_keys SET retired_at = retired_at - interval '1 hour' WHERE status = 'retired'")
  t.equal(await me({ access_token: refreshed.access_token ?? '' }), 200)
  const { status, location } = await createBrowser(url).get(client.endSessionUrl({
    id_token_hint: tokens.id_token ?? '', post_logout_redirect_uri: BYE
  }))
  t.same([status, location], [302, BYE])
  t.equal(await me({ access_token: refreshed.access_token ?? '' }), 401)
})
