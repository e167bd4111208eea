import { isDeepStrictEqual } from 'node:util'
import { Type, type Static } from 'typebox'
import { parseUrl } from '../http/url.ts'
import { AUTHORIZATION_CODE, CLIENT_CREDENTIALS, GRANT_TYPES, type GrantType } from '../tokens/grant-types.ts'
import { SCOPES } from '../tokens/scope.ts'
import { isKeysUrl, jwksMistake } from './assertion-keys.ts'

/** By the names of OpenID Connect Core section 9. */
const AUTH_METHODS = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt']
export const PRIVATE_KEY_JWT = 'private_key_jwt'

const PageUri = (description: string) => Type.String({ minLength: 1, maxLength: 1000, description })

const Resource = Type.String({ minLength: 1, maxLength: 1000 })

/**
 * What a registration may say beside its name and URIs, as the admin API names it. CLIENTS has the same members in the
 * snake case of OpenID Connect Dynamic Client Registration section 2.
 */
export const ClientMetadataSchema = Type.Object({
  requirePkce: Type.Optional(Type.Boolean({
    description: 'False lets a confidential client sign people in without PKCE.'
  })),
  dpopBoundAccessTokens: Type.Optional(Type.Boolean({
    description: 'True requires a DPoP proof of each token request (RFC 9449 section 5.2).'
  })),
  backchannelLogoutUri: Type.Optional(Type.String({
    minLength: 1,
    maxLength: 1000,
    description: 'Is sent a logout token when a session of the client ends (OpenID Connect Back-Channel Logout 1.0).'
  })),
  logoUri: Type.Optional(PageUri('An image that the sign-in pages show: https.')),
  policyUri: Type.Optional(PageUri('Its privacy policy, which the sign-in pages link: https.')),
  tosUri: Type.Optional(PageUri('Its terms of use, which the sign-in pages link: https.')),
  idTokenSignedResponseAlg: Type.Optional(Type.Literal('RS256', {
    description: '`RS256`: its ID tokens are signed so, whatever SIGNING_ALG is.'
  })),
  resource: Type.Optional(Type.Union([Resource, Type.Array(Resource, { maxItems: 20 })], {
    description: 'What its access tokens are for unless a request says so: one of RESOURCES, or several.'
  })),
  grantTypes: Type.Optional(Type.Array(Type.String({ enum: GRANT_TYPES }), {
    minItems: 1,
    uniqueItems: true,
    description: 'The grants that the client may use. Without it, all but `client_credentials`; a refresh token that ' +
      'it was given always works.'
  })),
  scope: Type.Optional(Type.String({
    maxLength: 1000,
    pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]+( [\\x21\\x23-\\x5b\\x5d-\\x7e]+)*$',
    description: 'What the client\'s own tokens (`client_credentials`) may be for: names, separated by spaces.'
  })),
  tokenEndpointAuthMethod: Type.Optional(Type.String({
    enum: AUTH_METHODS,
    description: 'Without it, every method that the client has registered the means for. The two with a secret count ' +
      'as one.'
  })),
  jwks: Type.Optional(Type.Object({
    keys: Type.Array(Type.Object({ kty: Type.String() }, { additionalProperties: true }), { minItems: 1, maxItems: 20 })
  }, { additionalProperties: false, description: 'The public keys of its assertions (`private_key_jwt`).' })),
  jwksUri: Type.Optional(Type.String({
    maxLength: 1000, description: 'Where these keys are, in place of `jwks`: https, at a public address in production.'
  })),
  assertionIssuer: Type.Optional(Type.String({
    maxLength: 1000,
    description: 'The issuer of ID tokens that are accepted as an assertion of the client, such as ' +
      'https://token.actions.githubusercontent.com. Their audience is ISSUER_URL.'
  })),
  assertionSubject: Type.Optional(Type.String({
    minLength: 1, maxLength: 500, description: 'The one `sub` of such an ID token, compared as text.'
  }))
}, { additionalProperties: false })

export type ClientMetadata = Static<typeof ClientMetadataSchema>

const NAMES = Object.keys(ClientMetadataSchema.properties) as (keyof ClientMetadata)[]

const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** The members of ClientMetadataSchema, by their names in CLIENTS. */
export const metadataSettings = Object.fromEntries(
  NAMES.map((name) => [snakeCase(name), ClientMetadataSchema.properties[name]])
)

/** The metadata of an entry of CLIENTS that has been checked. */
export function readMetadataSettings (client: object): ClientMetadata {
  const entry = new Map(Object.entries(client))
  const members = NAMES.map((name) => [name, entry.get(snakeCase(name))] as const)
  return Object.fromEntries(members.filter(([, value]) => value !== undefined))
}

/** Takes the metadata out of a request of the admin API, which has other members beside it. */
export function splitMetadata<Body extends ClientMetadata> (body: Body) {
  const isMetadata = (name: string) => name in ClientMetadataSchema.properties
  const members = Object.entries(body)
  return {
    metadata: Object.fromEntries(members.filter(([name]) => isMetadata(name))) as ClientMetadata,
    rest: Object.fromEntries(members.filter(([name]) => !isMetadata(name))) as Omit<Body, keyof ClientMetadata>
  }
}

