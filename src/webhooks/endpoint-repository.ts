import type { NewEvent } from '../audit/old-events.ts'
import { recordEvents, type By } from '../audit/old-events.ts'
import { inTransaction, type PoolTransaction as Transaction } from '../database/transaction.ts'
import type { Position } from '../http/lists.ts'
import type { Database } from '../database/database.ts'

/** Where an administrator wants to be told, and of what. */
export interface Endpoint {
  id: string
  url: string
  types: string[]
  enabled: boolean
  createdAt: Date
  updatedAt: Date
}

export type EndpointChange = Partial<Pick<Endpoint, 'url' | 'types' | 'enabled'>>

export interface EndpointRepository {
  list: (after: Position, count: number) => Promise<Endpoint[]>
  find: (id: string) => Promise<Endpoint | undefined>
  sealedSecret: (id: string) => Promise<string | undefined>
  create: (endpoint: Pick<Endpoint, 'id' | 'url' | 'types' | 'enabled'> & { sealedSecret: string }, by: By) => Promise<Endpoint>
  change: (id: string, change: EndpointChange, by: By) => Promise<Endpoint | undefined>
  /** The secret of now becomes the previous one, and signs for a day more. False when there is no such endpoint. */
  rotateSecret: (id: string, sealedSecret: string, by: By) => Promise<boolean>
  /** With what it was not yet told. False when there was none. */
  remove: (id: string, by: By) => Promise<boolean>
  /** It has said that it is gone. */
  disable: (id: string) => Promise<void>
}

const COLUMNS = 'id, url, types, enabled, created_at AS "createdAt", updated_at AS "updatedAt"'

export function createEndpointRepository ({ pool }: Pick<Database, 'pool'>): EndpointRepository {
  /** A statement about one endpoint and its event, both or neither; no event when there is no such endpoint. */
  async function write (type: NewEvent['type'], id: string, statement: (transaction: Transaction) => Promise<{ rows: Endpoint[] }>, { actorId, caller }: By): Promise<Endpoint | undefined> {
    return await inTransaction(pool, async (transaction) => {
      const { rows: [row] } = await statement(transaction)
      if (row) await recordEvents(transaction, [{ type, actorId, details: { webhookId: id } }], caller)
      return row
    })
  }

  return {
    async list ({ time, id }, count) {
      const text = `SELECT ${COLUMNS} FROM webhook_endpoints WHERE (created_at, id) < ($1, $2) ORDER BY created_at DESC, id DESC LIMIT $3`
      return (await pool.query<Endpoint>(text, [time, id, count])).rows
    },

    async find (id) {
      return (await pool.query<Endpoint>(`SELECT ${COLUMNS} FROM webhook_endpoints WHERE id = $1`, [id])).rows[0]
    },

    async sealedSecret (id) {
      return (await pool.query('SELECT sealed_secret FROM webhook_endpoints WHERE id = $1', [id])).rows[0]?.sealed_secret
    },

    async create ({ id, url, types, enabled, sealedSecret }, by) {
      return await write('webhook.created', id, (transaction) => transaction.query<Endpoint>(
        `INSERT INTO webhook_endpoints (id, url, types, enabled, sealed_secret) VALUES ($1, $2, $3, $4, $5) RETURNING ${COLUMNS}`,
        [id, url, types, enabled, sealedSecret]), by) as Endpoint
    },

    change: (id, { url, types, enabled }, by) => write('webhook.updated', id, (transaction) => transaction.query<Endpoint>(
      `UPDATE webhook_endpoints SET url = coalesce($2, url), types = coalesce($3, types), enabled = coalesce($4, enabled), updated_at = now()
        WHERE id = $1 RETURNING ${COLUMNS}`, [id, url, types, enabled]), by),

    async rotateSecret (id, sealedSecret, by) {
      return await write('webhook.secret_rotated', id, (transaction) => transaction.query<Endpoint>(
        `UPDATE webhook_endpoints SET sealed_previous_secret = sealed_secret, previous_secret_until = now() + interval '24 hours', sealed_secret = $2,
          updated_at = now() WHERE id = $1 RETURNING ${COLUMNS}`, [id, sealedSecret]), by) !== undefined
    },

    async remove (id, by) {
      return await write('webhook.deleted', id, (transaction) => transaction.query<Endpoint>(
        `WITH deliveries AS (DELETE FROM webhook_deliveries WHERE endpoint_id = $1) DELETE FROM webhook_endpoints WHERE id = $1 RETURNING ${COLUMNS}`, [id]), by) !== undefined
    },

    async disable (id) {
      await write('webhook.updated', id, (transaction) => transaction.query<Endpoint>(
        `UPDATE webhook_endpoints SET enabled = false, updated_at = now() WHERE id = $1 AND enabled RETURNING ${COLUMNS}`, [id]), { actorId: null, caller: {} })
    }
  }
}
