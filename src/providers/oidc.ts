import { createHash } from 'node:crypto'
import type { JWTPayload, JWTVerifyGetKey } from 'jose'
import { avatarUrl, email, member, subject, text } from './claims.ts'
import { createDiscovery, type IssuerMetadata } from './discovery.ts'
import { invalidIdToken, providerError } from './failure.ts'
import { getJson } from './http.ts'
import { createIssuerKeys, verifyIdToken } from './id-token.ts'
import { createOAuthClient, type OAuthClient } from './oauth-client.ts'
import type { AuthorizationResponse, HeldTokens, Profile, Provider, ProviderSettings } from './provider.ts'
import { revokeToken } from './revocation.ts'

export type Claims = JWTPayload & { sub: string }

/** What one OpenID provider has of its own; without any of it, the standard's way. */
export interface OidcOptions {
  name: string
  scope: string[]
  issuer: string
  /** What the discovery document calls its issuer, where that is another spelling (Microsoft's template). */
  discoveryIssuer?: string
  /** Whether `iss` is right, where it is not just the issuer. Must not believe the token alone. */
  isIssuer?: (iss: string, claims: JWTPayload) => boolean
  /** Whether `iss` of an authorization response is right (RFC 9207), where it is not just the issuer. */
  isAnswerer?: (iss: string) => boolean
  /** Off where the ID token has it all. */
  userinfo?: boolean
  /** Whether the claim `email_verified` is to be believed; `claims` are those of the document that it came in. */
  believesEmail: (emailVerified: unknown, claims: unknown) => boolean
  /** The issuer and subject that name the account, where they are not `issuer` and `sub`. */
  identity?: (claims: Claims) => { issuer: string, subject: unknown }
  /** Throws when this person may not come in. */
  admit?: (claims: Claims) => void
  /** The name, where the ID token has none. */
  nameBeside?: (response: AuthorizationResponse) => string | null
  clientSecret?: () => Promise<string>
  authentication?: 'body' | 'header'
  authorizationParameters?: Record<string, string>
  formPost?: boolean
  /** The endpoints, where the provider has no discovery document. */
  endpoints?: Pick<IssuerMetadata, 'authorizationEndpoint' | 'tokenEndpoint' | 'jwksUri' | 'userinfoEndpoint' | 'revocationEndpoint'>
}

interface Issuer { metadata: IssuerMetadata, client: OAuthClient, keys: JWTVerifyGetKey }

