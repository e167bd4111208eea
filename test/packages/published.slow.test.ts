import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import Fastify, { type FastifyInstance } from 'fastify'
import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/package-root.ts'
import { setupWithClients, WEB } from '../flows/setup-with-clients.ts'
import { createConsumer } from './consumer.ts'
import { startProxy } from './proxy.ts'

const run = promisify(execFile)
const consumer = await createConsumer(t, ['fastify', '@types', 'undici-types'])
const FEED = '/revocations'
const CLIENT = { clientId: WEB.client_id, clientSecret: WEB.client_secret }

t.test(
  'a plain Node program imports what is published, verifies, and ends by itself while it follows revocations',
  async (t) => {
    const { url, signIn } = await setupWithClients(t)
    const { access_token: token } = await signIn()
    await writeFile(
      join(consumer, 'program.js'),
      `
    import { createVerifier, VerificationError } from 'signet-verify'
    const verifier = createVerifier({ issuer: process.env.ISSUER, clientId: 'web', clientSecret: process.env.SECRET })
    console.log((await verifier.verify(process.env.TOKEN)).sub)
    await verifier.verify('x').catch((error) => console.log(error instanceof VerificationError, error.code))
  `
    )
    const { PATH = '' } = process.env
    const env = { PATH, ISSUER: url, TOKEN: token, SECRET: WEB.client_secret }
    const { stdout, stderr } = await run(process.execPath, ['program.js'], { cwd: consumer, env, timeout: 20_000 })
    t.same([stdout, stderr], [`${decodeJwt(token).sub}\ntrue malformed\n`, ''])
  }
)

t.test('npm installs what npm pack makes, with jose and nothing else', async (t) => {
  const packed = (await readdir(join(consumer, '..'))).find((name) => name.endsWith('.tgz')) ?? ''
  t.match(packed, /^signet-verify-\d+\.\d+\.\d+\.tgz$/, 'a name without a scope, which the registry has not given away')
  const project = await mkdtemp(join(tmpdir(), 'signet-project-'))
  t.teardown(() => rm(project, { recursive: true, force: true }))
  await writeFile(join(project, 'package.json'), '{ "type": "module" }')
  const jose = await run('npm', ['pack', join(packageRoot, 'node_modules/jose'), '--pack-destination', project])
  const tarballs = [join(project, jose.stdout.trim().split('\n').at(-1) ?? ''), join(consumer, '..', packed)]
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', ...tarballs], { cwd: project })
  t.same((await readdir(join(project, 'node_modules'))).filter((name) => !name.startsWith('.')).sort(), [
    'jose',
    'signet-verify'
  ])
  const program = "import { createVerifier } from 'signet-verify'; console.log(typeof createVerifier)"
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { cwd: project })
  t.equal(stdout, 'function\n')
})

t.test('it has what it should, and needs jose alone', async (t) => {
  const folder = join(consumer, 'node_modules/signet-verify')
  const read = async (name: string) => await readFile(join(folder, name), 'utf8')
  const { name, license, dependencies, exports } = JSON.parse(await read('package.json'))
  const ours = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8'))
  t.match(
    { name, license, dependencies },
    { name: 'signet-verify', license: 'MIT', dependencies: { jose: ours.dependencies.jose } }
  )
  t.same(Object.keys(dependencies), ['jose'])
  for (const { types, default: file } of Object.values<Record<string, string>>(exports)) {
    for (const path of [types, file] as string[]) t.ok(await read(path), path)
  }
  t.equal(await read('LICENSE'), await readFile(join(packageRoot, 'LICENSE'), 'utf8'))
  const { stdout } = await run('grep', ['-rhoE', "from '[^.'][^']*'", join(folder, 'dist'), '--include=*.js'])
  const packages = stdout.trim().split('\n').filter((line) => !line.startsWith("from 'node:"))
  t.same([...new Set(packages)], ["from 'jose'"])
})

