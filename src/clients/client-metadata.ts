import { Type, type Static } from 'typebox'
import { parseUrl } from '../http/url.ts'

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
  idTokenSignedResponseAlg: Type.Optional(Type.Literal('RS256', {
    description: '`RS256`: its ID tokens are signed so, whatever SIGNING_ALG is.'
  })),
  resource: Type.Optional(Type.Union([Resource, Type.Array(Resource, { maxItems: 20 })], {
    description: 'What its access tokens are for unless a request says so: one of RESOURCES, or several.'
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

/** The first rule that the metadata breaks, as the end of a sentence about the client; undefined when it keeps all. */
export function metadataMistake (metadata: ClientMetadata, isConfidential: boolean): string | undefined {
  if (metadata.requirePkce === false && !isConfidential) return 'needs PKCE, as it has no client secret'
  const { backchannelLogoutUri: uri } = metadata
  if (uri !== undefined && !isCallable(uri)) {
    return 'needs a backchannel_logout_uri that begins with https://, or with http:// for a private address, and has ' +
      'no user name, password or fragment'
  }
  return undefined
}

/** Each connection checks the address, too (src/webhooks/address.ts). */
function isCallable (uri: string): boolean {
  const url = parseUrl(uri)
  return url !== null && ['https:', 'http:'].includes(url.protocol) && url.username === '' &&
    url.password === '' && !uri.includes('#')
}
