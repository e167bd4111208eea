import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { decodeJwt } from 'jose'
import { Type } from 'typebox'
import { OAuthError } from '../http/errors.ts'
import { OWN_CLIENT_ID } from '../tokens/grants.ts'
import type { GrantType } from '../tokens/grant-types.ts'
import {
  PRIVATE_KEY_JWT, hasAssertions, mayUseGrant, readMetadataSettings, type ClientMetadata
} from './client-metadata.ts'
import type { ClientSettings } from './client-settings.ts'
import type { ClientRepository } from './repository.ts'

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** An application that people sign in to. Those that an operator registered are first-party: there is no consent. */
export interface Client {
  clientId: string
  name: string
  redirectUris: string[]
  postLogoutRedirectUris: string[]
  /** SHA-256 of the secret of a confidential client, which may have keys in its place. A public one has neither. */
  secretHash: Uint8Array<ArrayBuffer> | undefined
  metadata: ClientMetadata
  /** Undefined for a client of the CLIENTS setting. */
  createdAt?: Date
  /** Of a client that no operator registered: people are asked before it gets anything. */
  thirdParty?: ThirdParty
}

export interface ThirdParty {
  /** The host that its metadata document is at; undefined for a client of POST /oauth2/register. */
  host: string | undefined
  /** Changes with what people consent to: the name, the redirect URIs, the logo or the host. */
  fingerprint: string
}

/** Clients that no operator registered (REGISTRATION). */
export interface ThirdPartyClients {
  /** Whether the id is one of such a client, known or not, and whatever REGISTRATION allows now. */
  isId: (clientId: string) => boolean
  /**
   * Reads the client's metadata document only for a request, whose address has a limit. Throws an OAuthError where
   * that cannot be read or used.
   */
  find: (clientId: string, request?: FastifyRequest) => Promise<Client | undefined>
}

const NO_THIRD_PARTIES: ThirdPartyClients = { isId: () => false, find: async () => undefined }

export interface Clients {
  /** The clients of the CLIENTS setting, by their ids. */
  configured: ReadonlyMap<string, Client>
  /** `request` is what a third-party client may be looked up for, see ThirdPartyClients. */
  find: (clientId: string, request?: FastifyRequest) => Promise<Client | undefined>
  /** True for the id of a client that no operator registered. */
  isThirdParty: (clientId: string) => boolean
  /** The algorithms that clients want their ID tokens signed by. */
  idTokenAlgorithms: () => Promise<'RS256'[]>
  assertions: ClientAssertions
}

/** See client-assertions/assertions.ts. */
export interface ClientAssertions {
  /** Resolves for a good assertion of the client, which a self-signed one is once. Throws an OAuthError. */
  verify: (client: Client, assertion: string) => Promise<void>
}

const NO_ASSERTIONS: ClientAssertions = {
  verify: async () => { throw new OAuthError('invalid_client', 'Client assertions are not accepted here.') }
}

/** Finds clients in the CLIENTS setting first, then Signet's own, then in the database. */
export function createClients (
  settings: ClientSettings[],
  repository: Pick<ClientRepository, 'find' | 'wantsRs256'>,
  assertions = NO_ASSERTIONS,
  thirdParties = NO_THIRD_PARTIES,
  ownClients: Client[] = []
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
    assertions,
    isThirdParty: (clientId) => !configured.has(clientId) && thirdParties.isId(clientId),
    async find (clientId, request) {
      const client = configured.get(clientId) ?? ownClients.find((own) => own.clientId === clientId)
      if (client || !isId(clientId)) return client
      if (thirdParties.isId(clientId)) return await thirdParties.find(clientId, request)
      return await repository.find(clientId)
    }
  }
}

/**
 * True for a client that can authenticate (RFC 6749 section 2.1). A third party with keys of its own counts as public:
 * that it is always the same says nothing of who it is.
 */
export function isConfidential ({ secretHash, metadata, thirdParty }: Omit<TokenClient, 'clientId'>): boolean {
  return thirdParty === undefined && (secretHash !== undefined || hasAssertions(metadata))
}

/** Throws `unauthorized_client` unless the client may use the grant. */
export function assertGrantType ({ metadata }: Client, grantType: GrantType): void {
  if (!mayUseGrant(metadata, grantType)) {
    throw new OAuthError('unauthorized_client', `This client is not registered for the grant type ${grantType}.`)
  }
}

/** The credentials of a client in the body of a request. */
export type BodyCredentials = {
  [Name in 'client_id' | 'client_secret' | 'client_assertion' | 'client_assertion_type']?: string | undefined
}

