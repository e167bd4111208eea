import { createServer } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createClientDocuments } from '../../src/registration/client-documents.ts'
import type { LookUp } from '../../src/webhooks/post.ts'
import { startFakeDocument } from '../fakes/client-document.ts'
import { inThePast } from '../helper.ts'

const fetchNow = async () => {}

async function startDocument (t: Test, members = {}) {
  const document = await startFakeDocument(members)
  t.teardown(() => document.close())
  return { ...document, at: new URL(document.url) }
}

/** A port that counts connections and says nothing. */
async function listen (t: Test) {
  let connections = 0
  const server = createServer((socket) => {
    connections++
    socket.on('error', () => {}).destroy()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  return { port: (server.address() as AddressInfo).port, connections: () => connections }
}

/** A name server of one's own: each look-up gets the next of the answers. */
function answering (...answers: string[][]): LookUp {
  return async () => (answers.shift() ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
}

const unusable = (reason: RegExp) => ({ error: 'invalid_client', message: reason })
const unreadable = (reason: RegExp) => ({ error: 'temporarily_unavailable', status: 503, message: reason })
/** The same words for each: the code is for the log alone. */
const noAnswer = (code: RegExp) => ({ ...unreadable(/within five seconds, from a public address\.$/), cause: { code } })

t.test('no address but a public one is connected to, in no spelling', async (t) => {
  const { port, connections } = await listen(t)
  const documents = createClientDocuments({ allowPrivate: false, timeoutMs: 500 })
  for (const host of [
    '127.0.0.1', '[::1]', '[::ffff:7f00:1]', '0.0.0.0', '[::]', '10.0.0.1', '192.168.0.1', '172.16.0.1',
    '169.254.169.254', '[fe80::1]', '[fd00::1]', '100.64.0.1', '[64:ff9b::7f00:1]', '[2002:7f00:1::]', '224.0.0.1'
  ]) {
    const url = new URL(`https://${host}:${port}/client.json`)
    await t.rejects(documents.find(url, fetchNow), noAnswer(/^ADDRESS_REFUSED$/), host)
  }
  await t.rejects(documents.find(new URL(`https://localhost:${port}/client.json`), fetchNow), noAnswer(/^(E|ADDR)/))
  t.equal(connections(), 0)
  const allowed = createClientDocuments({ allowPrivate: true })
  await t.rejects(allowed.find(new URL(`https://localhost:${port}/client.json`), fetchNow), noAnswer(/^E/))
  t.ok(connections() > 0, 'which is there')
})

t.test('a name that resolves to a public address and to this machine is not connected to', async (t) => {
  const { port, connections } = await listen(t)
  for (const answers of [['127.0.0.1'], ['8.8.8.8', '127.0.0.1'], ['::ffff:127.0.0.1'], ['169.254.169.254']]) {
    const documents = createClientDocuments({ allowPrivate: false, lookUp: answering(answers) })
    const url = new URL(`https://rebinding.example:${port}/client.json`)
    await t.rejects(documents.find(url, fetchNow), noAnswer(/^ADDRESS_REFUSED$/), String(answers))
  }
  t.equal(connections(), 0)
})

t.test('a redirect is not followed', async (t) => {
  const [from, to] = [await startDocument(t), await startDocument(t)]
  from.answer((_request, response) => { response.writeHead(302, { location: to.url }).end() })
  const documents = createClientDocuments({ allowPrivate: true })
  await t.rejects(documents.find(from.at, fetchNow), unusable(/HTTP 302/))
  t.equal(to.fetches(), 0)
})

t.test('a document that is too long, has no end, or comes too slowly is not read', async (t) => {
  const documents = createClientDocuments({ allowPrivate: true, timeoutMs: 300 })
  const long = await startDocument(t, { padding: 'x'.repeat(5 * 1024) })
  await t.rejects(documents.find(long.at, fetchNow), unusable(/longer than 5 KiB/))
  const endless = await startDocument(t)
  endless.answer((_request, response) => { response.writeHead(200, { 'content-type': 'application/json' }).write('{') })
  await t.rejects(documents.find(endless.at, fetchNow), unusable(/does not end/))
  const silent = await startDocument(t)
  silent.answer(() => {})
  await t.rejects(documents.find(silent.at, fetchNow), noAnswer(/^ABORT_ERR$/))
})

t.test('a document that breaks a rule makes no client, and nothing of it is in the error', async (t) => {
  for (const [members, reason] of [
    [{ client_id: 'https://other.example.com/client.json' }, /another client_id/],
    [{ client_id: undefined }, /not as it must be/],
    [{ client_name: undefined }, /not as it must be/],
    [{ client_name: '\u202e\u200b' }, /client_name/],
    [{ redirect_uris: [] }, /not as it must be/],
    [{ redirect_uris: ['https://secret.example.com/callback'] }, /redirect URI/],
    [{ redirect_uris: ['com.example.app:/callback'] }, /redirect URI/],

    [{ redirect_uris: ['javascript:alert(1)'] }, /redirect URI/],
    [{ client_secret: 'secret' }, /client_secret/],
    [{ token_endpoint_auth_method: 'client_secret_basic' }, /token_endpoint_auth_method/],
    [{ token_endpoint_auth_method: 'private_key_jwt' }, /needs jwks/],
    [{ token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://secret.example.com/k' }, /another origin/],
    [{ grant_types: ['client_credentials'] }, /grant_types/],
    [{ response_types: ['token'] }, /response_types/]
  ] as const) {
    const document = await startDocument(t, members)
    const documents = createClientDocuments({ allowPrivate: true })
    const error = await documents.find(document.at, fetchNow).catch((error: unknown) => error)
    t.match(error, unusable(reason), JSON.stringify(members))
    t.notMatch((error as Error).message, 'secret.example')
  }
  const page = await startDocument(t)
  page.answer((_request, response) => { response.writeHead(200, { 'content-type': 'text/html' }).end('{}') })
  const documents = createClientDocuments({ allowPrivate: true })
  await t.rejects(documents.find(page.at, fetchNow), unusable(/not application\/json/))
})

t.test('a document is fetched once for all who ask at the same time, and by nobody who may not', async (t) => {
  const document = await startDocument(t)
  const documents = createClientDocuments({ allowPrivate: true })
  t.equal(await documents.find(document.at), undefined, 'without permission there is no fetch')
  await t.rejects(documents.find(document.at, async () => { throw new Error('limited') }), { message: 'limited' })
  t.equal(document.fetches(), 0)
  const clients = await Promise.all(Array.from({ length: 20 }, () => documents.find(document.at, fetchNow)))
  t.equal(document.fetches(), 1)
  t.equal(new Set(clients).size, 1)
  t.equal(await documents.find(document.at), clients[0], 'a copy needs no permission')
})

t.test('a failure is remembered for ten seconds', async (t) => {
  const document = await startDocument(t)
  document.answer((_request, response) => { response.writeHead(500).end() })
  const documents = createClientDocuments({ allowPrivate: true })
  await inThePast(20, () => t.rejects(documents.find(document.at, fetchNow), unreadable(/HTTP 500/)))
  for (let call = 0; call < 5; call++) await t.rejects(documents.find(document.at, fetchNow), unreadable(/HTTP 500/))
  t.equal(document.fetches(), 2)
})

t.test('while a document cannot be read its last copy counts, and one that is gone does not', async (t) => {
  const document = await startDocument(t)
  document.headers({ 'cache-control': 'no-store' })
  const documents = createClientDocuments({ allowPrivate: true })
  const client = await inThePast(120, () => documents.find(document.at, fetchNow))
  document.answer((_request, response) => { response.writeHead(503).end() })
  t.equal(await documents.find(document.at, fetchNow), client)
  const gone = createClientDocuments({ allowPrivate: true })
  const other = await startDocument(t)
  other.headers({ 'cache-control': 'no-store' })
  await inThePast(120, () => gone.find(other.at, fetchNow))
  other.answer((_request, response) => { response.writeHead(404).end() })
  await t.rejects(gone.find(other.at, fetchNow), unusable(/HTTP 404/))
  t.equal(await gone.find(other.at), undefined)
})

t.test('a client may have keys of its own, and may want DPoP', async (t) => {
  const jwks = {
    keys: [{
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0'
    }]
  }
  const document = await startDocument(t, {
    token_endpoint_auth_method: 'private_key_jwt', jwks, dpop_bound_access_tokens: true
  })
  const client = await createClientDocuments({ allowPrivate: true }).find(document.at, fetchNow)
  t.match(client?.metadata, {
    tokenEndpointAuthMethod: 'private_key_jwt',
    jwks,
    dpopBoundAccessTokens: true,
    grantTypes: ['authorization_code', 'refresh_token']
  })
})
