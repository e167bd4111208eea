import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import { NullableText } from '../http/nullable.ts'
import { REDIRECT_URI_RULE } from '../http/url.ts'
import { callerOf } from '../http/caller.ts'
import { Problem } from '../http/errors.ts'
import { isLower, listQuery, pageSchema, readCursor, toPage, type Position } from '../http/lists.ts'
import { BadRedirectUri, checkRedirectUris, newClientSecret, registerClient } from '../clients/registration.ts'
import type { ClientRepository } from '../clients/repository.ts'
import { hashClientSecret, type Client, type Clients } from '../clients/clients.ts'
import { problems } from '../http/problem-details.ts'
import { ADMINISTRATION } from './guard.ts'

export interface AdminClientOptions { clientRepository: ClientRepository, clients: Clients }

const TAGS = ['Administration']
const security = [{ bearer: [] }]
const ClientType = Type.Union([Type.Literal('public'), Type.Literal('confidential')])
const ClientSchema = Type.Object({
  clientId: Type.String(),
  name: Type.String(),
  type: ClientType,
  redirectUris: Type.Array(Type.String()),
  postLogoutRedirectUris: Type.Array(Type.String()),
  createdAt: NullableText({ format: 'date-time', description: 'Null for one of the CLIENTS setting, which is only read here.' })
}, { title: 'Client' })
const SecretSchema = { clientSecret: Type.String({ description: 'Told here, and never again.' }) }
const Params = Type.Object({ id: Type.String({ pattern: '^[\\x21-\\x7e]{1,200}$' }) })

const Uris = (minItems: number) => Type.Array(Type.String({ maxLength: 1000 }), {
  minItems, maxItems: 50, description: `Compared as text. Each ${REDIRECT_URI_RULE}.`
})
const name = Type.String({ minLength: 1, maxLength: 100, pattern: '^[^\\p{Cc}\\p{Cs}]+$' })

