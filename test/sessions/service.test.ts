import { randomBytes } from 'node:crypto'
import t from 'tap'
import type { Caller } from '../../src/http/caller.ts'
import type { RotatedGrant, SessionGrant, SessionRepository, SessionState } from '../../src/sessions/repository.ts'
import { createSessionService, type SessionServiceOptions } from '../../src/sessions/service.ts'
import { toSession } from '../../src/sessions/session.ts'
import { createRefreshTokenCodec, hashSecret } from '../../src/tokens/refresh-token.ts'
import { createResources } from '../../src/tokens/resources.ts'
import type { IdentityGrant } from '../../src/tokens/grants.ts'

const caller: Caller = { ipAddress: '192.0.2.1', userAgent: null, requestId: 'r', clientId: null }
const sessionId = '0190c4d2-7c1a-7e6f-9a3b-0123456789ab'
const authTime = Math.floor(Date.now() / 1000)
const grant: IdentityGrant = {
  sessionId,
  userId: 'u',
  clientId: 'c',
  scope: 'openid',
  resources: [],
  roles: [],
  authTime,
  nonce: null,
  email: null,
  name: null,
  avatarUrl: null,
  username: null,
  metadata: {}
}
const rotated: RotatedGrant = { ...grant, counter: 4, rotated: true, isElsewhere: false }
const session: SessionState = {
  userId: 'u', clientId: 'c', scope: 'openid email', resources: [], createdAt: new Date(), expiresAt: new Date()
}
const codec = createRefreshTokenCodec([{ id: 'k', key: randomBytes(32) }])

/** What the repository returns; undefined or false for what is left out. */
interface Returns {
  rotate?: RotatedGrant
  redeemCode?: IdentityGrant
  redeemDeviceCode?: IdentityGrant
  sessionOfSpentCode?: string
  inspect?: SessionState
  findByToken?: SessionGrant
  recordRepeat?: boolean
  isActive?: boolean
  endIfReused?: boolean
  end?: boolean
}

/** A service on a repository that records its calls. */
function serve (returns: Returns = {}, options: Partial<SessionServiceOptions> = {}, isObserved = true) {
  const calls: unknown[][] = []
  const outcomes: string[] = []
  const record = <Result>(name: string, result: Result) => async (...args: unknown[]) => {
    calls.push([name, ...args])
    return result
  }
  const repository: SessionRepository = {
    rotate: record('rotate', returns.rotate),
    recordRepeat: record('recordRepeat', returns.recordRepeat ?? false),
    redeemCode: record('redeemCode', returns.redeemCode),
    redeemDeviceCode: record('redeemDeviceCode', returns.redeemDeviceCode),
    sessionOfSpentCode: record('sessionOfSpentCode', returns.sessionOfSpentCode),
    inspect: record('inspect', returns.inspect),
    findByToken: record('findByToken', returns.findByToken),
    isActive: record('isActive', returns.isActive ?? false),
    endIfReused: record('endIfReused', returns.endIfReused ?? false),
    end: record('end', returns.end ?? false)
  }
  const service = createSessionService({
    repository,
    codec,
    accessTokens: { lifetimeSeconds: 900, issue: ({ sessionId }) => `access of ${sessionId}` },
    idToken: async () => undefined,
    resources: createResources([]),
    idleSeconds: 10,
    reuseGraceSeconds: 20,
    ...isObserved ? { onRefresh: (outcome: string) => { outcomes.push(outcome) } } : {},
    ...options
  })
  const limit = { check: record('check', undefined), add: record('add', undefined) }
  const refresh = (refreshToken: string, scope?: string) =>
    service.refresh({ refreshToken, clientId: 'c', scope }, caller, limit)
  return { service, refresh, calls, outcomes, called: () => calls.map(([name]) => name) }
}

const secret = randomBytes(32)
const token = codec.encode({ sessionId, counter: 3, secret })
const presented = { sessionId, secretHash: hashSecret(secret), counter: 3 }