/** Any OpenID Connect issuer: authorization code flow with PKCE and nonce (OpenID Connect Core section 3.1). */
export function createOidcProvider (settings: ProviderSettings, options: OidcOptions): Provider {
  const { name, issuer } = options
  const { clientId } = settings
  const { connect, known } = createConnection(settings, options)
  const isIssuer = options.isIssuer ?? ((iss: string) => iss === issuer)

  async function verify (idToken: string, audiences: string[], nonces: (string | undefined)[]): Promise<Claims> {
    const { keys } = await connect()
    const claims = await verifyIdToken(idToken, keys, { provider: name, isIssuer, audiences, nonces })
    options.admit?.(claims)
    return claims
  }

  /** OpenID Connect Core section 5.3.2: an answer about somebody else must not be used. */
  async function readUserinfo (url: string, accessToken: string, sub: string, signal: AbortSignal): Promise<unknown> {
    const userinfo = await getJson(url, { provider: name, step: 'user info', headers: { authorization: `Bearer ${accessToken}` }, signal })
    if (member(userinfo, 'sub') !== sub) throw providerError(name, 'user info', 'it is about somebody else (sub)')
    return userinfo
  }

  function toProfile (claims: Claims, userinfo: unknown, scope: string): Profile {
    const claim = (claimName: string) => member(claims, claimName) ?? member(userinfo, claimName)
    const identity = options.identity?.(claims) ?? { issuer, subject: claims.sub }
    const accountSubject = subject(identity.subject)
    if (accountSubject === undefined) throw invalidIdToken(name, 'sub is not usable')
    // An address and the word on it must come from one document.
    const emailSource = member(claims, 'email') === undefined ? userinfo : claims
    const address = email(member(emailSource, 'email'))
    return {
      provider: settings.id,
      issuer: identity.issuer,
      subject: accountSubject,
      username: text(claim('preferred_username')),
      email: address,
      emailVerified: address !== null && options.believesEmail(member(emailSource, 'email_verified'), emailSource),
      name: text(claim('name')),
      avatarUrl: avatarUrl(claim('picture')),
      locale: text(claim('locale'), 35),
      scope
    }
  }

  async function revoke (tokens: HeldTokens, signal: AbortSignal): Promise<void> {
    const { metadata, client } = await connect()
    if (metadata.revocationEndpoint === undefined) return
    const authentication = options.authentication ?? metadata.tokenEndpointAuthentication
    await revokeToken({ provider: name, url: metadata.revocationEndpoint, clientId, clientSecret: await client.clientSecret(), authentication }, tokens, signal)
  }

  return {
    id: settings.id,
    name,
    formPost: options.formPost ?? false,
    answersAs: options.isAnswerer ?? ((iss) => iss === issuer),

    register: known?.client.register,

    async authorize () {
      const { client } = await connect()
      return await client.authorize()
    },

    async identify (response) {
      const { metadata, client } = await connect()
      // RFC 9207 section 2.4: an issuer that always says who it is did not give this answer (mix-up).
      if (response.iss === undefined && metadata.sendsIss) throw providerError(name, 'authorization response', 'iss is missing')
      const tokens = await client.exchange(response)
      if (tokens.idToken === undefined) throw providerError(name, 'token exchange', 'the answer has no id_token')
      const claims = await verify(tokens.idToken, [clientId], [response.secrets.nonce])
      const userinfo = metadata.userinfoEndpoint === undefined || options.userinfo === false
        ? {}
        : await readUserinfo(metadata.userinfoEndpoint, tokens.accessToken, claims.sub, response.signal)
      const profile = toProfile(claims, userinfo, tokens.scope)
      return { profile: { ...profile, name: profile.name ?? options.nameBeside?.(response) ?? null }, tokens }
    },

    async identifyNative (idToken, nonce) {
      // Apps hand their provider's SDK the nonce itself or, as Apple and Google advise, its SHA-256 in hex.
      const nonces = nonce === undefined ? [undefined] : [nonce, createHash('sha256').update(nonce).digest('hex')]
      const claims = await verify(idToken, [clientId, ...settings.nativeClientIds], nonces)
      return toProfile(claims, {}, '')
    },

    async refresh (refreshToken, signal) {
      return await (await connect()).client.refresh(refreshToken, signal)
    },

    async endpoints () {
      const { metadata, client } = await connect()
      return {
        authorizationUrl: metadata.authorizationEndpoint,
        tokenUrl: metadata.tokenEndpoint,
        jwksUrl: metadata.jwksUri,
        authentication: options.authentication ?? metadata.tokenEndpointAuthentication,
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
  const discover = createDiscovery(options.name, options.issuer, options.discoveryIssuer)
  let connected: { fingerprint: string, issuer: Issuer } | undefined

  async function connect (): Promise<Issuer> {
    const discovered = await discover()
    const fingerprint = JSON.stringify(discovered)
    if (connected?.fingerprint !== fingerprint) connected = { fingerprint, issuer: connectTo(discovered) }
    return connected.issuer
  }

  function connectTo (found: IssuerMetadata): Issuer {
    const metadata = {
      ...found,
      authorizationEndpoint: settings.authorizationUrl ?? found.authorizationEndpoint,
      tokenEndpoint: settings.tokenUrl ?? found.tokenEndpoint,
      jwksUri: settings.jwksUrl ?? found.jwksUri
    }
    const client = createOAuthClient({
      provider: options.name,
      pluginName: settings.pluginName,
      clientId: settings.clientId,
      clientSecret: options.clientSecret ?? settings.clientSecret,
      callbackUrl: settings.callbackUrl,
      authorizationUrl: metadata.authorizationEndpoint,
      authorizationParameters: options.authorizationParameters,
      tokenUrl: metadata.tokenEndpoint,
      scope: withOpenid(settings.scope ?? options.scope),
      authentication: options.authentication ?? metadata.tokenEndpointAuthentication
    })
    return { metadata, client, keys: createIssuerKeys(options.name, metadata.jwksUri) }
  }

  return { connect, known: undefined }
}

/** With every URL given there is nothing to discover; and what settings move does not go to the provider's real host. */
function knownMetadata (settings: ProviderSettings, { issuer, endpoints }: OidcOptions): IssuerMetadata | undefined {
  const { authorizationUrl, tokenUrl, jwksUrl } = settings
  const common = { issuer, tokenEndpointAuthentication: 'header', sendsIss: false } as const
  if (authorizationUrl !== undefined && tokenUrl !== undefined && jwksUrl !== undefined) {
    const urls = { authorizationEndpoint: authorizationUrl, tokenEndpoint: tokenUrl, jwksUri: jwksUrl }
    return { ...common, ...urls, userinfoEndpoint: undefined, revocationEndpoint: undefined }
  }
  return endpoints && { ...common, ...endpoints }
}

/** Without `openid` there would be no ID token, and no nonce in it (OpenID Connect Core section 3.1.2.1). */
function withOpenid (scope: string[]): string[] {
  return scope.includes('openid') ? scope : ['openid', ...scope]
}
