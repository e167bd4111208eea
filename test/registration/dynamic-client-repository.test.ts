import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createDynamicClientRepository, type DynamicClient } from '../../src/registration/dynamic-client-repository.ts'
import { openDatabase } from '../open-database.ts'

const client = () => ({ clientId: randomUUID(), name: 'Agent', redirectUris: ['http://localhost/'], logoUri: null })

t.test('there are at most so many clients; one that is removed makes room', async (t) => {
  const database = await openDatabase(t)
  const clients = createDynamicClientRepository(database, { maxClients: 2 })
  const first = await clients.create(client())
  t.ok(await clients.create(client()))
  t.equal(await clients.create(client()), undefined)
  await database.prisma.dynamicClient.delete({ where: { clientId: first?.clientId ?? '' } })
  t.ok(await clients.create(client()))
})

t.test('the use of a client is noted once a day', async (t) => {
  const { prisma, clock, ...database } = await openDatabase(t)
  const clients = createDynamicClientRepository({ prisma, clock, ...database })
  const { clientId } = await clients.create(client()) as { clientId: string }
  for (const [secondsAgo, isNoted] of [[23 * 3600, false], [25 * 3600, true]] as const) {
    const lastUsedAt = clock.inSeconds(-secondsAgo)
    await prisma.dynamicClient.update({ where: { clientId }, data: { lastUsedAt } })
    await clients.noteUse(await clients.find(clientId) as DynamicClient)
    const noted = await clients.find(clientId) as DynamicClient
    t.equal(noted.lastUsedAt > lastUsedAt, isNoted)
  }
  t.equal(await clients.find('unknown'), undefined)
})
