import { createHash } from 'node:crypto'
import type { JWTPayload, JWTVerifyGetKey } from 'jose'
import { parseJson } from '../http/json.ts'
import { authTime, avatarUrl, email, member, subject, text } from './claims.ts'
import { createClientAssertion } from './client-assertion.ts'
import { clientRequest, type ClientAuthentication } from './client-authentication.ts'
import { createDiscovery, type IssuerMetadata } from './discovery.ts'
import { invalidIdToken, providerError } from './failure.ts'
import { acceptJson, assertSuccess, callProvider, toProviderResponse } from './http.ts'
import {
  createIssuerKeys, verifyEventToken, verifyIdToken, verifyUserinfo, type IdTokenExpectation
} from './id-token.ts'
import { NO_LOGIN_PARAMETERS, toOidcParameters, type ToAuthorizationParameters } from './login-parameters.ts'
import { createOAuthClient, type OAuthClient } from './oauth-client.ts'
import type { AuthorizationResponse, HeldTokens, Profile, Provider, ProviderSettings, TokenSet } from './provider.ts'
import { revokeToken } from './revocation.ts'
import { readTokenSet } from './token-set.ts'

export type Claims = JWTPayload & { sub: string }

/** Where one OpenID Connect provider differs from the standard. */
export interface OidcOptions {
  name: string
  scope: string[]
  issuer: string
  /** The `issuer` of the discovery document, where it is spelled differently (Microsoft's template). */
  discoveryIssuer?: string
  /** Whether `iss` of an ID token is allowed; `issuer` only by default. Must not rely on the token alone. */
  isIssuer?: (iss: string, claims: JWTPayload) => boolean
  /** Whether `iss` of an authorization response (RFC 9207) is allowed; `issuer` only by default. */
  isResponseIssuer?: (iss: string) => boolean
  /** False where the ID token has all claims. */
  userinfo?: boolean
  /** Whether the email counts as verified. `claims` are those of the document that has `email_verified`. */
  isEmailVerified: (emailVerified: unknown, claims: unknown) => boolean
  /** The issuer and subject that identify the account; `issuer` and `sub` by default. */
  identity?: (claims: Claims) => { issuer: string, subject: unknown }
  /** Throws a Problem when this person may not sign in. */
  assertAllowed?: (claims: Claims) => void
  /** The name, where the ID token has none. */
  nameFromCallback?: (response: AuthorizationResponse) => string | null
  /** For a secret that is renewed. */
  clientSecret?: () => Promise<string>
  /** The secret of one of the native clients, for a provider that gives apps authorization codes (Apple). */
  nativeSecret?: (clientId: string) => Promise<string>
  authentication?: ClientAuthentication
  authorizationParameters?: Record<string, string>
  /** Where it takes other parameters than those of the standard, or other values. */
  loginParameters?: ToAuthorizationParameters
  formPost?: boolean
  /** For a provider without a discovery document, or with one that cannot be relied on. */
  endpoints?: IssuerEndpoints
}

type IssuerEndpoints =
  Omit<IssuerMetadata, 'issuer' | 'tokenEndpointAuthentication' | 'assertionAlgorithms' | 'sendsIss'>

interface Issuer { metadata: IssuerMetadata, client: OAuthClient, keys: JWTVerifyGetKey }

