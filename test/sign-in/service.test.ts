import { createHash } from 'node:crypto'
import t from 'tap'
import type { Caller } from '../../src/http/caller.ts'
import { OAuthError, Problem } from '../../src/http/errors.ts'
import { originOf } from '../../src/http/failure-origin.ts'
import { ID_TOKEN_MAX_AGE_SECONDS } from '../../src/providers/id-token.ts'
import type { LoginCompletion, LoginAttempt } from '../../src/sign-in/login-attempt.ts'
import { STAGE_STEPS, type LoginStage } from '../../src/sign-in/login-stage.ts'
import { createSignInService } from '../../src/sign-in/service.ts'
import { SignInRefused } from '../../src/sign-in/sign-in.ts'

const caller: Caller = { ipAddress: '192.0.2.1', userAgent: null, requestId: 'r', clientId: null }
const profile = { provider: 'acme', subject: '1' }
const tokens = { accessToken: 'of the provider' }
const user = {
  id: 'u',
  roles: ['admin'],
  email: 'e@x',
  name: 'Name',
  avatarUrl: 'https://x/1',
  accounts: [{ username: null }, { username: 'octocat' }, { username: 'later' }],
  metadata: { tenant: 't' }
}
const authenticatedAt = new Date()
const sha256 = (text: string) => createHash('sha256').update(text).digest()
/** A test may take its time. */
const isAhead = (at: unknown, seconds: number) =>
  Math.abs((at as Date).getTime() - Date.now() - seconds * 1000) < 60_000
const SECRETS = { state: 'st', codeVerifier: 'v', nonce: 'n' }
const CODE: LoginCompletion = {
  mode: 'code',
  intent: undefined,
  clientId: 'spa',
  redirectUri: 'https://app',
  state: 's',
  codeChallenge: 'cc',
  scope: 'openid',
  nonce: 'n'
}

/** A service among collaborators that answer as they are told and write down what they were asked. */
function serve (
  told: {
    spent?: boolean
    fails?: Error
    disabled?: boolean
    native?: boolean
    hangs?: boolean
    deafAudit?: boolean
    /** When the person signed in at the provider. */
    authenticatedAt?: Date
    /** The tokens for an app's authorization code, as Apple gives them. */
    exchanged?: object
    isDeleted?: boolean
    signedIn?: object
    record?: () => Promise<void>
  } = {}
) {
  const calls: [string, ...unknown[]][] = []
  const stages: unknown[][] = []
  const note =
    (name: string, answer: unknown) =>
      async (...args: unknown[]) => {
        calls.push([name, ...args])
        if (answer instanceof Error) throw answer
        return answer
      }
  const identified = { profile, tokens, ...told.authenticatedAt && { authenticatedAt: told.authenticatedAt } }
  const nativelyIdentified = { profile, ...told.exchanged && { clientId: 'com.example.app' } }
  const provider = {
    id: 'acme',
    name: 'Acme',
    formPost: false,
    isResponseIssuer: (iss: string) => iss === 'i',
    authorize: note('authorize', told.fails ?? { url: 'https://acme/authorize', secrets: SECRETS }),
    identify: told.hangs ? () => new Promise(() => {}) : note('identify', told.fails ?? identified),
    ...(told.native === false ? {} : { identifyNative: note('identifyNative', told.fails ?? nativelyIdentified) }),
    ...told.exchanged && { exchangeNative: note('exchangeNative', told.exchanged) }
  }
  const service = createSignInService({
    providers: new Map([['acme', provider]]) as never,
    attempts: {
      seal: (attempt: LoginAttempt) => ({ name: 'c', value: attempt }),
      stateHash: sha256
    } as never,
    repository: { spendState: note('spendState', !told.spent) } as never,
    signIn: note(
      'signIn',
      told.disabled
        ? new SignInRefused('u', 'account_disabled')
        : { userId: 'u', sessionId: 'sid', authenticatedAt, ...told.signedIn }
    ) as never,
    users: { find: note('find', told.isDeleted ? undefined : user) as never },
    sessions: {
      newSecret: () => ({ secret: Buffer.from('secret'), secretHash: Buffer.from('hash') }),
      issue: (...args: unknown[]) => ({ issued: args.filter((each) => each !== undefined) })
    } as never,
    accounts: { createLinkCode: note('createLinkCode', 'a code to link by') } as never,
    audit: { record: told.record ?? note('record', told.deafAudit ? new Error('no audit') : undefined) } as never,
    idleSeconds: 10,
    maximumSeconds: 100,
    onStage: (...args) => {
      stages.push(args)
    },
    onAuditFailure: (error) => {
      stages.push(['audit', (error as Error).message])
    }
  })
  const asked = (name: string) => calls.filter(([called]) => called === name).map(([, ...args]) => args)
  return { service, stages, asked, called: () => calls.map(([name]) => name) }
}

