import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { eventually } from '../helper.ts'
import { startForeignHost } from './foreign-host.ts'

const ORIGIN = 'https://elsewhere.example.com'

/** A whole sign-in at GitHub, by JSON. */
async function signIn (issuerUrl: string) {
  return (await createBrowser(issuerUrl).login('/login/github')).json()
}

t.test('a host keeps its cookies, registered before Signet or after, and reads none for Signet', async (t) => {
  const own = async (app: FastifyInstance) => {
    await app.register(cookie, { secret: 'of the host', parseOptions: { path: '/own' } })
    app.get('/cookies', async (request, reply) => {
      const { own = '' } = request.cookies
      return reply.setCookie('next', 'value', { signed: true }).send({ own, valid: request.unsignCookie(own).valid })
    })
  }
  for (const when of ['before', 'after'] as const) {
    const { app, issuerUrl } = await startForeignHost(t, { [when]: own })
    const signed = app.signCookie('mine')
    const answer = await app.inject({ url: '/cookies', headers: { cookie: `own=${encodeURIComponent(signed)}` } })
    t.same(answer.json(), { own: signed, valid: true }, when)
    t.match(answer.headers['set-cookie'], /^next=value\.[^;]+; Path=\/own/, when)
    const start = await app.inject('/auth/login/github')
    t.match(start.headers['set-cookie'], /^signet-.*; Path=\/; HttpOnly; SameSite=Lax$/, 'Signet sends its own')
    t.match(await signIn(issuerUrl), { token_type: 'Bearer' }, when)
  }
})

t.test('CORS: each has its own, and what a host allows to all does not open Signet', async (t) => {
  const { app } = await startForeignHost(t, {
    async before (app) {
      await app.register(cors, { origin: true, credentials: true })
      app.get('/open', async () => ({}))
    }
  })
  const ask = async (url: string) => (await app.inject({ url, headers: { origin: ORIGIN } })).headers
  t.match(await ask('/open'), { 'access-control-allow-origin': ORIGIN, 'access-control-allow-credentials': 'true' })
  const signet = await ask('/auth/me')
  t.notOk(signet['access-control-allow-origin'], 'an origin that ALLOWED_ORIGINS lacks')
  t.notOk(signet['access-control-allow-credentials'])
  const preflight = await app.inject({
    method: 'OPTIONS', url: '/auth/me', headers: { origin: ORIGIN, 'access-control-request-method': 'GET' }
  })
  t.notOk(preflight.headers['access-control-allow-origin'], 'nor by a preflight request')
  const known = await app.inject({ url: '/auth/me', headers: { origin: 'https://app.example.com' } })
  t.equal(known.headers['access-control-allow-origin'], 'https://app.example.com', 'a client of Signet')
})

t.test('headers that a host sets on each raw response, as Express middleware does, do not reach Signet', async (t) => {
  const headers = { 'access-control-allow-origin': '*', 'cross-origin-opener-policy': 'same-origin', 'x-of-host': '1' }
  const { app } = await startForeignHost(t, {
    before (app) {
      app.addHook('onRequest', async (_request, { raw }) => {
        for (const [name, value] of Object.entries(headers)) raw.setHeader(name, value)
      })
      app.get('/open', async () => ({}))
    }
  })
  t.match((await app.inject('/open')).headers, headers)
  const signet = (await app.inject('/auth/login')).headers
  for (const name of Object.keys(headers)) t.equal(signet[name], undefined, name)
})

t.test('errors, unknown routes and request ids of a host stay its own, and one id is in both logs', async (t) => {
  const { app, log } = await startForeignHost(t, {
    server: { genReqId: () => 'id-of-the-host' },
    before (app) {
      app.setErrorHandler((error: Error, _request, reply) => reply.code(418).send({ own: error.message }))
      app.setNotFoundHandler((_request, reply) => reply.code(404).send({ own: 'not found' }))
      app.get('/fails', async () => { throw new Error('a mistake') })
      app.get('/guarded', { onRequest: (request, reply) => app.signet.requireBearer(request, reply) }, async () => ({}))
    }
  })
  t.match(await app.inject('/fails'), { statusCode: 418, body: '{"own":"a mistake"}' })
  const unknown = await app.inject('/nothing')
  t.match(unknown, { statusCode: 404, body: '{"own":"not found"}' })
  t.notOk(unknown.headers['x-request-id'])
  t.notOk(unknown.headers['content-security-policy'], 'no header of Signet on what is the host\'s')
  t.match(await app.inject('/guarded'), {
    statusCode: 418, headers: { 'www-authenticate': 'Bearer realm="signet"' }
  }, 'the challenge is there whatever the host makes of the error')

  const ofSignet = await app.inject('/auth/nothing?code=secret')
  t.match(ofSignet, { statusCode: 404, headers: { 'x-request-id': 'id-of-the-host' } })
  t.match(ofSignet.json(), { code: 'not_found', requestId: 'id-of-the-host' })
  const lines = log().split('\n').filter((line) => line.includes('"component":"signet"') && line.includes('not_found'))
  t.match(JSON.parse(lines[0] ?? ''), { reqId: 'id-of-the-host', code: 'not_found', status: 404 })
  t.notMatch(log(), 'secret', 'neither logs the query of a request to Signet')
})

