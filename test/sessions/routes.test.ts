import cookie from '@fastify/cookie'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { createCookiePolicy } from '../../src/http/cookies.ts'
import { Problem } from '../../src/http/errors.ts'
import { validation } from '../../src/plugins/validation.ts'
import { logoutRoutes } from '../../src/sessions/routes.ts'
import { sessionRoutes } from '../../src/sessions/session-routes.ts'
import { requireRecentSignIn, requireScope } from '../../src/sessions/signed-in.ts'

const COOKIE = { cookie: '__Host-signet-refresh=rt' }
const BEARER = { authorization: 'Bearer at' }
const ALLOWED = { origin: 'https://app' }
const lifetimes = { attemptSeconds: 600, refreshTokenSeconds: 3600, sessionSeconds: 3600 }
const caller = { ipAddress: '127.0.0.1', userAgent: 'lightMyRequest', requestId: 'req', clientId: null }
const USER = { sub: 'u', sid: 's', client_id: 'c' }

interface World { claims?: object | undefined, isForThisServer?: boolean, isActive?: boolean, isEnded?: boolean }

/** The routes on services that record their calls. */
async function serve (
  t: Test, { claims = USER, isForThisServer = true, isActive = true, isEnded = true }: World = {}
) {
  const calls: unknown[][] = []
  const record = (name: string, result?: unknown) => async (...values: unknown[]) => {
    calls.push([name, ...values])
    return result
  }
  const app = Fastify({ genReqId: () => 'req' })
  t.teardown(() => app.close())
  app.decorateRequest('bearer')
  app.decorate('readAccessToken', async () => claims as never)
  app.decorate('isForThisServer', () => isForThisServer)
  app.decorate('requireBearer', async (request: { bearer: unknown }) => { request.bearer = claims })
  app.decorate('limits', { userWrites: { count: record('count') } } as never)
  app.setErrorHandler((error, _request, reply) => error instanceof Problem
    ? reply.code(error.status).send({ code: error.code, detail: error.message })
    : reply.send(error))
  await app.register(cookie)
  await app.register(validation)
  const sessions = {
    end: record('end'), endByRefreshToken: record('endByRefreshToken'), isActive: record('isActive', isActive)
  }
  const ownSessions = { list: record('list', []), end: record('endOwn', isEnded), endOthers: record('endOthers') }
  await app.register(logoutRoutes, {
    sessions: sessions as never,
    cookies: createCookiePolicy('https://id', lifetimes),
    allowedOrigins: { has: (origin: string) => origin === 'https://app' }
  })
  await app.register(sessionRoutes, { sessions, ownSessions } as never)
  const send = async (method: 'GET' | 'POST' | 'DELETE', url: string, headers: object = {}) => {
    const { statusCode: status, body, ...response } = await app.inject({ method, url, headers: { ...headers } })
    return { status, ...response, body: body === '' ? undefined : JSON.parse(body), headers: response.headers }
  }
  return { app, calls, send }
}

t.test('a logout ends the session of the token, or of the cookie for allowed origins', async (t) => {
  const { calls, send } = await serve(t)
  const ofToken = [['end', 's', 'logout', caller]]
  const ofCookie = [['endByRefreshToken', 'rt', 'logout', caller]]
  const cases: [string, object, unknown[][], boolean][] = [
    ['a token', BEARER, ofToken, true],
    ['a token, by a page', { ...BEARER, ...ALLOWED }, ofToken, true],
    ['a token, by a page of another site', { ...BEARER, origin: 'https://evil' }, ofToken, false],
    ['a token, by a page that hides its origin', { ...BEARER, 'sec-fetch-site': 'cross-site' }, ofToken, false],
    ['a token with a cookie', { ...BEARER, ...COOKIE }, ofToken, false],
    ['a token with a cookie, by a page', { ...BEARER, ...COOKIE, ...ALLOWED }, ofToken, true],
    ['a cookie', { ...COOKIE, ...ALLOWED }, ofCookie, true],
    ['nothing', {}, [], true],
    ['nothing, by a page', ALLOWED, [], true]
  ]
  for (const [what, headers, expected, isCleared] of cases) {
    const response = await send('POST', '/logout', headers)
    t.same([response.status, response.headers['cache-control']], [204, 'no-store'], what)
    t.same(calls.splice(0), expected, what)
    t.equal('set-cookie' in response.headers, isCleared, what)
    if (isCleared) t.match(response.headers['set-cookie'], /^__Host-signet-refresh=; .*Path=\/; .*Secure/)
  }
})

