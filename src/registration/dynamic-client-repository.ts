import type { Database } from '../database/database.ts'

/** A client of POST /oauth2/register. */
export interface DynamicClient {
  clientId: string
  name: string
  redirectUris: string[]
  logoUri: string | null
  createdAt: Date
  lastUsedAt: Date
}

export interface DynamicClientRepository {
  find: (clientId: string) => Promise<DynamicClient | undefined>
  /** Undefined where there are too many clients already. */
  create: (client: Omit<DynamicClient, 'createdAt' | 'lastUsedAt'>) => Promise<DynamicClient | undefined>
  /** Keeps the client from being forgotten. Writes once a day at most. */
  noteUse: (client: DynamicClient) => Promise<void>
}

/** In all: anyone may register some, and each is a row until it has not been used for 30 days (src/jobs/purge.ts). */
const MAX_CLIENTS = 10_000
const DAY_SECONDS = 24 * 60 * 60

export function createDynamicClientRepository (
  { prisma, clock }: Pick<Database, 'prisma' | 'clock'>, { maxClients = MAX_CLIENTS } = {}
): DynamicClientRepository {
  return {
    find: async (clientId) => await prisma.dynamicClient.findFirst({ where: { clientId } }) ?? undefined,

    async create (client) {
      if (await prisma.dynamicClient.count() >= maxClients) return undefined
      return await prisma.dynamicClient.create({ data: client })
    },

    async noteUse ({ clientId, lastUsedAt }) {
      const yesterday = clock.inSeconds(-DAY_SECONDS)
      if (lastUsedAt >= yesterday) return
      const where = { clientId, lastUsedAt: { lt: yesterday } }
      await prisma.dynamicClient.updateMany({ where, data: { lastUsedAt: clock.now() } })
    }
  }
}
