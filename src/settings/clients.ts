import { metadataMistake, readMetadataSettings } from '../clients/client-metadata.ts'
import { ClientSettingsSchema, type ClientSettings } from '../clients/client-settings.ts'
import { OWN_CLIENT_IDS } from '../clients/own-clients.ts'
import { REDIRECT_URI_RULE, isRedirectUri } from '../http/url.ts'
import { PLACEHOLDER } from '../providers/settings.ts'
import type { Check } from './check.ts'
import { readJsonList } from './read-json-list.ts'

const EXAMPLE = '[{"client_id":"web","name":"Web app","redirect_uris":["https://app.example.com/callback"]}]'

/** CLIENTS. */
export function readClients (json: string, production: boolean, check: Check): ClientSettings[] {
  const clients = readJsonList({ name: 'CLIENTS', json, schema: ClientSettingsSchema, example: EXAMPLE }, check)
  if (!clients) return []
  const ids = new Set(clients.map((client) => client.client_id))
  check(ids.size === clients.length, 'CLIENTS: two clients have the same client_id')
  for (const client of clients) checkClient(client, production, check)
  return clients
}

function checkClient (client: ClientSettings, production: boolean, check: Check): void {
  const { client_id: id, client_secret: secret, redirect_uris: redirectUris } = client
  const { post_logout_redirect_uris: logoutUris = [] } = client
  check(!OWN_CLIENT_IDS.includes(id), `CLIENTS: "${id}" is the client_id of Signet itself; give the client another`)
  for (const uri of [...redirectUris, ...logoutUris]) {
    check(isRedirectUri(uri), `CLIENTS: "${uri}" of ${id} ${REDIRECT_URI_RULE}`)
  }
  const mistake = metadataMistake(readMetadataSettings(client), secret !== undefined)
  check(mistake === undefined, `CLIENTS: ${id} ${mistake}`)
  if (secret === undefined || !production) return
  check(secret.length >= 16 && !PLACEHOLDER.test(secret),
    `CLIENTS: the client_secret of ${id} is too short or an example; make one with: openssl rand -hex 32`)
}