/** The members of `BodyCredentials`, for the schema of a request. */
export const CREDENTIAL_PARAMETERS = {
  client_id: Type.Optional(Type.String({ maxLength: 200 })),
  client_secret: Type.Optional(Type.String({
    maxLength: 500, description: 'Of a confidential client, here or in the Authorization header.'
  })),
  client_assertion: Type.Optional(Type.String({
    maxLength: 8192, description: 'In place of a secret: a JWT of the client (RFC 7523 section 2.2).'
  })),
  client_assertion_type: Type.Optional(Type.String({ maxLength: 200, description: `\`${ASSERTION_TYPE}\`.` }))
}

/**
 * Authenticates the client of an OAuth request (RFC 6749 section 2.3). A confidential client sends its secret in the
 * Authorization header or in the body, or an assertion, and one of these only; a public client only sends its id.
 * Returns undefined when the request names no client. Throws `invalid_client`, or `invalid_request` when the request
 * contradicts itself.
 */
export async function authenticateClient (
  clients: Clients, request: FastifyRequest, body: BodyCredentials
): Promise<Client | undefined> {
  const header = readBasic(request.headers.authorization)
  if (body.client_assertion !== undefined || body.client_assertion_type !== undefined) {
    if (header || body.client_secret !== undefined) {
      throw new OAuthError('invalid_request', 'Send a client assertion or a client secret, not both.')
    }
    return await authenticateByAssertion(clients, request, body)
  }
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
  const client = await findFirst(clients, request, readings)
  if (!client) throw new OAuthError('invalid_client', 'There is no such client.')
  checkSecret(client, readings.filter(({ clientId }) => clientId === client.clientId).map(({ secret }) => secret))
  return client
}

/** RFC 7521 section 4.2. `client_id` may be left out where the assertion's subject is the client. */
async function authenticateByAssertion (
  clients: Clients, request: FastifyRequest, body: BodyCredentials
): Promise<Client> {
  const { client_assertion: assertion, client_assertion_type: type } = body
  if (assertion === undefined || type !== ASSERTION_TYPE) {
    throw new OAuthError('invalid_client', `client_assertion needs the client_assertion_type ${ASSERTION_TYPE}.`)
  }
  const clientId = body.client_id ?? subjectOf(assertion)
  const client = clientId === undefined ? undefined : await clients.find(clientId, request)
  if (!client) throw new OAuthError('invalid_client', 'There is no client that the assertion is for. Send client_id.')
  await clients.assertions.verify(client, assertion)
  return client
}

/** What the assertion says of itself: which client's keys must have signed it. */
function subjectOf (assertion: string): string | undefined {
  try {
    return decodeJwt(assertion).sub
  } catch {
    return undefined
  }
}

async function findFirst (
  clients: Clients, request: FastifyRequest, readings: Credentials[]
): Promise<Client | undefined> {
  for (const clientId of new Set(readings.map(({ clientId }) => clientId))) {
    const client = clientId === undefined ? undefined : await clients.find(clientId, request)
    if (client) return client
  }
  return undefined
}

/** One of the readings must be the secret. */
function checkSecret ({ secretHash, metadata }: Client, secrets: (string | undefined)[]): void {
  const given = secrets.filter((secret) => secret !== undefined)
  if (metadata.tokenEndpointAuthMethod === PRIVATE_KEY_JWT || (!secretHash && hasAssertions(metadata))) {
    throw new OAuthError('invalid_client', 'This client authenticates by private_key_jwt: send a client_assertion.')
  }
  if (!secretHash) {
    if (given.length > 0) throw new OAuthError('invalid_client', 'This client is public: it has no secret.')
    return
  }
  if (!given.some((secret) => timingSafeEqual(hashClientSecret(secret), secretHash))) {
    throw new OAuthError('invalid_client', 'The client secret is missing or wrong.')
  }
}

/** What the tokens of a client depend on. */
export type TokenClient = Pick<Client, 'clientId' | 'metadata' | 'secretHash' | 'thirdParty'>

/** The client of the direct and cookie modes: a public one, which has no registration. */
export const OWN_CLIENT: TokenClient = { clientId: OWN_CLIENT_ID, metadata: {}, secretHash: undefined }

/**
 * The client of an OAuth request that Signet's own client may send, which has nothing to authenticate with. Every other
 * client is authenticated as by `authenticateClient`, and must be registered for `grantType`: otherwise throws
 * `unauthorized_client`.
 */
export async function resolveClient (
  clients: Clients, request: FastifyRequest, body: BodyCredentials, grantType?: GrantType
): Promise<TokenClient | undefined> {
  const isNamedAlone = body.client_secret === undefined && body.client_assertion === undefined
  if (body.client_id === OWN_CLIENT_ID && isNamedAlone) return OWN_CLIENT
  const client = await authenticateClient(clients, request, body)
  if (client && grantType !== undefined) assertGrantType(client, grantType)
  return client
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
