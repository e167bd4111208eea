import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { startWorld } from '../clients/world.ts'
import { createBrowser } from '../fakes/browser.ts'
import { idTokenFrom } from '../fakes/oidc-app.ts'
import { startFakeOidc } from '../fakes/oidc.ts'
import { createPkce } from '../fakes/pkce.ts'
import { readJson } from '../helper.ts'

const page = await readFile(new URL('../../examples/mobile.md', import.meta.url), 'utf8')

const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, block = '']) => block).join('\n')

function find (text: string, pattern: RegExp): string {
  const found = pattern.exec(text)?.[1]
  if (found === undefined) throw new Error(`examples/mobile.md has nothing like ${pattern}`)
  return found
}

const words = (list: string) => [...list.matchAll(/"([^"]*)"/g)].map(([, word = '']) => word)

/** What the page tells the developer of an app to write. */
const swift = blocks('swift')
const kotlin = blocks('kotlin')
const APPS = {
  iOS: {
    issuer: find(swift, /let issuer = URL\(string: "([^"]+)"\)/),
    clientId: find(swift, /clientId: "([^"]+)"/),
    redirectUri: find(swift, /[^t]redirectURL: URL\(string: "([^"]+)"\)/),
    scopes: words(find(swift, /scopes: \[([^\]]+)\]/)),
    provider: find(swift, /additionalParameters: \["provider": "([^"]+)"\]/),
    postLogoutRedirectUri: find(swift, /postLogoutRedirectURL: URL\(string: "([^"]+)"\)/),
    scheme: find(page, /CFBundleURLSchemes`: `([^`]+)`/)
  },
  Android: {
    issuer: find(kotlin, /val issuer = Uri.parse\("([^"]+)"\)/),
    clientId: find(kotlin, /Builder\(configuration, "([^"]+)"/),
    redirectUri: find(kotlin, /val redirectUri = Uri.parse\("([^"]+)"\)/),
    scopes: words(find(kotlin, /setScopes\(([^)]+)\)/)),
    provider: find(kotlin, /mapOf\("provider" to "([^"]+)"\)/),
    postLogoutRedirectUri: find(kotlin, /setPostLogoutRedirectUri\(Uri.parse\("([^"]+)"\)/),
    scheme: find(kotlin, /"appAuthRedirectScheme"\] = "([^"]+)"/)
  }
}
const CLIENTS = JSON.parse(blocks('json'))

type App = Omit<typeof APPS.iOS, 'provider'> & { provider: string | undefined }