const attempt = (completion: LoginCompletion = { mode: 'direct' }, provider = 'acme'): LoginAttempt => ({
  provider,
  completion,
  ...SECRETS,
  startedAt: Date.now() - 60_000
})
const back = { state: 'st', code: 'c', iss: 'i', error: undefined, user: 'u' }

t.test('a login starts at the provider, with an attempt', async (t) => {
  const { service, stages } = serve()
  const sealed = { provider: 'acme', completion: { mode: 'direct' }, ...SECRETS, startedAt: Number }
  const started = await service.start('acme', { mode: 'direct' })
  t.match(started, { url: 'https://acme/authorize', cookie: { name: 'c', value: sealed }, provider: { id: 'acme' } })
  t.same(stages, [['acme', 'started']])
  await t.rejects(service.start('other', { mode: 'direct' }), { code: 'unknown_provider' })
  const fails = new Problem('provider_error')
  const broken = serve({ fails })
  await t.rejects(broken.service.start('acme', { mode: 'direct' }), fails)
  t.same(broken.stages, [['acme', 'started', fails]])
})

t.test('it ends in tokens: the state is spent, the provider asked, the user signed in', async (t) => {
  const { service, asked, stages, called } = serve()
  const finished = await service.finish(attempt(), back, caller)
  t.same(called(), ['spendState', 'identify', 'signIn', 'find'])
  const [[hash, forgetAt] = []] = asked('spendState')
  t.same(hash, sha256('st'))
  t.ok(isAhead(forgetAt, 19 * 60), 'twenty minutes after it began')
  const [[{ signal, ...identify }] = [{} as never]] = asked('identify') as [Record<string, unknown>][]
  t.same(identify, { code: 'c', state: 'st', iss: 'i', user: 'u', secrets: SECRETS })
  t.ok(signal instanceof AbortSignal)
  t.same(asked('signIn'), [
    [
      { profile, tokens },
      {
        clientId: 'signet',
        scope: 'provider_token',
        resources: [],
        secretHash: Buffer.from('hash'),
        idleSeconds: 10,
        maximumSeconds: 100
      },
      caller
    ]
  ])
  const grant = {
    sessionId: 'sid',
    userId: 'u',
    clientId: 'signet',
    scope: 'provider_token',
    resources: [],
    roles: ['admin'],
    authTime: Math.floor(authenticatedAt.getTime() / 1000),
    nonce: null,
    email: 'e@x',
    name: 'Name',
    avatarUrl: 'https://x/1',
    username: 'octocat',
    metadata: { tenant: 't' }
  }
  const completion = { mode: 'direct' }
  t.same(finished, { outcome: 'tokens', completion, tokens: { issued: [grant, Buffer.from('secret')] }, user })
  t.same(stages, [
    ['acme', 'returned'],
    ['acme', 'identified'],
    ['acme', 'completed']
  ])
})

