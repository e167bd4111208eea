import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import {
  ClientMetadataSchema, PRIVATE_KEY_JWT, metadataMistake, type ClientMetadata
} from '../clients/client-metadata.ts'
import type { Client } from '../clients/clients.ts'
import { isLoopback } from '../http/url.ts'
import { AUTHORIZATION_CODE } from '../tokens/grant-types.ts'
import { isThirdPartyRedirectUri, readableName, toThirdPartyClient } from './third-party-client.ts'

const Words = Type.Array(Type.String({ maxLength: 100 }), { maxItems: 20 })

/** What is read of a document; other members are ignored. */
const ClientDocumentSchema = Type.Object({
  client_id: Type.String({ maxLength: 200 }),
  client_name: Type.String({ minLength: 1, maxLength: 200 }),
  redirect_uris: Type.Array(Type.String({ maxLength: 1000 }), { minItems: 1, maxItems: 20 }),
  logo_uri: Type.Optional(Type.String({ maxLength: 1000 })),
  grant_types: Type.Optional(Words),
  response_types: Type.Optional(Words),
  token_endpoint_auth_method: Type.Optional(Type.String({ maxLength: 100 })),
  jwks: ClientMetadataSchema.properties.jwks,
  jwks_uri: Type.Optional(Type.String({ maxLength: 1000 })),
  dpop_bound_access_tokens: Type.Optional(Type.Boolean())
})

type ClientDocument = Static<typeof ClientDocumentSchema>

/** The message completes the sentence "The document of this client ...", and has nothing of the document. */
export class ClientDocumentError extends Error {}

/**
 * The client of a metadata document that was read at `url` (OAuth Client ID Metadata Document section 4). Throws a
 * ClientDocumentError.
 */
export function readClientDocument (url: URL, document: unknown): Client {
  if (!Value.Check(ClientDocumentSchema, document)) {
    const [error] = Value.Errors(ClientDocumentSchema, document)
    throw new ClientDocumentError(`is not as it must be: ${error?.instancePath || 'it'} ${error?.message}`)
  }
  if (document.client_id !== url.href) throw new ClientDocumentError('names another client_id than its own URL')
  if ('client_secret' in document) throw new ClientDocumentError('has a client_secret, which everyone can read')
  const name = readableName(document.client_name)
  if (name === undefined) throw new ClientDocumentError('has a client_name that cannot be read or is too long')
  if (!document.redirect_uris.every((uri) => isOwnRedirectUri(uri, url))) {
    throw new ClientDocumentError('has a redirect URI that is neither on its own origin nor on a loopback address')
  }
  if (document.grant_types?.includes(AUTHORIZATION_CODE) === false) {
    throw new ClientDocumentError(`lacks ${AUTHORIZATION_CODE} in grant_types`)
  }
  if (document.response_types?.includes('code') === false) {
    throw new ClientDocumentError('lacks code in response_types')
  }
  const { redirect_uris: redirectUris, logo_uri: logoUri } = document
  const metadata = readMetadata(document, url)
  return toThirdPartyClient({ clientId: url.href, name, redirectUris, logoUri, host: url.host, metadata })
}

/** Section 8.1: who publishes a document cannot send people to somebody else's site. */
function isOwnRedirectUri (uri: string, { origin }: URL): boolean {
  if (!isThirdPartyRedirectUri(uri)) return false
  const url = new URL(uri)
  return url.origin === origin || isLoopback(url)
}

/** How the client authenticates: not at all, or by its own keys. There is no way to share a secret (section 8.2). */
function readMetadata (document: ClientDocument, { origin }: URL): ClientMetadata {
  const { jwks, jwks_uri: jwksUri, dpop_bound_access_tokens: dpopBoundAccessTokens } = document
  const { token_endpoint_auth_method: method = 'none' } = document
  if (method !== 'none' && method !== PRIVATE_KEY_JWT) {
    throw new ClientDocumentError('has a token_endpoint_auth_method other than none and private_key_jwt')
  }
  const bound = dpopBoundAccessTokens ? { dpopBoundAccessTokens } : {}
  // Keys beside `none` are for other purposes.
  if (method === 'none') return { ...bound, tokenEndpointAuthMethod: method }
  if (jwksUri !== undefined && (!URL.canParse(jwksUri) || new URL(jwksUri).origin !== origin)) {
    throw new ClientDocumentError('has a jwks_uri on another origin')
  }
  const metadata = {
    ...bound,
    tokenEndpointAuthMethod: method,
    ...jwks === undefined ? {} : { jwks },
    ...jwksUri === undefined ? {} : { jwksUri }
  }
  const mistake = metadataMistake(metadata, false)
  if (mistake !== undefined) throw new ClientDocumentError(mistake)
  return metadata
}
