import { recordEvents, type By, type NewEvent } from '../audit/old-events.ts'
import { inTransaction } from '../database/transaction.ts'
import type { Position } from '../http/lists.ts'
import type { Database } from '../database/database.ts'
import type { Client } from './clients.ts'

/** The clients that an administrator registered. A change and its event are written together. */
export interface ClientRepository {
  find: (clientId: string) => Promise<Client | undefined>
  /** Newest first. */
  list: (after: Position, count: number) => Promise<Client[]>
  create: (client: Client, by: By) => Promise<void>
  /** Undefined when there is none. */
  update: (clientId: string, change: ClientChange, by: By) => Promise<Client | undefined>
  /** The secret before stops at once. False when there is no such client, or it is a public one. */
  replaceSecret: (clientId: string, secretHash: Buffer, by: By) => Promise<boolean>
  /** False when there was none. Its sessions stay: their tokens were issued to people. */
  remove: (clientId: string, by: By) => Promise<boolean>
  /** Whether some client has a redirect URI on this web origin. */
  hasOrigin: (origin: string) => Promise<boolean>
}

export interface ClientChange { name?: string, redirectUris?: string[], postLogoutRedirectUris?: string[] }

const COLUMNS = `client_id AS "clientId", name, redirect_uris AS "redirectUris", post_logout_redirect_uris AS "postLogoutRedirectUris",
  secret_hash AS "secretHash", created_at AS "createdAt"`

export function createClientRepository ({ pool }: Pick<Database, 'pool'>): ClientRepository {
  const write = (type: NewEvent['type'], clientId: string, { actorId, caller, details }: By, text: string, values: unknown[]) =>
    inTransaction(pool, async (transaction) => {
      const { rows: [row] } = await transaction.query(`${text} RETURNING ${COLUMNS}`, values)
      if (row) await recordEvents(transaction, [{ type, clientId, actorId, ...details ? { details } : {} }], caller)
      return row && toClient(row)
    })

  return {
    async find (clientId) {
      const { rows: [row] } = await pool.query({ name: 'find-client', text: `SELECT ${COLUMNS} FROM clients WHERE client_id = $1`, values: [clientId] })
      return row && toClient(row)
    },

    async list ({ time, id }, count) {
      const text = `SELECT ${COLUMNS} FROM clients WHERE (created_at, client_id) < ($1, $2) ORDER BY created_at DESC, client_id DESC LIMIT $3`
      return (await pool.query(text, [time, id, count])).rows.map(toClient)
    },

    async create ({ clientId, name, redirectUris, postLogoutRedirectUris, secretHash, createdAt }, by) {
      await write('client.created', clientId, by,
        'INSERT INTO clients (client_id, name, redirect_uris, post_logout_redirect_uris, origins, secret_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6, COALESCE($7, now()))',
        [clientId, name, redirectUris, postLogoutRedirectUris, originsOf(redirectUris), secretHash, createdAt])
    },

    update: (clientId, { name, redirectUris, postLogoutRedirectUris }, by) => write('client.updated', clientId, by,
      `UPDATE clients SET name = COALESCE($2, name), redirect_uris = COALESCE($3, redirect_uris), origins = COALESCE($4, origins),
        post_logout_redirect_uris = COALESCE($5, post_logout_redirect_uris) WHERE client_id = $1`,
      [clientId, name, redirectUris, redirectUris && originsOf(redirectUris), postLogoutRedirectUris]),

    replaceSecret: async (clientId, secretHash, by) =>
      await write('client.secret_rotated', clientId, by, 'UPDATE clients SET secret_hash = $2 WHERE client_id = $1 AND secret_hash IS NOT NULL', [clientId, secretHash]) !== undefined,

    remove: async (clientId, by) => await write('client.deleted', clientId, by, 'DELETE FROM clients WHERE client_id = $1', [clientId]) !== undefined,

    async hasOrigin (origin) {
      return (await pool.query({ name: 'client-origin', text: 'SELECT 1 FROM clients WHERE $1 = ANY(origins) LIMIT 1', values: [origin] })).rowCount === 1
    }
  }
}

function toClient ({ secretHash, ...row }: Omit<Client, 'secretHash'> & { secretHash: Buffer | null }): Client {
  return { ...row, secretHash: secretHash ?? undefined }
}

/** The web origins among redirect URIs; those of native apps have none. */
export function originsOf (redirectUris: string[]): string[] {
  const urls = redirectUris.map((uri) => new URL(uri)).filter(({ protocol }) => /^https?:$/.test(protocol))
  return [...new Set(urls.map(({ origin }) => origin))]
}
