import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { deleteUserData } from '../../src/accounts/delete-user-data.ts'
import { createLinkCodeRepository } from '../../src/accounts/link-code-repository.ts'
import type { AccountWithTokens } from '../../src/accounts/provider-tokens.ts'
import { createAccountRepository } from '../../src/accounts/repository.ts'
import type { Profile } from '../../src/providers/provider.ts'
import { race } from '../helper.ts'
import { openDatabase } from '../open-database.ts'

const caller = { ipAddress: '192.0.2.1', userAgent: 'curl', requestId: 'r', clientId: 'spa' }
const NO_TOKENS = { sealedTokens: 'sealed', sealedRefreshToken: null }

async function world (t: Test) {
  const database = await openDatabase(t)
  const revoked: string[] = []
  const revokeGrant = async ({ subject }: AccountWithTokens) => { revoked.push(subject) }
  const accounts = createAccountRepository(database, revokeGrant, { allowedEmailDomains: [] })
  const newUser = async (email: string | null = null) => (await database.prisma.user.create({ data: { email } })).id
  const eventsOf = (userId: string) => database.prisma.auditEvent.findMany({
    where: { userId }, orderBy: { id: 'asc' }, select: { type: true, details: true }
  })
  return { ...database, accounts, revoked, newUser, eventsOf }
}

function profile (more: Partial<Profile> = {}): Profile {
  return {
    provider: 'github',
    issuer: 'https://github.com',
    subject: randomUUID(),
    username: 'jane',
    email: null,
    emailVerified: false,
    name: 'Jane',
    avatarUrl: null,
    locale: null,
    scope: 'all',
    ...more
  }
}

t.test('an account is linked, and keeps what a later link leaves out', async (t) => {
  const { prisma, accounts, newUser, eventsOf } = await world(t)
  const userId = await newUser('jane@example.com')
  const github = profile({ email: 'other@example.com', emailVerified: true })
  const linked = await accounts.link(userId, github, { ...NO_TOKENS, sealedRefreshToken: 'refresh' }, caller)
  if (typeof linked === 'string') return t.fail(linked)
  t.match(linked, { provider: 'github', subject: github.subject, name: 'Jane' })
  t.match(await eventsOf(userId), [{ type: 'account.linked', details: { accountId: linked.id } }], 'the email stays')

  const again = await accounts.link(userId, { ...github, name: null, username: 'new' }, NO_TOKENS, caller)
  t.match(again, { id: linked.id, name: 'Jane', username: 'new' })
  t.match(await prisma.account.findFirst(), { sealedTokens: 'sealed', sealedRefreshToken: 'refresh' })
  t.equal((await eventsOf(userId)).length, 1)
  t.equal(await accounts.link(await newUser(), github, NO_TOKENS, caller), 'taken')
  t.equal(await accounts.link(randomUUID(), profile(), NO_TOKENS, caller), 'no-user')
})

t.test('a user without an email gets a verified one, unless another user has it', async (t) => {
  const { prisma, accounts, newUser, eventsOf } = await world(t)
  const emailOf = async (id: string) => (await prisma.user.findUniqueOrThrow({ where: { id } })).email
  const owner = await newUser('taken@example.com')
  for (const [email, emailVerified, expected] of [
    ['unverified@example.com', false, null],
    ['taken@example.com', true, null],
    ['free@example.com', true, 'free@example.com']
  ] as const) {
    const userId = await newUser()
    const { updatedAt } = await prisma.user.findUniqueOrThrow({ where: { id: userId } })
    await accounts.link(userId, profile({ email, emailVerified }), NO_TOKENS, caller)
    t.equal(await emailOf(userId), expected)
    t.equal((await prisma.user.findUniqueOrThrow({ where: { id: userId } })).updatedAt > updatedAt, expected !== null)
    t.equal((await eventsOf(userId)).length, expected === null ? 1 : 2)
  }
  t.equal(await emailOf(owner), 'taken@example.com')
})

t.test('one of many users gets an account, and one of many an email', async (t) => {
  const { prisma, accounts, newUser } = await world(t)
  const people = await Promise.all([1, 2, 3, 4].map(() => newUser()))
  const shared = profile({ email: 'shared@example.com', emailVerified: true })
  const results = await race(4, (index) => accounts.link(people[index]!, shared, NO_TOKENS, caller))
  t.equal(results.filter((result) => result === 'taken').length, 3)
  const others = await Promise.all([1, 2, 3, 4].map(() => newUser()))
  const own = () => profile({ email: 'one@example.com', emailVerified: true })
  const linked = await race(4, (index) => accounts.link(others[index]!, own(), NO_TOKENS, caller))
  t.ok(linked.every((result) => typeof result === 'object'))
  t.equal(await prisma.user.count({ where: { email: 'one@example.com' } }), 1)
})