t.test('the programs of its README compile in a strict project', async (t) => {
  const readme = await readFile(join(packageRoot, 'packages/verify/README.md'), 'utf8')
  const programs = [...readme.matchAll(/```ts\n([^]*?)```/g)].map(([, text = '']) => text)
  t.equal(programs.length, 4)
  for (const [index, text] of programs.entries()) await writeFile(join(consumer, `readme-${index}.ts`), text)
  const mistake = join(consumer, 'mistake.ts')
  const options = [
    '--noEmit',
    '--strict',
    '--exactOptionalPropertyTypes',
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--types',
    'node',
    '--skipLibCheck',
    'false'
  ]
  const compile = (...files: string[]) =>
    run(process.execPath, [join(packageRoot, 'node_modules/typescript/bin/tsc'), ...options, ...files], {
      cwd: consumer
    })
  await compile(...programs.map((_, index) => `readme-${index}.ts`)).catch(({ stdout }) => t.fail(stdout))
  await writeFile(
    mistake,
    "import { createVerifier } from 'signet-verify'\nconst { sub } = await createVerifier({ issuer: 'x' " +
      "}).verify('x')\nexport const no: number = sub\n"
  )
  t.match(
    await compile(mistake).catch((error) => error),
    { stdout: /mistake\.ts\(3,14\): error TS2322/ },
    'claims have types'
  )
})

/** A service of somebody who registers the plugin as it is published. */
async function service (
  t: Test,
  environment: Record<string, string> = {},
  prepare: (app: FastifyInstance) => void = () => {},
  more: object = {}
) {
  const front = await setupWithClients(t, environment)
  const proxy = await startProxy(t, front.url)
  const { signet } = await import(pathToFileURL(join(consumer, 'node_modules/signet-verify/dist/fastify.js')).href)
  const app = Fastify()
  t.teardown(() => app.close())
  prepare(app)
  await app.register(signet, {
    issuer: front.url,
    realm: 'notes',
    jwksUrl: `${proxy.url}/.well-known/jwks.json`,
    revocationsUrl: proxy.url + FEED,
    timeoutSeconds: 0.5,
    pollSeconds: 0.1,
    ...CLIENT,
    ...more
  })
  // Its types are tested above; beside Signet's own they would name `requireBearer` twice.
  const { requireBearer, requireRole, requireRecent } = app as unknown as {
    requireBearer: never
    requireRole: (role: string) => never
    requireRecent: (rule: { maxAge: number }) => never
  }
  const claims = (request: unknown) => (request as { claims: { sub: string } }).claims
  app.get('/notes', { onRequest: requireBearer }, async (request) => ({ owner: claims(request).sub }))
  app.get('/admin', { onRequest: requireRole('admin') }, async (request) => ({ owner: claims(request).sub }))
  app.get('/both', { onRequest: [requireBearer, requireRole('admin')] }, async (request) => ({
    owner: claims(request).sub
  }))
  app.get('/recent', { onRequest: requireRecent({ maxAge: 600 }) }, async (request) => ({
    owner: claims(request).sub
  }))
  app.get('/recent-admin', { onRequest: [requireRole('admin'), requireRecent({ maxAge: 600 })] }, async () => ({}))
  app.get('/open', async (request) => claims(request))
  const get = async (path: string, authorization?: string) => {
    const answer = await app.inject({ path, headers: authorization === undefined ? {} : { authorization } })
    return {
      status: answer.statusCode,
      challenge: answer.headers['www-authenticate'],
      retryAfter: answer.headers['retry-after'],
      body: answer.json()
    }
  }
  return { ...front, proxy, app, get, withToken: (path: string, token: string) => get(path, `Bearer ${token}`) }
}

t.test('the Fastify plugin lets in who has a token, and a role where one is wanted', async (t) => {
  const { signIn, sql, get, withToken } = await service(t)
  const { access_token: token } = await signIn()
  const { sub } = decodeJwt(token)
  t.match(await withToken('/notes', token), { status: 200, challenge: undefined, body: { owner: sub } })
  t.match(await get('/notes', `bearer  ${token}`), { status: 200 }, 'the scheme is not case-sensitive')
  for (const authorization of [undefined, '', 'Bearer', 'Basic x', `Bearer ${token} x`]) {
    for (const path of ['/notes', '/admin']) {
      t.match(
        await get(path, authorization),
        { status: 401, challenge: /^Bearer realm="notes"$/, body: { code: 'unauthorized' } },
        `${path} ${authorization?.slice(0, 10)}`
      )
    }
  }
  const invalid = /^Bearer realm="notes", error="invalid_token", error_description="[^"]+"$/
  for (const path of ['/notes', '/admin', '/both']) {
    t.match(await withToken(path, 'made-up'), { status: 401, challenge: invalid, body: { code: 'malformed' } })
  }
  for (const path of ['/admin', '/both']) {
    t.match(await withToken(path, token), {
      status: 403,
      challenge: /^Bearer realm="notes", error="insufficient_scope", error_description="[^"]+"$/,
      body: { code: 'forbidden' }
    })
  }
  t.match(await withToken('/open', token), { status: 500 }, 'nobody reads claims that nobody has verified')
  await sql.query("UPDATE users SET roles = '{admin}'")
  const { access_token: administrator } = await signIn()
  for (const path of ['/admin', '/both']) {
    t.match(await withToken(path, administrator), { status: 200, body: { owner: sub } })
  }
})

