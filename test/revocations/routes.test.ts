import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { createClients } from '../../src/clients/clients.ts'
import { OAuthError, Problem } from '../../src/http/errors.ts'
import { validation } from '../../src/plugins/validation.ts'
import { revocationRoutes } from '../../src/revocations/routes.ts'

const BASIC = { authorization: `Basic ${Buffer.from('web:secret').toString('base64')}` }
const ASSERTION = {
  client_id: 'web',
  client_assertion: 'jwt',
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
}
const LIST = {
  items: [{ sessionId: '00000000-0000-4000-8000-000000000000', revokedAt: '2026-01-01T00:00:00.000Z' }], nextCursor: '7'
}

/** The routes on a list and limits that record their calls. `failure` is what the check of an assertion throws. */
async function serve (t: Test, { failure, isLimited = false }: { failure?: Error, isLimited?: boolean } = {}) {
  const calls: unknown[][] = []
  const limit = (name: string) => ({
    check: async (key: string) => { calls.push([`${name}.check`, key]) },
    count: async (key: string) => {
      calls.push([`${name}.count`, key])
      if (isLimited && name === 'revocations') throw new Problem('rate_limited')
    }
  })
  const app = Fastify()
  t.teardown(() => app.close())
  app.decorate('limits', {
    failedTokenCalls: limit('failedTokenCalls'), revocations: limit('revocations')
  } as never)
  app.setErrorHandler((error, _request, reply) => error instanceof Problem
    ? reply.code(error.status).headers(error.headers).send({ code: error.code, detail: error.message })
    : reply.send(error))
  await app.register(validation)
  const registered = [
    { client_id: 'spa', name: 'SPA', redirect_uris: [] },
    { client_id: 'web', name: 'Web', redirect_uris: [], client_secret: 'secret' }
  ]
  const clients = createClients(
    registered as never,
    { find: async () => undefined, wantsRs256: async () => false },
    { verify: async () => { if (failure) throw failure } }
  )
  const revocations = {
    list: async (...values: unknown[]) => {
      calls.push(['list', ...values])
      return LIST
    }
  }
  await app.register(revocationRoutes, { revocations, clients, accessTokenSeconds: 900 } as never)
  const send = async (method: 'GET' | 'POST', url: string, headers = {}, payload?: object) => {
    const answer = await app.inject({ method, url, headers, ...payload && { payload } })
    const { statusCode: status, body } = answer
    return { status, headers: answer.headers, body: body === '' ? undefined : JSON.parse(body) }
  }
  return { calls, send }
}

t.test('the list is for a client that proves itself, each by its own limit', async (t) => {
  const { calls, send } = await serve(t)
  const answer = await send('GET', '/revocations', BASIC)
  t.strictSame(answer.body, { ...LIST, keepSeconds: 1200 })
  t.equal(answer.headers['cache-control'], 'private, max-age=1')
  const etag = String(answer.headers.etag)
  t.match(etag, /^"[\w-]{43}"$/)
  t.strictSame(calls.splice(0), [
    ['failedTokenCalls.check', '127.0.0.1'], ['revocations.count', 'web'], ['list', undefined, 1200]
  ])
  t.equal((await send('GET', '/revocations?since=7', { ...BASIC, 'if-none-match': etag })).status, 304)
  t.strictSame(calls.at(-1), ['list', '7', 1200])
})

t.test('by POST it comes with credentials in the body, and is not stored', async (t) => {
  const { calls, send } = await serve(t)
  for (const credentials of [{ client_id: 'web', client_secret: 'secret' }, ASSERTION]) {
    const { body, headers } = await send('POST', '/revocations', {}, { since: '7', ...credentials })
    t.strictSame(body, { ...LIST, keepSeconds: 1200 })
    t.equal(headers['cache-control'], 'no-store')
    t.strictSame(calls.at(-1), ['list', '7', 1200])
  }
})

t.test('what breaks the schema is refused before anything is counted', async (t) => {
  const { calls, send } = await serve(t)
  for (const query of ['since=', 'since=-1', `since=${'9'.repeat(19)}`, 'limit=1']) {
    t.equal((await send('GET', `/revocations?${query}`, BASIC)).status, 400, query)
  }
  for (const wrong of [{ since: 'x' }, { since: 7 }, { client_secret: 7 }]) {
    const { status } = await send('POST', '/revocations', {}, { client_id: 'web', client_secret: 'secret', ...wrong })
    t.equal(status, 400, JSON.stringify(wrong))
  }
  t.same(calls, [])
})

t.test('only a failure to prove the client counts as one', async (t) => {
  const refused = await serve(t)
  for (const headers of [{}, { authorization: 'Basic d2ViOng=' }, { authorization: 'Basic c3BhOg==' }]) {
    const { status, body, ...answer } = await refused.send('GET', '/revocations', headers)
    t.same([status, answer.headers['www-authenticate'], body.code], [401, 'Basic realm="signet"', 'invalid_client'])
    t.strictSame(refused.calls.splice(0), [
      ['failedTokenCalls.check', '127.0.0.1'], ['failedTokenCalls.count', '127.0.0.1']
    ])
  }
  t.match((await refused.send('GET', '/revocations')).body.detail, /confidential client/)

  const away = await serve(t, { failure: new OAuthError('temporarily_unavailable', 'No keys.', 503) })
  const unavailable = await away.send('POST', '/revocations', {}, ASSERTION)
  t.match(unavailable, { status: 503, body: { code: 'service_unavailable', detail: 'No keys.' } })
  const broken = await serve(t, { failure: new Error('broken') })
  t.equal((await broken.send('POST', '/revocations', {}, ASSERTION)).status, 500)
  const limited = await serve(t, { isLimited: true })
  t.equal((await limited.send('GET', '/revocations', BASIC)).status, 429)
  for (const { calls } of [away, broken, limited]) t.notOk(calls.some(([name]) => name === 'failedTokenCalls.count'))
  t.notOk(limited.calls.some(([name]) => name === 'list'))
})
