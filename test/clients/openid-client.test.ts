import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  calculatePKCECodeChallenge,
  ClientSecretBasic,
  ClientSecretPost,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  initiateDeviceAuthorization,
  None,
  pollDeviceAuthorizationGrant,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  refreshTokenGrant,
  tokenIntrospection,
  tokenRevocation,
  type ClientAuth,
  type Configuration
} from 'openid-client'
import t, { type Test } from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { sharing } from '../helper.ts'
import { failure, newSecret, startWorld } from './world.ts'

// A redirect URI with a query of its own is not for this library: it takes the answer's URL without its query for the
// redirect URI.
const SPA = {
  client_id: 'spa',
  name: 'The app',
  redirect_uris: ['https://app.example.com/callback'],
  post_logout_redirect_uris: ['https://app.example.com/bye']
}
const WEB = {
  client_id: 'web',
  name: 'The web app',
  redirect_uris: ['https://web.example.com/callback'],
  client_secret: newSecret()
}
const TV = { client_id: 'tv', name: 'The television', redirect_uris: [] }

async function open (t: Test) {
  const running = await startWorld(t, [SPA, WEB, TV])
  const { url, visit } = running

  /** ID tokens are verified against the published keys too, not only by the connection they came over. */
  const configure = (clientId: string, authentication: ClientAuth = None()) =>
    discovery(new URL(url), clientId, undefined, authentication, {
      execute: [allowInsecureRequests, enableNonRepudiationChecks]
    })

  async function begin (config: Configuration, redirectUri: string, more: Record<string, string> = {}) {
    const checks = {
      pkceCodeVerifier: randomPKCECodeVerifier(),
      expectedState: randomState(),
      expectedNonce: randomNonce()
    }
    const authorizationUrl = buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid profile email',
      code_challenge: await calculatePKCECodeChallenge(checks.pkceCodeVerifier),
      code_challenge_method: 'S256',
      state: checks.expectedState,
      nonce: checks.expectedNonce,
      provider: 'github',
      ...more
    })
    return { checks, back: await visit(authorizationUrl) }
  }

  async function signIn (config: Configuration, redirectUri = SPA.redirect_uris[0] as string) {
    const { checks, back } = await begin(config, redirectUri, { max_age: '60' })
    return await authorizationCodeGrant(config, back, { ...checks, maxAge: 60 })
  }

  return { ...running, configure, begin, signIn }
}

const world = sharing(t, open)

const KINDS: [string, { client_id: string, redirect_uris: string[] }, ClientAuth][] = [
  ['a public client', SPA, None()],
  ['a confidential client with client_secret_basic', WEB, ClientSecretBasic(WEB.client_secret)],
  ['a confidential client with client_secret_post', WEB, ClientSecretPost(WEB.client_secret)]
]

for (const [
  kind,
  {
    client_id: clientId,
    redirect_uris: [redirectUri]
  },
  authentication
] of KINDS) {
  t.test(`${kind} discovers, signs in, asks who it is, refreshes and revokes`, async (t) => {
    const { configure, signIn, me, url } = await world(t)
    const config = await configure(clientId, authentication)
    t.ok(config.serverMetadata().supportsPKCE())

    const tokens = await signIn(config, redirectUri)
    t.match(tokens, { token_type: 'bearer', expires_in: 900, scope: 'openid profile email', refresh_token: /./ })
    const claims = tokens.claims()
    t.match(claims, {
      iss: url,
      aud: clientId,
      name: 'The Octocat',
      email: 'octocat@github.com',
      email_verified: true,
      auth_time: Number
    })
    t.match(tokens.expiresIn(), /^(900|89\d)$/)
    t.match(await fetchUserInfo(config, tokens.access_token, claims?.sub ?? ''), {
      sub: claims?.sub,
      name: 'The Octocat',
      picture: 'https://example.com/octocat.png'
    })

    const refreshed = await refreshTokenGrant(config, tokens.refresh_token ?? '')
    t.match(
      refreshed.claims(),
      { sub: claims?.sub, aud: claims?.aud, nonce: undefined },
      'a refresh brings an ID token too'
    )
    t.not(refreshed.access_token, tokens.access_token)
    t.not(refreshed.refresh_token, tokens.refresh_token)
    t.match(await fetchUserInfo(config, refreshed.access_token, claims?.sub ?? ''), { sub: claims?.sub })

    await tokenRevocation(config, refreshed.refresh_token ?? '')
    t.match(await failure(refreshTokenGrant(config, refreshed.refresh_token ?? '')), {
      error: 'invalid_grant',
      status: 400
    })
    t.equal(await me(refreshed.access_token), 401)
  })
}

