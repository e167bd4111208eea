import { randomBytes } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import type { By } from '../audit/events.ts'
import { REDIRECT_URI_RULE, isRedirectUri } from '../http/url.ts'
import type { ClientRepository, RegisteredClient } from './repository.ts'
import { hashClientSecret } from './clients.ts'

export interface ClientRequest {
  name: string
  redirectUris: string[]
  postLogoutRedirectUris: string[]
  /** A confidential client has a secret. A public one, such as a mobile app or a single-page app, cannot keep one. */
  isConfidential: boolean
}

/**
 * Registers a client and returns its secret, which cannot be read later. Throws an InvalidRedirectUriError that names
 * the first invalid URI.
 */
export async function registerClient (
  repository: Pick<ClientRepository, 'create'>, request: ClientRequest, by: By
): Promise<{ client: RegisteredClient, clientSecret: string | undefined }> {
  const { name, redirectUris, postLogoutRedirectUris, isConfidential } = request
  checkRedirectUris([...redirectUris, ...postLogoutRedirectUris])
  const clientSecret = isConfidential ? newClientSecret() : undefined
  const secretHash = clientSecret === undefined ? undefined : hashClientSecret(clientSecret)
  const client = await repository.create({
    clientId: uuidv7(), name, redirectUris, postLogoutRedirectUris, secretHash
  }, by)
  return { client, clientSecret }
}

export class InvalidRedirectUriError extends Error {}

/** Throws an InvalidRedirectUriError that names the first invalid URI. */
export function checkRedirectUris (uris: string[]): void {
  const invalid = uris.find((uri) => !isRedirectUri(uri))
  if (invalid !== undefined) throw new InvalidRedirectUriError(`"${invalid}" ${REDIRECT_URI_RULE}.`)
}

export const newClientSecret = () => randomBytes(32).toString('base64url')
