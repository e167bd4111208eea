import { decodeProtectedHeader, exportJWK, generateKeyPair } from 'jose'
import * as oauth from 'oauth4webapi'
import t, { type Test } from 'tap'
import { sharing } from '../helper.ts'
import { grid } from '../slow.ts'
import { failure, newSecret, startWorld } from './world.ts'

const SPA = { client_id: 'spa', name: 'The app', redirect_uris: ['https://app.example.com/callback?tenant=1'] }
const WEB = {
  client_id: 'web',
  name: 'The web app',
  redirect_uris: ['https://web.example.com/callback'],
  client_secret: newSecret()
}
const { publicKey, privateKey } = await generateKeyPair('ES256')
const KEYED = {
  client_id: 'keyed',
  name: 'The app with a key',
  redirect_uris: ['https://keyed.example.com/callback'],
  grant_types: ['authorization_code', 'client_credentials'],
  scope: 'notes:read',
  token_endpoint_auth_method: 'private_key_jwt',
  jwks: { keys: [{ ...await exportJWK(publicKey), kid: 'one' }] }
}
const AUDIENCE = 'https://api.example.com'

/** The library speaks https only, unless told that this is a test. */
const INSECURE = { [oauth.allowInsecureRequests]: true }

async function open (t: Test, environment: Record<string, string> = {}) {
  const running = await startWorld(t, [SPA, WEB, KEYED], { TOKEN_AUDIENCE: AUDIENCE, ...environment })
  const issuer = new URL(running.url)
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, INSECURE))
  const spa: oauth.Client = { client_id: 'spa' }
  const web: oauth.Client = { client_id: 'web' }

  async function begin (
    client: oauth.Client,
    redirectUri: string,
    scope = 'openid profile email',
    more: Record<string, string> = {}
  ) {
    const [codeVerifier, state, nonce] = [
      oauth.generateRandomCodeVerifier(),
      oauth.generateRandomState(),
      oauth.generateRandomNonce()
    ]
    const authorizationUrl = new URL(as.authorization_endpoint ?? '')
    authorizationUrl.search = new URLSearchParams({
      response_type: 'code',
      client_id: client.client_id,
      redirect_uri: redirectUri,
      scope,
      state,
      nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
      provider: 'github',
      ...more
    }).toString()
    return { codeVerifier, state, nonce, back: await running.visit(authorizationUrl) }
  }

  async function signIn (client = spa, authentication = oauth.None(), redirectUri = SPA.redirect_uris[0] as string) {
    const { codeVerifier, state, nonce, back } = await begin(client, redirectUri)
    const answer = oauth.validateAuthResponse(as, client, back, state)
    const response = await oauth.authorizationCodeGrantRequest(
      as,
      client,
      authentication,
      answer,
      redirectUri,
      codeVerifier,
      INSECURE
    )
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, {
      expectedNonce: nonce,
      requireIdToken: true
    })
    await oauth.validateApplicationLevelSignature(as, response, INSECURE)
    return { ...tokens, claims: oauth.getValidatedIdTokenClaims(tokens) }
  }

  const refresh = async (refreshToken = '', client = spa, authentication = oauth.None()) =>
    await oauth.processRefreshTokenResponse(
      as,
      client,
      await oauth.refreshTokenGrantRequest(as, client, authentication, refreshToken, INSECURE)
    )

  /** As a resource server that knows Signet by its metadata alone. */
  const validate = (token: string, audience = AUDIENCE) =>
    oauth.validateJwtAccessToken(
      as,
      new Request('https://api.example.com/notes', { headers: { authorization: `Bearer ${token}` } }),
      audience,
      INSECURE
    )

  return { ...running, as, spa, web, begin, signIn, refresh, validate }
}

const world = sharing(t, open)

t.test('the metadata of OAuth and of OpenID Connect are found and fit the issuer', async (t) => {
  const { as, url } = await world(t)
  const issuer = new URL(url)
  const response = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...INSECURE })
  t.same(await oauth.processDiscoveryResponse(issuer, response), as)
})