/** What both AppAuths do over HTTP, from discovery to the end of the session. */
async function live (t: Test, app: App) {
  const { url, visit, me } = await startWorld(t, CLIENTS)
  const configuration = await readJson(await fetch(`${url}/.well-known/openid-configuration`))
  t.equal(configuration.issuer, url)
  // Without these AppAuth takes no configuration: OIDServiceDiscovery, AuthorizationServiceDiscovery.
  for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri']) {
    t.type(configuration[name], 'string', name)
  }
  for (const name of ['response_types_supported', 'subject_types_supported', 'id_token_signing_alg_values_supported']) {
    t.type(configuration[name], Array, name)
  }

  const { verifier, challenge } = createPkce()
  const [state, nonce] = [randomBytes(16).toString('base64url'), randomBytes(16).toString('base64url')]
  const authorizationUrl = new URL(configuration.authorization_endpoint)
  authorizationUrl.search = new URLSearchParams({
    response_type: 'code',
    client_id: app.clientId,
    redirect_uri: app.redirectUri,
    scope: app.scopes.join(' '),
    state,
    nonce,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...(app.provider === undefined ? {} : { provider: app.provider })
  }).toString()
  const back = await (app.provider === undefined ? choose(authorizationUrl) : visit(authorizationUrl))
  t.ok(back.href.startsWith(`${app.redirectUri}?`), back.href)
  t.equal(back.searchParams.get('state'), state)

  async function choose (from: URL): Promise<URL> {
    const { text } = await createBrowser(url).get(from.href)
    return await visit(new URL(find(text, /href="([^"]+provider=github)"/).replaceAll('&amp;', '&'), from))
  }
  /** Without a client secret: no Authorization header, and the client's name in the body. */
  async function ask (endpoint: string, form: Record<string, string>) {
    const response = await fetch(endpoint, {
      method: 'POST',
      body: new URLSearchParams({ ...form, client_id: app.clientId })
    })
    return { status: response.status, body: await readJson(response) }
  }
  const redeem = () =>
    ask(configuration.token_endpoint, {
      grant_type: 'authorization_code',
      code: back.searchParams.get('code') ?? '',
      redirect_uri: app.redirectUri,
      code_verifier: verifier
    })

  const { status, body: tokens } = await redeem()
  t.equal(status, 200)
  t.match(tokens, { token_type: 'Bearer', expires_in: Number, refresh_token: /./, scope: app.scopes.join(' ') })
  const claims = decodeJwt(tokens.id_token)
  t.match(claims, {
    iss: configuration.issuer,
    aud: app.clientId,
    nonce,
    name: 'The Octocat',
    email: 'octocat@github.com'
  })
  t.ok(
    Math.abs(Date.now() / 1000 - (claims.iat ?? 0)) < 600 && (claims.exp ?? 0) > Date.now() / 1000,
    'issued within ten minutes, and not over'
  )

  const refreshed = await ask(configuration.token_endpoint, {
    grant_type: 'refresh_token',
    refresh_token: tokens.refresh_token
  })
  t.equal(refreshed.status, 200)
  t.not(refreshed.body.refresh_token, tokens.refresh_token)
  t.equal(await me(refreshed.body.access_token), 200)
  t.match(decodeJwt(refreshed.body.id_token), {
    sub: decodeJwt(tokens.id_token).sub,
    aud: app.clientId,
    nonce: undefined
  })

  async function endSession () {
    const endSessionUrl = new URL(configuration.end_session_endpoint)
    const parameters = {
      id_token_hint: refreshed.body.id_token,
      post_logout_redirect_uri: app.postLogoutRedirectUri,
      state
    }
    endSessionUrl.search = new URLSearchParams(parameters).toString()
    return await createBrowser(url).get(endSessionUrl.href)
  }
  const isOver = async () => [
    await me(refreshed.body.access_token),
    (
      await ask(configuration.token_endpoint, {
        grant_type: 'refresh_token',
        refresh_token: refreshed.body.refresh_token
      })
    ).body.error
  ]
  return { configuration, ask, refreshed: refreshed.body, endSession, isOver, state }
}

for (const [platform, app] of Object.entries(APPS)) {
  t.test(
    `AppAuth for ${platform}, configured as the page says, signs in, refreshes and ends the session`,
    async (t) => {
      t.equal(`${app.scheme}:`, new URL(app.redirectUri).protocol)
      t.equal(`${app.scheme}:`, new URL(app.postLogoutRedirectUri).protocol)
      t.equal(new URL(app.issuer).protocol, 'https:')
      const { endSession, isOver, state } = await live(t, app)
      const bye = await endSession()
      t.equal(bye.status, 302)
      t.equal(bye.location, `${app.postLogoutRedirectUri}?state=${state}`)
      t.same(await isOver(), [401, 'invalid_grant'])
    }
  )
}

t.test('with a claimed https link, a chosen provider, and a sign-out without a browser', async (t) => {
  const [{ redirect_uris: redirectUris }] = CLIENTS
  const redirectUri = redirectUris.find((uri: string) => uri.startsWith('https:'))
  const { ask, configuration, refreshed, isOver } = await live(t, { ...APPS.Android, redirectUri, provider: undefined })
  t.equal((await ask(configuration.revocation_endpoint, { token: refreshed.refresh_token })).status, 200)
  t.same(await isOver(), [401, 'invalid_grant'])
})

t.test('the page says the same of both platforms', async (t) => {
  t.same(APPS.Android, APPS.iOS)
})

t.test("native sign-in: the curl of the page, with an ID token of the platform's own sheet", async (t) => {
  const google = await startFakeOidc()
  t.teardown(() => google.close())
  const { url, me } = await startWorld(t, CLIENTS, {
    ...google.googleSettings(),
    GOOGLE_NATIVE_CLIENT_IDS: 'ios-client'
  })
  google.idToken({ claims: { aud: 'ios-client' } })
  const NONCE = randomBytes(16).toString('base64url')
  const ID_TOKEN = await idTokenFrom(google, createHash('sha256').update(NONCE).digest('hex'))
  const command = blocks('sh').trim().replace('https://id.example.com', url)
  const { stdout } = await promisify(execFile)('bash', ['-c', `${command} --silent`], {
    env: { ...process.env, ID_TOKEN, NONCE }
  })
  const tokens = JSON.parse(stdout)
  t.match(tokens, { token_type: 'Bearer', scope: 'openid profile email', refresh_token: /./, id_token: /./ })
  t.equal(await me(tokens.access_token), 200)
})
