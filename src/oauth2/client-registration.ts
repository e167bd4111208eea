import { randomBytes } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import { parseUrl } from '../url.ts'
import type { ClientRepository } from './client-repository.ts'
import { hashClientSecret, type Client } from './clients.ts'

export interface ClientRequest {
  name: string
  redirectUris: string[]
  postLogoutRedirectUris: string[]
  /** A confidential client has a secret; a public one, such as an app or a page, cannot keep one. */
  confidential: boolean
}

/** Registers a client; the secret is told here and never again. Throws an Error that names the first bad redirect URI. */
export async function registerClient (repository: ClientRepository, request: ClientRequest): Promise<{ client: Client, clientSecret: string | undefined }> {
  const { name, redirectUris, postLogoutRedirectUris, confidential } = request
  const mistake = [...redirectUris, ...postLogoutRedirectUris].find((uri) => !isRedirectUri(uri))
  if (mistake !== undefined) throw new Error(`"${mistake}" must be an absolute URI without a fragment.`)
  const clientSecret = confidential ? randomBytes(32).toString('base64url') : undefined
  const secretHash = clientSecret === undefined ? undefined : hashClientSecret(clientSecret)
  const client = { clientId: uuidv7(), name, redirectUris, postLogoutRedirectUris, secretHash }
  await repository.create(client)
  return { client, clientSecret }
}

/** RFC 6749 section 3.1.2: absolute, and without a fragment. */
export function isRedirectUri (uri: string): boolean {
  return uri.length <= 1000 && /^[\x21-\x7e]+$/.test(uri) && parseUrl(uri) !== null && !uri.includes('#')
}
