import { randomBytes } from 'node:crypto'
import t from 'tap'
import type { Caller } from '../../src/http/caller.ts'
import { createRefreshTokenCodec, hashSecret } from '../../src/tokens/refresh-token.ts'
import { createSessionService } from '../../src/sessions/service.ts'
import { toSession } from '../../src/sessions/session.ts'

const caller: Caller = { ipAddress: '192.0.2.1', userAgent: null, requestId: 'r', clientId: null }
const sessionId = '0190c4d2-7c1a-7e6f-9a3b-0123456789ab'
const grant = {
  sessionId, userId: 'u', clientId: 'c', scope: 'openid', roles: [], authTime: Math.floor(Date.now() / 1000), nonce: null, email: null, name: null, avatarUrl: null
}
const codec = createRefreshTokenCodec([{ id: 'k', key: randomBytes(32) }])

/** A service on a repository that answers as it is told and writes down what it was asked. */
function serve (answers: Record<string, unknown> = {}, { idToken, deaf }: { idToken?: string, deaf?: boolean } = {}) {
  const calls: unknown[][] = []
  const told: string[] = []
  const asked = (name: string) => async (...args: unknown[]) => { calls.push([name, ...args]); return answers[name] }
  const repository = new Proxy({}, { get: (_, name: string) => asked(name) })
  const service = createSessionService({
    repository: repository as never,
    codec,
    accessTokens: { lifetimeSeconds: 900, issue: ({ sessionId }) => `access of ${sessionId}` },
    idToken: (_grant, accessToken) => idToken && `${idToken} for ${accessToken}`,
    idleSeconds: 10,
    reuseGraceSeconds: 20,
    ...deaf ? {} : { onRefresh: (outcome: string) => { told.push(outcome) } }
  })
  const limit = { check: asked('check') as never, add: asked('add') as never }
  return { service, calls, told, limit, called: () => calls.map(([name]) => name) }
}

const secret = randomBytes(32)
const token = codec.encode({ sessionId, counter: 3, secret })
const presented = { sessionId, secretHash: hashSecret(secret), counter: 3 }
const limits = { idleSeconds: 10, reuseGraceSeconds: 20 }

t.test('a refresh moves the chain on, and is counted once it has', async (t) => {
  const { service, calls, told, limit } = serve({ rotate: { ...grant, counter: 4, rotated: true } })
  t.same(await service.refresh({ refreshToken: token, clientId: 'c', scope: undefined }, caller, limit), {
    access_token: `access of ${sessionId}`,
    token_type: 'Bearer',
    expires_in: 900,
    refresh_token: codec.encode({ sessionId, counter: 4, secret }),
    scope: 'openid'
  })
  t.same(calls, [['check', sessionId], ['rotate', presented, 'c', limits], ['add', sessionId]])
  t.same(told, ['rotated'])
})

t.test('a refresh may ask for less than was granted, for these tokens only, and not for more', async (t) => {
  const granted = { ...grant, scope: 'openid email' }
  const ask = (scope: string, live: unknown = granted) => {
    const world = serve({ inspect: live, rotate: { ...granted, counter: 4, rotated: true } })
    return { ...world, answer: world.service.refresh({ refreshToken: token, clientId: 'c', scope }, caller, world.limit) }
  }
  t.equal((await ask('email').answer).scope, 'email')
  const { answer, called } = ask('openid profile')
  await t.rejects(answer, { error: 'invalid_scope', message: /openid email/ })
  t.same(called(), ['check', 'inspect'], 'and nothing moves')
  t.equal((await ask('email profile', null).answer).scope, 'email', 'a token that is not the live one is for the rotation to judge')
})

t.test('what repeats another\'s refresh is not counted', async (t) => {
  const { service, limit, called, told } = serve({ rotate: { ...grant, counter: 4, rotated: false } })
  await service.refresh({ refreshToken: token, clientId: 'c', scope: undefined }, caller, limit)
  t.same(called(), ['check', 'rotate'])
  t.same(told, ['rotated'])
})

t.test('a token that is not good is refused, and one that was stolen ends its session', async (t) => {
  for (const [stolen, outcome, said] of [[true, 'reuse_detected', 'was used before'], [false, 'refused', 'has expired']] as const) {
    const { service, calls, limit, told } = serve({ revokeReused: stolen })
    await t.rejects(service.refresh({ refreshToken: token, clientId: 'c', scope: undefined }, caller, limit), { error: 'invalid_grant', message: said })
    t.same(calls.at(-1), ['revokeReused', presented, limits, caller])
    t.same(told, [outcome])
  }
  const { service, limit, called, told } = serve()
  await t.rejects(service.refresh({ refreshToken: 'rubbish', clientId: 'c', scope: undefined }, caller, limit), { name: 'OAuthError', error: 'invalid_grant' })
  t.same(called(), [], 'the database is not asked')
  t.same(told, ['refused'])
})