t.test('a request id that is no header value is replaced', async (t) => {
  const { app } = await startForeignHost(t, { server: { genReqId: () => 'a\nb' } })
  const { statusCode, headers } = await app.inject('/auth/healthz')
  t.equal(statusCode, 200)
  t.match(headers['x-request-id'], /^[0-9a-f-]{36}$/)
})

t.test('a host keeps its parsers, schemas, serializers and hooks; they do not reach into Signet', async (t) => {
  const seen: string[] = []
  const { app, issuerUrl } = await startForeignHost(t, {
    before (app) {
      app.removeAllContentTypeParsers()
      app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, { own: body }))
      app.setValidatorCompiler(() => (value) => ({ value: { ...value as object, validated: true } }))
      app.setSerializerCompiler(() => (value) => `own:${JSON.stringify(value)}`)
      app.addHook('preHandler', async () => { seen.push('preHandler') })
      app.addHook('onSend', async (_request, _reply, payload) => `${String(payload)}!`)
      app.addHook('onRequestAbort', async (_request) => { seen.push('aborted') })
      app.addHook('onResponse', async ({ url }, reply) => { seen.push(`${reply.statusCode} ${url}`) })
      const schema = { body: { type: 'object' }, response: { 200: { type: 'object' } } } as const
      app.post('/echo', { schema }, async ({ body }) => body)
    }
  })
  const headers = { 'content-type': 'text/plain' }
  const echo = await app.inject({ method: 'POST', url: '/echo', payload: 'x', headers })
  t.equal(echo.body, 'own:{"own":"x","validated":true}!')
  t.same(seen.splice(0), ['preHandler', '200 /echo'])
  t.match(await signIn(issuerUrl), { token_type: 'Bearer' })
  const form = await fetch(`${issuerUrl}/oauth2/token`, {
    method: 'POST', body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'x' })
  })
  t.match(await form.json(), { error: 'invalid_grant' }, 'Signet parsed the form')
  t.notOk(seen.includes('preHandler'))
  t.ok(seen.includes('400 /auth/oauth2/token'), 'onResponse sees the URL that was asked for')
  const socket = connect(Number(new URL(issuerUrl).port), 'localhost')
  socket.write('POST /auth/oauth2/token HTTP/1.1\r\nHost: x\r\n')
  socket.write('Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{')
  await sleep(100)
  socket.destroy()
  await eventually('onRequestAbort runs', () => seen.includes('aborted'))
})

t.test('a host keeps its decorators of any name, and gets one', async (t) => {
  const names = ['database', 'jobs', 'metrics', 'limits', 'brand', 'jwt', 'requireBearer', 'shutdown']
  const { app, issuerUrl } = await startForeignHost(t, {
    before (app) {
      for (const name of names) app.decorate(name, `the host's ${name}`)
      for (const name of ['user', 'bearer', 'visit', 'cookies']) app.decorateRequest(name, null)
      for (const name of ['problem', 'setCookie']) app.decorateReply(name, null)
    }
  })
  for (const name of names) t.equal(app[name as never], `the host's ${name}`)
  t.match(await signIn(issuerUrl), { token_type: 'Bearer' })
  const bare = await startForeignHost(t)
  t.ok(bare.app.hasDecorator('signet'))
  for (const name of [...names, 'openapi', 'forHost']) t.notOk(bare.app.hasDecorator(name), name)
  for (const name of ['user', 'bearer', 'cookies', 'accessTokenJwtVerify']) t.notOk(bare.app.hasRequestDecorator(name))
  for (const name of ['problem', 'setCookie']) t.notOk(bare.app.hasReplyDecorator(name), name)
})

t.test('a host keeps its /docs, which describe its own routes; those of Signet are below the prefix', async (t) => {
  const { app } = await startForeignHost(t, {
    async before (app) {
      await app.register(swagger, { openapi: { info: { title: 'the host', version: '1' } } })
      await app.register(swaggerUi, { routePrefix: '/docs' })
      app.get('/notes', async () => [])
    }
  })
  const { info, paths } = (await app.inject('/docs/json')).json()
  t.same([info.title, Object.keys(paths)], ['the host', ['/notes']])
  t.match((await app.inject('/docs')).body, 'Swagger UI')
  const own = (await app.inject('/auth/openapi.json')).json()
  t.equal(own.info.title, 'signet')
  t.ok(own.paths['/me'])
  t.match((await app.inject('/auth/docs')).body, '/auth/docs/static/')
})
