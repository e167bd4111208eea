import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import {
  ClientMetadataSchema, changeMetadata, revokesTokens, splitMetadata, type ClientMetadata
} from '../clients/client-metadata.ts'
import { hashClientSecret, isConfidential, type Client, type Clients } from '../clients/clients.ts'
import {
  InvalidRegistrationError, checkHasRedirectUri, checkMetadata, checkRedirectUris, newClientSecret, registerClient
} from '../clients/registration.ts'
import type { ClientRepository } from '../clients/repository.ts'
import { Problem } from '../http/errors.ts'
import { isLower, listQuery, pageSchema, readCursor, toPage, type Position } from '../http/lists.ts'
import { NullableText } from '../http/nullable.ts'
import { problems } from '../http/problem-details.ts'
import type { KeyService } from '../keys/service.ts'
import { REDIRECT_URI_RULE } from '../http/url.ts'
import type { Resources } from '../tokens/resources.ts'
import { ADMIN_ERRORS, BODY_ERRORS, byAdmin } from './guard.ts'

export interface AdminClientOptions {
  clientRepository: ClientRepository
  clients: Pick<Clients, 'configured'>
  keys: Pick<KeyService, 'prepare'>
  resources: Pick<Resources, 'has'>
}

const TAGS = ['Administration']
const security = [{ bearer: [] }]
const ClientType = Type.Union([Type.Literal('public'), Type.Literal('confidential')])
const ClientSchema = Type.Object({
  clientId: Type.String(),
  name: Type.String(),
  type: ClientType,
  redirectUris: Type.Array(Type.String()),
  postLogoutRedirectUris: Type.Array(Type.String()),
  ...ClientMetadataSchema.properties,
  createdAt: NullableText({
    format: 'date-time', description: 'Null for a client of the CLIENTS setting, which cannot be changed here.'
  })
}, { title: 'Client' })
export type AdminClient = Static<typeof ClientSchema>
const ClientSecret = Type.String({ description: 'Not shown again.' })
const Params = Type.Object({ id: Type.String({ pattern: '^[\\x21-\\x7e]{1,200}$' }) })

const Name = Type.String({ minLength: 1, maxLength: 100, pattern: '^[^\\p{Cc}\\p{Cs}]+$' })
const Uris = (minItems: number) => Type.Array(Type.String({ maxLength: 1000 }), {
  minItems, maxItems: 50, description: `Compared as text. Each ${REDIRECT_URI_RULE}.`
})
const RedirectUris = Uris(0)

const CHANGE_ERRORS = ['not_found', 'client_from_settings'] as const

type Routes = FastifyPluginAsyncTypebox<AdminClientOptions>