t.test('nobody has to listen', async (t) => {
  const { service, limit } = serve({ rotate: { ...grant, counter: 4, rotated: true } }, { deaf: true })
  t.ok(await service.refresh({ refreshToken: token, clientId: 'c', scope: undefined }, caller, limit))
  await t.rejects(service.refresh({ refreshToken: 'rubbish', clientId: 'c', scope: undefined }, caller, limit), { name: 'OAuthError', error: 'invalid_grant' })
  const none = serve({}, { deaf: true })
  await t.rejects(none.service.refresh({ refreshToken: token, clientId: 'c', scope: undefined }, caller, limit), { name: 'OAuthError', error: 'invalid_grant' })
})

t.test('a new session\'s chain begins at nought, with an ID token when there is one', async (t) => {
  const { service } = serve({}, { idToken: 'id' })
  const { secret, secretHash } = service.newSecret()
  t.same(secretHash, hashSecret(secret))
  const issued = service.issue(grant, secret)
  t.equal(issued.id_token, `id for access of ${sessionId}`)
  t.same(codec.decode(issued.refresh_token), { sessionId, counter: 0, secret })
})

t.test('a code is exchanged; used twice, it ends its session', async (t) => {
  const code = { hash: Buffer.from('h'), clientId: 'c', redirectUri: 'https://x', codeChallenge: 'cc' }
  const good = serve({ redeemCode: grant })
  const { refresh_token: refreshToken } = await good.service.redeemCode(code, caller)
  t.same(good.calls, [['redeemCode', code, hashSecret(codec.decode(refreshToken)?.secret as Buffer), 10]])

  const spent = serve({ sessionOfSpentCode: sessionId })
  await t.rejects(spent.service.redeemCode(code, caller), { error: 'invalid_grant', message: 'was used before' })
  t.same(spent.calls.slice(1), [['sessionOfSpentCode', code], ['revoke', sessionId, 'code_replayed', caller]])

  const unknown = serve()
  await t.rejects(unknown.service.redeemCode(code, caller), { error: 'invalid_grant', message: 'unknown or older' })
  t.same(unknown.called(), ['redeemCode', 'sessionOfSpentCode'])
})

t.test('a device\'s code is exchanged, or nothing comes of it', async (t) => {
  const hash = Buffer.from('h')
  const { service, calls } = serve({ redeemDeviceCode: grant })
  const tokens = await service.redeemDeviceCode(hash, 'c')
  t.same(calls, [['redeemDeviceCode', hash, 'c', hashSecret(codec.decode(tokens?.refresh_token ?? '')?.secret as Buffer), 10]])
  t.equal(await serve().service.redeemDeviceCode(hash, 'c'), undefined)
})

t.test('a refresh token is looked at and ended without moving its chain; an unknown one is no error', async (t) => {
  const { service, calls } = serve({ inspect: 'the session', revoke: true, isAlive: true })
  t.equal(await service.inspectRefreshToken(token), 'the session')
  t.equal(await service.inspectRefreshToken('rubbish'), undefined)
  t.equal(await service.endByRefreshToken(token, 'logout', caller), true)
  t.equal(await service.endByRefreshToken('rubbish', 'logout', caller), false)
  t.equal(await service.end('other', 'revoked', caller), true)
  t.equal(await service.isAlive('other'), true)
  t.same(calls, [['inspect', presented], ['revoke', sessionId, 'logout', caller], ['revoke', 'other', 'revoked', caller], ['isAlive', 'other']])
})

t.test('a session as its user sees it', async (t) => {
  const at = new Date('2026-01-01T00:00:00Z')
  const row = { id: 'a', clientId: 'c', provider: 'p', ipAddress: '192.0.2.1', userAgent: 'curl/8', createdAt: at, lastUsedAt: at, expiresAt: at }
  const told = { ...row, device: 'curl', createdAt: '2026-01-01T00:00:00.000Z', lastUsedAt: '2026-01-01T00:00:00.000Z', expiresAt: '2026-01-01T00:00:00.000Z' }
  t.same(toSession(row, 'a'), { ...told, current: true })
  t.same(toSession(row, 'b'), { ...told, current: false })
})
