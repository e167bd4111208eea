import { randomBytes } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import type { By } from '../audit/events.ts'
import { PRIVATE_KEY_JWT, hasRedirects, metadataMistake, type ClientMetadata } from './client-metadata.ts'
import { REDIRECT_URI_RULE, isRedirectUri } from '../http/url.ts'
import type { ClientRepository, RegisteredClient } from './repository.ts'
import { hashClientSecret } from './clients.ts'

export interface ClientRequest {
  /** A UUID by default. */
  clientId?: string
  name: string
  redirectUris: string[]
  postLogoutRedirectUris: string[]
  /**
   * A confidential client has a secret, or keys of its own (`private_key_jwt`). A public one, such as a mobile app or a
   * single-page app, cannot keep one.
   */
  isConfidential: boolean
  metadata?: ClientMetadata
}

/** Registers a client and returns its secret, which cannot be read later. Throws an InvalidRegistrationError. */
export async function registerClient (
  repository: Pick<ClientRepository, 'create'>, request: ClientRequest, by: By
): Promise<{ client: RegisteredClient, clientSecret: string | undefined }> {
  const {
    clientId = uuidv7(), name, redirectUris, postLogoutRedirectUris, isConfidential, metadata = {}
  } = request
  checkRedirectUris([...redirectUris, ...postLogoutRedirectUris])
  const hasSecret = isConfidential && metadata.tokenEndpointAuthMethod !== PRIVATE_KEY_JWT
  checkMetadata(metadata, hasSecret)
  checkHasRedirectUri(metadata, redirectUris)
  const clientSecret = hasSecret ? newClientSecret() : undefined
  const secretHash = clientSecret === undefined ? undefined : hashClientSecret(clientSecret)
  const client = await repository.create({
    clientId, name, redirectUris, postLogoutRedirectUris, secretHash, metadata
  }, by)
  return { client, clientSecret }
}

/** The message says which rule the registration breaks. */
export class InvalidRegistrationError extends Error {}

/** Throws an InvalidRegistrationError that names the first invalid URI. */
export function checkRedirectUris (uris: string[]): void {
  const invalid = uris.find((uri) => !isRedirectUri(uri))
  if (invalid !== undefined) throw new InvalidRegistrationError(`"${invalid}" ${REDIRECT_URI_RULE}.`)
}

/** Throws an InvalidRegistrationError for a client that people could not come back to. */
export function checkHasRedirectUri (metadata: ClientMetadata, redirectUris: string[]): void {
  if (redirectUris.length === 0 && hasRedirects(metadata)) {
    throw new InvalidRegistrationError('This client needs a redirect URI, or other grant types.')
  }
}

/** Throws an InvalidRegistrationError. */
export function checkMetadata (metadata: ClientMetadata, hasSecret: boolean): void {
  const mistake = metadataMistake(metadata, hasSecret)
  if (mistake !== undefined) throw new InvalidRegistrationError(`This client ${mistake}.`)
}

export const newClientSecret = () => randomBytes(32).toString('base64url')