export const adminClientRoutes: Routes = async (app, { clientRepository, clients, keys, resources }) => {
  app.get('/admin/clients', {
    schema: {
      summary: 'Clients',
      description: 'Newest first; clients of the CLIENTS setting last.',
      tags: TAGS,
      security,
      querystring: Type.Object(listQuery, { additionalProperties: false }),
      response: { 200: pageSchema(ClientSchema), ...problems('validation_failed', ...ADMIN_ERRORS) }
    }
  }, async ({ query: { limit, cursor } }) => {
    const after = readCursor(cursor)
    const registered = (await clientRepository.list(after, limit + 1))
      .map((client) => ({ client, position: { time: client.createdAt, id: client.clientId } }))
    const configured = [...clients.configured.values()]
      .map((client, index) => ({ client, position: settingsPosition(index) }))
      .filter(({ position }) => isLower(position, after))
    return toPage([...registered, ...configured], limit, ({ position }) => position, ({ client }) => toClient(client))
  })

  app.post('/admin/clients', {
    schema: {
      summary: 'Register a client',
      description: 'A confidential client is given a secret, unless `tokenEndpointAuthMethod` is `private_key_jwt`.',
      tags: TAGS,
      security,
      body: Type.Object({
        name: Name,
        type: Type.Optional(ClientType),
        redirectUris: Type.Optional(RedirectUris),
        postLogoutRedirectUris: Type.Optional(RedirectUris),
        ...ClientMetadataSchema.properties
      }, { additionalProperties: false }),
      response: {
        201: Type.Object({ ...ClientSchema.properties, clientSecret: Type.Optional(ClientSecret) }),
        ...problems(...BODY_ERRORS, ...ADMIN_ERRORS)
      }
    }
  }, async (request, reply) => {
    const { metadata, rest: { type, ...rest } } = splitMetadata(request.body)
    checkResource(metadata)
    const isConfidential = type === 'confidential'
    const registration = { redirectUris: [], postLogoutRedirectUris: [], ...rest, isConfidential, metadata }
    const { client, clientSecret } = await registerClient(clientRepository, registration, byAdmin(request))
      .catch(rethrow)
    await prepareKeys(client)
    return reply.code(201).send({ ...toClient(client), ...clientSecret === undefined ? {} : { clientSecret } })
  })

  app.get('/admin/clients/:id', {
    schema: {
      summary: 'A client',
      tags: TAGS,
      security,
      params: Params,
      response: { 200: ClientSchema, ...problems('validation_failed', 'not_found', ...ADMIN_ERRORS) }
    }
  }, async ({ params }) => {
    const client = clients.configured.get(params.id) ?? await clientRepository.find(params.id)
    if (!client) throw notFound()
    return toClient(client)
  })

  app.patch('/admin/clients/:id', {
    schema: {
      summary: 'Change a client',
      description: 'Takes effect at once, on all instances. A list replaces the previous one.',
      tags: TAGS,
      security,
      params: Params,
      body: Type.Object({
        name: Type.Optional(Name),
        redirectUris: Type.Optional(RedirectUris),
        postLogoutRedirectUris: Type.Optional(RedirectUris),
        ...ClientMetadataSchema.properties
      }, { additionalProperties: false }),
      response: { 200: ClientSchema, ...problems(...CHANGE_ERRORS, ...BODY_ERRORS, ...ADMIN_ERRORS) }
    }
  }, async (request) => {
    const { params: { id }, body } = request
    const client = await findRegistered(id)
    const { metadata: changed, rest } = splitMetadata(body)
    const metadata = changeMetadata(client.metadata, changed)
    checkResource(changed)
    try {
      checkRedirectUris([...body.redirectUris ?? [], ...body.postLogoutRedirectUris ?? []])
      checkMetadata(metadata, client.secretHash !== undefined)
      checkHasRedirectUri(metadata, body.redirectUris ?? client.redirectUris)
    } catch (error) {
      rethrow(error)
    }
    const updated = await clientRepository.update(
      id, { ...rest, metadata }, byAdmin(request), revokesTokens(client.metadata, metadata))
    if (!updated) throw notFound()
    await prepareKeys(updated)
    return toClient(updated)
  })

  app.delete('/admin/clients/:id', {
    schema: {
      summary: 'Remove a client',
      description: 'Ends sign-ins through it. Existing sessions go on: their tokens were issued to people. The ' +
        'client\'s own tokens are refused.',
      tags: TAGS,
      security,
      params: Params,
      response: { 204: Type.Null(), ...problems('validation_failed', ...CHANGE_ERRORS, ...ADMIN_ERRORS) }
    }
  }, async (request, reply) => {
    await findRegistered(request.params.id)
    if (!await clientRepository.remove(request.params.id, byAdmin(request))) throw notFound()
    return reply.code(204).send(null)
  })

  app.post('/admin/clients/:id/secret', {
    schema: {
      summary: 'Replace the secret of a confidential client',
      description: 'The previous secret stops working at once, and so do the tokens that the client got for itself.',
      tags: TAGS,
      security,
      params: Params,
      response: {
        200: Type.Object({ ...ClientSchema.properties, clientSecret: ClientSecret }),
        ...problems('validation_failed', 'invalid_request', ...CHANGE_ERRORS, ...ADMIN_ERRORS)
      }
    }
  }, async (request) => {
    const client = await findRegistered(request.params.id)
    if (!client.secretHash) {
      const reason = isConfidential(client) ? 'authenticates by private_key_jwt' : 'is public'
      throw new Problem('invalid_request', `This client ${reason}: it has no secret.`)
    }
    const clientSecret = newClientSecret()
    const secretHash = hashClientSecret(clientSecret)
    if (!await clientRepository.replaceSecret(client.clientId, secretHash, byAdmin(request))) throw notFound()
    return { ...toClient(client), clientSecret }
  })

  function checkResource ({ resource = [] }: ClientMetadata): void {
    const unknown = [resource].flat().find((each) => !resources.has(each))
    if (unknown !== undefined) throw new Problem('validation_failed', `The resource "${unknown}" is not in RESOURCES.`)
  }

  /** Publishes the keys for its ID tokens before the first is signed. */
  async function prepareKeys ({ metadata: { idTokenSignedResponseAlg: algorithm } }: Client): Promise<void> {
    if (algorithm !== undefined) await keys.prepare(algorithm)
  }

  /** A client that may be changed, unlike one of the CLIENTS setting. */
  async function findRegistered (clientId: string): Promise<Client> {
    if (clients.configured.has(clientId)) throw new Problem('client_from_settings')
    const client = await clientRepository.find(clientId)
    if (!client) throw notFound()
    return client
  }
}

const notFound = () => new Problem('not_found', 'There is no such client.')

function toClient (client: Client): Static<typeof ClientSchema> {
  const { clientId, name, redirectUris, postLogoutRedirectUris, metadata, createdAt } = client
  return {
    ...metadata,
    clientId,
    name,
    redirectUris,
    postLogoutRedirectUris,
    type: isConfidential(client) ? 'confidential' : 'public',
    createdAt: createdAt?.toISOString() ?? null
  }
}

function rethrow (error: unknown): never {
  throw error instanceof InvalidRegistrationError ? new Problem('validation_failed', error.message) : error
}

/** After all registered clients, in the order of the setting. */
function settingsPosition (index: number): Position {
  return { time: new Date(0), id: `00000000-0000-0000-0000-${String(999_999_999_999 - index)}` }
}
