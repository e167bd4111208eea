import { randomUUID } from 'node:crypto'
import t from 'tap'
import { newestFirst, olderThan, type Position } from '../../src/database/newest-first.ts'
import { setup } from '../helper.ts'

// Ten share each of three milliseconds.
const TIMES = Array.from({ length: 30 }, (_, index) => new Date(1_700_000_000_000 + index % 3))
const START: Position = { time: new Date('9000-01-01'), id: 'ffffffff-ffff-ffff-ffff-ffffffffffff' }

t.test('pages of any size show each item once, newest first, also those of one millisecond', async (t) => {
  const { app: { database: { prisma } } } = await setup(t)
  const data = TIMES.map((createdAt) => ({ id: randomUUID(), createdAt, url: '', types: [], sealedSecret: '' }))
  await prisma.webhookEndpoint.createMany({ data })
  const clients = TIMES.map((createdAt) => ({
    clientId: randomUUID(), createdAt, name: '', redirectUris: [], postLogoutRedirectUris: [], origins: []
  }))
  await prisma.client.createMany({ data: clients })

  const lists: Record<string, (position: Position, take: number) => Promise<Position[]>> = {
    async id (position, take) {
      const rows = await prisma.webhookEndpoint.findMany({ where: olderThan(position), orderBy: newestFirst(), take })
      return rows.map(({ createdAt, id }) => ({ time: createdAt, id }))
    },
    async clientId (position, take) {
      const [where, orderBy] = [olderThan(position, 'clientId'), newestFirst('clientId')]
      const rows = await prisma.client.findMany({ where, orderBy, take })
      return rows.map(({ createdAt, clientId }) => ({ time: createdAt, id: clientId }))
    }
  }
  for (const [name, list] of Object.entries(lists)) {
    const all = await list(START, 100)
    t.equal(all.length, 30)
    const keys = all.map(({ time, id }) => `${time.getTime()} ${id}`)
    t.same(keys, [...keys].sort().reverse(), `by ${name}`)
    for (const size of [1, 7, 10]) {
      const shown: Position[] = []
      for (let page = await list(START, size); page.length > 0; page = await list(shown.at(-1)!, size)) {
        shown.push(...page)
      }
      t.same(shown, all, `${size} at a time, by ${name}`)
    }
  }
})