t.test('a sign-in that is too old is asked for again, and a new one with its max_age will do (RFC 9470)', async (t) => {
  const { sql, signIn, refresh, get, withToken } = await service(t)
  const tokens = await signIn()
  const { sub } = decodeJwt(tokens.access_token)
  t.match(await withToken('/recent', tokens.access_token), { status: 200, challenge: undefined, body: { owner: sub } })
  t.match(await get('/recent'), { status: 401, challenge: /^Bearer realm="notes"$/ }, 'nobody')
  t.match(await withToken('/recent', 'made-up'), { status: 401, challenge: /error="invalid_token"/ })

  await sql.query("UPDATE sessions SET authenticated_at = now() - interval '11 minutes'")
  const { access_token: old } = (await refresh(tokens.refresh_token)).body
  const refused = await withToken('/recent', old)
  t.match(refused, { status: 401, body: { code: 'insufficient_user_authentication' } })
  t.equal(refused.challenge, 'Bearer realm="notes", error="insufficient_user_authentication", ' +
    'error_description="This needs a more recent sign-in.", max_age="600"')
  t.match(await withToken('/notes', old), { status: 200 }, 'elsewhere it will do')
  t.match(await withToken('/recent-admin', old), { status: 403 }, 'a role that is missing comes first')

  const [, maxAge] = /max_age="(\d+)"/.exec(String(refused.challenge)) ?? []
  const { access_token: stepped } = await signIn({ max_age: maxAge })
  t.match(await withToken('/recent', stepped), { status: 200, body: { owner: sub } })
})

t.test('it refuses a revoked token, and says 503 when it cannot tell', async (t) => {
  const { url, signIn, withToken, proxy, app } = await service(t)
  const [one, other] = [await signIn(), await signIn()]
  t.match(await withToken('/notes', one.access_token), { status: 200 })
  await fetch(`${url}/logout`, { method: 'POST', headers: { authorization: `Bearer ${one.access_token}` } })
  for (
    const endsAt = Date.now() + 5_000;
    Date.now() < endsAt && (await withToken('/notes', one.access_token)).status === 200;
  );
  t.match(await withToken('/notes', one.access_token), {
    status: 401,
    challenge: /error="invalid_token"/,
    body: { code: 'revoked' }
  })
  t.match(await withToken('/notes', other.access_token), { status: 200 })
  await app.close()
  const polls = proxy.calls(FEED).length
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.equal(proxy.calls(FEED).length, polls, 'closing the app ends the polling')

  const blind = await service(t, {}, () => {}, { clientSecret: 'wrong' })
  const { access_token: token } = await blind.signIn()
  t.match(await blind.withToken('/notes', token), {
    status: 503,
    challenge: undefined,
    retryAfter: '5',
    body: { code: 'revocations_unavailable' }
  })
})

t.test(
  'the challenge is there whatever the app makes of its errors, and a realm that would break it is refused',
  async (t) => {
    const { get } = await service(t, {}, (app) => {
      app.setErrorHandler((_error, _request, reply) => reply.code(401).send({ own: true }))
    })
    t.match(await get('/notes'), { status: 401, challenge: 'Bearer realm="notes"', body: { own: true } })
    for (const realm of ['a"b', 'a\\b', 'a\r\nb', '']) {
      await t.rejects(
        service(t, {}, () => {}, { realm }),
        TypeError
      )
    }
  }
)
