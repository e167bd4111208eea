import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { OAuthError } from '../http/errors.ts'
import { OWN_CLIENT_ID } from '../tokens/grants.ts'
import { readMetadataSettings, type ClientMetadata } from './client-metadata.ts'
import type { ClientSettings } from './client-settings.ts'
import type { ClientRepository } from './repository.ts'

/** An application that people sign in to. All clients are first-party: there is no consent page. */
export interface Client {
  clientId: string
  name: string
  redirectUris: string[]
  postLogoutRedirectUris: string[]
  /** SHA-256 of a confidential client's secret; undefined for a public client, which authenticates by PKCE alone. */
  secretHash: Uint8Array<ArrayBuffer> | undefined
  metadata: ClientMetadata
  /** Undefined for a client of the CLIENTS setting. */
  createdAt?: Date
}

export interface Clients {
  /** The clients of the CLIENTS setting, by their ids. */
  configured: ReadonlyMap<string, Client>
  find: (clientId: string) => Promise<Client | undefined>
  /** The algorithms that clients want their ID tokens signed by. */
  idTokenAlgorithms: () => Promise<'RS256'[]>
}

/** Finds clients in the CLIENTS setting first, then in the database. */
export function createClients (
  settings: ClientSettings[], repository: Pick<ClientRepository, 'find' | 'wantsRs256'>
): Clients {
  const configured = new Map<string, Client>(settings.map((client) => [client.client_id, {
    clientId: client.client_id,
    name: client.name,
    redirectUris: client.redirect_uris,
    postLogoutRedirectUris: client.post_logout_redirect_uris ?? [],
    secretHash: client.client_secret === undefined ? undefined : hashClientSecret(client.client_secret),
    metadata: readMetadataSettings(client)
  }]))
  // PostgreSQL would reject a NUL character with an error.
  const isId = (clientId: string) => /^[\x21-\x7e]{1,200}$/.test(clientId)
  const wantsRs256 = ({ metadata }: Client) => metadata.idTokenSignedResponseAlg === 'RS256'
  return {
    configured,
    idTokenAlgorithms: async () =>
      [...configured.values()].some(wantsRs256) || await repository.wantsRs256() ? ['RS256'] : [],
    find: async (clientId) => configured.get(clientId) ?? (isId(clientId) ? await repository.find(clientId) : undefined)
  }
}

/** The credentials of a client in the body of a request. */
export interface BodyCredentials { client_id?: string | undefined, client_secret?: string | undefined }

/**
 * Authenticates the client of an OAuth request (RFC 6749 section 2.3). A confidential client sends its secret in the
 * Authorization header or in the body, not in both; a public client only sends its id. Returns undefined when the
 * request names no client. Throws `invalid_client`, or `invalid_request` when header and body contradict each other.
 */
export async function authenticateClient (
  clients: Clients, request: FastifyRequest, body: BodyCredentials
): Promise<Client | undefined> {
  const header = readBasic(request.headers.authorization)
  if (header && body.client_secret !== undefined) {
    throw new OAuthError('invalid_request', 'Send the client secret in the header or in the body, not in both.')
  }
  if (header && body.client_id !== undefined && header.every(({ clientId }) => clientId !== body.client_id)) {
    throw new OAuthError('invalid_request', 'The header and the body name two clients.')
  }
  const readings = header ?? [{ clientId: body.client_id, secret: body.client_secret }]
  if (readings.every(({ clientId }) => clientId === undefined)) {
    if (body.client_secret !== undefined) throw new OAuthError('invalid_client', 'client_id is missing.')
    return undefined
  }
  const client = await findFirst(clients, readings)
  if (!client) throw new OAuthError('invalid_client', 'There is no such client.')
  checkSecret(client, readings.filter(({ clientId }) => clientId === client.clientId).map(({ secret }) => secret))
  return client
}

async function findFirst (clients: Clients, readings: Credentials[]): Promise<Client | undefined> {
  for (const clientId of new Set(readings.map(({ clientId }) => clientId))) {
    const client = clientId === undefined ? undefined : await clients.find(clientId)
    if (client) return client
  }
  return undefined
}

/** One of the readings must be the secret. */
function checkSecret ({ secretHash }: Client, secrets: (string | undefined)[]): void {
  const given = secrets.filter((secret) => secret !== undefined)
  if (!secretHash) {
    if (given.length > 0) throw new OAuthError('invalid_client', 'This client is public: it has no secret.')
    return
  }
  if (!given.some((secret) => timingSafeEqual(hashClientSecret(secret), secretHash))) {
    throw new OAuthError('invalid_client', 'The client secret is missing or wrong.')
  }
}

/** What the tokens of a client depend on. */
export type TokenClient = Pick<Client, 'clientId' | 'metadata' | 'secretHash'>

/** The client of the direct and cookie modes: a public one, which has no registration. */
export const OWN_CLIENT: TokenClient = { clientId: OWN_CLIENT_ID, metadata: {}, secretHash: undefined }

/**
 * The client of an OAuth request that Signet's own client may send, which has nothing to authenticate with. Every other
 * client is authenticated as by `authenticateClient`.
 */
export async function resolveClient (
  clients: Clients, request: FastifyRequest, body: BodyCredentials
): Promise<TokenClient | undefined> {
  if (body.client_id === OWN_CLIENT_ID && body.client_secret === undefined) return OWN_CLIENT
  return await authenticateClient(clients, request, body)
}

interface Credentials { clientId: string | undefined, secret: string | undefined }

/**
 * The readings of a Basic header: form-encoded before they were joined (RFC 6749 section 2.3.1), and as they are, which
 * is what many libraries send. Both read most secrets alike. An empty secret counts as none.
 */
function readBasic (authorization: string | undefined): Credentials[] | undefined {
  const [, encoded] = /^Basic +([A-Za-z0-9+/=_-]+)$/i.exec(authorization ?? '') ?? []
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString()
  const colon = text.indexOf(':')
  if (colon === -1) throw new OAuthError('invalid_client', 'The Authorization header cannot be read.')
  const [id, secret] = [text.slice(0, colon), text.slice(colon + 1)]
  const [ids, secrets] = [new Set([formDecoded(id) ?? id, id]), new Set([formDecoded(secret) ?? secret, secret])]
  return [...ids].flatMap((clientId) => [...secrets].map((secret) => ({ clientId, secret: secret || undefined })))
}

function formDecoded (text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}

/** Client secrets are long and random, so a single round of a fast hash is enough. */
export function hashClientSecret (secret: string) {
  return createHash('sha256').update(secret).digest()
}