t.test('for a client it ends in a code whose session lives a minute until it is exchanged', async (t) => {
  const { service, asked } = serve()
  const { code, outcome } = (await service.finish(attempt(CODE), back, caller)) as { code: string, outcome: string }
  t.equal(outcome, 'code')
  t.match(code, /^[\w-]{43}$/)
  t.match(asked('signIn'), [
    [
      { profile },
      {
        clientId: 'spa',
        scope: 'openid',
        idleSeconds: 60,
        maximumSeconds: 100,
        code: { hash: sha256(code), redirectUri: 'https://app', codeChallenge: 'cc', nonce: 'n', lifetimeSeconds: 60 }
      }
    ]
  ])
  await service.finish(attempt({ ...CODE, nonce: undefined }), back, caller)
  t.equal((asked('signIn')[1]?.[1] as { code: { nonce: unknown } }).code.nonce, null)
})

t.test('a code to link by opens no session', async (t) => {
  const { service, asked, called } = serve()
  const completion = { ...CODE, intent: 'link' as const }
  const linked = { outcome: 'code', completion, code: 'a code to link by' }
  t.same(await service.finish(attempt(completion), back, caller), linked)
  t.same(asked('createLinkCode'), [[profile, tokens, completion]])
  t.notOk(called().includes('signIn'))
})

t.test('for a device it ends in a session that waits ten minutes', async (t) => {
  const { service, asked } = serve()
  const completion: LoginCompletion = {
    mode: 'device',
    deviceCodeHash: Buffer.from('hash of a code').toString('base64url'),
    userCode: 'X',
    clientId: 'tv',
    scope: 'openid'
  }
  const waiting = { outcome: 'device', completion, sessionId: 'sid', user }
  t.same(await service.finish(attempt(completion), back, caller), waiting)
  t.strictSame(asked('signIn')[0]?.[1], {
    clientId: 'tv',
    scope: 'openid',
    resources: [],
    secretHash: Buffer.from('hash'),
    idleSeconds: 600,
    deviceCodeHash: Buffer.from('hash of a code'),
    maximumSeconds: 100
  })
})

t.test('a failure is told by its stage, and written down', async (t) => {
  const cases: [Parameters<typeof serve>[0], Partial<typeof back>, string, LoginStage, string?][] = [
    [{ spent: true }, {}, 'invalid_state', 'returned'],
    [{}, { iss: 'another', error: 'access_denied' } as never, 'provider_error', 'returned'],
    [{}, { error: 'access_denied' } as never, 'access_denied', 'returned', 'access_denied'],
    [{}, { error: 'user_cancelled_login' } as never, 'access_denied', 'returned', 'user_cancelled_login'],
    [{}, { error: 'user_cancelled_authorize' } as never, 'access_denied', 'returned', 'user_cancelled_authorize'],
    [{}, { error: 'server_error' } as never, 'provider_error', 'returned', 'server_error'],
    [{}, { code: undefined } as never, 'invalid_request', 'returned'],
    [{ fails: new Problem('provider_timeout') }, {}, 'provider_timeout', 'identified'],
    [{ fails: new OAuthError('invalid_grant', 'x') }, {}, 'invalid_grant', 'identified'],
    [{ fails: new Error('x') }, {}, 'internal_error', 'identified'],
    [{ disabled: true }, {}, 'account_disabled', 'completed']
  ]
  for (const [told, parameters, code, stage, word] of cases) {
    const { service, asked, stages } = serve(told)
    const error = await service.finish(attempt(), { ...back, ...parameters }, caller).then(
      () => undefined,
      (error) => error
    )
    t.ok(error, code)
    t.same(stages.at(-1), ['acme', stage, error], code)
    const userId = code === 'account_disabled' ? 'u' : null
    const details = { code, step: STAGE_STEPS[stage], ...word !== undefined && { providerError: word } }
    t.strictSame(asked('record'), [
      [{ type: 'login.failed', userId, clientId: 'signet', provider: 'acme', details }, caller]
    ])
    if (parameters.iss !== undefined) t.equal(originOf(error).reason, 'iss names another issuer')
  }
  const { service, stages, called } = serve({ spent: true, deafAudit: true })
  await t.rejects(service.finish(attempt(), back, caller), { code: 'invalid_state' })
  t.same(stages.at(-1), ['audit', 'no audit'], 'an audit trail that cannot be written changes no answer')
  t.notOk(called().includes('identify'), 'a spent state reaches no provider')
  await t.rejects(service.finish(attempt({ mode: 'direct' }, 'gone'), back, caller), { code: 'unknown_provider' })
})

