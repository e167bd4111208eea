import type { JWTVerifyGetKey } from 'jose'
import { avatarUrl, email, member, subject, text } from './claims.ts'
import { createDiscovery, type IssuerMetadata } from './discovery.ts'
import { invalidIdToken, providerError } from './failure.ts'
import { getJson } from './http.ts'
import { createIssuerKeys, verifyIdToken } from './id-token.ts'
import { createOAuthClient, type OAuthClient } from './oauth-client.ts'
import type { Profile, Provider } from './provider.ts'

export interface OidcOptions {
  id: string
  name: string
  issuer: string
  clientId: string
  clientSecret: string
  scope?: string[] | undefined
  /** Whether this issuer's `email_verified` may join accounts and fill the user's email. */
  emailTrusted: boolean
  /** Further spellings of the issuer in `iss`, where the provider documents them. */
  issuerAliases?: string[]
  authentication?: 'body' | 'header'
  authorizationParameters?: Record<string, string>
  authorizationUrl?: string | undefined
  tokenUrl?: string | undefined
  jwksUrl?: string | undefined
}

interface Issuer { metadata: IssuerMetadata, client: OAuthClient, keys: JWTVerifyGetKey }

/** Any OpenID Connect issuer, by discovery: authorization code flow with PKCE and nonce (OpenID Connect Core section 3.1). */
export function createOidcProvider (options: OidcOptions): Provider {
  const { id, name, clientId } = options
  const scope = options.scope ?? ['openid', 'profile', 'email']
  const connect = createConnection(options, scope)

  return {
    id,
    name,
    formPost: false,

    async authorizationUrl (request) {
      const { client } = await connect()
      return client.authorizationUrl(request, options.authorizationParameters)
    },

    async identify (response) {
      const { metadata, client, keys } = await connect()
      // RFC 9207 section 2.4: the answer must come from the issuer that was asked (mix-up).
      if (response.iss === undefined ? metadata.sendsIss : response.iss !== options.issuer) {
        throw providerError(name, 'authorization response', 'iss is missing or names another issuer')
      }
      const tokens = await client.exchange(response)
      if (tokens.idToken === undefined) throw providerError(name, 'token exchange', 'the answer has no id_token')
      const expected = { provider: name, issuer: [options.issuer, ...options.issuerAliases ?? []], clientId, nonce: response.nonce }
      const claims = await verifyIdToken(tokens.idToken, keys, expected)
      const userinfo = metadata.userinfoEndpoint === undefined
        ? {}
        : await readUserinfo(metadata.userinfoEndpoint, tokens.accessToken, claims.sub, response.signal)
      return toProfile(claims, userinfo, tokens.scope)
    }
  }

  /** OpenID Connect Core section 5.3.2: an answer about somebody else must not be used. */
  async function readUserinfo (url: string, accessToken: string, sub: string, signal: AbortSignal): Promise<unknown> {
    const userinfo = await getJson(url, { provider: name, step: 'user info', headers: { authorization: `Bearer ${accessToken}` }, signal })
    if (member(userinfo, 'sub') !== sub) throw providerError(name, 'user info', 'it is about somebody else (sub)')
    return userinfo
  }

  function toProfile (claims: { sub: string }, userinfo: unknown, grantedScope: string): Profile {
    const claim = (claimName: string) => member(claims, claimName) ?? member(userinfo, claimName)
    const accountSubject = subject(claims.sub)
    if (accountSubject === undefined) throw invalidIdToken(name, 'sub is not usable')
    // An address and the word on it must come from one document.
    const emailSource = member(claims, 'email') === undefined ? userinfo : claims
    const address = email(member(emailSource, 'email'))
    return {
      provider: id,
      issuer: options.issuer,
      subject: accountSubject,
      username: text(claim('preferred_username')),
      email: address,
      emailVerified: address !== null && options.emailTrusted && member(emailSource, 'email_verified') === true,
      name: text(claim('name')),
      avatarUrl: avatarUrl(claim('picture')),
      locale: text(claim('locale'), 35),
      scope: grantedScope
    }
  }
}

/** The issuer's endpoints, client and keys; made anew only when the metadata changes. */
function createConnection (options: OidcOptions, scope: string[]): () => Promise<Issuer> {
  const discover = isKnown(options) ? async () => knownMetadata(options) : createDiscovery(options.name, options.issuer)
  let connected: { fingerprint: string, issuer: Issuer } | undefined

  return async () => {
    const discovered = await discover()
    const metadata = {
      ...discovered,
      authorizationEndpoint: options.authorizationUrl ?? discovered.authorizationEndpoint,
      tokenEndpoint: options.tokenUrl ?? discovered.tokenEndpoint,
      jwksUri: options.jwksUrl ?? discovered.jwksUri
    }
    const fingerprint = JSON.stringify(metadata)
    if (connected?.fingerprint !== fingerprint) connected = { fingerprint, issuer: connectTo(metadata) }
    return connected.issuer
  }

  function connectTo (metadata: IssuerMetadata): Issuer {
    const client = createOAuthClient({
      provider: options.name,
      clientId: options.clientId,
      clientSecret: options.clientSecret,
      authorizationUrl: metadata.authorizationEndpoint,
      tokenUrl: metadata.tokenEndpoint,
      scope,
      authentication: options.authentication ?? metadata.tokenEndpointAuthentication
    })
    return { metadata, client, keys: createIssuerKeys(options.name, metadata.jwksUri) }
  }
}

/** With every URL given by the settings nothing is left to discover, and nothing goes to the provider's real host. */
function isKnown (options: OidcOptions): boolean {
  return options.authorizationUrl !== undefined && options.tokenUrl !== undefined && options.jwksUrl !== undefined
}

function knownMetadata (options: OidcOptions): IssuerMetadata {
  return {
    issuer: options.issuer,
    authorizationEndpoint: options.authorizationUrl as string,
    tokenEndpoint: options.tokenUrl as string,
    jwksUri: options.jwksUrl as string,
    userinfoEndpoint: undefined,
    tokenEndpointAuthentication: 'header',
    sendsIss: false
  }
}
