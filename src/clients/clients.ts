import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { OAuthError } from '../http/errors.ts'
import { OWN_CLIENT_ID } from '../tokens/grants.ts'
import type { ClientSettings } from './client-settings.ts'
import type { ClientRepository } from './repository.ts'

/** An application that signs people in here. All are first-party: there is no consent page. */
export interface Client {
  clientId: string
  name: string
  redirectUris: string[]
  postLogoutRedirectUris: string[]
  /** SHA-256 of the secret of a confidential client; absent for a public one, which proves itself by PKCE alone. */
  secretHash: Buffer | undefined
  /** Absent for those of the CLIENTS setting. */
  createdAt?: Date
}

export interface Clients {
  /** Those of the CLIENTS setting. */
  configured: ReadonlyMap<string, Client>
  find: (clientId: string) => Promise<Client | undefined>
}

/** Those of the CLIENTS setting, and those of the database, in this order. */
export function createClients (settings: ClientSettings[], repository: Pick<ClientRepository, 'find'>): Clients {
  const configured = new Map<string, Client>(settings.map((client) => [client.client_id, {
    clientId: client.client_id,
    name: client.name,
    redirectUris: client.redirect_uris,
    postLogoutRedirectUris: client.post_logout_redirect_uris ?? [],
    secretHash: client.client_secret === undefined ? undefined : hashClientSecret(client.client_secret)
  }]))
  // What is no id does not reach the database, which could not even read a NUL.
  const isId = (clientId: string) => /^[\x21-\x7e]{1,200}$/.test(clientId)
  return { configured, find: async (clientId) => configured.get(clientId) ?? (isId(clientId) ? await repository.find(clientId) : undefined) }
}

export interface ClientCredentials { client_id?: string | undefined, client_secret?: string | undefined }

/**
 * Who calls an OAuth endpoint (RFC 6749 section 2.3): a confidential client proves it with its secret, in the header or in
 * the body but not in both; a public one only says it. Undefined when nobody says anything. Throws `invalid_client`.
 */
export async function authenticateClient (clients: Clients, request: FastifyRequest, body: ClientCredentials): Promise<Client | undefined> {
  const header = readBasic(request.headers.authorization)
  if (header && body.client_secret !== undefined) throw new OAuthError('invalid_request', 'Send the client secret in the header or in the body, not in both.')
  if (header && body.client_id !== undefined && body.client_id !== header.clientId) throw new OAuthError('invalid_request', 'The header and the body name two clients.')
  const clientId = header?.clientId ?? body.client_id
  const secret = header?.secret ?? body.client_secret
  if (clientId === undefined) {
    if (secret !== undefined) throw new OAuthError('invalid_client', 'client_id is missing.')
    return undefined
  }
  const client = await clients.find(clientId)
  if (!client) throw new OAuthError('invalid_client', 'There is no such client.')
  const isProven = client.secretHash === undefined ? secret === undefined : secret !== undefined && timingSafeEqual(hashClientSecret(secret), client.secretHash)
  if (!isProven) throw new OAuthError('invalid_client', client.secretHash ? 'The client secret is missing or wrong.' : 'This client is public: it has no secret.')
  return client
}

/** The id of the client that calls, which may be Signet's own: that one is public and not registered. */
export async function resolveClientId (clients: Clients, request: FastifyRequest, body: ClientCredentials): Promise<string | undefined> {
  if (body.client_id === OWN_CLIENT_ID && body.client_secret === undefined) return OWN_CLIENT_ID
  return (await authenticateClient(clients, request, body))?.clientId
}

/** RFC 6749 section 2.3.1: both halves are form-encoded before they are put together; an empty secret is none. */
function readBasic (authorization: string | undefined): { clientId: string, secret: string | undefined } | undefined {
  const [, encoded] = /^Basic +([A-Za-z0-9+/=_-]+)$/i.exec(authorization ?? '') ?? []
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString()
  const colon = text.indexOf(':')
  if (colon === -1) throw new OAuthError('invalid_client', 'The Authorization header cannot be read.')
  try {
    const decode = (part: string) => decodeURIComponent(part.replaceAll('+', ' '))
    return { clientId: decode(text.slice(0, colon)), secret: decode(text.slice(colon + 1)) || undefined }
  } catch {
    throw new OAuthError('invalid_client', 'The Authorization header cannot be read.')
  }
}

/** Client secrets are random and long, so one round of a plain hash is enough. */
export function hashClientSecret (secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
