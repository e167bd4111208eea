import { Type } from 'typebox'
import { readMetadataSettings } from '../clients/client-metadata.ts'
import type { ClientSettings } from '../clients/client-settings.ts'
import type { Resource } from '../tokens/resources.ts'
import { SCOPES } from '../tokens/scope.ts'
import type { Check } from './check.ts'
import { readJsonList } from './read-json-list.ts'

const EXAMPLE = '[{"resource":"https://api.example.com","name":"Notes","scopes":["notes:read","notes:write"]}]'

const ResourcesSchema = Type.Array(Type.Object({
  resource: Type.String({ minLength: 1, maxLength: 500 }),
  name: Type.String({ minLength: 1, maxLength: 200 }),
  scopes: Type.Optional(Type.Array(Type.String({ pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]{1,100}$' }))),
  scope_descriptions: Type.Optional(Type.Record(Type.String(), Type.String({ minLength: 1, maxLength: 200 })))
}, { additionalProperties: false }))

/** RESOURCES. */
export function readResources (json: string, tokenAudience: string[], check: Check): Resource[] {
  const resources = readJsonList({ name: 'RESOURCES', json, schema: ResourcesSchema, example: EXAMPLE }, check)
  if (!resources) return []
  const ids = new Set(resources.map(({ resource }) => resource))
  check(ids.size === resources.length, 'RESOURCES: two entries have the same resource')
  for (const { resource, scopes = [], scope_descriptions: descriptions = {} } of resources) {
    check(/^[\x21-\x7e]+$/.test(resource) && URL.canParse(resource) && !resource.includes('#'),
      `RESOURCES: "${resource}" must be an absolute URI without a fragment (RFC 8707)`)
    // Its tokens would open Signet's own API.
    check(!tokenAudience.includes(resource),
      `RESOURCES: "${resource}" is an audience of every token already, by TOKEN_AUDIENCE; keep one of them`)
    for (const scope of scopes.filter((scope) => SCOPES.includes(scope))) {
      check(false, `RESOURCES: "${scope}" of ${resource} is a scope of Signet itself; give it another name`)
    }
    for (const scope of Object.keys(descriptions).filter((scope) => !scopes.includes(scope))) {
      check(false, `RESOURCES: scope_descriptions of ${resource} has "${scope}", which is not in its scopes`)
    }
  }
  return resources
}

/** The default `resource` of each client must be one of RESOURCES. */
export function checkDefaultResources (clients: ClientSettings[], resources: Resource[], check: Check): void {
  for (const client of clients) {
    const { resource: registered = [] } = readMetadataSettings(client)
    for (const unknown of [registered].flat().filter((each) => !resources.some(({ resource }) => resource === each))) {
      check(false, `CLIENTS: the resource "${unknown}" of ${client.client_id} is not in RESOURCES`)
    }
  }
}