t.test(
  'a public client signs in: answer with iss, ID token with its signature, userinfo, refresh, revocation',
  async (t) => {
    const { as, spa, signIn, refresh, url, me } = await world(t)
    const tokens = await signIn()
    t.match(tokens, { token_type: 'bearer', expires_in: 900, scope: 'openid profile email' })
    t.match(tokens.claims, {
      iss: url,
      aud: 'spa',
      email: 'octocat@github.com',
      email_verified: true,
      name: 'The Octocat'
    })

    const userInfo = await oauth.userInfoRequest(as, spa, tokens.access_token, INSECURE)
    t.match(await oauth.processUserInfoResponse(as, spa, tokens.claims?.sub ?? '', userInfo), {
      name: 'The Octocat',
      email: 'octocat@github.com'
    })

    const refreshed = await refresh(tokens.refresh_token)
    t.not(refreshed.refresh_token, tokens.refresh_token)
    t.equal(await me(refreshed.access_token), 200)

    await oauth.processRevocationResponse(
      await oauth.revocationRequest(as, spa, oauth.None(), refreshed.refresh_token ?? '', INSECURE)
    )
    t.equal(await me(refreshed.access_token), 401)
    t.match(await failure(refresh(refreshed.refresh_token)), { error: 'invalid_grant', status: 400 })
  }
)

t.test('a client signs in with DPoP and refreshes; its code and tokens are of no use with another key', async (t) => {
  const { as, spa, begin, url, validate } = await world(t)
  const newKey = async () => oauth.DPoP(spa, await oauth.generateKeyPair('ES256'))
  const [DPoP, other] = [await newKey(), await newKey()]
  const redirectUri = SPA.redirect_uris[0] as string
  const { codeVerifier, state, nonce, back } = await begin(spa, redirectUri, 'openid', {
    dpop_jkt: await DPoP.calculateThumbprint()
  })
  const answer = oauth.validateAuthResponse(as, spa, back, state)
  const redeem = async (key: oauth.DPoPHandle) =>
    await oauth.processAuthorizationCodeResponse(
      as,
      spa,
      await oauth.authorizationCodeGrantRequest(as, spa, oauth.None(), answer, redirectUri, codeVerifier, {
        ...INSECURE,
        DPoP: key
      }),
      { expectedNonce: nonce, requireIdToken: true }
    )
  t.match(await failure(redeem(other)), { error: 'invalid_grant' }, 'dpop_jkt')
  const tokens = await redeem(DPoP)
  t.match(tokens, { token_type: 'dpop', expires_in: 900 })

  const refresh = async (refreshToken = '', key?: oauth.DPoPHandle) =>
    await oauth.processRefreshTokenResponse(
      as,
      spa,
      await oauth.refreshTokenGrantRequest(as, spa, oauth.None(), refreshToken, {
        ...INSECURE,
        ...(key ? { DPoP: key } : {})
      })
    )
  t.match(await failure(refresh(tokens.refresh_token, other)), { error: 'invalid_grant' })
  t.match(await failure(refresh(tokens.refresh_token)), { error: 'invalid_grant' })
  const refreshed = await refresh(tokens.refresh_token, DPoP)
  t.match(refreshed, { token_type: 'dpop' })

  const userInfo = await oauth.userInfoRequest(as, spa, refreshed.access_token, { ...INSECURE, DPoP })
  const sub = oauth.getValidatedIdTokenClaims(tokens)?.sub ?? ''
  t.match(await oauth.processUserInfoResponse(as, spa, sub, userInfo), { sub })
  const call = async (key?: oauth.DPoPHandle) =>
    await oauth.protectedResourceRequest(
      refreshed.access_token,
      'GET',
      new URL(`${url}/oauth2/userinfo`),
      undefined,
      undefined,
      { ...INSECURE, ...(key ? { DPoP: key } : {}) }
    )
  t.equal((await call(DPoP)).status, 200)
  t.match(await failure(call(other)), {
    status: 401,
    cause: [{ scheme: 'dpop', parameters: { error: 'invalid_token', algs: /ES256/ } }]
  })
  t.match(await failure(call()), { status: 401, cause: [{ scheme: 'dpop' }] })
  t.match(await failure(validate(refreshed.access_token)), { code: /./ }, 'the library refuses it as a bearer token')
})

