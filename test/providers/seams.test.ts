import type { ClientRequest, RequestOptions } from 'node:http'
import oauth2 from '@fastify/oauth2'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { agentFor } from '../../src/providers/agent.ts'
import { pluginOptions } from '../../src/providers/plugin-options.ts'
import { registerLate, type PluginNamespace } from '../../src/providers/registration.ts'
import { clientOptions, startProviderServer, tokenRequests } from './provider-server.ts'

/**
 * What Signet relies on in @fastify/oauth2, simple-oauth2, @hapi/wreck and Node's agents, and their documentation does
 * not promise. An upgrade that changes one of these turns a test of that name red (docs/adr/0003).
 */

/** An object that has these members only, and the names that were read. */
function strict<Members extends object> (members: Members): { object: Members, touched: Set<string> } {
  const touched = new Set<string>()
  const object = new Proxy(members, {
    get (target, name, receiver) {
      touched.add(String(name))
      if (!Reflect.has(target, name)) throw new Error(`The plugin reads ${String(name)}.`)
      return Reflect.get(target, name, receiver)
    }
  })
  return { object, touched }
}

const TOKENS = JSON.stringify({ access_token: 'the-access-token', token_type: 'bearer' })

t.test(
  'the plugin touches query and cookies, setCookie and clearCookie; of a host two methods and its name',
  async (t) => {
    const { url } = await startProviderServer(t, (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(TOKENS)
    })
    const members: Record<string, unknown> = {
      hasReplyDecorator: () => true,
      decorate (name: string, value: unknown) {
        members[name] = value
      }
    }
    const host = strict(members)
    const options = pluginOptions(clientOptions(url), 'canary-secret')
    await new Promise<void>((resolve, reject) => {
      oauth2.fastifyOauth2(host.object as Partial<FastifyInstance> as FastifyInstance, options, (error) =>
        error ? reject(error) : resolve()
      )
    })
    const namespace = members['provider-acme'] as PluginNamespace

    const kept: Record<string, string> = {}
    const startRequest = strict({})
    const startReply = strict({
      setCookie: (name: string, value: string) => {
        kept[name] = value
      }
    })
    await namespace.generateAuthorizationUri(startRequest.object, startReply.object)
    t.same([...startRequest.touched], [])
    t.same([...startReply.touched], ['setCookie'])
    t.same(Object.keys(kept).sort(), ['codeVerifier', 'state'])

    const request = strict({ query: { code: 'the-code', state: kept['state'] as string }, cookies: kept })
    const reply = strict({ clearCookie () {} })
    const { token } = await namespace.getAccessTokenFromAuthorizationCodeFlow(request.object, reply.object)
    t.match(token, { access_token: 'the-access-token' })
    t.same([...request.touched].sort(), ['cookies', 'query'])
    t.same([...reply.touched], ['clearCookie'])

    await namespace.getNewAccessTokenUsingRefreshToken({ refresh_token: 'the-refresh-token' }, {})
    t.same([...host.touched].sort(), ['decorate', 'hasReplyDecorator', 'provider-acme'])
  }
)

t.test('addRequest is called for every request, before the call of the plugin returns', async (t) => {
  const { url, requests } = await startProviderServer(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(TOKENS)
  })
  let called = 0
  const agent = agentFor(new URL(url))
  const { addRequest } = agent
  t.intercept(agent, 'addRequest', {
    value (request: ClientRequest, options: RequestOptions) {
      called++
      return addRequest.call(agent, request, options)
    }
  })
  const plugin = await registerLate(pluginOptions(clientOptions(url), 'canary-secret'))
  const callback = { query: { code: 'the-code', state: 'x' }, cookies: { state: 'x', codeVerifier: 'y' } }
  const exchange = plugin.getAccessTokenFromAuthorizationCodeFlow(callback, { clearCookie () {} })
  t.equal(called, 1)
  const refresh = plugin.getNewAccessTokenUsingRefreshToken({ refresh_token: 'the-refresh-token' }, {})
  t.equal(called, 2)
  await Promise.all([exchange, refresh])
  t.equal(requests(), 2)
})

t.test('isImmutable: the agent is not cloned, so that many calls share one connection', async (t) => {
  const { url, connections, requests } = await startProviderServer(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(TOKENS)
  })
  for (const options of [clientOptions(url), clientOptions(url, { clientId: 'another' })]) {
    const { exchange, refresh } = tokenRequests(options)
    for (let round = 0; round < 5; round++) {
      await exchange()
      await refresh()
    }
  }
  t.equal(requests(), 20)
  t.equal(connections.length, 1)
})

t.test('no request is made twice, and no redirect is followed', async (t) => {
  let status = 0
  const { url, requests } = await startProviderServer(t, (request, response) => {
    if (status === 0) request.socket.resetAndDestroy()
    else {
      response
        .writeHead(status, { 'content-type': 'application/json', location: '/token', 'retry-after': '0' })
        .end(TOKENS)
    }
  })
  for (const [name, work] of Object.entries(tokenRequests(clientOptions(url)))) {
    for (status of [0, 301, 302, 303, 307, 308, 400, 401, 408, 425, 429, 500, 502, 503, 504]) {
      const before = requests()
      await t.rejects(work(), { code: 'provider_error' }, `${name} ${status}`)
      t.equal(requests(), before + 1, `${name} ${status}`)
    }
  }
})

t.test('what the plugin throws quotes the client secret, and ends in a Problem that does not', async (t) => {
  const clientSecret = 'canary-\u20ac'
  const options = clientOptions('http://127.0.0.1', { clientSecret })
  await t.rejects(registerLate(pluginOptions(options, clientSecret)), { message: /canary/ }, 'Joi')
  const error = await tokenRequests(options)
    .refresh()
    .catch((error) => error)
  const message = 'Acme: the discovery failed: an endpoint, the client id or the secret cannot be used.'
  t.match(error, { code: 'provider_error', message })
  t.notMatch(JSON.stringify(error, Object.getOwnPropertyNames(error)), /canary/)
  t.notOk('cause' in error)
})