t.test('a login that takes longer than fifteen seconds is over', async (t) => {
  const { setTimeout } = globalThis
  t.teardown(() => {
    globalThis.setTimeout = setTimeout
  })
  globalThis.setTimeout = ((work: () => void, ms: number) => setTimeout(work, ms === 15_000 ? 10 : ms)) as never
  await t.rejects(serve({ hangs: true }).service.finish(attempt(), back, caller), {
    code: 'provider_timeout',
    message: 'Acme'
  })
})

const native = { provider: 'acme', idToken: 'head.body.signature', nonce: 'n', clientId: 'app', scope: 'openid' }

t.test("an app's ID token signs in once, whatever its signature's spelling", async (t) => {
  const { service, asked, stages } = serve()
  t.match(await service.signInNatively(native, caller), { issued: [{ clientId: 'app', scope: 'openid' }] })
  t.same(asked('identifyNative'), [['head.body.signature', 'n', undefined]])
  const [[hash, forgetAt] = []] = asked('spendState')
  t.same(hash, sha256('id-token:head.body'))
  t.ok(isAhead(forgetAt, 2 * ID_TOKEN_MAX_AGE_SECONDS))
  t.match(asked('signIn'), [[{ profile }, { clientId: 'app', scope: 'openid', idleSeconds: 10 }]])
  t.notOk('tokens' in (asked('signIn')[0]?.[0] as object))
  t.same(stages, [
    ['acme', 'returned'],
    ['acme', 'identified'],
    ['acme', 'completed']
  ])
})

t.test('what is wrong with a native sign-in is said as a token endpoint says it', async (t) => {
  const cases: [Parameters<typeof serve>[0], object, object][] = [
    [{}, { provider: 'other' }, { error: 'invalid_request', status: 400 }],
    [{ native: false }, {}, { error: 'invalid_request', status: 400 }],
    [{ spent: true }, {}, { error: 'invalid_grant', status: 400 }],
    [{ disabled: true }, {}, { error: 'invalid_grant', status: 400 }],
    [{ fails: new Problem('provider_error', 'words') }, {}, { error: 'server_error', status: 502, message: 'words' }],
    [
      { fails: new Problem('provider_timeout', 'words') },
      {},
      { error: 'temporarily_unavailable', status: 504, message: 'words' }
    ],
    [
      { fails: new Problem('invalid_id_token', 'words') },
      {},
      { error: 'invalid_grant', status: 400, message: 'words' }
    ],
    [{ fails: new Problem('access_denied', 'words') }, {}, { error: 'invalid_grant', status: 400, message: 'words' }],
    [{ fails: new Problem('sign_up_closed', 'words') }, {}, { error: 'invalid_grant', message: 'words' }],
    [{ fails: new Problem('email_not_allowed', 'words') }, {}, { error: 'invalid_grant', message: 'words' }],
    [{ fails: new Problem('rate_limited', 'words') }, {}, { code: 'rate_limited', message: 'words' }],
    [{ fails: new Problem('service_unavailable') }, {}, { code: 'service_unavailable', status: 503 }],
    [{ fails: new Error('ours') }, {}, { message: 'ours' }]
  ]
  for (const [told, more, expected] of cases) {
    await t.rejects(
      serve(told).service.signInNatively({ ...native, ...more }, caller),
      expected as { name: string },
      JSON.stringify(expected)
    )
  }
  const { service, called } = serve()
  await t.rejects(service.signInNatively({ ...native, provider: 'other' }, caller))
  t.same(called(), [], "a provider that there is not is nobody's failed login")
})