/** Any OpenID Connect issuer: authorization code flow with PKCE and nonce (OpenID Connect Core section 3.1). */
export function createOidcProvider (
  settings: ProviderSettings, options: OidcOptions
): Provider & Required<Pick<Provider, 'verifyEvent'>> {
  const { name, issuer } = options
  const { clientId } = settings
  const { connect, known } = createConnection(settings, options)
  const isIssuer = options.isIssuer ?? ((iss: string) => iss === issuer)

  async function verify (idToken: string, audiences: string[], nonces: IdTokenExpectation['nonces']): Promise<Claims> {
    const { keys } = await connect()
    const claims = await verifyIdToken(idToken, keys, { provider: name, isIssuer, audiences, nonces })
    options.assertAllowed?.(claims)
    return claims
  }

  /**
   * Reads JSON or, from issuers that sign it, a JWT. Throws a Problem unless it is about the person of the ID token
   * (OpenID Connect Core section 5.3.2).
   */
  async function readUserinfo (url: string, accessToken: string, sub: string, signal: AbortSignal): Promise<unknown> {
    const call = { provider: name, step: 'user info', signal } as const
    const answer = await callProvider(url, { ...call, headers: { authorization: `Bearer ${accessToken}` } })
    const value = parseJson(answer.text)
    assertSuccess(answer, value, { ...call, secrets: [accessToken] })
    const isJwt = /^application\/jwt\b/i.test(answer.headers['content-type'] ?? '')
    const userinfo = isJwt
      ? await verifyUserinfo(answer.text, (await connect()).keys, { provider: name, isIssuer, audiences: [clientId] })
      : acceptJson(answer, value, call)
    if (member(userinfo, 'sub') !== sub) throw providerError(name, 'user info', 'it is about another person (sub)')
    return userinfo
  }

  function toProfile (claims: Claims, userinfo: unknown, scope: string): Profile {
    const claim = (claimName: string) => member(claims, claimName) ?? member(userinfo, claimName)
    const identity = options.identity?.(claims) ?? { issuer, subject: claims.sub }
    const accountSubject = subject(identity.subject)
    if (accountSubject === undefined) throw invalidIdToken(name, 'sub is not usable')
    const emailSource = emailDocument(claims, userinfo)
    const address = email(member(emailSource, 'email'))
    return {
      provider: settings.id,
      issuer: identity.issuer,
      subject: accountSubject,
      username: text(claim('preferred_username')),
      email: address,
      emailVerified: address !== null && options.isEmailVerified(member(emailSource, 'email_verified'), emailSource),
      name: text(claim('name')),
      avatarUrl: avatarUrl(claim('picture')),
      locale: text(claim('locale'), 35),
      scope
    }
  }

  async function revoke (tokens: HeldTokens, signal: AbortSignal): Promise<void> {
    const { metadata: { revocationEndpoint: url, tokenEndpointAuthentication }, client } = await connect()
    if (url === undefined) return
    const authentication = settings.authentication ?? options.authentication ?? tokenEndpointAuthentication
    const { clientId: owner = clientId } = tokens
    const clientSecret = await (owner === clientId ? client.clientSecret() : options.nativeSecret?.(owner))
    if (clientSecret === undefined) return
    await revokeToken({ provider: name, url, clientId: owner, clientSecret, authentication }, tokens, signal)
  }

  /** RFC 6749 section 4.1.3, for a code that an app got: there was no redirect, and no PKCE. */
  async function exchangeNative (
    nativeSecret: (clientId: string) => Promise<string>, code: string, owner: string, sub: string, signal: AbortSignal
  ): Promise<TokenSet> {
    const { metadata: { tokenEndpoint } } = await connect()
    const clientSecret = await nativeSecret(owner)
    const call = { provider: name, step: 'token exchange', signal, secrets: [code, clientSecret] } as const
    const credentials = { clientId: owner, clientSecret, authentication: 'body' } as const
    const request = clientRequest(credentials, { grant_type: 'authorization_code', code })
    const answer = await callProvider(tokenEndpoint, { ...call, ...request })
    const value = acceptJson(answer, parseJson(answer.text), call)
    const tokens = readTokenSet(value, call, [], toProviderResponse(answer, value, call))
    const claims = await verify(tokens.idToken ?? '', [owner], 'any')
    if (claims.sub !== sub) throw providerError(name, call.step, 'the code is of another person (sub)')
    return { ...tokens, clientId: owner }
  }

  const { nativeSecret } = options
  return {
    id: settings.id,
    name,
    accountIssuer: issuer,
    formPost: options.formPost ?? false,
    isResponseIssuer: options.isResponseIssuer ?? ((iss) => iss === issuer),
    register: known?.client.register,

    async authorize (parameters = NO_LOGIN_PARAMETERS) {
      const { client } = await connect()
      return await client.authorize((options.loginParameters ?? toOidcParameters)(parameters))
    },

    async identify (response) {
      const { metadata, client } = await connect()
      // RFC 9207 section 2.4: an issuer that always sends `iss` did not send this answer (mix-up).
      if (response.iss === undefined && metadata.sendsIss) {
        throw providerError(name, 'authorization response', 'iss is missing')
      }
      const tokens = await client.exchange(response)
      if (tokens.idToken === undefined) throw providerError(name, 'token exchange', 'the answer has no id_token')
      const claims = await verify(tokens.idToken, [clientId], [response.secrets.nonce])
      const userinfo = metadata.userinfoEndpoint === undefined || options.userinfo === false
        ? {}
        : await readUserinfo(metadata.userinfoEndpoint, tokens.accessToken, claims.sub, response.signal)
      const profile = toProfile(claims, userinfo, tokens.scope)
      return {
        profile: { ...profile, name: profile.name ?? options.nameFromCallback?.(response) ?? null },
        tokens,
        authenticatedAt: authTime(claims['auth_time'])
      }
    },

    ...nativeSecret && {
      exchangeNative: async (code: string, owner: string, sub: string, signal: AbortSignal) =>
        await exchangeNative(nativeSecret, code, owner, sub, signal)
    },

    async identifyNative (idToken, nonce, appsName) {
      // Apps give the provider's SDK the nonce itself or, as Apple and Google advise, its SHA-256 in hex.
      const expected = nonce === undefined ? [undefined] : [nonce, createHash('sha256').update(nonce).digest('hex')]
      // Some SDKs choose a nonce and do not tell the app (supabase/auth#2079).
      const nonces = nonce === undefined && settings.nativeNonceOptional ? 'any' : expected
      const claims = await verify(idToken, [clientId, ...settings.nativeClientIds], nonces)
      // The app may have had the ID token for a while: the provider's answer is as old as the token.
      const profile = toProfile(claims, {}, '')
      const ours: unknown[] = [clientId, ...settings.nativeClientIds]
      const owner = [claims.aud].flat().find((one) => ours.includes(one))
      return {
        // The name of an app's own counts only where the provider tells it to apps alone.
        profile: { ...profile, name: profile.name ?? (options.nameFromCallback ? text(appsName) : null) },
        ...owner !== undefined && { clientId: owner },
        authenticatedAt: authTime(claims['auth_time']) ?? authTime(claims.iat)
      }
    },

    async verifyEvent (token) {
      const { keys } = await connect()
      return await verifyEventToken(token, keys, {
        provider: name,
        isIssuer: (iss, claims) => isIssuer(iss, claims) || isIssuer(iss.replace(/\/$/, ''), claims),
        audiences: [clientId, ...settings.nativeClientIds]
      })
    },

    async refresh (refreshToken, grantedScope, signal) {
      return await (await connect()).client.refresh(refreshToken, grantedScope, signal)
    },

    async endpoints () {
      const { metadata, client } = await connect()
      return {
        authorizationUrl: metadata.authorizationEndpoint,
        tokenUrl: metadata.tokenEndpoint,
        jwksUrl: metadata.jwksUri,
        authentication: settings.authentication ?? options.authentication ?? metadata.tokenEndpointAuthentication,
        clientSecret: await client.clientSecret()
      }
    },

    revoke
  }
}