t.test('a confidential client signs in with its secret in the header or in the body, and introspects', async (t) => {
  const { as, web, signIn, refresh, url } = await world(t)
  const introspect = async (token = '') =>
    await oauth.processIntrospectionResponse(
      as,
      web,
      await oauth.introspectionRequest(as, web, oauth.ClientSecretBasic(WEB.client_secret), token, INSECURE)
    )
  for (const authentication of [
    oauth.ClientSecretBasic(WEB.client_secret),
    oauth.ClientSecretPost(WEB.client_secret)
  ]) {
    const tokens = await signIn(web, authentication, WEB.redirect_uris[0])
    t.match(tokens.claims, { aud: 'web' })
    const refreshed = await refresh(tokens.refresh_token, web, authentication)
    t.match(await introspect(refreshed.access_token), {
      active: true,
      iss: url,
      aud: AUDIENCE,
      sub: tokens.claims?.sub,
      client_id: 'web'
    })
    t.match(await introspect(refreshed.refresh_token), { active: true, sub: tokens.claims?.sub })
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(as, web, authentication, refreshed.access_token, INSECURE)
    )
    t.same(await introspect(refreshed.access_token), { active: false })
    t.same(await introspect(refreshed.refresh_token), { active: false })
  }
})

t.test('a client proves itself by private_key_jwt: sign-in, refresh, introspection, a token of its own', async (t) => {
  const { as, signIn, refresh, validate } = await world(t)
  const keyed: oauth.Client = { client_id: 'keyed' }
  const authentication = oauth.PrivateKeyJwt({ key: privateKey, kid: 'one' })
  t.ok(as.token_endpoint_auth_methods_supported?.includes('private_key_jwt'))
  const tokens = await signIn(keyed, authentication, KEYED.redirect_uris[0])
  t.match(tokens.claims, { aud: 'keyed' })
  const refreshed = await refresh(tokens.refresh_token, keyed, authentication)
  const introspection = await oauth.introspectionRequest(as, keyed, authentication, refreshed.access_token, INSECURE)
  t.match(await oauth.processIntrospectionResponse(as, keyed, introspection), { active: true, client_id: 'keyed' })

  const parameters = new URLSearchParams({ scope: 'notes:read' })
  const answer = await oauth.clientCredentialsGrantRequest(as, keyed, authentication, parameters, INSECURE)
  const own = await oauth.processClientCredentialsResponse(as, keyed, answer)
  t.match(own, { scope: 'notes:read', token_type: 'bearer', expires_in: 900 })
  t.match(await validate(own.access_token), { sub: 'keyed', client_id: 'keyed' })
  await oauth.processRevocationResponse(
    await oauth.revocationRequest(as, keyed, authentication, own.access_token, INSECURE))
  const { privateKey: another } = await generateKeyPair('ES256')
  t.match(await failure(refresh(refreshed.refresh_token, keyed, oauth.PrivateKeyJwt(another))), {
    error: 'invalid_client', status: 401
  })
})

for (const algorithm of grid(['ES256', 'RS256', 'EdDSA'], (algorithm) => algorithm === 'EdDSA')) {
  t.test(
    `a resource server takes the access token as RFC 9068 wants it, signed with ${algorithm}, and nothing else`,
    async (t) => {
      const { signIn, validate, url } = await world(t, { SIGNING_ALG: algorithm })
      const { access_token: accessToken, id_token: idToken = '', claims } = await signIn()
      t.equal(decodeProtectedHeader(accessToken).alg, algorithm)
      t.match(await validate(accessToken), {
        iss: url,
        aud: AUDIENCE,
        sub: claims?.sub,
        client_id: 'spa',
        scope: 'openid profile email',
        jti: /./
      })
      t.match(await failure(validate(accessToken, 'https://other.example.com')), {
        code: 'OAUTH_JWT_CLAIM_COMPARISON_FAILED'
      })
      t.match(
        await failure(validate(idToken, 'spa')),
        { code: 'OAUTH_INVALID_RESPONSE' },
        'an ID token has another type'
      )
      const [header, payload = '', signature] = accessToken.split('.')
      const forged = Buffer.from(
        JSON.stringify({ ...JSON.parse(Buffer.from(payload, 'base64url').toString()), roles: ['admin'] })
      ).toString('base64url')
      await t.rejects(validate([header, forged, signature].join('.')), /signature/)
    }
  )
}

