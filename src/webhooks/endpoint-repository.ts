import { recordEvents, type By, type NewEvent } from '../audit/events.ts'
import type { Database } from '../database/database.ts'
import { newestFirst, olderThan, type Position } from '../database/newest-first.ts'
import type { Transaction } from '../database/transaction.ts'

/** A URL that webhooks are sent to, and the types of event that it subscribes to. */
export interface Endpoint {
  id: string
  url: string
  types: string[]
  enabled: boolean
  createdAt: Date
  updatedAt: Date
}

export type EndpointChange = Partial<Pick<Endpoint, 'url' | 'types' | 'enabled'>>
export type NewEndpoint = Pick<Endpoint, 'id' | 'url' | 'types' | 'enabled'> & { sealedSecret: string }

/** Each change and its audit event are committed together. */
export interface EndpointRepository {
  /** Newest first. */
  list: (after: Position, count: number) => Promise<Endpoint[]>
  find: (id: string) => Promise<Endpoint | undefined>
  sealedSecret: (id: string) => Promise<string | undefined>
  create: (endpoint: NewEndpoint, by: By) => Promise<Endpoint>
  /** Undefined when there is no such endpoint. */
  change: (id: string, change: EndpointChange, by: By) => Promise<Endpoint | undefined>
  /** Replaces the secret; the previous one goes on signing for 24 hours. False when there is no such endpoint. */
  rotateSecret: (id: string, sealedSecret: string, by: By) => Promise<boolean>
  /** Removes an endpoint and its deliveries. False when there is no such endpoint. */
  remove: (id: string, by: By) => Promise<boolean>
  /** Disables an endpoint that answered 410 Gone. */
  disable: (id: string) => Promise<void>
}

const FIELDS = { id: true, url: true, types: true, enabled: true, createdAt: true, updatedAt: true } as const

const BY_SERVICE: By = { actorId: null, caller: {} }

export function createEndpointRepository ({ prisma, clock }: Pick<Database, 'prisma' | 'clock'>): EndpointRepository {
  /** Changes one endpoint, if `where` finds it, and records that. */
  async function update (where: { id: string, enabled?: boolean }, change: EndpointChange, by: By) {
    return await prisma.$transaction(async (tx) => {
      const data = { ...change, updatedAt: clock.now() }
      const [endpoint] = await tx.webhookEndpoint.updateManyAndReturn({ where, data, select: FIELDS })
      if (endpoint) await record(tx, 'webhook.updated', where.id, by)
      return endpoint
    })
  }

  return {
    list: (position, count) => prisma.webhookEndpoint.findMany({
      where: olderThan(position), orderBy: newestFirst(), take: count, select: FIELDS
    }),

    find: async (id) => await prisma.webhookEndpoint.findFirst({ where: { id }, select: FIELDS }) ?? undefined,

    async sealedSecret (id) {
      const endpoint = await prisma.webhookEndpoint.findFirst({ where: { id }, select: { sealedSecret: true } })
      return endpoint?.sealedSecret
    },

    create: (data, by) => prisma.$transaction(async (tx) => {
      const endpoint = await tx.webhookEndpoint.create({ data, select: FIELDS })
      await record(tx, 'webhook.created', data.id, by)
      return endpoint
    }),

    change: (id, change, by) => update({ id }, change, by),

    rotateSecret: (id, sealedSecret, by) => prisma.$transaction(async (tx) => {
      // In SQL, because the new value of one column is the old value of another: two rotations at once lose no secret.
      const count = await tx.$executeRaw`
        UPDATE webhook_endpoints SET sealed_previous_secret = sealed_secret, sealed_secret = ${sealedSecret},
          previous_secret_until = now() + interval '24 hours', updated_at = now()
        WHERE id = ${id}::uuid`
      if (count === 1) await record(tx, 'webhook.secret_rotated', id, by)
      return count === 1
    }),

    remove: (id, by) => prisma.$transaction(async (tx) => {
      const { count } = await tx.webhookEndpoint.deleteMany({ where: { id } })
      if (count === 0) return false
      await tx.webhookDelivery.deleteMany({ where: { endpointId: id } })
      await record(tx, 'webhook.deleted', id, by)
      return true
    }),

    async disable (id) {
      await update({ id, enabled: true }, { enabled: false }, BY_SERVICE)
    }
  }
}

async function record (tx: Transaction, type: NewEvent['type'], webhookId: string, { actorId, caller }: By) {
  await recordEvents(tx, [{ type, actorId, details: { webhookId } }], caller)
}
