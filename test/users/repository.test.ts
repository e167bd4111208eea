import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createExportRepository } from '../../src/users/export-repository.ts'
import { isLastAdmin } from '../../src/users/last-admin.ts'
import { lockUser, lockUserForDeletion } from '../../src/database/lock-user.ts'
import { createUserRepository } from '../../src/users/repository.ts'
import { updatedAfter } from '../../src/users/updated-at.ts'
import { toUser } from '../../src/users/user.ts'
import { collect } from '../helper.ts'
import { openDatabase } from '../open-database.ts'
import { slow } from '../slow.ts'

const caller = { ipAddress: '192.0.2.1', userAgent: 'curl', requestId: 'r', clientId: null }

/** A repository on a database with a user who has two accounts and a session. */
async function world (t: Test) {
  const database = await openDatabase(t)
  const { prisma, clock } = database
  const account = (provider: string) => ({
    provider,
    issuer: 'https://issuer',
    subject: '1',
    username: 'jane',
    email: 'jane@example.com',
    emailVerified: true,
    scope: 'all'
  })
  const user = await prisma.user.create({
    data: {
      email: 'jane@example.com',
      name: 'Jane "Ö" 🐙',
      locale: 'de',
      roles: ['admin', 'editor'],
      preferences: { theme: 'dark', nested: [1.5, null, true] },
      lastLoginAt: new Date('2026-01-31T09:30:00.007Z'),
      accounts: {
        create: [account('github'), { ...account('acme'), username: null, email: null, emailVerified: false }]
      }
    },
    include: { accounts: true }
  })
  const sessionId = randomUUID()
  await prisma.session.create({
    data: {
      id: sessionId,
      userId: user.id,
      clientId: 'c',
      provider: 'github',
      scope: '',
      secretHash: Buffer.from('h'),
      authenticatedAt: clock.now(),
      idleExpiresAt: clock.inSeconds(60),
      expiresAt: clock.inSeconds(60)
    }
  })
  return { ...database, users: createUserRepository(database), user, sessionId }
}

t.test('the statement of GET /me returns what a typed read returns', async (t) => {
  const { prisma, users, user, sessionId, clock } = await world(t)
  t.strictSame(await users.bySession(sessionId, user.id), toUser(user))
  t.same(await users.rolesBySession(sessionId, user.id), ['admin', 'editor'])
  const { id: bare } = await prisma.user.create({ data: {} })
  await prisma.session.updateMany({ data: { userId: bare } })
  const bareUser = await prisma.user.findUniqueOrThrow({ where: { id: bare }, include: { accounts: true } })
  t.strictSame(await users.bySession(sessionId, bare), toUser(bareUser))
  for (const [session, owner] of [[sessionId, user.id], [randomUUID(), bare]] as const) {
    t.equal(await users.bySession(session, owner), undefined)
    t.equal(await users.rolesBySession(session, owner), undefined)
  }
  await prisma.user.update({ where: { id: bare }, data: { disabledAt: clock.now() } })
  t.equal(await users.bySession(sessionId, bare), undefined)
  t.equal(await users.rolesBySession(sessionId, bare), undefined)
})

t.test('each change moves updatedAt strictly forward, and one that changes nothing does not', async (t) => {
  const { prisma, users, user } = await world(t)
  const updatedAt = async () => (await prisma.user.findUniqueOrThrow({ where: { id: user.id } })).updatedAt
  const future = new Date(Date.now() + 3_600_000)
  await prisma.user.update({ where: { id: user.id }, data: { updatedAt: future } })
  await users.edit(user.id, { name: 'Mona' }, caller)
  await users.edit(user.id, { name: 'Mona' }, caller)
  t.equal((await updatedAt()).getTime(), future.getTime() + 1)
  const changed = await users.changePreferences(user.id, () => ({ b: -0, a: { y: 1, x: 2 } }), caller)
  t.same(changed, { a: { x: 2, y: 1 }, b: 0 })
  await users.changePreferences(user.id, () => ({ a: { x: 2, y: 1 }, b: -0 }), caller)
  t.equal((await updatedAt()).getTime(), future.getTime() + 2)
  t.same(await users.preferences(user.id), { a: { x: 2, y: 1 }, b: 0 })
  t.equal((await prisma.auditEvent.count({ where: { userId: user.id, type: 'user.updated' } })), 2)
})

t.test('updatedAfter is now, or a millisecond after the last change', async (t) => {
  const now = new Date('2026-01-31T09:30:00.000Z')
  t.same(updatedAfter(new Date(now.getTime() - 5), now), now)
  t.same(updatedAfter(now, now), new Date(now.getTime() + 1))
  t.same(updatedAfter(new Date(now.getTime() + 5), now), new Date(now.getTime() + 6))
})