t.test('no other site may log out by cookie', async (t) => {
  const { calls, send } = await serve(t)
  for (const headers of [
    COOKIE,
    { ...COOKIE, origin: 'https://evil' },
    { ...COOKIE, ...ALLOWED, 'sec-fetch-site': 'cross-site' },
    { origin: 'https://evil' },
    { 'sec-fetch-site': 'cross-site' }
  ]) {
    const response = await send('POST', '/logout', headers)
    t.match(response, { status: 403, body: { code: 'invalid_request', detail: /allowed origin/ } })
    t.notOk('set-cookie' in response.headers)
  }
  t.same(calls, [])
})

t.test("a token that is not a user's for this server ends nothing", async (t) => {
  const ofClient = { sub: 'c', client_id: 'c' }
  for (const world of [{ claims: null as never }, { claims: ofClient }, { isForThisServer: false }]) {
    const { calls, send } = await serve(t, world)
    t.match(await send('POST', '/logout', BEARER), { status: 401, body: { code: 'invalid_token' } })
    t.same(calls, [])
  }
})

t.test('a logout accepts a body of any type', async (t) => {
  const { app } = await serve(t)
  for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded']) {
    const headers = { ...BEARER, 'content-type': type }
    t.equal((await app.inject({ method: 'POST', url: '/logout', payload: '{', headers })).statusCode, 204, type)
  }
})

t.test('a list takes its own parameters only, and reads one more row than it shows', async (t) => {
  const { calls, send } = await serve(t)
  const list = await send('GET', '/me/sessions?limit=2')
  t.match([list.status, list.headers['cache-control'], list.body], [200, 'no-store', { items: [], nextCursor: null }])
  t.match(calls, [['isActive', 's'], ['list', 'u', Object, 3]])
  calls.splice(0)
  for (const query of ['limits=2', 'limit=0', 'limit=2&userId=other']) {
    t.equal((await send('GET', `/me/sessions?${query}`)).status, 400, query)
  }
  t.notOk(calls.some(([name]) => name === 'list'))
})

t.test('only writes are limited, and a session that has ended opens nothing', async (t) => {
  const id = '01890000-0000-7000-8000-000000000000'
  const { calls, send } = await serve(t)
  t.equal((await send('DELETE', `/me/sessions/${id}`)).status, 204)
  t.equal((await send('DELETE', '/me/sessions')).status, 204)
  const request = { ...caller, clientId: 'c', sessionId: 's' }
  t.same(calls, [
    ['count', 'u'], ['isActive', 's'], ['endOwn', 'u', id, request],
    ['count', 'u'], ['isActive', 's'], ['endOthers', 'u', 's', request]
  ])
  const none = await serve(t, { isEnded: false })
  t.match(await none.send('DELETE', `/me/sessions/${id}`), { status: 404, body: { code: 'not_found' } })
  const ended = await serve(t, { isActive: false })
  t.match(await ended.send('GET', '/me/sessions'), {
    status: 401, body: { code: 'invalid_token', detail: 'The session of this access token has ended.' }
  })
  t.same(ended.calls, [['isActive', 's']])
})

t.test('some routes need a sign-in within ten minutes, or a scope', async (t) => {
  const { now } = Date
  t.teardown(() => { Date.now = now })
  Date.now = () => 2_000_000_000_000
  const recent = (secondsAgo: number, amr?: string[]) =>
    requireRecentSignIn({ bearer: { auth_time: 2_000_000_000 - secondsAgo, ...amr && { amr } } as never })
  await recent(600)
  const refused = { code: 'reauthentication_required' } as const
  await t.rejects(recent(601), { ...refused, message: /older than ten minutes/ })
  const byScope = (scope: string) => requireScope('email')({ bearer: { scope } } as never)
  await byScope('openid email')
  await t.rejects(byScope('openid'), { code: 'insufficient_scope', message: /email/ })
})