t.test('a sign-in at the provider may be as old as max_age allows, and half a minute for its clock', async (t) => {
  const startedAt = Date.now()
  const finish = (secondsAgo: number | undefined, maxAge: number | undefined) => {
    const authenticatedAt = secondsAgo === undefined ? undefined : new Date(startedAt - secondsAgo * 1000)
    const { service } = serve(authenticatedAt && { authenticatedAt })
    return service.finish({ ...attempt(), startedAt, maxAge }, back, caller)
  }
  for (const [secondsAgo, maxAge] of [[130, 100], [30, 0], [1e6, undefined], [undefined, 0]] as const) {
    t.match(await finish(secondsAgo, maxAge), { outcome: 'tokens' }, `${secondsAgo} ${maxAge}`)
  }
  for (const [secondsAgo, maxAge] of [[130.001, 100], [30.001, 0]] as const) {
    const error = await finish(secondsAgo, maxAge).catch((error) => error)
    const reason = 'the sign-in there was longer ago than max_age allows'
    t.match(error, { code: 'provider_error', message: `Acme: ${reason}.` })
    t.match(originOf(error), { step: 'ID token', reason })
  }
})

t.test('a start asks the provider for the parameters, and the attempt keeps max_age', async (t) => {
  const { service, asked } = serve()
  const parameters = { prompt: [], maxAge: 5 } as never
  t.match((await service.start('acme', CODE, parameters)).cookie, { value: { maxAge: 5 } })
  t.same(asked('authorize'), [[parameters]])
  const fails = new Problem('provider_error')
  const error = await serve({ fails }).service.start('acme', CODE).catch((error) => error)
  t.same(originOf(error), { step: STAGE_STEPS.started, provider: 'acme', mode: 'code', clientId: 'spa' })
})

t.test('the session has the resources of its request, and the key of a public client', async (t) => {
  const { service, asked } = serve()
  const resources = ['https://api']
  await service.finish(attempt({ ...CODE, resources, dpopJkt: 'jkt' }), back, caller)
  await service.finish(attempt(CODE), back, caller)
  const key = (bindsRefreshTokens: boolean) => ({ ...native, issue: { key: { jkt: 'jkt', bindsRefreshTokens } } })
  t.match(await service.signInNatively({ ...key(true), resources } as never, caller), {
    issued: [{ resources }, Buffer.from('secret'), { key: { jkt: 'jkt' } }]
  })
  await service.signInNatively(key(false) as never, caller)
  await service.signInNatively({ ...native, issue: { key: undefined } } as never, caller)
  type Opened = { resources?: unknown, dpopJkt?: unknown, code?: { dpopJkt: unknown } }
  t.strictSame(asked('signIn').map(([, session]) => {
    const { resources, dpopJkt, code } = session as Opened
    return [resources, dpopJkt, code?.dpopJkt]
  }), [
    [resources, undefined, 'jkt'],
    [[], undefined, undefined],
    [resources, 'jkt', undefined],
    [[], undefined, undefined],
    [[], undefined, undefined]
  ])
})

t.test('for a third-party client it ends in a session that waits for the consent', async (t) => {
  const { service, asked } = serve()
  const completion = { ...CODE, resources: ['https://api'], consent: { fingerprint: 'f', isForced: false } }
  const waiting = { outcome: 'consent', completion, sessionId: 'sid', user }
  t.same(await service.finish(attempt(completion), back, caller), waiting)
  const [[, session] = []] = asked('signIn')
  t.strictSame(session, {
    clientId: 'spa',
    scope: 'openid',
    resources: ['https://api'],
    secretHash: Buffer.from('hash'),
    idleSeconds: 600,
    maximumSeconds: 100
  })
})