t.test('a refresh rotates the token, and counts against the limit once it has', async (t) => {
  const { refresh, calls, outcomes } = serve({ rotate: rotated })
  t.same(await refresh(token), {
    access_token: `access of ${sessionId}`,
    token_type: 'Bearer',
    expires_in: 900,
    refresh_token: codec.encode({ sessionId, counter: 4, secret }),
    scope: 'openid'
  })
  const policy = { idleSeconds: 10, reuseGraceSeconds: 20 }
  t.same(calls, [['check', sessionId], ['rotate', presented, 'c', policy, caller, undefined], ['add', sessionId]])
  t.same(outcomes, ['rotated'])
})

t.test('a refresh may narrow the scope of its tokens, and not widen it', async (t) => {
  const rotate = { ...rotated, scope: 'openid email' }
  const findByToken = { clientId: 'c', scope: 'openid email', resources: [] }
  t.equal((await serve({ findByToken, rotate }).refresh(token, 'email')).scope, 'email')
  const { refresh, called } = serve({ findByToken, rotate })
  await t.rejects(refresh(token, 'openid profile'), { error: 'invalid_scope', message: /openid email/ })
  t.same(called(), ['findByToken'], 'nothing is rotated, and whether the token is valid was not asked')
  t.equal((await serve({ rotate }).refresh(token, 'email profile')).scope, 'email', 'the rotation judges other tokens')
  const ofAnother = serve({ findByToken: { ...findByToken, clientId: 'other' } })
  await t.rejects(ofAnother.refresh(token, 'openid profile'), { name: 'OAuthError', error: 'invalid_grant' })
})

t.test('a repeat from elsewhere is answered as any other, and counted when this call recorded it', async (t) => {
  const isElsewhere = { ...rotated, rotated: false, isElsewhere: true }
  for (const recordRepeat of [true, false]) {
    let repeats = 0
    const onRepeatElsewhere = () => { repeats++ }
    const { refresh, calls, outcomes } = serve({ rotate: isElsewhere, recordRepeat }, { onRepeatElsewhere })
    t.strictSame(await refresh(token), await serve({ rotate: rotated }).refresh(token))
    t.same(calls.at(-1), ['recordRepeat', presented, caller])
    t.same([repeats, outcomes], [recordRepeat ? 1 : 0, ['rotated']])
  }
  t.ok(await serve({ rotate: isElsewhere, recordRepeat: true }).refresh(token), 'onRepeatElsewhere is optional')
})

t.test('a refresh that repeats another is not counted', async (t) => {
  const { refresh, called, outcomes } = serve({ rotate: { ...rotated, rotated: false } })
  await refresh(token)
  t.same(called(), ['check', 'rotate'])
  t.same(outcomes, ['rotated'])
})

t.test('a token that is not valid is refused, and a stolen one ends its session', async (t) => {
  const cases = [[true, 'reuse_detected', 'was used before'], [false, 'refused', 'has expired']] as const
  for (const [endIfReused, outcome, message] of cases) {
    const { refresh, calls, outcomes } = serve({ endIfReused })
    await t.rejects(refresh(token), { error: 'invalid_grant', message })
    t.same(calls.at(-1), ['endIfReused', presented, 20, caller, undefined])
    t.same(outcomes, [outcome])
  }
  const { refresh, called, outcomes } = serve()
  await t.rejects(refresh('rubbish'), { name: 'OAuthError', error: 'invalid_grant' })
  t.same(called(), [], 'without a query')
  t.same(outcomes, ['refused'])
})

t.test('onRefresh is optional', async (t) => {
  t.ok(await serve({ rotate: rotated }, {}, false).refresh(token))
  for (const bad of ['rubbish', token]) {
    await t.rejects(serve({}, {}, false).refresh(bad), { name: 'OAuthError', error: 'invalid_grant' })
  }
})

