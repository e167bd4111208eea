import { parseArgs } from 'node:util'
import { registerClient } from '../../src/clients/registration.ts'
import { createClientRepository } from '../../src/clients/repository.ts'
import { BY_OPERATOR, parse, UsageError, type Command } from './command.ts'

export const addClient: Command = async (args, { database, say }) => {
  const { values } = parse(() =>
    parseArgs({
      args,
      options: {
        name: { type: 'string' },
        'redirect-uri': { type: 'string', multiple: true, default: [] },
        'post-logout-redirect-uri': { type: 'string', multiple: true, default: [] },
        confidential: { type: 'boolean', default: false }
      }
    })
  )
  if (!values.name || values['redirect-uri'].length === 0) {
    throw new UsageError('A client needs a --name and a --redirect-uri.')
  }
  const { client, clientSecret } = await registerClient(
    createClientRepository(database),
    {
      name: values.name,
      redirectUris: values['redirect-uri'],
      postLogoutRedirectUris: values['post-logout-redirect-uri'],
      isConfidential: values.confidential
    },
    BY_OPERATOR
  )
  say(`client_id      ${client.clientId}`)
  if (clientSecret !== undefined) {
    say(`client_secret  ${clientSecret}\nThe secret is not shown again: Signet keeps only its hash.`)
  }
}

const PAGE = 100

export const listClients: Command = async (_args, { database, say }) => {
  const clients = createClientRepository(database)
  let after = { time: new Date('9000-01-01'), id: '~' }
  for (let page = await clients.list(after, PAGE); page.length > 0; page = await clients.list(after, PAGE)) {
    for (const { clientId, secretHash, name, redirectUris, createdAt } of page) {
      say(`${clientId}  ${secretHash ? 'confidential' : 'public'}  ${name}\n  ${redirectUris.join('\n  ')}`)
      after = { time: createdAt, id: clientId }
    }
  }
}

export const removeClient: Command = async ([clientId], { database, say }) => {
  if (clientId === undefined) throw new UsageError('Which client?')
  const isRemoved = await createClientRepository(database).remove(clientId, BY_OPERATOR)
  if (!isRemoved) {
    throw new Error(`There is no client "${clientId}" in the database. Those of the CLIENTS setting are removed there.`)
  }
  say(`Removed ${clientId}.`)
}
