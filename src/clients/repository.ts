import { recordEvents, type By, type NewEvent } from '../audit/events.ts'
import { REVOKES_CLIENT_TOKENS } from '../audit/revoke-access-tokens.ts'
import type { Database } from '../database/database.ts'
import type { Prisma } from '../database/generated/client.ts'
import { newestFirst, olderThan, type Position } from '../database/newest-first.ts'
import type { Transaction } from '../database/transaction.ts'
import { webOrigin } from '../http/url.ts'
import type { ClientMetadata } from './client-metadata.ts'
import type { Client } from './clients.ts'

/** A client of the database, which unlike one of the CLIENTS setting has a time of registration. */
export type RegisteredClient = Client & { createdAt: Date }

/** The clients that administrators registered. Each change and its audit event are committed together. */
export interface ClientRepository {
  find: (clientId: string) => Promise<RegisteredClient | undefined>
  /** Newest first. */
  list: (after: Position, count: number) => Promise<RegisteredClient[]>
  create: (client: Client, by: By) => Promise<RegisteredClient>
  /**
   * Undefined when there is no such client. `revokesTokens` makes the tokens inactive that it got for itself before.
   */
  update: (
    clientId: string, change: ClientChange, by: By, revokesTokens?: boolean
  ) => Promise<RegisteredClient | undefined>
  /** Replaces the secret at once. False when there is no such client, or it is a public one. */
  replaceSecret: (clientId: string, secretHash: Uint8Array<ArrayBuffer>, by: By) => Promise<boolean>
  /** Leaves the client's sessions as they are. False when there is no such client. */
  remove: (clientId: string, by: By) => Promise<boolean>
  /** Whether a client has a redirect URI with this web origin. */
  hasOrigin: (origin: string) => Promise<boolean>
  /** Whether a client wants its ID tokens signed by RS256. */
  wantsRs256: () => Promise<boolean>
}

export type ClientChange = Partial<Pick<Client, 'name' | 'redirectUris' | 'postLogoutRedirectUris' | 'metadata'>>

const FIELDS = {
  clientId: true,
  name: true,
  redirectUris: true,
  postLogoutRedirectUris: true,
  secretHash: true,
  metadata: true,
  createdAt: true
} as const

export function createClientRepository ({ prisma }: Pick<Database, 'prisma'>): ClientRepository {
  return {
    async find (clientId) {
      const row = await prisma.client.findFirst({ where: { clientId }, select: FIELDS })
      return row ? toClient(row) : undefined
    },

    async list (position, count) {
      const where = olderThan(position, 'clientId')
      const orderBy = newestFirst('clientId')
      return (await prisma.client.findMany({ where, orderBy, take: count, select: FIELDS })).map(toClient)
    },

    create: (client, by) => prisma.$transaction(async (tx) => {
      const data = { ...client, origins: originsOf(client.redirectUris), secretHash: client.secretHash ?? null }
      const row = await tx.client.create({ data, select: FIELDS })
      await record(tx, 'client.created', client.clientId, by)
      return toClient(row)
    }),

    update: (clientId, change, by, revokesTokens = false) => prisma.$transaction(async (tx) => {
      const data = { ...change, ...change.redirectUris ? { origins: originsOf(change.redirectUris) } : {} }
      const [row] = await tx.client.updateManyAndReturn({ where: { clientId }, data, select: FIELDS })
      if (!row) return undefined
      const details = { ...by.details, ...revokesTokens ? { [REVOKES_CLIENT_TOKENS]: true } : {} }
      await record(tx, 'client.updated', clientId, { ...by, details })
      return toClient(row)
    }),

    replaceSecret: (clientId, secretHash, by) => prisma.$transaction(async (tx) => {
      const where = { clientId, secretHash: { not: null } }
      const { count } = await tx.client.updateMany({ where, data: { secretHash } })
      if (count === 1) await record(tx, 'client.secret_rotated', clientId, by)
      return count === 1
    }),

    remove: (clientId, by) => prisma.$transaction(async (tx) => {
      const { count } = await tx.client.deleteMany({ where: { clientId } })
      if (count === 1) await record(tx, 'client.deleted', clientId, by)
      return count === 1
    }),

    async hasOrigin (origin) {
      return await prisma.client.findFirst({ where: { origins: { has: origin } }, select: { clientId: true } }) !== null
    },

    async wantsRs256 () {
      const where = { metadata: { path: ['idTokenSignedResponseAlg'], equals: 'RS256' } }
      return await prisma.client.findFirst({ where, select: { clientId: true } }) !== null
    }
  }
}

async function record (tx: Transaction, type: NewEvent['type'], clientId: string, { actorId, caller, details }: By) {
  await recordEvents(tx, [{ type, clientId, actorId, ...details ? { details } : {} }], caller)
}

type Row = Omit<RegisteredClient, 'secretHash' | 'metadata'> & {
  secretHash: Uint8Array<ArrayBuffer> | null
  metadata: Prisma.JsonValue
}

function toClient ({ secretHash, metadata, ...row }: Row): RegisteredClient {
  return { ...row, secretHash: secretHash ?? undefined, metadata: metadata as ClientMetadata }
}

/** The web origins of redirect URIs. The URIs of native apps have none, unless a web view has their scheme. */
export function originsOf (redirectUris: string[]): string[] {
  return [...new Set(redirectUris.map((uri) => webOrigin(new URL(uri))).filter((origin) => origin !== undefined))]
}
