import { randomUUID } from 'node:crypto'
import { answerEmpty, answerForm, answerHtml, answerJson, answerRedirect, type FakeAnswer } from './answers.ts'
import { bearerToken, parameter, type Call } from './calls.ts'
import { answersChallenge, clientCredentials, createIssued, type Grant } from './grants.ts'
import { startHttpFake, type HttpFake } from './http-fake.ts'
import { accessTokenHash, makeIdToken, type Claims, type IdTokenScript } from './oidc-id-token.ts'
import { createKeys, publicJwk, type Jwk, type JwksScript, type KeyAlgorithm } from './oidc-keys.ts'

export interface FakeOidcOptions {
  clientId?: string
  clientSecret?: string
  /** The path of the issuer, such as `/realms/acme`, or `/` for an issuer that ends in a slash. None by default. */
  issuerPath?: string
  /** What this provider does in a way of its own. */
  manners?: OidcManners
}

/** Where a provider differs from Google; members that are left out are as at Google. */
export interface OidcManners {
  paths?: Partial<FakeOidc['paths']>
  /** The path of `paths` that a call's path stands for, where one endpoint has several. */
  canonicalPath?: (path: string) => string
  /** Members in place of those of the discovery document at `path`; `undefined` leaves one out. */
  metadata?: (url: string, path: string) => Claims
  /** Parameters beside, or in place of, those of the authorization response. */
  response?: (query: Call['query'], person: Claims & { sub: string }) => Record<string, string | undefined>
  /** Whether a call of the token or revocation endpoint is the client's. */
  isClient?: (call: Call) => boolean | Promise<boolean>
  /** Members in place of those of the token response. */
  tokenResponse?: () => Claims
  /** Claims in place of those of the ID token. */
  idToken?: (url: string, grant: { person: Claims & { sub: string }, scope: string }, clientId: string) => Claims
  /** The body of an error (RFC 6749 section 5.2), and its status. */
  error?: (error: string, description: string) => { status: number, body: Claims }
}

/** Claims of the person. `sub` is always in both places; what has no list is in both. */
export interface ClaimPlaces {
  idToken?: string[]
  userinfo?: string[]
}

export interface FakeOidc extends HttpFake {
  issuer: string
  clientId: string
  clientSecret: string
  /** The paths to give to `fault` and `calls`. */
  paths: { discovery: string, jwks: string, authorize: string, token: string, userinfo: string, revoke: string }
  /** A key set with the key of `sign: 'wrong-key'`, for a `jku`. It must never be fetched. */
  strangerJwksUri: string
  /** That key's public half, for a `jwk` header. */
  strangerJwk: (algorithm?: KeyAlgorithm) => Promise<Jwk>
  /**
   * The environment that makes Signet know this fake as the OIDC provider `id`. With several, write OIDC_PROVIDERS
   * anew.
   */
  settings: (id: string, options?: { emailTrusted?: boolean }) => Record<string, string>
  /** The environment that makes Signet take this fake for Google. */
  googleSettings: () => Record<string, string>
  /** Who signs in from now on, with exactly these claims. A login past the authorization page keeps its own person. */
  person: (claims: Claims & { sub: string }, places?: ClaimPlaces) => void
  /**
   * The person signed in here so many seconds ago: the authorization page asks for nothing, unless `prompt=login` or
   * `max_age` demands a new sign-in, which `ignore` leaves out. 0, the default, is a new sign-in each time.
   */
  signedInBefore: (seconds: number, options?: { ignore?: boolean }) => void
  /** Whether ID tokens have `auth_time` without `max_age` in the request. */
  sayAuthTime: (on?: boolean) => void
  /** Members in place of those of the discovery document; `undefined` leaves one out. Replaces an earlier call. */
  discovery: (overrides: Claims) => void
  /** Parameters in place of those of the authorization response; `undefined` leaves one out. */
  response: (overrides: Record<string, string | undefined>) => void
  /** Sends `iss` with the authorization response, and says so in the discovery document (RFC 9207). */
  sendIss: (on?: boolean) => void
  /** The authorization page sends `error` back from now on; by default the person says no. */
  deny: (error?: string, description?: string) => void
  /** The authorization page says yes again. */
  allow: () => void
  /** What ID tokens look like from now on; `{}` makes them right again. */
  idToken: (script: IdTokenScript) => void
  /** Members in place of those of the token response; `undefined` leaves one out. */
  tokenResponse: (overrides: Claims) => void
  /** Members in place of those of the userinfo answer, also `sub`. */
  userinfo: (overrides: Claims) => void
  /** Answers user info as a JWT by this script from now on (OpenID Connect Core section 5.3.2). */
  signUserinfo: (script: IdTokenScript) => void
  /** What the key set shows from now on. */
  jwks: (script: JwksScript) => Promise<void>
  /** A security event token (RFC 8417) for the client, with these claims in place of, or beside, the right ones. */
  signEvent: (claims: Claims, script?: IdTokenScript) => Promise<string>
  rotateKeys: (options?: { keepOld?: boolean }) => Promise<void>
}