export const adminClientRoutes: FastifyPluginAsyncTypebox<AdminClientOptions> = async (app, { clientRepository, clients }) => {
  const by = (request: FastifyRequest) => ({ actorId: request.bearer.sub, caller: callerOf(request) })

  /** One that may be changed here. */
  async function changeable (clientId: string): Promise<Client> {
    if (clients.configured.has(clientId)) throw new Problem('client_from_settings')
    const client = await clients.find(clientId)
    if (!client) throw notFound()
    return client
  }

  app.get('/admin/clients', {
    schema: {
      summary: 'Clients',
      description: 'Newest first; those of the CLIENTS setting last.',
      tags: TAGS,
      security,
      querystring: Type.Object(listQuery, { additionalProperties: false }),
      response: { 200: pageSchema(ClientSchema), ...problems('validation_failed', ...ADMINISTRATION) }
    }
  }, async ({ query: { limit, cursor } }) => {
    const after = readCursor(cursor)
    const configured = [...clients.configured.values()].map((client, index) => ({ client, at: settingsPosition(index) })).filter(({ at }) => isLower(at, after))
    const stored = (await clientRepository.list(after, limit + 1)).map((client) => ({ client, at: { time: client.createdAt as Date, id: client.clientId } }))
    return toPage([...stored, ...configured], limit, ({ at }) => at, ({ client }) => toClient(client))
  })

  app.post('/admin/clients', {
    schema: {
      summary: 'Register a client',
      description: 'A confidential one gets a secret.',
      tags: TAGS,
      security,
      body: Type.Object({
        name, type: Type.Optional(ClientType), redirectUris: Uris(1), postLogoutRedirectUris: Type.Optional(Uris(0))
      }, { additionalProperties: false }),
      response: {
        201: Type.Object({ ...ClientSchema.properties, clientSecret: Type.Optional(SecretSchema.clientSecret) }),
        ...problems('validation_failed', 'payload_too_large', 'unsupported_media_type', ...ADMINISTRATION)
      }
    }
  }, async (request, reply) => {
    const { name, type = 'public', redirectUris, postLogoutRedirectUris = [] } = request.body
    const registration = { name, redirectUris, postLogoutRedirectUris, confidential: type === 'confidential' }
    const { client, clientSecret } = await registerClient(clientRepository, registration, by(request)).catch(toProblem)
    return reply.code(201).send({ ...toClient(client), ...clientSecret === undefined ? {} : { clientSecret } })
  })

  app.get('/admin/clients/:id', {
    schema: {
      summary: 'A client',
      tags: TAGS,
      security,
      params: Params,
      response: { 200: ClientSchema, ...problems('validation_failed', 'not_found', ...ADMINISTRATION) }
    }
  }, async ({ params }) => {
    const client = await clients.find(params.id)
    if (!client) throw notFound()
    return toClient(client)
  })

  app.patch('/admin/clients/:id', {
    schema: {
      summary: 'Change a client',
      description: 'At once, on all instances. A list that is given takes the place of the one that is there.',
      tags: TAGS,
      security,
      params: Params,
      body: Type.Object({
        name: Type.Optional(name), redirectUris: Type.Optional(Uris(1)), postLogoutRedirectUris: Type.Optional(Uris(0))
      }, { additionalProperties: false }),
      response: {
        200: ClientSchema,
        ...problems('validation_failed', 'not_found', 'client_from_settings', 'payload_too_large', 'unsupported_media_type', ...ADMINISTRATION)
      }
    }
  }, async (request) => {
    const { params: { id }, body } = request
    await changeable(id)
    try {
      checkRedirectUris([...body.redirectUris ?? [], ...body.postLogoutRedirectUris ?? []])
    } catch (error) {
      toProblem(error)
    }
    const client = await clientRepository.update(id, body, by(request))
    if (!client) throw notFound()
    return toClient(client)
  })

  app.delete('/admin/clients/:id', {
    schema: {
      summary: 'Remove a client',
      description: 'Nobody signs in through it any more. Sessions that are there stay: their tokens were issued to people.',
      tags: TAGS,
      security,
      params: Params,
      response: { 204: Type.Null(), ...problems('validation_failed', 'not_found', 'client_from_settings', ...ADMINISTRATION) }
    }
  }, async (request, reply) => {
    await changeable(request.params.id)
    if (!await clientRepository.remove(request.params.id, by(request))) throw notFound()
    return reply.code(204).send(null)
  })

  app.post('/admin/clients/:id/secret', {
    schema: {
      summary: 'Give a confidential client a new secret',
      description: 'The one before stops at once.',
      tags: TAGS,
      security,
      params: Params,
      response: {
        200: Type.Object({ ...ClientSchema.properties, ...SecretSchema }),
        ...problems('validation_failed', 'invalid_request', 'not_found', 'client_from_settings', ...ADMINISTRATION)
      }
    }
  }, async (request) => {
    const client = await changeable(request.params.id)
    if (!client.secretHash) throw new Problem('invalid_request', 'This client is public: it could not keep a secret.')
    const clientSecret = newClientSecret()
    if (!await clientRepository.replaceSecret(client.clientId, hashClientSecret(clientSecret), by(request))) throw notFound()
    return { ...toClient(client), clientSecret }
  })
}

const notFound = () => new Problem('not_found', 'There is no such client.')

function toClient ({ clientId, name, redirectUris, postLogoutRedirectUris, secretHash, createdAt }: Client): Static<typeof ClientSchema> {
  return { clientId, name, type: secretHash ? 'confidential' : 'public', redirectUris, postLogoutRedirectUris, createdAt: createdAt?.toISOString() ?? null }
}

function toProblem (error: unknown): never {
  throw error instanceof BadRedirectUri ? new Problem('validation_failed', error.message) : error
}

/** Behind all that are in the database, in the order of the setting. */
const settingsPosition = (index: number): Position => ({ time: new Date(0), id: `00000000-0000-0000-0000-${String(999_999_999_999 - index)}` })
