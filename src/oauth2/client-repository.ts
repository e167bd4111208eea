import type { Database } from '../plugins/database.ts'
import type { Client } from './clients.ts'

/** The clients that an administrator registered. */
export interface ClientRepository {
  find: (clientId: string) => Promise<Client | undefined>
  list: () => Promise<Client[]>
  create: (client: Client) => Promise<void>
  /** False when there was none. Its sessions stay: their tokens were issued to people. */
  remove: (clientId: string) => Promise<boolean>
  /** Whether some client has a redirect URI on this web origin. */
  hasOrigin: (origin: string) => Promise<boolean>
}

const COLUMNS = `client_id AS "clientId", name, redirect_uris AS "redirectUris", post_logout_redirect_uris AS "postLogoutRedirectUris",
  secret_hash AS "secretHash", created_at AS "createdAt"`

export function createClientRepository ({ pool }: Pick<Database, 'pool'>): ClientRepository {
  return {
    async find (clientId) {
      const { rows: [row] } = await pool.query({ name: 'find-client', text: `SELECT ${COLUMNS} FROM clients WHERE client_id = $1`, values: [clientId] })
      return row && toClient(row)
    },

    async list () {
      return (await pool.query(`SELECT ${COLUMNS} FROM clients ORDER BY created_at, client_id`)).rows.map(toClient)
    },

    async create ({ clientId, name, redirectUris, postLogoutRedirectUris, secretHash }) {
      await pool.query(
        'INSERT INTO clients (client_id, name, redirect_uris, post_logout_redirect_uris, origins, secret_hash) VALUES ($1, $2, $3, $4, $5, $6)',
        [clientId, name, redirectUris, postLogoutRedirectUris, originsOf(redirectUris), secretHash]
      )
    },

    async remove (clientId) {
      return (await pool.query('DELETE FROM clients WHERE client_id = $1', [clientId])).rowCount === 1
    },

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
