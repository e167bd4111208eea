import { parseArgs } from 'node:util'
import { Value } from 'typebox/value'
import { readMetadataSettings } from '../../src/clients/client-metadata.ts'
import { ClientSettingsSchema } from '../../src/clients/client-settings.ts'
import { createClients, isConfidential, type Client } from '../../src/clients/clients.ts'
import { OWN_CLIENT_IDS } from '../../src/clients/own-clients.ts'
import { registerClient } from '../../src/clients/registration.ts'
import { createClientRepository } from '../../src/clients/repository.ts'
import { parseJson } from '../../src/http/json.ts'
import { isLoopback, parseUrl } from '../../src/http/url.ts'
import { BY_OPERATOR, parse, UsageError, type Command } from './command.ts'

export const addClient: Command = async (args, { database, settings, say }) => {
  const { values } = parse(() =>
    parseArgs({
      args,
      options: {
        id: { type: 'string' },
        name: { type: 'string' },
        'redirect-uri': { type: 'string', multiple: true },
        'post-logout-redirect-uri': { type: 'string', multiple: true },
        confidential: { type: 'boolean', default: false },
        json: { type: 'string', default: '{}' }
      }
    })
  )
  const entry = readEntry(values.json, {
    client_id: values.id,
    name: values.name,
    redirect_uris: values['redirect-uri'],
    post_logout_redirect_uris: values['post-logout-redirect-uri']
  })
  const clients = createClientRepository(database)
  const { client_id: clientId, name, redirect_uris: redirectUris, post_logout_redirect_uris: logoutUris = [] } = entry
  const existing = clientId === '' ? undefined : await createClients(settings.clients, clients).find(clientId)
  if (existing || OWN_CLIENT_IDS.includes(clientId)) {
    throw new Error(`There is a client "${clientId}" already.`)
  }
  const metadata = readMetadataSettings(entry)
  const resources = settings.resources.map(({ resource }) => resource)
  const unknown = [metadata.resource ?? []].flat().find((resource) => !resources.includes(resource))
  if (unknown !== undefined) throw new Error(`The resource "${unknown}" is not in RESOURCES.`)

  const { client, clientSecret } = await registerClient(clients, {
    ...clientId !== '' && { clientId },
    name,
    redirectUris,
    postLogoutRedirectUris: logoutUris,
    isConfidential: values.confidential,
    metadata
  }, BY_OPERATOR)
  say(`client_id      ${client.clientId}`)
  if (clientSecret !== undefined) {
    say(`client_secret  ${clientSecret}\nThe secret is not shown again: Signet keeps only its hash.`)
  }
  const { backchannelLogoutUri: logoutUri } = metadata
  if (isUnencrypted(logoutUri)) say(`Warning: ${logoutUri} is http: its messages can be read and held back on the way.`)
}

type Entry = { client_id: string, name: string, redirect_uris: string[], post_logout_redirect_uris?: string[] }

/** An entry of CLIENTS, without a secret, from `json` and the options, which count first. The id may be left out. */
function readEntry (json: string, options: Partial<Record<keyof Entry, unknown>>): Entry {
  const members = parseJson(json)
  if (typeof members !== 'object' || members === null) throw new UsageError('--json must be a JSON object.')
  if ('client_secret' in members) throw new UsageError('Signet makes the secret: leave it out, and add --confidential.')
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const entry = { redirect_uris: [], ...members, ...given } as Partial<Entry>
  const isWithoutUri = entry.redirect_uris?.length === 0 && json === '{}'
  if (!entry.name || isWithoutUri) throw new UsageError('A client needs a --name and a --redirect-uri.')
  const unknown = Object.keys(entry).find((name) => !Object.hasOwn(ClientSettingsSchema.items.properties, name))
  if (unknown !== undefined) throw new UsageError(`--json: ${unknown} is no member of CLIENTS.`)
  const [error] = Value.Errors(ClientSettingsSchema, [{ client_id: 'any', ...entry }])
  if (error) throw new UsageError(`--json: ${error.instancePath.replace('/0', '')} ${error.message}`)
  if (!/^[\x21-\x7e]*$/.test(entry.client_id ?? '')) throw new UsageError('An --id has no spaces, and is ASCII.')
  return { client_id: '', ...entry } as Entry
}

/** Over http, and not to this machine. Redirect URIs of that kind are refused. */
function isUnencrypted (uri: string | undefined): boolean {
  const url = uri === undefined ? null : parseUrl(uri)
  return url?.protocol === 'http:' && !isLoopback(url)
}

const PAGE = 100

export const listClients: Command = async (_args, { database, settings, say }) => {
  const repository = createClientRepository(database)
  const { configured } = createClients(settings.clients, repository)
  const show = (client: Client, note = '') => {
    const uris = client.redirectUris.map((uri) => `\n  ${uri}`).join('')
    say(`${client.clientId}  ${isConfidential(client) ? 'confidential' : 'public'}  ${client.name}${note}${uris}`)
  }
  for (const client of configured.values()) show(client, '  (of the CLIENTS setting)')
  let count = configured.size
  let after = { time: new Date('9000-01-01'), id: '~' }
  for (let page = await repository.list(after, PAGE); page.length > 0; page = await repository.list(after, PAGE)) {
    for (const client of page) {
      show(client)
      after = { time: client.createdAt, id: client.clientId }
    }
    count += page.length
  }
  if (count === 0) say('There are no clients.')
}

export const removeClient: Command = async ([clientId], { database, say }) => {
  if (clientId === undefined) throw new UsageError('Which client?')
  const isRemoved = await createClientRepository(database).remove(clientId, BY_OPERATOR)
  if (!isRemoved) {
    throw new Error(`There is no client "${clientId}" in the database. Those of the CLIENTS setting are removed there.`)
  }
  say(`Removed ${clientId}.`)
}
