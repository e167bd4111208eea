import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { decodeProtectedHeader, exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose'
import t from 'tap'
import { createPkce } from '../fakes/pkce.ts'
import { packageRoot } from '../../src/package-root.ts'
import { startWorld, type World } from '../clients/world.ts'
import { freePort } from '../free-port.ts'
import { inThePast, readJson } from '../helper.ts'
import { installService } from './resource-server.ts'

const FOLDER = join(packageRoot, 'examples/resource-server')
const startService = await installService(t)

const SPA = { client_id: 'spa', name: 'The app', redirect_uris: ['https://app.example.com/callback'] }

/** A sign-in at Signet, by its API alone. */
async function signIn ({ url, visit }: World) {
  const { verifier, challenge } = createPkce()
  const redirectUri = SPA.redirect_uris[0] as string
  const request = new URLSearchParams({
    response_type: 'code',
    client_id: 'spa',
    redirect_uri: redirectUri,
    scope: 'openid',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    provider: 'github'
  })
  const code = (await visit(`${url}/oauth2/authorize?${request}`)).searchParams.get('code') ?? ''
  return await token(url, {
    grant_type: 'authorization_code',
    client_id: 'spa',
    redirect_uri: redirectUri,
    code,
    code_verifier: verifier
  })
}

async function token (address: string, form: Record<string, string>) {
  return await readJson(await fetch(`${address}/oauth2/token`, { method: 'POST', body: new URLSearchParams(form) }))
}

const refresh = (address: string, refreshToken: string) =>
  token(address, { grant_type: 'refresh_token', client_id: 'spa', refresh_token: refreshToken })

const INVALID = /^Bearer realm="notes", error="invalid_token", error_description="[^"]+"$/

t.test('it takes an access token, and nothing that only looks like one', async (t) => {
  const world = await startWorld(t, [SPA])
  const { get, withToken } = await startService(t, { ISSUER: world.url })
  const { access_token: accessToken, id_token: idToken } = await signIn(world)
  const [header = '', payload = '', signature = ''] = accessToken.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

  t.match(await withToken('/notes', accessToken), { status: 200, challenge: null, body: { owner: claims.sub } })
  t.match(await get('/notes', `bearer ${accessToken}`), { status: 200 }, 'the scheme is not case-sensitive')
  for (const authorization of [undefined, '', 'Bearer', 'Basic x', `Bearer ${accessToken} x`]) {
    t.match(
      await get('/notes', authorization),
      { status: 401, challenge: 'Bearer realm="notes"' },
      String(authorization?.slice(0, 10))
    )
  }
  const bad: Record<string, string> = {
    'an ID token': idToken,
    'more roles than were given': [header, encode({ ...claims, roles: ['admin'] }), signature].join('.'),
    'another signature': [header, payload, `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`].join('.'),
    'no signature': [encode({ alg: 'none', typ: 'at+jwt' }), payload, ''].join('.'),
    'a key that is not there': [
      encode({ ...decodeProtectedHeader(accessToken), kid: 'made-up' }),
      payload,
      signature
    ].join('.'),
    'no JWT': 'made-up'
  }
  for (const [name, token] of Object.entries(bad)) {
    t.match(await withToken('/notes', token), { status: 401, challenge: INVALID }, name)
  }
})

t.test('every rule is kept by itself, also for tokens with a good signature', async (t) => {
  const issuer = 'https://id.example.com'
  const [good, weak] = await Promise.all(['ES256', 'PS256'].map((alg) => generateKeyPair(alg)))
  const keys = await Promise.all(
    [good, weak].map(async (pair, index) => ({
      ...(await exportJWK(pair?.publicKey as CryptoKey)),
      kid: String(index)
    }))
  )
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }))
  }).listen(0)
  t.teardown(() => {
    server.close().closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  const { withToken } = await startService(t, { ISSUER: issuer, JWKS_URL: `http://localhost:${port}` })

  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: issuer,
    aud: issuer,
    sub: 'someone',
    client_id: 'spa',
    jti: 'one',
    sid: 'one',
    scope: '',
    roles: [],
    auth_time: now,
    iat: now,
    exp: now + 60
  }
  const status = async (more: object, header: object = {}, key = good?.privateKey, path = '/notes') => {
    const token = await new SignJWT({ ...claims, ...more })
      .setProtectedHeader({ alg: 'ES256', kid: '0', typ: 'at+jwt', ...header })
      .sign(key as CryptoKey)
    return (await withToken(path, token)).status
  }
  t.equal(await status({}), 200)
  t.equal(await status({ exp: now - 2 }), 200, 'clocks differ')
  t.equal(await status({ exp: now - 30 }), 401)
  t.equal(await status({}, { typ: 'JWT' }), 401)
  t.equal(await status({}, { typ: undefined }), 401)
  t.equal(await status({}, { alg: 'PS256', kid: '1' }, weak?.privateKey), 401)
  t.equal(await status({ iss: `${issuer}/` }), 401)
  for (const name of Object.keys(claims)) t.equal(await status({ [name]: undefined }), 401, `without ${name}`)
  t.equal(await status({ roles: ['admin'] }, {}, good?.privateKey, '/admin'), 200)
  t.equal(await status({ roles: ['administrator'] }, {}, good?.privateKey, '/admin'), 403)
  t.equal(await status({ roles: 'admin' }, {}, good?.privateKey, '/admin'), 401)
})

