/** `npm run admin -- <what> <to do>`: what an operator does by hand, on the database that the settings name. */
import '../src/quiet-debug.ts'
import { parseArgs } from 'node:util'
import { registerClient } from '../src/oauth2/client-registration.ts'
import { createClientRepository } from '../src/oauth2/client-repository.ts'
import { withSettingsDatabase } from './settings-database.ts'

const USAGE = `Usage: npm run admin -- clients add --name <name> --redirect-uri <uri> [--redirect-uri <uri> ...]
                                   [--post-logout-redirect-uri <uri> ...] [--confidential]
       npm run admin -- clients list
       npm run admin -- clients remove <client_id>`

class UsageError extends Error {}

async function main (): Promise<void> {
  const [what, toDo, ...rest] = process.argv.slice(2)
  const command = what === 'clients' ? { add: addClient, list: listClients, remove: removeClient }[toDo ?? ''] : undefined
  if (!command) throw new UsageError(USAGE)
  await withSettingsDatabase((pool) => command(createClientRepository({ pool }), rest))
}

type Clients = ReturnType<typeof createClientRepository>

async function addClient (clients: Clients, args: string[]): Promise<void> {
  const { values } = parse(() => parseArgs({
    args,
    options: {
      name: { type: 'string' },
      'redirect-uri': { type: 'string', multiple: true, default: [] },
      'post-logout-redirect-uri': { type: 'string', multiple: true, default: [] },
      confidential: { type: 'boolean', default: false }
    }
  }))
  if (!values.name || values['redirect-uri'].length === 0) throw new UsageError(`A client needs a --name and a --redirect-uri.\n${USAGE}`)
  const { client, clientSecret } = await registerClient(clients, {
    name: values.name,
    redirectUris: values['redirect-uri'],
    postLogoutRedirectUris: values['post-logout-redirect-uri'],
    confidential: values.confidential
  })
  console.log(`client_id      ${client.clientId}`)
  if (clientSecret !== undefined) console.log(`client_secret  ${clientSecret}\nThe secret is not shown again: Signet keeps only its hash.`)
}

async function listClients (clients: Clients): Promise<void> {
  for (const client of await clients.list()) {
    console.log(`${client.clientId}  ${client.secretHash ? 'confidential' : 'public'}  ${client.name}\n  ${client.redirectUris.join('\n  ')}`)
  }
}

async function removeClient (clients: Clients, [clientId]: string[]): Promise<void> {
  if (clientId === undefined) throw new UsageError(USAGE)
  if (!await clients.remove(clientId)) throw new Error(`There is no client "${clientId}" in the database. Those of the CLIENTS setting are removed there.`)
  console.log(`Removed ${clientId}.`)
}

function parse<Result> (read: () => Result): Result {
  try {
    return read()
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${USAGE}`)
  }
}

main().then(() => process.exit(0), (error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(error instanceof UsageError ? 2 : 1)
})