interface OidcGrant extends Grant {
  person: Claims & { sub: string }
  places: ClaimPlaces
  nonce: string | undefined
  /** In seconds since 1970; undefined where the ID token does not have it. */
  authTime: number | undefined
}

/** The person of https://openid.net/specs/openid-connect-core-1_0.html#UserInfoResponse */
const JANE = {
  sub: '248289761001',
  name: 'Jane Doe',
  preferred_username: 'j.doe',
  email: 'janedoe@example.com',
  email_verified: true,
  picture: 'https://example.com/janedoe/me.jpg',
  locale: 'en'
}

const LIFETIME_SECONDS = 3600
/** https://accounts.google.com/.well-known/risc-configuration */
export const RISC_PATH = '/.well-known/risc-configuration'
const STRANGER_PATH = '/stranger/jwks'

/**
 * An OpenID provider of the authorization code flow (OpenID Connect Core section 3.1), correct unless a test changes
 * it. Its answers are like Google's: https://developers.google.com/identity/openid-connect/reference
 */
export async function startFakeOidc (options: FakeOidcOptions = {}): Promise<FakeOidc> {
  const { clientId = 'oidc-client', clientSecret = 'oidc-fake-client-secret', issuerPath = '', manners = {} } = options
  const paths = {
    discovery: `${issuerPath.replace(/\/$/, '')}/.well-known/openid-configuration`,
    jwks: '/jwks',
    authorize: '/authorize',
    token: '/token',
    userinfo: '/userinfo',
    revoke: '/revoke',
    ...manners.paths
  }
  const keys = await createKeys()
  const codes = createIssued<OidcGrant>()
  const accessTokens = createIssued<OidcGrant>()
  const refreshTokens = createIssued<OidcGrant>()
  let current: { person: Claims & { sub: string }, places: ClaimPlaces } = { person: JANE, places: {} }
  let refusal: { error: string, error_description: string } | undefined
  let sendsIss = false
  let earlierSignIn = { seconds: 0, ignoresRequests: false }
  let saysAuthTime = false
  let idTokenScript: IdTokenScript = {}
  let discoveryOverrides: Claims = {}
  let responseOverrides: Record<string, string | undefined> = {}
  let tokenOverrides: Claims = {}
  let userinfoOverrides: Claims = {}
  let userinfoScript: IdTokenScript | undefined

  const fake = await startHttpFake((call) => {
    switch (`${call.method} ${manners.canonicalPath?.(call.path) ?? call.path}`) {
      case `GET ${paths.discovery}`:
        return answerJson(metadata(call.path))
      case `GET ${paths.jwks}`:
        return answerJson(keys.jwks())
      case `GET ${paths.authorize}`:
        return authorize(call)
      case `POST ${paths.token}`:
        return token(call)
      case `GET ${paths.userinfo}`:
      case `POST ${paths.userinfo}`:
        return userinfo(call)
      case `POST ${paths.revoke}`:
        return revoke(call)
      case `GET ${RISC_PATH}`:
        // The issuer with a slash, as Google spells it in its events.
        return answerJson({ issuer: `${issuer}/`, jwks_uri: fake.url + paths.jwks })
      case `GET ${STRANGER_PATH}`:
        return strangerJwks()
    }
  })
  const issuer = fake.url + issuerPath

  /** OpenID Connect Discovery section 3. */
  function metadata (path = paths.discovery): Claims {
    return {
      issuer,
      authorization_endpoint: fake.url + paths.authorize,
      token_endpoint: fake.url + paths.token,
      userinfo_endpoint: fake.url + paths.userinfo,
      revocation_endpoint: fake.url + paths.revoke,
      jwks_uri: fake.url + paths.jwks,
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      grant_types_supported: ['authorization_code', 'refresh_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256', 'ES256'],
      scopes_supported: ['openid', 'email', 'profile'],
      token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
      claims_supported: [
        'aud',
        'email',
        'email_verified',
        'exp',
        'iat',
        'iss',
        'locale',
        'name',
        'picture',
        'preferred_username',
        'sub'
      ],
      code_challenge_methods_supported: ['plain', 'S256'],
      ...manners.metadata?.(fake.url, path),
      ...(sendsIss ? { authorization_response_iss_parameter_supported: true } : {}),
      ...discoveryOverrides
    }
  }

  /** OpenID Connect Core section 3.1.2. Redirects only to a registered URI of the client. */
  function authorize ({ query }: Call): FakeAnswer {
    const redirectUri = parameter(query, 'redirect_uri')
    if (parameter(query, 'client_id') !== clientId) {
      return answerHtml('<!doctype html><title>Error 401: invalid_client</title>', { status: 401 })
    }
    if (redirectUri === undefined || !URL.canParse(redirectUri)) {
      return answerHtml('<!doctype html><title>Error 400: redirect_uri_mismatch</title>', { status: 400 })
    }
    const answer: Record<string, string | undefined> = refusal ??
      authorizationError(query) ?? { code: issueCode(query, redirectUri), ...manners.response?.(query, current.person) }
    const parameters = {
      ...answer,
      ...(answer['error'] === undefined ? {} : { code: undefined }),
      state: parameter(query, 'state'),
      ...(sendsIss ? { iss: issuer } : {}),
      ...responseOverrides
    }
    return parameter(query, 'response_mode') === 'form_post'
      ? answerForm(redirectUri, parameters)
      : answerRedirect(redirectUri, parameters)
  }

  function authorizationError (query: Call['query']): { error: string, error_description: string } | undefined {
    if (parameter(query, 'response_type') !== 'code') {
      return { error: 'unsupported_response_type', error_description: 'Only code is supported.' }
    }
    // RFC 7636 section 4.4.1. S256 is taken even where only plain is advertised, so that a test can see which one came.
    const advertised = metadata()['code_challenge_methods_supported']
    const method = parameter(query, 'code_challenge_method') ?? 'plain'
    const isSupported = method === 'S256' || (Array.isArray(advertised) && advertised.includes(method))
    return parameter(query, 'code_challenge') === undefined || isSupported
      ? undefined
      : { error: 'invalid_request', error_description: 'Transform algorithm not supported.' }
  }

  function issueCode (query: Call['query'], redirectUri: string): string {
    return codes.issue(
      {
        ...current,
        redirectUri,
        scope: parameter(query, 'scope') ?? '',
        nonce: parameter(query, 'nonce'),
        authTime: saysAuthTime || parameter(query, 'max_age') !== undefined ? authTime(query) : undefined,
        codeChallenge: parameter(query, 'code_challenge'),
        codeChallengeMethod: parameter(query, 'code_challenge_method')
      },
      '4/0'
    )
  }

  /** When the person signed in here: now, if the request demands it (OpenID Connect Core section 3.1.2.1). */
  function authTime (query: Call['query']): number {
    const { seconds, ignoresRequests } = earlierSignIn
    const prompts = parameter(query, 'prompt')?.split(' ') ?? []
    const isTooOld = seconds > Number(parameter(query, 'max_age') ?? Infinity) || prompts.includes('login')
    return Math.floor(Date.now() / 1000) - (isTooOld && !ignoresRequests ? 0 : seconds)
  }

  /** RFC 6749 sections 4.1.3 and 6, OpenID Connect Core section 3.1.3. */
  async function token (call: Call): Promise<FakeAnswer> {
    if (!(await isClient(call))) return answerInvalidClient()
    const grantType = parameter(call.body, 'grant_type')
    if (grantType === 'refresh_token') {
      const refreshToken = parameter(call.body, 'refresh_token')
      const grant = refreshTokens.find(refreshToken)
      return grant
        ? await tokenAnswer(grant, refreshToken)
        : answerOAuthError('invalid_grant', 'Token has been expired or revoked.')
    }
    if (grantType !== 'authorization_code') {
      return answerOAuthError('unsupported_grant_type', `Invalid grant_type: ${grantType}`)
    }
    const grant = codes.spend(parameter(call.body, 'code'))
    if (!grant) return answerOAuthError('invalid_grant', 'Malformed auth code.')
    if (parameter(call.body, 'redirect_uri') !== grant.redirectUri) {
      return answerOAuthError('redirect_uri_mismatch', 'Bad Request')
    }
    if (!answersChallenge(grant, parameter(call.body, 'code_verifier'))) {
      return answerOAuthError('invalid_grant', 'Invalid code verifier.')
    }
    return await tokenAnswer(grant, refreshTokens.issue(grant, '1//'))
  }

  async function tokenAnswer (grant: OidcGrant, refreshToken: string | undefined): Promise<FakeAnswer> {
    const accessToken = accessTokens.issue(grant, 'ya29.')
    const isOpenId = grant.scope.split(' ').includes('openid')
    return answerJson(
      {
        access_token: accessToken,
        expires_in: LIFETIME_SECONDS - 1,
        refresh_token: refreshToken,
        scope: grant.scope,
        token_type: 'Bearer',
        id_token: isOpenId
          ? await makeIdToken(idTokenClaims(grant, accessToken), idTokenScript, keys, clientSecret)
          : undefined,
        ...manners.tokenResponse?.(),
        ...tokenOverrides
      },
      { headers: { 'cache-control': 'no-store', pragma: 'no-cache' } }
    )
  }

  function idTokenClaims (grant: OidcGrant, accessToken: string): Claims {
    const { person, places, nonce, authTime } = grant
    const now = Math.floor(Date.now() / 1000)
    return {
      ...pick(person, places.idToken),
      iss: issuer,
      aud: clientId,
      sub: person.sub,
      iat: now,
      exp: now + LIFETIME_SECONDS,
      at_hash: accessTokenHash(accessToken),
      nonce,
      auth_time: authTime,
      ...manners.idToken?.(fake.url, grant, clientId)
    }
  }

  /** OpenID Connect Core section 5.3. */
  async function userinfo (call: Call): Promise<FakeAnswer> {
    const grant = accessTokens.find(bearerToken(call))
    if (grant) {
      const claims = { ...pick(grant.person, grant.places.userinfo), sub: grant.person.sub, ...userinfoOverrides }
      if (!userinfoScript) return answerJson(claims)
      const jwt = await makeIdToken({ iss: issuer, aud: clientId, ...claims }, userinfoScript, keys, clientSecret)
      return { status: 200, headers: { 'content-type': 'application/jwt' }, body: jwt as string }
    }
    return answerJson(
      { error: 'invalid_request', error_description: 'Invalid Credentials' },
      {
        status: 401,
        headers: { 'www-authenticate': 'Bearer realm="fake", error="invalid_token"' }
      }
    )
  }

  /** RFC 7009 section 2. Either token ends the grant, as at Google. */
  async function revoke (call: Call): Promise<FakeAnswer> {
    if (manners.isClient && !(await isClient(call))) return answerInvalidClient()
    const name = parameter(call.body, 'token')
    const grant = accessTokens.find(name) ?? refreshTokens.find(name)
    if (!grant) return answerOAuthError('invalid_token', 'Token expired or revoked')
    for (const tokens of [accessTokens, refreshTokens]) tokens.revoke((other) => other.person.sub === grant.person.sub)
    return answerEmpty(200)
  }

  /** By one of the advertised methods, and one only (RFC 6749 section 2.3). Discovery's default is Basic. */
  async function isClient (call: Call): Promise<boolean> {
    if (manners.isClient) return await manners.isClient(call)
    const advertised = metadata()['token_endpoint_auth_methods_supported'] ?? ['client_secret_basic']
    const client = clientCredentials(call)
    return (
      client.methods.length === 1 &&
      Array.isArray(advertised) &&
      advertised.includes(client.methods[0]) &&
      client.clientId === clientId &&
      client.clientSecret === clientSecret
    )
  }

  /** RFC 6749 section 5.2. */
  function answerOAuthError (error: string, description: string): FakeAnswer {
    const { status, body } = manners.error?.(error, description) ?? {
      status: 400,
      body: { error, error_description: description }
    }
    return answerJson(body, { status, headers: { 'cache-control': 'no-store' } })
  }

  function answerInvalidClient (): FakeAnswer {
    if (manners.error) return answerOAuthError('invalid_client', 'Unauthorized')
    return answerJson(
      { error: 'invalid_client', error_description: 'Unauthorized' },
      { status: 401, headers: { 'www-authenticate': 'Basic realm="fake"' } }
    )
  }

  async function strangerJwks (): Promise<FakeAnswer> {
    return answerJson({ keys: [publicJwk(await keys.stranger('RS256')), publicJwk(await keys.stranger('ES256'))] })
  }

  return {
    ...fake,
    issuer,
    clientId,
    clientSecret,
    paths,
    strangerJwksUri: fake.url + STRANGER_PATH,
    strangerJwk: async (algorithm = 'RS256') => publicJwk(await keys.stranger(algorithm)),
    settings (id, { emailTrusted = false } = {}) {
      const prefix = `OIDC_${id.toUpperCase().replaceAll('-', '_')}`
      return {
        OIDC_PROVIDERS: id,
        [`${prefix}_ISSUER`]: issuer,
        [`${prefix}_CLIENT_ID`]: clientId,
        [`${prefix}_CLIENT_SECRET`]: clientSecret,
        ...(emailTrusted ? { [`${prefix}_EMAIL_TRUSTED`]: 'true' } : {})
      }
    },
    googleSettings: () => ({ GOOGLE_CLIENT_ID: clientId, GOOGLE_CLIENT_SECRET: clientSecret, GOOGLE_ISSUER: issuer }),
    person (person, places = {}) {
      current = { person, places }
    },
    signedInBefore (seconds, { ignore = false } = {}) {
      earlierSignIn = { seconds, ignoresRequests: ignore }
    },
    sayAuthTime (on = true) {
      saysAuthTime = on
    },
    discovery (overrides) {
      discoveryOverrides = overrides
    },
    response (overrides) {
      responseOverrides = overrides
    },
    sendIss (on = true) {
      sendsIss = on
    },
    deny (error = 'access_denied', description = 'The user denied the request.') {
      refusal = { error, error_description: description }
    },
    allow () {
      refusal = undefined
    },
    idToken (script) {
      idTokenScript = script
    },
    tokenResponse (overrides) {
      tokenOverrides = overrides
    },
    userinfo (overrides) {
      userinfoOverrides = overrides
    },
    signUserinfo (script) {
      userinfoScript = script
    },
    jwks: keys.script,
    async signEvent (claims, script = {}) {
      const right = { iss: issuer, aud: clientId, iat: Math.floor(Date.now() / 1000), jti: randomUUID() }
      return (await makeIdToken({ ...right, ...claims }, script, keys, clientSecret)) as string
    },
    rotateKeys: keys.rotate,
    async close () {
      keys.release()
      await fake.close()
    }
  }
}

function pick (claims: Claims, names: string[] | undefined): Claims {
  return names === undefined
    ? claims
    : Object.fromEntries(Object.entries(claims).filter(([name]) => names.includes(name)))
}