t.test('a token for another audience, of another issuer, or that has expired, is refused', async (t) => {
  const world = await startWorld(t, [SPA], { TOKEN_AUDIENCE: 'https://api.example.com' })
  const jwks = { JWKS_URL: `${world.url}/.well-known/jwks.json` }
  const [right, otherAudience, otherIssuer] = await Promise.all([
    startService(t, { ISSUER: world.url, AUDIENCE: 'https://api.example.com' }),
    startService(t, { ISSUER: world.url }),
    startService(t, { ISSUER: 'https://id.example.com', AUDIENCE: 'https://api.example.com', ...jwks })
  ])
  const { access_token: accessToken } = await signIn(world)
  t.match(await right.withToken('/notes', accessToken), { status: 200 })
  for (const service of [otherAudience, otherIssuer]) {
    t.match(await service.withToken('/notes', accessToken), { status: 401, challenge: INVALID })
  }
  const { access_token: expired } = await inThePast(910, () => signIn(world))
  t.match(await right.withToken('/notes', expired), {
    status: 401,
    challenge: /error="invalid_token", error_description="The access token has expired\."/
  })
})

t.test('a role opens what is for it, and a rotated key goes unnoticed', async (t) => {
  const world = await startWorld(t, [SPA])
  const { withToken } = await startService(t, { ISSUER: world.url })
  const before = await signIn(world)
  t.match(await withToken('/admin', before.access_token), {
    status: 403,
    challenge:
      'Bearer realm="notes", error="insufficient_scope", error_description="This needs a role that the access ' +
        'token does not have."'
  })
  t.equal((await withToken('/admin', 'made-up')).status, 401)

  await world.sql.query("UPDATE users SET roles = '{admin}'")
  await world.sql.query(
    `UPDATE signing_keys SET created_at = now() - interval '1 year',
      activated_at = CASE WHEN status = 'current' THEN now() - interval '1 year' END`
  )
  const { address } = await world.another()
  const after = await refresh(address, before.refresh_token)
  const kids = [before, after].map(({ access_token: accessToken }) => decodeProtectedHeader(accessToken).kid)
  t.not(kids[0], kids[1])
  t.equal((await withToken('/admin', after.access_token)).status, 200)
  t.equal((await withToken('/notes', before.access_token)).status, 200, 'the retired key still verifies')
})

t.test('without the keys it says that it cannot tell, and not that the token is bad', async (t) => {
  const world = await startWorld(t, [SPA])
  const { access_token: accessToken } = await signIn(world)
  for (const jwksUrl of [
    `http://localhost:${await freePort()}/`,
    `${world.url}/nothing-here`,
    `${world.url}/healthz`
  ]) {
    const { withToken } = await startService(t, { ISSUER: world.url, JWKS_URL: jwksUrl })
    t.match(
      await withToken('/notes', accessToken),
      { status: 503, challenge: null, body: { message: 'Access tokens cannot be verified right now.' } },
      jwksUrl
    )
  }
})

t.test('as a confidential client it refuses a token whose session has ended', async (t) => {
  const world = await startWorld(t, [SPA, { ...SPA, client_id: 'notes', client_secret: 'a secret: of the notes' }])
  const offline = await startService(t, { ISSUER: world.url })
  const { withToken } = await startService(t, {
    ISSUER: world.url,
    CLIENT_ID: 'notes',
    CLIENT_SECRET: 'a secret: of the notes'
  })
  const { access_token: accessToken } = await signIn(world)
  t.match(await withToken('/notes', accessToken), { status: 200 })
  await fetch(`${world.url}/logout`, { method: 'POST', headers: { authorization: `Bearer ${accessToken}` } })
  for (
    const endsAt = Date.now() + 15_000;
    Date.now() < endsAt && (await withToken('/notes', accessToken)).status === 200;
  ) {
    await sleep(100)
  }
  t.match(await withToken('/notes', accessToken), { status: 401, challenge: INVALID })
  t.match(await offline.withToken('/notes', accessToken), { status: 200 })
})

t.test('the curl lines of its README answer what they say, with the versions that Signet is tested with', async (t) => {
  const world = await startWorld(t, [SPA])
  const { url } = await startService(t, { ISSUER: world.url })
  const { access_token: ACCESS_TOKEN } = await signIn(world)
  const readme = await readFile(join(FOLDER, 'README.md'), 'utf8')
  const lines = [...readme.matchAll(/^# .*: (\d{3})\n(curl .*)$/gm)]
  t.equal(lines.length, 3)
  for (const [, status, line = ''] of lines) {
    const curl = line.replaceAll('http://localhost:4000', url)
    const command = `${curl} --silent --show-error --output /dev/null --write-out '%{http_code}'`
    const { stdout } = await promisify(execFile)('bash', ['-c', command], { env: { ...process.env, ACCESS_TOKEN } })
    t.equal(stdout, status, line)
  }
  const [own, ours] = await Promise.all(
    [FOLDER, packageRoot].map(async (folder) => JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')))
  )
  for (const [name, version] of Object.entries(own.dependencies)) {
    if (name !== 'signet-verify') t.equal(version, ours.dependencies[name], name)
  }
  t.equal(own.dependencies['signet-verify'], 'file:../../packages/verify')
})