t.test("for Signet's own pages it ends in a session without a scope, that lives as long as any other", async (t) => {
  const { service, asked, called } = serve()
  const completion: LoginCompletion = { mode: 'pages', returnTo: 'https://id/account' }
  const page = { sessionId: 'sid', secret: Buffer.from('secret') }
  t.same(await service.finish(attempt(completion), back, caller), { outcome: 'page', completion, page })
  const hash = Buffer.from('hash')
  t.strictSame(asked('signIn')[0]?.[1], {
    clientId: 'signet', scope: '', secretHash: hash, pageSecretHash: hash, idleSeconds: 10, maximumSeconds: 100
  })
  t.notOk(called().includes('find'))
})

t.test('the user is read unless the sign-in brings it; one who was deleted begins anew', async (t) => {
  const brought = serve({ signedIn: { user: { ...user, name: 'Another' } } })
  t.match(await brought.service.finish(attempt(), back, caller), { user: { name: 'Another' } })
  t.notOk(brought.called().includes('find'))
  const deleted = serve({ isDeleted: true }).service
  await t.rejects(deleted.finish(attempt(), back, caller), { code: 'invalid_state', message: /deleted/ })
})

t.test("an app's authorization code is exchanged for the grant that the ID token is of", async (t) => {
  const { service, asked, called } = serve({ exchanged: { refreshToken: 'of the provider' } })
  await service.signInNatively({ ...native, code: 'c', name: 'Name' }, caller)
  t.same(asked('identifyNative'), [['head.body.signature', 'n', 'Name']])
  const [[code, owner, subject, signal] = []] = asked('exchangeNative')
  t.same([code, owner, subject], ['c', 'com.example.app', '1'])
  t.ok(signal instanceof AbortSignal)
  t.strictSame(asked('signIn')[0]?.[0], { profile, tokens: { refreshToken: 'of the provider' } })
  t.same(called().slice(0, 3), ['identifyNative', 'spendState', 'exchangeNative'])
  const without = serve({ exchanged: {} })
  await without.service.signInNatively(native, caller)
  t.notOk(without.called().includes('exchangeNative'))
  const other = serve()
  await t.rejects(other.service.signInNatively({ ...native, code: 'c' }, caller), {
    error: 'invalid_request', message: /code is for Apple/
  })
  t.same(other.called(), ['record'])
})

t.test('a failure is recorded before it is told, unless the database is away', async (t) => {
  const away = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  for (const fails of [new Problem('provider_error'), away]) {
    let isRecorded = false
    const record = async () => {
      await new Promise((resolve) => setImmediate(resolve))
      isRecorded = true
      throw new Error('no audit')
    }
    const { service } = serve({ fails, record })
    await t.rejects(service.finish(attempt(CODE), back, caller), fails)
    t.equal(isRecorded, fails !== away)
  }
})

t.test('where a failure happened is noted for the log: which login it was, and its step', async (t) => {
  const fails = () => new Error('x')
  const completions: [LoginCompletion, string, string][] = [
    [{ mode: 'direct' }, 'direct', 'signet'],
    [{ mode: 'cookie', returnTo: 'https://app' }, 'cookie', 'signet'],
    [CODE, 'code', 'spa'],
    [{ ...CODE, intent: 'link' }, 'link', 'spa'],
    [{ mode: 'device', deviceCodeHash: 'h', userCode: 'X', clientId: 'tv', scope: '' }, 'device', 'tv']
  ]
  for (const [completion, mode, clientId] of completions) {
    const error = fails()
    await t.rejects(serve({ fails: error }).service.finish(attempt(completion), back, caller), error)
    t.strictSame(originOf(error), { step: STAGE_STEPS.identified, mode, clientId, provider: 'acme' })
  }
  const error = fails()
  await t.rejects(serve({ fails: error }).service.signInNatively(native, caller), error)
  t.match(originOf(error), { mode: 'native', clientId: 'app', provider: 'acme' })
})

t.test('a response need not name its issuer, and cookie mode ends in tokens', async (t) => {
  const { service } = serve()
  const completion: LoginCompletion = { mode: 'cookie', returnTo: 'https://app' }
  const answer = { ...back, iss: undefined }
  t.match(await service.finish(attempt(completion), answer, caller), { outcome: 'tokens', completion, user })
})