/**
 * The issuer's endpoints, client and keys: `known` at once where nothing is to be discovered, otherwise when they are
 * first needed, and again whenever the metadata changes.
 */
function createConnection (
  settings: ProviderSettings, options: OidcOptions
): { connect: () => Promise<Issuer>, known: Issuer | undefined } {
  const metadata = knownMetadata(settings, options)
  if (metadata) {
    const known = connectTo(metadata)
    return { connect: async () => known, known }
  }
  const { authorizationUrl, tokenUrl, jwksUrl, userinfoUrl, revocationUrl, allowHttp = false } = settings
  const replaced = {
    authorizationEndpoint: authorizationUrl,
    tokenEndpoint: tokenUrl,
    jwksUri: jwksUrl,
    userinfoEndpoint: userinfoUrl,
    revocationEndpoint: revocationUrl
  }
  const rules = { allowHttp, replaced }
  const discover = createDiscovery(options.name, options.issuer, options.discoveryIssuer, rules)
  let connected: { fingerprint: string, issuer: Issuer } | undefined

  async function connect (): Promise<Issuer> {
    const discovered = await discover()
    const fingerprint = JSON.stringify(discovered)
    if (connected?.fingerprint !== fingerprint) connected = { fingerprint, issuer: connectTo(discovered) }
    return connected.issuer
  }

  function connectTo (found: IssuerMetadata): Issuer {
    const { clientId, assertionKey } = settings
    const metadata = {
      ...found,
      authorizationEndpoint: settings.authorizationUrl ?? found.authorizationEndpoint,
      tokenEndpoint: settings.tokenUrl ?? found.tokenEndpoint,
      jwksUri: settings.jwksUrl ?? found.jwksUri
    }
    const { tokenEndpoint: tokenUrl, assertionAlgorithms: algorithms } = metadata
    const assertion = assertionKey && createClientAssertion(assertionKey, { clientId, tokenUrl, algorithms })
    const client = createOAuthClient({
      provider: options.name,
      pluginName: settings.pluginName,
      clientId,
      clientSecret: assertion ?? options.clientSecret ?? settings.clientSecret,
      callbackUrl: settings.callbackUrl,
      authorizationUrl: metadata.authorizationEndpoint,
      authorizationParameters: options.authorizationParameters,
      tokenUrl,
      scope: withOpenid(settings.scope ?? options.scope),
      scopeSeparator: settings.scopeSeparator,
      authentication: settings.authentication ?? options.authentication ?? metadata.tokenEndpointAuthentication
    })
    return { metadata, client, keys: createIssuerKeys(options.name, metadata.jwksUri) }
  }

  return { connect, known: undefined }
}