t.test('nothing is read or changed of a user who does not exist', async (t) => {
  const { prisma, users, clock } = await world(t)
  const nobody = randomUUID()
  await users.edit(nobody, { name: 'x' }, caller)
  t.equal(await users.preferences(nobody), undefined)
  t.equal(await users.changePreferences(nobody, () => ({}), caller), undefined)
  t.equal(await createExportRepository({ prisma, clock }, { idleSeconds: 60 }).readUser(nobody), undefined)
  t.equal(await prisma.$transaction((tx) => lockUser(tx, nobody)), false)
  t.equal(await prisma.$transaction((tx) => lockUserForDeletion(tx, nobody)), false)
})

t.test('a locked user is changed by one transaction at a time; only a deletion keeps accounts away', async (t) => {
  const { prisma, user } = await world(t)
  const addAccount = (subject: string) => prisma.account.create({
    data: { userId: user.id, provider: 'late', issuer: 'x', subject, emailVerified: false, scope: '' }
  })
  for (const lock of [lockUser, lockUserForDeletion]) {
    const order: string[] = []
    let waiting: Promise<unknown>[] = []
    await prisma.$transaction(async (tx) => {
      t.equal(await lock(tx, user.id), true)
      waiting = [
        prisma.$transaction((other) => lockUser(other, user.id)).then(() => { order.push('change') }),
        addAccount(lock.name).then(() => { order.push('account') })
      ]
      await sleep(300)
      order.push('commit')
    })
    await Promise.all(waiting)
    t.same(order.indexOf('change') > order.indexOf('commit'), true)
    t.equal(order.indexOf('account') < order.indexOf('commit'), lock === lockUser, lock.name)
  }
})

t.test('the last administrator is one who is not disabled', async (t) => {
  const { prisma, user, clock } = await world(t)
  const isLast = (id: string) => prisma.$transaction((tx) => isLastAdmin(tx, id))
  const { id: other } = await prisma.user.create({ data: { roles: ['admin'] } })
  t.equal(await isLast(user.id), false)
  await prisma.user.update({ where: { id: other }, data: { disabledAt: clock.now() } })
  t.equal(await isLast(user.id), true)
  t.equal(await isLast(other), false)
  await prisma.user.update({ where: { id: user.id }, data: { roles: ['editor'] } })
  t.equal(await isLast(user.id), false)
})

t.test('the export holds the events about the user and of the user, each once, newest first', async (t) => {
  const { prisma, user, clock } = await world(t)
  const other = randomUUID()
  const event = (type: string, userId: string | null, actorId: string | null, seconds: number) =>
    ({ type, userId, actorId, createdAt: clock.inSeconds(seconds), details: { type } })
  await prisma.auditEvent.createMany({
    data: [
      event('own', user.id, user.id, 1), event('by admin', user.id, other, 2), event('to other', other, user.id, 3),
      event('alone', null, user.id, 4), event('unrelated', other, other, 5)
    ]
  })
  const repository = createExportRepository({ prisma, clock }, { idleSeconds: 60 })
  const exported = await repository.readUser(user.id)
  const [events = [], ...others] = await collect(repository.events(user.id))
  const expected = ['alone', 'to other', 'by admin', 'own']
  t.match(events, expected.map((type) => ({ type, details: { type }, createdAt: Date })))
  t.equal(events.length, 4)
  t.same(others, [])
  t.same(exported?.accounts.map(({ provider }) => provider), user.accounts.map(({ provider }) => provider))
})

slow.test('the lists of the export are read page by page, each row once, also those of one moment', async (t) => {
  const { prisma, user, sessionId, clock } = await world(t)
  const repository = createExportRepository({ prisma, clock }, { idleSeconds: 60 })
  const now = clock.now()
  const other = randomUUID()
  const about = [[user.id, null], [user.id, user.id], [other, user.id], [null, user.id], [user.id, other]] as const
  const events = Array.from({ length: 1_500 }, (_, index) => {
    const [userId, actorId] = about[index % 5]!
    return { id: randomUUID(), type: 'x', userId, actorId, createdAt: new Date(now.getTime() - index % 2) }
  })
  await prisma.auditEvent.createMany({ data: events })
  const read = await collect(repository.events(user.id))
  t.same(read.map(({ length }) => length), [500, 500, 500, 0])
  const position = ({ createdAt, id }: { createdAt: Date, id: string }) => `${createdAt.toISOString()} ${id}`
  t.same(read.flat().map(position), events.map(position).sort().reverse())

  const { id: _, ...session } = await prisma.session.findUniqueOrThrow({ where: { id: sessionId } })
  const sessions = Array.from({ length: 600 }, () => ({ ...session, id: randomUUID() }))
  await prisma.session.createMany({ data: sessions })
  const ids = (await collect(repository.sessions(user.id))).map((page) => page.map(({ id }) => id))
  t.same(ids.map(({ length }) => length), [500, 101])
  t.same(ids.flat(), [sessionId, ...sessions.map(({ id }) => id)].sort().reverse())
})
