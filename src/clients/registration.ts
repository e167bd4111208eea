import { randomBytes } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import type { By } from '../audit/events.ts'
import { REDIRECT_URI_RULE, isRedirectUri } from '../http/url.ts'
import type { ClientRepository } from './repository.ts'
import { hashClientSecret, type Client } from './clients.ts'

export interface ClientRequest {
  name: string
  redirectUris: string[]
  postLogoutRedirectUris: string[]
  /** A confidential client has a secret; a public one, such as an app or a page, cannot keep one. */
  confidential: boolean
}

/** Registers a client; the secret is told here and never again. Throws a BadRedirectUri that names the first bad one. */
export async function registerClient (
  repository: Pick<ClientRepository, 'create'>, request: ClientRequest, by: By
): Promise<{ client: Client, clientSecret: string | undefined }> {
  const { name, redirectUris, postLogoutRedirectUris, confidential } = request
  checkRedirectUris([...redirectUris, ...postLogoutRedirectUris])
  const clientSecret = confidential ? newClientSecret() : undefined
  const secretHash = clientSecret === undefined ? undefined : hashClientSecret(clientSecret)
  const client = { clientId: uuidv7(), name, redirectUris, postLogoutRedirectUris, secretHash, createdAt: new Date() }
  await repository.create(client, by)
  return { client, clientSecret }
}

export class BadRedirectUri extends Error {}

export function checkRedirectUris (uris: string[]): void {
  const mistake = uris.find((uri) => !isRedirectUri(uri))
  if (mistake !== undefined) throw new BadRedirectUri(`"${mistake}" ${REDIRECT_URI_RULE}.`)
}

export const newClientSecret = () => randomBytes(32).toString('base64url')