/**
 * The metadata that need no discovery. With all URLs from the settings, nothing is sent to the provider's real host.
 */
function knownMetadata (settings: ProviderSettings, { issuer, endpoints }: OidcOptions): IssuerMetadata | undefined {
  const { authorizationUrl, tokenUrl, jwksUrl, userinfoUrl, revocationUrl } = settings
  const unsaid = { tokenEndpointAuthentication: 'header', assertionAlgorithms: undefined, sendsIss: false } as const
  const common = { issuer, ...unsaid }
  if (authorizationUrl !== undefined && tokenUrl !== undefined && jwksUrl !== undefined) {
    const urls = { authorizationEndpoint: authorizationUrl, tokenEndpoint: tokenUrl, jwksUri: jwksUrl }
    return { ...common, ...urls, userinfoEndpoint: userinfoUrl, revocationEndpoint: revocationUrl }
  }
  return endpoints && {
    ...common,
    ...endpoints,
    userinfoEndpoint: userinfoUrl ?? endpoints.userinfoEndpoint,
    revocationEndpoint: revocationUrl ?? endpoints.revocationEndpoint
  }
}

/**
 * The document whose `email` and `email_verified` count: the ID token, or user info where the ID token has no email, or
 * does not say whether it is verified and user info has the same one (Okta's org server; executor#1972).
 */
function emailDocument (claims: unknown, userinfo: unknown): unknown {
  const address = email(member(claims, 'email'))
  if (address === null) return userinfo
  const isSilent = (member(claims, 'email_verified') ?? undefined) === undefined
  return isSilent && address === email(member(userinfo, 'email')) ? userinfo : claims
}

/** Without `openid` there would be no ID token, and no nonce in it (OpenID Connect Core section 3.1.2.1). */
function withOpenid (scope: string[]): string[] {
  return scope.includes('openid') ? scope : ['openid', ...scope]
}
