import type { FastifyRequest } from 'fastify'
import type { Client, ThirdPartyClients } from '../clients/clients.ts'
import { addressOf } from '../http/client-address.ts'
import { readClientIdUrl } from './client-id-url.ts'
import type { ClientDocuments } from './client-documents.ts'
import type { DynamicClient, DynamicClientRepository } from './dynamic-client-repository.ts'
import { toThirdPartyClient } from './third-party-client.ts'

export interface ThirdPartyOptions {
  /** REGISTRATION. */
  registration: readonly string[]
  documents: ClientDocuments
  dynamicClients: DynamicClientRepository
  /** Whether a document may be on this machine over http, as for a webhook. */
  allowPrivate: boolean
}

/** What the ids of POST /oauth2/register begin with. */
export const DYNAMIC_ID_PREFIX = 'dynamic-'

/** The clients that no operator registered, by the ways that REGISTRATION opens. */
export function createThirdPartyClients (options: ThirdPartyOptions): ThirdPartyClients {
  const { registration, documents, dynamicClients, allowPrivate } = options

  async function findDynamic (clientId: string, request?: FastifyRequest): Promise<Client | undefined> {
    const client = registration.includes('dynamic') ? await dynamicClients.find(clientId) : undefined
    if (client && request) await dynamicClients.noteUse(client)
    return client && dynamicClient(client)
  }

  async function findDocument (clientId: string, request?: FastifyRequest): Promise<Client | undefined> {
    const url = readClientIdUrl(clientId, { allowLoopbackHttp: allowPrivate })
    if (!url || !registration.includes('metadata-documents')) return undefined
    return await documents.find(url, request && (async () => {
      await request.server.limits.clientDocuments.count(addressOf(request))
    }))
  }

  return {
    isId: (clientId) => clientId.startsWith(DYNAMIC_ID_PREFIX) || /^https?:\/\//.test(clientId),
    find: async (clientId, request) => clientId.startsWith(DYNAMIC_ID_PREFIX)
      ? await findDynamic(clientId, request)
      : await findDocument(clientId, request)
  }
}

/** A client of POST /oauth2/register, which has no host of its own. */
export function dynamicClient ({ clientId, name, redirectUris, logoUri }: DynamicClient): Client {
  return toThirdPartyClient({
    clientId, name, redirectUris, logoUri: logoUri ?? undefined, host: undefined, metadata: NO_AUTHENTICATION
  })
}

const NO_AUTHENTICATION = { tokenEndpointAuthMethod: 'none' }
