import { randomBytes, randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import type { Caller } from '../../src/http/caller.ts'
import { createSessionRepository } from '../../src/sessions/repository.ts'
import { hashSecret } from '../../src/tokens/refresh-token.ts'
import { race } from '../helper.ts'
import { openDatabase } from '../open-database.ts'

const caller: Caller = { ipAddress: '192.0.2.1', userAgent: 'curl', requestId: 'r', clientId: 'spa' }
const POLICY = { idleSeconds: 100, reuseGraceSeconds: 20 }

interface OpenedSession { counter?: number, rotatedAt?: Date, deviceCodeHash?: Uint8Array<ArrayBuffer> }

/** A repository on a database with one user, and sessions that are added to it. */
async function world (t: Test) {
  const { prisma, pool, clock } = await openDatabase(t)
  const repository = createSessionRepository({ prisma, pool, clock })
  const user = await prisma.user.create({
    data: { email: 'jane@example.com', name: 'Jane', roles: ['admin'] }, select: { id: true }
  })

  async function openSession (more: OpenedSession = {}) {
    const secretHash = hashSecret(randomBytes(32))
    const sessionId = randomUUID()
    await prisma.session.create({
      data: {
        id: sessionId,
        userId: user.id,
        clientId: 'spa',
        provider: 'github',
        scope: 'openid',
        secretHash,
        authenticatedAt: new Date('2026-01-31T09:30:00.900Z'),
        idleExpiresAt: clock.inSeconds(60),
        expiresAt: clock.inSeconds(600),
        ...more
      }
    })
    return { sessionId, secretHash, counter: more.counter ?? 0 }
  }

  const grantOf = (sessionId: string) => ({
    sessionId,
    userId: user.id,
    clientId: 'spa',
    scope: 'openid',
    resources: [],
    authTime: Date.parse('2026-01-31T09:30:00Z') / 1000,
    roles: ['admin'],
    email: 'jane@example.com',
    name: 'Jane',
    avatarUrl: null,
    username: null,
    metadata: {},
    nonce: null
  })
  const events = (sessionId: string) => prisma.auditEvent.findMany({
    where: { details: { path: ['sessionId'], equals: sessionId } },
    select: { type: true, userId: true, actorId: true, details: true, ipAddress: true }
  })
  const session = (id: string) => prisma.session.findUniqueOrThrow({ where: { id } })
  return { prisma, clock, repository, user, openSession, grantOf, events, session }
}

t.test('a rotation returns the grant, moves the idle end and counts once', async (t) => {
  const { repository, openSession, grantOf, session, clock } = await world(t)
  const token = await openSession()
  const grant = await repository.rotate(token, 'spa', POLICY, caller)
  t.strictSame(grant, { ...grantOf(token.sessionId), counter: 1, rotated: true, isElsewhere: false })
  const { counter, rotatedAt, lastUsedAt, idleExpiresAt } = await session(token.sessionId)
  t.equal(counter, 1)
  t.same(rotatedAt, lastUsedAt)
  t.equal(idleExpiresAt.getTime() - lastUsedAt.getTime(), 100_000)
  const repeat = await repository.rotate(token, 'spa', POLICY, caller)
  t.match(repeat, { counter: 1, rotated: false }, 'within the grace period')
  t.ok(await repository.rotate({ ...token, counter: 1 }, 'spa', { ...POLICY, idleSeconds: 9_000 }, caller))
  t.same((await session(token.sessionId)).idleExpiresAt, (await session(token.sessionId)).expiresAt)
  t.ok((await session(token.sessionId)).expiresAt > clock.now())
})

t.test('a rotation needs the secret, the client, a counter that is valid, and an active session', async (t) => {
  const { prisma, clock, repository, openSession } = await world(t)
  const token = await openSession({ counter: 5, rotatedAt: clock.inSeconds(-30) })
  for (const [other, clientId] of [
    [{ ...token, secretHash: hashSecret(randomBytes(32)) }, 'spa'], [token, 'other'], [{ ...token, counter: 6 }, 'spa'],
    [{ ...token, counter: 4 }, 'spa'], [{ ...token, sessionId: randomUUID() }, 'spa']
  ] as const) t.equal(await repository.rotate(other, clientId, POLICY, caller), undefined)
  t.ok(await repository.inspect(token, POLICY))
  t.equal(await repository.inspect({ ...token, counter: 4 }, POLICY), undefined)
  t.equal(await repository.isActive(token.sessionId), true)
  await prisma.user.updateMany({ data: { disabledAt: clock.now() } })
  t.equal(await repository.rotate(token, 'spa', POLICY, caller), undefined)
  t.equal(await repository.inspect(token, POLICY), undefined)
  t.equal(await repository.isActive(token.sessionId), false)
})

t.test('the state of a session, with the end that comes first', async (t) => {
  const { repository, openSession, session, user } = await world(t)
  const token = await openSession()
  const { createdAt, expiresAt } = await session(token.sessionId)
  const inSeconds = (seconds: number) => new Date(createdAt.getTime() + seconds * 1000)
  const granted = { userId: user.id, clientId: 'spa', scope: 'openid', resources: [] }
  const state = { ...granted, createdAt, expiresAt: inSeconds(100) }
  t.strictSame(await repository.inspect(token, POLICY), state)
  t.strictSame(await repository.inspect(token, { ...POLICY, idleSeconds: 9_000 }), { ...state, expiresAt })
  await repository.rotate(token, 'spa', POLICY, caller)
  for (const known of [token, { ...token, counter: 1 }]) t.strictSame(await repository.inspect(known, POLICY), state)
  t.equal(await repository.inspect(token, { ...POLICY, reuseGraceSeconds: 0 }), undefined)
  for (const counter of [0, 1, 7]) {
    t.strictSame(await repository.findByToken({ ...token, counter }), {
      clientId: 'spa', scope: 'openid', resources: []
    })
  }
  await repository.end(token.sessionId, 'logout', caller)
  t.ok(await repository.findByToken(token), 'also when the session has ended')
  t.equal(await repository.findByToken({ ...token, secretHash: hashSecret(randomBytes(32)) }), undefined)
  t.equal(await repository.findByToken({ ...token, sessionId: randomUUID() }), undefined)
})

t.test('a repeat from elsewhere differs in address and user agent, and is recorded once for a rotation', async (t) => {
  const { repository, openSession, events, session, user } = await world(t)
  const token = await openSession()
  await repository.rotate(token, 'spa', POLICY, caller)
  t.match(await session(token.sessionId), { rotationIpAddress: '192.0.2.1', rotationUserAgent: 'curl' })
  const repeat = (ipAddress: string, userAgent: string | null) =>
    repository.rotate(token, 'spa', POLICY, { ...caller, ipAddress, userAgent })
  for (const [ipAddress, userAgent, isElsewhere] of [
    ['192.0.2.1', 'curl', false],
    ['192.0.2.2', 'curl', false],
    ['192.0.2.1', 'Firefox', false],
    ['192.0.2.1', null, false],
    ['192.0.2.2', 'Firefox', true],
    ['192.0.2.2', null, true]
  ] as const) t.match(await repeat(ipAddress, userAgent), { counter: 1, rotated: false, isElsewhere })
  t.match(await session(token.sessionId), { rotationIpAddress: '192.0.2.1', rotationUserAgent: 'curl' })
  t.equal(await repository.recordRepeat({ ...token, counter: 1 }, caller), false, 'of another rotation')
  t.same((await race(5, () => repository.recordRepeat(token, caller))).filter((isRecorded) => isRecorded), [true])
  t.match(await repeat('192.0.2.2', 'Firefox'), { isElsewhere: false })
  const { rotatedAt } = await session(token.sessionId)
  t.strictSame(await events(token.sessionId), [{
    type: 'token.reused_in_window',
    userId: user.id,
    actorId: null,
    ipAddress: '192.0.2.1',
    details: {
      sessionId: token.sessionId,
      rotatedAt: rotatedAt?.toISOString(),
      rotationIpAddress: '192.0.2.1',
      rotationUserAgent: 'curl'
    }
  }])

  const silent = await openSession()
  await repository.rotate(silent, 'spa', POLICY, { ...caller, userAgent: null })
  const other = { ...caller, ipAddress: '192.0.2.2' }
  t.match(await repository.rotate(silent, 'spa', POLICY, other), { isElsewhere: true }, 'no user agent is one, too')
})

t.test('of many exchanges of an authorization code one gets the grant, and the session its secret', async (t) => {
  const { prisma, clock, repository, openSession, grantOf, session } = await world(t)
  const { sessionId } = await openSession()
  const hash = hashSecret(randomBytes(32))
  const bound = { clientId: 'spa', redirectUri: 'https://spa/cb', codeChallenge: 'challenge' }
  await prisma.authorizationCode.create({
    data: { hash: Uint8Array.from(hash), sessionId, ...bound, nonce: 'nonce', expiresAt: clock.inSeconds(60) }
  })
  const secretHash = hashSecret(randomBytes(32))
  for (const wrong of [{ clientId: 'x' }, { redirectUri: 'x' }, { redirectUri: '\0' }, { codeChallenge: 'x' }]) {
    t.equal(await repository.redeemCode({ hash, ...bound, ...wrong }, secretHash, 100), undefined)
  }
  t.equal(await repository.sessionOfSpentCode({ hash, ...bound }), undefined)
  const grants = await race(5, () => repository.redeemCode({ hash, ...bound }, secretHash, 100))
  t.strictSame(grants.filter((grant) => grant), [{ ...grantOf(sessionId), nonce: 'nonce' }])
  t.same(Buffer.from((await session(sessionId)).secretHash), secretHash)
  t.equal(await repository.sessionOfSpentCode({ hash, ...bound }), sessionId)
})

t.test('a device code is exchanged once it was approved', async (t) => {
  const { prisma, clock, repository, openSession, grantOf } = await world(t)
  const deviceCodeHash = hashSecret(randomBytes(32))
  const hash = Uint8Array.from(deviceCodeHash)
  const { sessionId } = await openSession({ deviceCodeHash: hash })
  await prisma.deviceGrant.create({
    data: { deviceCodeHash: hash, userCode: 'BCDFGHJK', clientId: 'tv', scope: '', expiresAt: clock.inSeconds(60) }
  })
  const redeem = () => repository.redeemDeviceCode(deviceCodeHash, 'tv', hashSecret(randomBytes(32)), 100, caller)
  t.equal(await redeem(), undefined)
  await prisma.deviceGrant.update({ where: { deviceCodeHash: hash }, data: { sessionId } })
  t.strictSame((await race(3, redeem)).filter((grant) => grant), [grantOf(sessionId)])
})

t.test('a stolen token ends its session once; one within the grace period does not', async (t) => {
  const { clock, repository, openSession, events, session } = await world(t)
  const fresh = await openSession({ counter: 3, rotatedAt: clock.inSeconds(-5) })
  const end = (token: typeof fresh, graceSeconds = 20) => repository.endIfReused(token, graceSeconds, caller)
  t.equal(await end({ ...fresh, counter: 2 }), false, 'the token before the current one')
  t.equal(await end(fresh), false, 'the current token')
  t.equal(await end({ ...fresh, counter: 1, secretHash: hashSecret(randomBytes(32)) }), false, 'another secret')
  t.equal(await end({ ...fresh, counter: 2 }, 0), true, 'without a grace period')

  const old = await openSession({ counter: 3, rotatedAt: clock.inSeconds(-30) })
  t.same((await race(4, () => end({ ...old, counter: 2 }))).filter((isEnded) => isEnded), [true])
  const older = await openSession({ counter: 3, rotatedAt: clock.inSeconds(-5) })
  t.equal(await end({ ...older, counter: 1 }), true)
  t.match(await events(old.sessionId), [
    { type: 'token.reuse_detected', actorId: null, details: { reason: 'reuse_detected' }, ipAddress: '192.0.2.1' }
  ])
  t.match(await session(old.sessionId), { revokedAt: Date, revocationReason: 'reuse_detected' })
})

t.test('a session ends once, by its user unless the code was replayed', async (t) => {
  const { repository, openSession, events, user } = await world(t)
  for (const [reason, actorId] of [['logout', user.id], ['revoked', user.id], ['code_replayed', null]] as const) {
    const { sessionId } = await openSession()
    t.same((await race(3, () => repository.end(sessionId, reason, caller))).sort(), [false, false, true])
    t.match(await events(sessionId), [{ type: 'session.revoked', userId: user.id, actorId, details: { reason } }])
    t.equal((await events(sessionId)).length, 1)
    t.equal(await repository.end(sessionId, reason, caller), false)
  }
  t.equal(await repository.end(randomUUID(), 'logout', caller), false)
})