t.test("a new session's counter begins at 0, with an ID token when there is one", async (t) => {
  const { service } = serve({}, { idToken: async (_grant, accessToken) => `id for ${accessToken}` })
  const { secret, secretHash } = service.newSecret()
  t.same(secretHash, hashSecret(secret))
  const issued = await service.issue(grant, secret)
  t.equal(issued.id_token, `id for access of ${sessionId}`)
  t.same(codec.decode(issued.refresh_token), { sessionId, counter: 0, secret })
})

t.test('a code is exchanged once; a second exchange ends its session', async (t) => {
  const code = { hash: Buffer.from('h'), clientId: 'c', redirectUri: 'https://x', codeChallenge: 'cc' }
  const good = serve({ redeemCode: grant })
  const { refresh_token: refreshToken } = await good.service.redeemCode(code, caller)
  const secretHash = hashSecret(codec.decode(refreshToken)?.secret ?? Buffer.alloc(0))
  t.same(good.calls, [['redeemCode', code, secretHash, 10, undefined]])

  const spent = serve({ sessionOfSpentCode: sessionId })
  await t.rejects(spent.service.redeemCode(code, caller), { error: 'invalid_grant', message: 'was used before' })
  t.same(spent.calls.slice(1), [['sessionOfSpentCode', code], ['end', sessionId, 'code_replayed', caller]])

  const unknown = serve()
  await t.rejects(unknown.service.redeemCode(code, caller), { error: 'invalid_grant', message: 'unknown or older' })
  t.same(unknown.called(), ['redeemCode', 'sessionOfSpentCode'])
})

t.test('a device code is exchanged when it was approved', async (t) => {
  const hash = Buffer.from('h')
  const { service, calls } = serve({ redeemDeviceCode: grant })
  const tokens = await service.redeemDeviceCode(hash, 'c', caller)
  const { secret } = codec.decode(tokens?.refresh_token ?? '') ?? { secret: Buffer.alloc(0) }
  t.same(calls, [['redeemDeviceCode', hash, 'c', hashSecret(secret), 10, caller, undefined]])
  t.equal(await serve().service.redeemDeviceCode(hash, 'c', caller), undefined)
})

t.test('a refresh token is inspected and ended without a rotation; an unknown one is no error', async (t) => {
  const findByToken = { clientId: 'c', scope: '', resources: [] }
  const { service, calls } = serve({ inspect: session, findByToken, end: true, isActive: true })
  t.equal(await service.inspectRefreshToken(token), session)
  t.equal(await service.inspectRefreshToken('rubbish'), undefined)
  t.equal(await service.findByRefreshToken(token), findByToken)
  t.equal(await service.findByRefreshToken('rubbish'), undefined)
  t.equal(await service.endByRefreshToken(token, 'logout', caller), true)
  t.equal(await service.endByRefreshToken('rubbish', 'logout', caller), false)
  t.equal(await service.end('other', 'revoked', caller), true)
  t.equal(await service.isActive('other'), true)
  t.same(calls, [
    ['inspect', presented, { idleSeconds: 10, reuseGraceSeconds: 20 }],
    ['findByToken', presented],
    ['findByToken', presented],
    ['end', sessionId, 'logout', caller],
    ['end', 'other', 'revoked', caller],
    ['isActive', 'other']
  ])
  const unknown = serve({ end: true })
  t.equal(await unknown.service.endByRefreshToken(token, 'logout', caller), false, 'a session id is not enough')
  t.same(unknown.called(), ['findByToken'])
})

t.test('a session as its user sees it', async (t) => {
  const time = '2026-01-01T00:00:00.000Z'
  const later = '2026-01-02T00:00:00.000Z'
  const row = {
    id: 'a',
    personalToken: null,
    clientId: 'c',
    provider: 'p',
    ipAddress: '192.0.2.1',
    userAgent: 'curl/8',
    createdAt: new Date(time),
    lastUsedAt: new Date(time),
    idleExpiresAt: new Date(later)
  }
  const { idleExpiresAt: _, ...shown } = { ...row, device: 'curl', createdAt: time, lastUsedAt: time, expiresAt: later }
  t.same(toSession(row, 'a'), { ...shown, current: true })
  t.same(toSession(row, 'b'), { ...shown, current: false })
})