t.test('errors have the names of the standards', async (t) => {
  const { as, spa, begin, github, refresh } = await world(t)
  const redirectUri = SPA.redirect_uris[0] as string
  const { back, state, nonce, codeVerifier } = await begin(spa, redirectUri)
  t.throws(() => oauth.validateAuthResponse(as, spa, back, oauth.generateRandomState()), {
    code: 'OAUTH_INVALID_RESPONSE'
  })
  const answer = oauth.validateAuthResponse(as, spa, back, state)
  const redeem = async (verifier: string, expectedNonce: string, client = spa) =>
    await oauth.processAuthorizationCodeResponse(
      as,
      client,
      await oauth.authorizationCodeGrantRequest(as, client, oauth.None(), answer, redirectUri, verifier, INSECURE),
      { expectedNonce }
    )
  t.match(await failure(redeem(oauth.generateRandomCodeVerifier(), nonce)), {
    code: 'OAUTH_RESPONSE_BODY_ERROR',
    error: 'invalid_grant',
    status: 400
  })
  t.match(await failure(redeem(codeVerifier, nonce, { client_id: 'nobody' })), { error: 'invalid_client', status: 401 })
  t.match(await failure(redeem(codeVerifier, oauth.generateRandomNonce())), {
    code: 'OAUTH_JWT_CLAIM_COMPARISON_FAILED'
  })
  t.match(await failure(redeem(codeVerifier, nonce)), { error: 'invalid_grant' }, 'now it is spent')
  t.match(await failure(refresh('made-up')), { error: 'invalid_grant' })
  const userInfo = oauth
    .userInfoRequest(as, spa, 'made-up', INSECURE)
    .then((response) => oauth.processUserInfoResponse(as, spa, oauth.skipSubjectCheck, response))
  t.match(await failure(userInfo), {
    code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE',
    status: 401,
    cause: [{ scheme: 'bearer', parameters: { error: 'invalid_token' } }]
  })

  github.deny()
  const denied = await begin(spa, redirectUri)
  t.throws(() => oauth.validateAuthResponse(as, spa, denied.back, denied.state), {
    code: 'OAUTH_AUTHORIZATION_RESPONSE_ERROR',
    error: 'access_denied'
  })
})

t.test('a device polls at the pace it is told, and is signed in once', async (t) => {
  const { as, spa, decide, sql } = await open(t)
  const poll = async (deviceCode: string) => {
    const response = await oauth.deviceCodeGrantRequest(as, spa, oauth.None(), deviceCode, INSECURE)
    return await oauth.processDeviceCodeResponse(as, spa, response)
  }
  /** The database's clock decides how often is too often. */
  const waitForInterval = () =>
    sql.query("UPDATE device_grants SET last_polled_at = last_polled_at - interval '1 minute'")
  const begin = async () =>
    await oauth.processDeviceAuthorizationResponse(
      as,
      spa,
      await oauth.deviceAuthorizationRequest(as, spa, oauth.None(), { scope: 'openid' }, INSECURE)
    )

  const device = await begin()
  t.match(await failure(poll(device.device_code)), { error: 'authorization_pending' })
  t.match(await failure(poll(device.device_code)), { error: 'slow_down' })
  t.match(await decide(device.verification_uri_complete ?? '', 'approve'), 'The device is signed in')
  await waitForInterval()
  const tokens = await poll(device.device_code)
  t.match(oauth.getValidatedIdTokenClaims(tokens), { aud: 'spa' })
  t.match(await failure(poll(device.device_code)), { error: 'invalid_grant' })

  const denied = await begin()
  await decide(denied.verification_uri_complete ?? '', 'deny')
  t.match(await failure(poll(denied.device_code)), { error: 'access_denied' })
  const late = await begin()
  await sql.query("UPDATE device_grants SET expires_at = now() - interval '1 second'")
  t.match(await failure(poll(late.device_code)), { error: 'expired_token' })
})