/** True for a client that can authenticate by an assertion (RFC 7523 section 2.2). */
export function hasAssertions ({ jwks, jwksUri, assertionIssuer }: ClientMetadata): boolean {
  return jwks !== undefined || jwksUri !== undefined || assertionIssuer !== undefined
}

/** The first rule that the metadata breaks, as the end of a sentence about the client; undefined when it keeps all. */
export function metadataMistake (metadata: ClientMetadata, hasSecret: boolean): string | undefined {
  const isConfidential = hasSecret || hasAssertions(metadata)
  if (metadata.requirePkce === false && !isConfidential) return 'needs PKCE, as it has no client secret'
  if (metadata.grantTypes?.includes(CLIENT_CREDENTIALS) && !isConfidential) {
    return `cannot have the grant type ${CLIENT_CREDENTIALS}, as it has no client secret`
  }
  return pageMistake(metadata) ?? logoutMistake(metadata) ?? scopeMistake(metadata) ??
    authenticationMistake(metadata, hasSecret)
}

/** What a browser is to open, or load. */
function pageMistake ({ logoUri, policyUri, tosUri }: ClientMetadata): string | undefined {
  const wrong = [logoUri, policyUri, tosUri].find((uri) => uri !== undefined && !isPage(uri))
  return wrong === undefined ? undefined : `cannot have the page or logo "${wrong}": only https, without a user name`
}

function isPage (uri: string): boolean {
  const url = parseUrl(uri)
  return url !== null && url.protocol === 'https:' && url.username === '' && url.password === ''
}

function logoutMistake ({ backchannelLogoutUri: uri }: ClientMetadata): string | undefined {
  if (uri === undefined || isCallable(uri)) return undefined
  return 'needs a backchannel_logout_uri that begins with https://, or with http:// for a private address, and has ' +
    'no user name, password or fragment'
}

/** Each connection checks the address, too (src/webhooks/address.ts). */
function isCallable (uri: string): boolean {
  const url = parseUrl(uri)
  return url !== null && ['https:', 'http:'].includes(url.protocol) && url.username === '' &&
    url.password === '' && !uri.includes('#')
}

function scopeMistake (metadata: ClientMetadata): string | undefined {
  const usersScope = metadata.scope?.split(' ').find((name) => SCOPES.includes(name))
  if (usersScope !== undefined) return `cannot have the scope ${usersScope} for its own tokens, which are no user's`
  return undefined
}

function authenticationMistake (metadata: ClientMetadata, hasSecret: boolean): string | undefined {
  const { tokenEndpointAuthMethod: method, jwks, jwksUri, assertionIssuer, assertionSubject } = metadata
  if (jwks && jwksUri !== undefined) return 'must have jwks or jwks_uri, not both'
  if ((assertionIssuer === undefined) !== (assertionSubject === undefined)) {
    return 'must have assertion_issuer and assertion_subject together'
  }
  for (const url of [jwksUri, assertionIssuer]) {
    if (url !== undefined && !isKeysUrl(url)) return `cannot have keys at "${url}": only at https, or http on loopback`
  }
  if (method === PRIVATE_KEY_JWT && !hasAssertions(metadata)) {
    return 'needs jwks, jwks_uri or assertion_issuer for private_key_jwt'
  }
  if (method === 'none' && (hasSecret || hasAssertions(metadata))) return 'has a secret or keys, so it must use them'
  if (method?.startsWith('client_secret_') && !hasSecret) return `needs a client secret for ${method}`
  return jwks && jwksMistake(jwks)
}

/** The metadata after a change: a member that excludes another one replaces it. */
export function changeMetadata (before: ClientMetadata, change: ClientMetadata): ClientMetadata {
  const { jwks, jwksUri, ...others } = before
  const keys = change.jwks ?? change.jwksUri ?? undefined
  return { ...others, ...keys === undefined ? { ...jwks && { jwks }, ...jwksUri && { jwksUri } } : {}, ...change }
}

/** True for a client that may use the grant (RFC 7591 section 2). A client has to be given `client_credentials`. */
export function mayUseGrant ({ grantTypes }: ClientMetadata, grantType: GrantType): boolean {
  return grantTypes?.includes(grantType) ?? grantType !== CLIENT_CREDENTIALS
}

/** Whether a change of the metadata revokes the tokens that the client got for itself before. */
export function revokesTokens (before: ClientMetadata, after: ClientMetadata): boolean {
  if (!mayUseGrant(before, CLIENT_CREDENTIALS)) return false
  const replaced = (['jwksUri', 'assertionIssuer', 'assertionSubject'] as const).some((name) =>
    before[name] !== undefined && before[name] !== after[name])
  const lostKey = before.jwks?.keys.some((key) => !after.jwks?.keys.some((other) => isDeepStrictEqual(key, other)))
  return replaced || lostKey === true || !mayUseGrant(after, CLIENT_CREDENTIALS)
}

/** Whether people can sign in to the client through a browser, for which it needs a redirect URI. */
export function hasRedirects (metadata: ClientMetadata): boolean {
  return mayUseGrant(metadata, AUTHORIZATION_CODE)
}