t.test('an account is unlinked and its grant revoked, but the last one stays', async (t) => {
  const { accounts, newUser, revoked } = await world(t)
  const userId = await newUser()
  const link = () => accounts.link(userId, profile(), NO_TOKENS, caller)
  const linked = [await link(), await link(), await link()]
  const ids = linked.map((account) => typeof account === 'string' ? '' : account.id)
  const outcomes = await race(3, (index) => accounts.unlink(userId, ids[index]!, caller))
  t.same(outcomes.sort(), ['last', 'unlinked', 'unlinked'])
  t.equal(revoked.length, 2)
  t.equal(await accounts.unlink(await newUser(), ids[0]!, caller), 'not-found')
})

t.test('of many calls one spends a link code, with what it was made for', async (t) => {
  const { prisma, pool, clock } = await world(t)
  const linkCodes = createLinkCodeRepository({ prisma, pool, clock })
  const code = { hash: Buffer.from('hash'), clientId: 'spa', redirectUri: 'https://spa/cb', codeChallenge: 'challenge' }
  await linkCodes.create(code, 'identity', 60)
  for (const other of [{ clientId: 'x' }, { redirectUri: 'x' }, { codeChallenge: 'x' }, { hash: Buffer.from('x') }]) {
    t.equal(await linkCodes.spend({ ...code, ...other }), undefined)
  }
  t.same((await race(4, () => linkCodes.spend(code))).filter((identity) => identity), ['identity'])
  await linkCodes.create({ ...code, hash: Buffer.from('late') }, 'identity', -1)
  t.equal(await linkCodes.spend({ ...code, hash: Buffer.from('late') }), undefined)
})

t.test('deletion leaves no trace of the user, and what the user did to others without a name', async (t) => {
  const { prisma, clock, newUser } = await world(t)
  const [userId, other] = [await newUser('jane@example.com'), await newUser()]
  const sessionId = randomUUID()
  const ended = randomUUID()
  const session = {
    userId,
    clientId: 'c',
    provider: 'p',
    scope: '',
    secretHash: Buffer.from('h'),
    authenticatedAt: clock.now(),
    idleExpiresAt: clock.inSeconds(60),
    expiresAt: clock.inSeconds(60)
  }
  await prisma.session.createMany({
    data: [{ id: sessionId, ...session }, { id: ended, ...session, revokedAt: clock.now() }]
  })
  await prisma.revocation.createMany({ data: [{ userId }, { userId: other }] })
  const endpoint = await prisma.webhookEndpoint.create({ data: { url: 'https://x', types: [], sealedSecret: '' } })
  const delivery = (status: string, user: string) =>
    ({ id: randomUUID(), endpointId: endpoint.id, userId: user, type: 't', details: {}, status })
  await prisma.webhookDelivery.createMany({
    data: [
      delivery('delivered', userId), delivery('failed', userId), delivery('pending', userId), delivery('failed', other)
    ]
  })
  const event = (type: string, about: string, actorId: string) =>
    ({ type, userId: about, actorId, ipAddress: '192.0.2.1', userAgent: 'curl' })
  await prisma.auditEvent.createMany({
    data: [event('own', userId, userId), event('to other', other, userId), event('of other', other, other)]
  })

  await prisma.$transaction((tx) => deleteUserData(tx, userId))
  t.equal(await prisma.user.count({ where: { id: userId } }) + await prisma.session.count(), 0)
  const revocations = await prisma.revocation.findMany({
    select: { userId: true, sessionId: true }, orderBy: { id: 'asc' }
  })
  t.same(revocations, [{ userId: other, sessionId: null }, { userId: null, sessionId }])
  const deliveries = await prisma.webhookDelivery.findMany({
    select: { userId: true, status: true }, orderBy: { position: 'asc' }
  })
  t.same(deliveries, [{ userId, status: 'pending' }, { userId: other, status: 'failed' }])
  const events = await prisma.auditEvent.findMany({
    select: { type: true, actorId: true, ipAddress: true, userAgent: true }, orderBy: { type: 'asc' }
  })
  t.same(events, [
    { type: 'of other', actorId: other, ipAddress: '192.0.2.1', userAgent: 'curl' },
    { type: 'to other', actorId: null, ipAddress: null, userAgent: null }
  ])
})