t.test(
  'an answer that is not the one to this request is refused by the library: state, nonce, issuer, age',
  async (t) => {
    const { configure, begin, sql } = await world(t)
    const config = await configure('spa')
    const redirectUri = SPA.redirect_uris[0] as string
    const { checks, back } = await begin(config, redirectUri)
    t.match(await failure(authorizationCodeGrant(config, back, { ...checks, expectedState: randomState() })), {
      code: 'OAUTH_INVALID_RESPONSE'
    })
    const mixedUp = new URL(back)
    mixedUp.searchParams.set('iss', 'https://elsewhere.example.com')
    t.match(await failure(authorizationCodeGrant(config, mixedUp, checks)), { code: 'OAUTH_INVALID_RESPONSE' })
    mixedUp.searchParams.delete('iss')
    t.match(
      await failure(authorizationCodeGrant(config, mixedUp, checks)),
      { code: 'OAUTH_INVALID_RESPONSE' },
      'iss is announced, so it must be there'
    )
    t.ok(await authorizationCodeGrant(config, back, checks), 'none of that has spent the code')

    const other = await begin(config, redirectUri)
    t.match(
      await failure(authorizationCodeGrant(config, other.back, { ...other.checks, expectedNonce: randomNonce() })),
      { code: 'OAUTH_JWT_CLAIM_COMPARISON_FAILED' }
    )

    const old = await begin(config, redirectUri, { max_age: '60' })
    await sql.query("UPDATE sessions SET authenticated_at = now() - interval '1 hour'")
    t.match(await failure(authorizationCodeGrant(config, old.back, { ...old.checks, maxAge: 60 })), {
      code: 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED'
    })
  }
)

t.test('what goes wrong at Signet arrives as what the standards call it', async (t) => {
  const { configure, begin, github } = await world(t)
  const config = await configure('spa')
  const redirectUri = SPA.redirect_uris[0] as string
  const { checks, back } = await begin(config, redirectUri)
  const wrong = new URL(back)
  wrong.searchParams.set('code', 'made-up')
  t.match(await failure(authorizationCodeGrant(config, wrong, checks)), {
    error: 'invalid_grant',
    status: 400,
    error_description: /./
  })
  t.match(
    await failure(authorizationCodeGrant(config, back, { ...checks, pkceCodeVerifier: randomPKCECodeVerifier() })),
    { error: 'invalid_grant' }
  )

  github.deny()
  const denied = await begin(config, redirectUri)
  t.match(await failure(authorizationCodeGrant(config, denied.back, denied.checks)), {
    code: 'OAUTH_AUTHORIZATION_RESPONSE_ERROR',
    error: 'access_denied',
    error_description: /./
  })
  github.allow()

  const silent = buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid',
    code_challenge: await calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    prompt: 'none'
  })
  const { location } = await createBrowser(config.serverMetadata().issuer).get(silent.href)
  t.match(await failure(authorizationCodeGrant(config, new URL(location ?? ''), checks)), { error: 'login_required' })

  const impostor = await configure('web', ClientSecretPost('not the secret'))
  const web = await begin(impostor, WEB.redirect_uris[0] as string)
  t.match(await failure(authorizationCodeGrant(impostor, web.back, web.checks)), { status: 401 })
  t.match(await failure(refreshTokenGrant(await configure('web', ClientSecretBasic('not the secret')), 'any')), {
    code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE',
    cause: [{ scheme: 'basic' }]
  })
})

t.test('a confidential client may ask whether a token is good; a public one may not', async (t) => {
  const { configure, signIn } = await world(t)
  const [spa, web] = [await configure('spa'), await configure('web', ClientSecretBasic(WEB.client_secret))]
  const tokens = await signIn(spa)
  t.match(await tokenIntrospection(web, tokens.access_token), {
    active: true,
    sub: tokens.claims()?.sub,
    client_id: 'spa',
    scope: 'openid profile email'
  })
  t.match(await tokenIntrospection(web, tokens.refresh_token ?? '', { token_type_hint: 'refresh_token' }), {
    active: true,
    client_id: 'spa'
  })
  t.match(await failure(tokenIntrospection(spa, tokens.access_token)), { status: 401 })
  await tokenRevocation(spa, tokens.access_token)
  t.same(await tokenIntrospection(web, tokens.access_token), { active: false })
})

t.test('the logout URL that the library builds ends the session and comes back', async (t) => {
  const { configure, signIn, me, url } = await world(t)
  const config = await configure('spa')
  const tokens = await signIn(config)
  t.equal(await me(tokens.access_token), 200)
  const endSessionUrl = buildEndSessionUrl(config, {
    id_token_hint: tokens.id_token ?? '',
    post_logout_redirect_uri: 'https://app.example.com/bye',
    state: 'a & b'
  })
  const { status, location } = await createBrowser(url).get(endSessionUrl.href)
  t.equal(status, 302)
  t.equal(new URL(location ?? '').searchParams.get('state'), 'a & b')
  t.ok(location?.startsWith('https://app.example.com/bye?'))
  t.equal(await me(tokens.access_token), 401)
  t.match(await failure(refreshTokenGrant(config, tokens.refresh_token ?? '')), { error: 'invalid_grant' })
})

t.test('a device is signed in, or not', async (t) => {
  const { configure, decide, url } = await world(t)
  const config = await configure('tv')
  const [one, other] = [
    await initiateDeviceAuthorization(config, { scope: 'openid profile' }),
    await initiateDeviceAuthorization(config, { scope: 'openid' })
  ]
  t.match(one, { verification_uri: `${url}/device`, interval: 5, expires_in: 600 })
  const signedIn = pollDeviceAuthorizationGrant(config, one)
  const denied = failure(pollDeviceAuthorizationGrant(config, other))
  t.match(await decide(one.verification_uri_complete ?? '', 'approve'), 'The device is signed in')
  t.match(await decide(other.verification_uri_complete ?? '', 'deny'), 'The device is not signed in')
  const tokens = await signedIn
  t.match(tokens.claims(), { aud: 'tv', name: 'The Octocat' })
  t.match(await fetchUserInfo(config, tokens.access_token, tokens.claims()?.sub ?? ''), { name: 'The Octocat' })
  t.match(await denied, { error: 'access_denied' })
})
