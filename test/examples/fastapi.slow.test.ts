import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/package-root.ts'
import { startWebApp } from '../clients/program.ts'
import { startWorld } from '../clients/world.ts'
import { createBrowser } from '../fakes/browser.ts'
import { freePort } from '../free-port.ts'
import { inThePast, readJson } from '../helper.ts'

// The distribution's Python is not always the first one in PATH.
const python = ['python3', '/usr/bin/python3']
  .find((command) => spawnSync(command, ['-c', 'import fastapi, jwt, uvicorn']).status === 0)
const skip = python === undefined &&
  'Python with FastAPI, PyJWT and Uvicorn is not installed here ' +
    '(Debian: apt-get install python3-fastapi python3-jwt python3-uvicorn)'

/** Starts the example as its README says, on a free port. */
async function startService (t: Test, environment: Record<string, string>) {
  const port = String(await freePort())
  const url = `http://127.0.0.1:${port}`
  const folder = join(packageRoot, 'examples/fastapi')
  const program = ['-m', 'uvicorn', 'main:app', '--app-dir', folder, '--port', port]
  await startWebApp(t, `${url}/docs`, [python ?? '', ...program], { PYTHONDONTWRITEBYTECODE: '1', ...environment })
  return async (path: string, token?: string) => {
    const response = await fetch(url + path, {
      headers: { origin: 'http://localhost:5173', ...token !== undefined && { authorization: `Bearer ${token}` } }
    })
    const { status, headers } = response
    return {
      status,
      challenge: headers.get('www-authenticate'),
      origin: headers.get('access-control-allow-origin'),
      body: await readJson(response)
    }
  }
}

const INVALID = 'Bearer realm="notes", error="invalid_token", error_description="The access token is not valid."'

t.test('the Python service accepts an access token of Signet, and nothing that resembles one', { skip }, async (t) => {
  const world = await startWorld(t, [])
  const get = await startService(t, { ISSUER: world.url })
  const signIn = async () => (await createBrowser(world.url).login('/login/github')).json()
  const { access_token: accessToken } = await signIn()
  const { sub } = decodeJwt(accessToken)
  t.match(await get('/notes', accessToken), {
    status: 200, origin: 'http://localhost:5173', body: { owner: sub, notes: ['Buy milk'] }
  })
  t.match(await get('/notes'), { status: 401, challenge: /^Bearer realm="notes"$/, origin: 'http://localhost:5173' })
  const { access_token: expired } = await inThePast(910, signIn)
  t.match(await get('/notes', expired), {
    status: 401,
    challenge: 'Bearer realm="notes", error="invalid_token", error_description="The access token has expired."'
  })
  const [header, payload] = accessToken.split('.')
  for (const [name, token] of Object.entries({
    'no JWT': 'made-up',
    'no signature': `${header}.${payload}.`,
    'another signature': `${header}.${payload}.${'A'.repeat(86)}`
  })) t.match(await get('/notes', token), { status: 401, challenge: INVALID }, name)

  t.match(await get('/admin', accessToken), { status: 403, challenge: /error="insufficient_scope"/ })
  await world.sql.query("UPDATE users SET roles = '{admin}'")
  t.match(await get('/admin', (await signIn()).access_token), { status: 200, body: { administrator: sub } })
})

t.test('the Python service checks each claim, the type and the algorithm of a token', { skip }, async (t) => {
  const pairs = {
    ES256: await generateKeyPair('ES256'), RS256: await generateKeyPair('RS256'), EdDSA: await generateKeyPair('EdDSA')
  }
  const keys = await Promise.all(Object.entries(pairs).map(async ([alg, { publicKey }]) => (
    { ...await exportJWK(publicKey), kid: alg, alg, use: 'sig' }
  )))
  let fetched = 0
  const issuer = createServer((_request, response) => {
    fetched++
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }))
  }).listen(0)
  await once(issuer, 'listening')
  t.teardown(() => { issuer.close().closeAllConnections() })
  const ISSUER = `http://localhost:${(issuer.address() as AddressInfo).port}`
  const get = await startService(t, { ISSUER, AUDIENCE: 'https://notes.example.com' })

  const now = Math.floor(Date.now() / 1000)
  const right = {
    iss: ISSUER, aud: 'https://notes.example.com', sub: 'someone', client_id: 'spa', jti: 'one', iat: now, exp: now + 60
  }
  const status = async (claims: object, header: object = {}, alg: keyof typeof pairs = 'ES256') => {
    const signed = new SignJWT({ ...right, ...claims }).setProtectedHeader({ alg, kid: alg, typ: 'at+jwt', ...header })
    return (await get('/notes', await signed.sign(pairs[alg].privateKey))).status
  }
  for (const alg of ['ES256', 'RS256', 'EdDSA'] as const) t.equal(await status({}, {}, alg), 200, alg)
  t.equal(await status({ aud: ['https://other.example.com', 'https://notes.example.com'] }), 200, 'one of several')
  t.equal(await status({ exp: now - 2 }), 200, 'clocks differ')
  t.equal(await status({ exp: now - 30 }), 401, 'expired')
  t.equal(await status({ iss: `${ISSUER}/` }), 401, 'another issuer')
  t.equal(await status({ aud: ISSUER }), 401, 'another audience')
  for (const claim of Object.keys(right)) t.equal(await status({ [claim]: undefined }), 401, `without ${claim}`)
  for (const typ of ['JWT', undefined]) t.equal(await status({}, { typ }), 401, `the type ${typ}`)
  t.equal(await status({}, { kid: 'RS256' }), 401, 'the id of a key of another algorithm')
  const before = fetched
  for (const kid of ['made-up', 'another', undefined]) t.equal(await status({}, { kid }), 401, `the key id ${kid}`)
  t.ok(fetched - before <= 1, 'an unknown key id does not fetch the keys each time')
})

t.test('without the keys the Python service says that it cannot verify tokens', { skip }, async (t) => {
  const { url } = await startWorld(t, [])
  const { access_token: accessToken } = (await createBrowser(url).login('/login/github')).json()
  const get = await startService(t, { ISSUER: `http://127.0.0.1:${await freePort()}` })
  t.match(await get('/notes', accessToken), {
    status: 503, challenge: null, body: { detail: 'Access tokens cannot be verified right now.' }
  })
})
