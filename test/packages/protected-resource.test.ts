import { createServer } from 'node:http'
import Fastify from 'fastify'
import t from 'tap'
import { protectedResource } from '../../packages/verify/src/index.ts'
import { describeResource } from '../../packages/verify/src/resource-metadata.ts'
import { createDpopKey } from '../fakes/dpop.ts'
import { setupWithClients } from '../flows/setup-with-clients.ts'
import { freePort } from '../free-port.ts'
import { readJson } from '../helper.ts'

const port = await freePort()
const RESOURCE = `http://localhost:${port}/notes`
const METADATA_URL = `http://localhost:${port}/.well-known/oauth-protected-resource/notes`
const { url: issuer, authorize, exchange, signIn } = await setupWithClients(t, {
  RESOURCES: JSON.stringify([{ resource: RESOURCE, name: 'Notes', scopes: ['notes:read', 'notes:write'] }])
})
const DESCRIPTION = { resource: RESOURCE, scopes: ['notes:read'], name: 'Notes' }

async function startPlainNode () {
  const notes = protectedResource({ issuer, ...DESCRIPTION })
  const server = createServer(async (request, response) => {
    if (notes.serveMetadata(request, response)) return
    const scopes = request.method === 'POST' ? ['notes:write'] : ['notes:read']
    const claims = await notes.authorize(request, response, ...scopes)
    if (claims) response.end(claims.sub)
  }).listen(port)
  return () => {
    notes.close()
    server.closeAllConnections()
    server.close()
  }
}

async function notesApp () {
  const { signet } = await import(new URL('../../packages/verify/src/fastify.ts', import.meta.url).href)
  // The package is loaded by URL, without its types: what it adds to an app and a request is unknown here.
  const app: any = Fastify()
  await app.register(signet, { issuer, protectedResource: DESCRIPTION })
  app.get('/notes', { onRequest: app.requireScope('notes:read') }, async ({ claims }: any) => claims.sub)
  app.post('/notes', { onRequest: app.requireScope('notes:write') }, async ({ claims }: any) => claims.sub)
  return app
}

async function startFastify () {
  const app = await notesApp()
  await app.listen({ port })
  return () => app.close()
}

for (const [name, start] of [['plain Node', startPlainNode], ['Fastify', startFastify]] as const) {
  t.test(`${name}: clients find the authorization server, and are told what scope they lack`, async (t) => {
    const close = await start()
    t.teardown(close)
    const call = async (token?: string, method = 'GET') => {
      const response = await fetch(RESOURCE, { method, headers: token ? { authorization: `Bearer ${token}` } : {} })
      await response.text()
      return { status: response.status, challenge: response.headers.get('www-authenticate') }
    }
    t.same(await call(), {
      status: 401, challenge: `Bearer realm="${RESOURCE}", scope="notes:read", resource_metadata="${METADATA_URL}"`
    })
    const response = await fetch(METADATA_URL)
    t.same([response.status, response.headers.get('access-control-allow-origin')], [200, '*'])
    t.match(response.headers.get('content-type'), /^application\/json/)
    t.same(await readJson(response), {
      resource: RESOURCE,
      authorization_servers: [issuer],
      bearer_methods_supported: ['header'],
      scopes_supported: ['notes:read'],
      resource_name: 'Notes'
    })

    const { access_token: reading } = await signIn({ resource: RESOURCE, scope: 'openid notes:read' })
    t.equal((await call(reading)).status, 200)
    t.same(await call(reading, 'POST'), {
      status: 403,
      challenge: `Bearer realm="${RESOURCE}", error="insufficient_scope", ` +
        'error_description="This needs the scope notes:write.", scope="openid notes:read notes:write", ' +
        `resource_metadata="${METADATA_URL}"`
    })
    const { access_token: writing } = await signIn({ resource: RESOURCE, scope: 'notes:write' })
    t.equal((await call(writing, 'POST')).status, 200)
    const { access_token: foreign } = await signIn()
    for (const token of [foreign, 'made-up']) {
      const { status, challenge } = await call(token)
      t.equal(status, 401)
      t.match(challenge, `resource_metadata="${METADATA_URL}"`)
      t.match(challenge, 'error="invalid_token"')
    }
  })
}

t.test('a proof that was made for another API is refused, whatever Host the request names', async (t) => {
  const app = await notesApp()
  t.teardown(() => app.close())
  const key = await createDpopKey()
  const { code, codeVerifier } = await authorize({ resource: RESOURCE, scope: 'notes:read' })
  const proof = await key.prove('POST', `${issuer}/oauth2/token`)
  const { body: { access_token: accessToken } } = await exchange(code, codeVerifier, {}, { dpop: proof })
  for (const [htu, host, status] of [
    ['http://other.example/notes', 'other.example', 401], [RESOURCE, new URL(RESOURCE).host, 200]
  ] as const) {
    const dpop = await key.prove('GET', htu, { accessToken })
    const headers = { authorization: `DPoP ${accessToken}`, dpop, host }
    t.equal((await app.inject({ url: '/notes', headers })).statusCode, status, host)
  }
})

t.test('the metadata is between the host and the path of the resource', async (t) => {
  const at = (resource: string) => describeResource(issuer, { resource }).url
  t.equal(at('https://notes.example.com'), 'https://notes.example.com/.well-known/oauth-protected-resource')
  t.equal(at('https://notes.example.com/'), 'https://notes.example.com/.well-known/oauth-protected-resource')
  t.equal(at('https://a.example:8443/b/c'), 'https://a.example:8443/.well-known/oauth-protected-resource/b/c')
  for (const resource of ['urn:notes', 'https://a.example/?b', 'https://a.example/#b', 'nonsense']) {
    t.throws(() => at(resource), TypeError, resource)
  }
})

t.test('while the keys cannot be fetched the answer is 503, and no challenge', async (t) => {
  const notes = protectedResource({ issuer, ...DESCRIPTION, jwksUrl: `http://localhost:${await freePort()}/` })
  const server = createServer((request, response) => notes.authorize(request, response)).listen(port)
  t.teardown(() => { server.close() })
  const { access_token: token } = await signIn({ resource: RESOURCE, scope: 'notes:read' })
  const response = await fetch(RESOURCE, { headers: { authorization: `Bearer ${token}`, connection: 'close' } })
  t.same([response.status, response.headers.get('www-authenticate'), response.headers.get('retry-after')],
    [503, null, '5'])
})
