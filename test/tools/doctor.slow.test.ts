import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { examine } from '../../tools/doctor/examine.ts'
import { judge } from '../../tools/doctor/providers.ts'
import type { Finding } from '../../tools/doctor/finding.ts'
import { GITHUB_PATHS, startFakeGitHub } from '../fakes/github.ts'
import { startFakeOidc } from '../fakes/oidc.ts'
import { freePort } from '../free-port.ts'
import { ENCRYPTION_KEYS, setup } from '../helper.ts'
import { startRedis, withoutRedis } from '../plugins/redis.ts'

const root = new URL('../..', import.meta.url).pathname

// pg_virtualenv sets it, and pg takes it where a URL has no password.
delete process.env['PGPASSWORD']

async function world (t: Test) {
  const github = await startFakeGitHub()
  const acme = await startFakeOidc()
  t.teardown(() => Promise.all([github.close(), acme.close()]))
  const providers = { ...github.settings, ...acme.settings('acme') }
  const running = await setup(t, providers)
  const folder = await mkdtemp(join(tmpdir(), 'signet-doctor-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const well = { ...providers, PORT: new URL(running.url).port, DATABASE_URL: running.database.url, ENCRYPTION_KEYS }

  /** Runs the command as a person would, in a folder without .env. */
  async function doctor (changes: Record<string, string> = {}, ...args: string[]) {
    const env = { PATH: process.env['PATH'], ...well, ...changes }
    const tsx = new URL('../../node_modules/tsx/dist/loader.mjs', import.meta.url).href
    return await promisify(execFile)(process.execPath, ['--import', tsx, join(root, 'tools/doctor.ts'), ...args], {
      cwd: folder,
      env
    }).then(
      ({ stdout }) => ({ status: 0, stdout }),
      ({ code, stdout }) => ({ status: code as number, stdout: stdout as string })
    )
  }

  const byCheck = (found: Finding[]) => {
    t.ok(
      found.every((finding) => finding.status === 'ok' || finding.advice),
      'each finding that is not well has an advice'
    )
    return Object.fromEntries(found.map(({ check, ...rest }) => [check, rest]))
  }
  const findings = async (changes: Record<string, string> = {}) => byCheck(await examine({ ...well, ...changes }))
  return { ...running, github, acme, doctor, findings }
}

t.test('where all is well it says so, with the callback URL to paste for each provider', async (t) => {
  const { url, doctor, github, acme } = await world(t)
  const { status, stdout } = await doctor()
  t.equal(status, 0, stdout)
  t.match(
    stdout,
    '✓ github, callback URL: paste exactly this at https://github.com/settings/developers, "OAuth Apps": ' +
      `${url}/login/github/callback`
  )
  t.match(stdout, `${url}/login/acme/callback`)
  for (const line of [
    'database: PostgreSQL',
    'migrations: none is missing',
    'encryption keys: they open all',
    'public URL: Signet answers',
    'cookies: ',
    'github, credentials: GitHub knows',
    'acme, credentials: acme knows',
    'acme, keys: ',
    'github, clock: '
  ]) {
    t.match(stdout, `✓ ${line}`)
  }
  t.notMatch(stdout, /✗/)
  t.match(stdout, 'Nothing stands in the way of a login.')
  for (const { clientSecret } of [github, acme]) t.notMatch(stdout, clientSecret)

  const broken = await doctor({ GITHUB_CLIENT_SECRET: 'wrong' }, '--json')
  t.equal(broken.status, 1)
  t.match(JSON.parse(broken.stdout), { ok: false, findings: [{ check: 'settings', status: 'ok', message: /./ }] })
})

t.test("the providers' events must reach Signet at the URLs that they are told", async (t) => {
  const { findings, url } = await world(t)
  t.equal((await findings())['github, events'], undefined, 'without a secret there are none')
  const secret = { GITHUB_WEBHOOK_SECRET: 'a-secret-that-is-shared' }
  t.match((await findings(secret))['github, events'], {
    status: 'warning',
    message: `${url}/login/github/events takes no events (HTTP 4`,
    advice: /settings of this provider/
  })
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const { url: receiving } = await setup(t, { ...github.settings, ...secret })
  t.match((await findings({ ...secret, ISSUER_URL: receiving, PORT: new URL(receiving).port }))['github, events'], {
    status: 'ok', message: `${receiving}/login/github/events, entered at https://github.com/settings/apps`
  })
})

t.test('each thing that would make a login fail is found, with what to do', async (t) => {
  const { findings, github, acme, sql, url, database } = await world(t)
  const bad = async (check: string, message: RegExp, advice: RegExp, changes: Record<string, string> = {}) => {
    const { [check]: finding } = await findings(changes)
    t.match(finding, { status: 'error', message, advice }, check)
  }
  await bad('github, credentials', /does not know the client id/, /GITHUB_CLIENT_SECRET/, {
    GITHUB_CLIENT_SECRET: 'wrong'
  })
  await bad('acme, credentials', /does not know the client id/, /OIDC_ACME_CLIENT_SECRET/, {
    OIDC_ACME_CLIENT_SECRET: 'wrong'
  })
  acme.discovery({ issuer: 'https://elsewhere.example' })
  await bad('acme, endpoints',
    new RegExp(`another issuer: OIDC_ACME_ISSUER is ${acme.issuer}, and .* says https://elsewhere.example`),
    /OIDC_ACME_ISSUER=https:\/\/elsewhere\.example/)
  for (const [methods, advice] of [
    [['private_key_jwt'], /OIDC_ACME_AUTHENTICATION=private_key_jwt and OIDC_ACME_PRIVATE_KEY/],
    [['private_key_jwt', 'tls_client_auth'], /OIDC_ACME_AUTHENTICATION=private_key_jwt/],
    [['none'], /OIDC_ACME_AUTHENTICATION=none/],
    [['client_secret_jwt'], /client_secret_basic/]
  ] as const) {
    acme.discovery({ token_endpoint_auth_methods_supported: methods })
    await bad('acme, client authentication', new RegExp(`takes ${methods.join(', ')} only`), advice)
  }
  acme.discovery({ id_token_signing_alg_values_supported: ['HS256'] })
  await bad('acme, signatures', /signs ID tokens with HS256 only/, /RS256 or ES256/)
  acme.discovery({})
  acme.fault(acme.paths.jwks, { kind: 'status', status: 500 })
  await bad('acme, keys', /cannot be read/, /reach it/)
  acme.heal()
  acme.alter(acme.paths.jwks, (answer) => ({ ...answer, body: '{"keys":[]}' }))
  await bad('acme, keys', /empty/, /RS256/)
  acme.heal()
  for (const [ms, said] of [
    [-5 * 60_000, /ahead of/],
    [5 * 60_000, /behind/]
  ] as const) {
    github.fault(GITHUB_PATHS.token, {
      kind: 'status',
      status: 200,
      body: { error: 'bad_verification_code' },
      headers: { date: new Date(Date.now() + ms).toUTCString() }
    })
    await bad('github, clock', said, /NTP/)
  }
  github.fault(GITHUB_PATHS.token, { kind: 'status', status: 200, body: { error: 'redirect_uri_mismatch' } })
  await bad('github, credentials', /callback URL/, /\/login\/github\/callback/)
  github.heal()
  const nowhere = await freePort()
  await bad('github, credentials', /ECONNREFUSED/, /reach/, { GITHUB_TOKEN_URL: `http://127.0.0.1:${nowhere}/token` })
  await bad('database', /ECONNREFUSED/, /DATABASE_URL/, { DATABASE_URL: `postgresql://x@127.0.0.1:${nowhere}/x` })
  const withUrl = (change: (url: URL) => void) => {
    const changed = new URL(database.url)
    change(changed)
    return { DATABASE_URL: changed.href }
  }
  const wrongPassword = withUrl((databaseUrl) => { databaseUrl.password = 'not-the-one' })
  await bad('database', /^wrong password for the user "[\w-]+"/, /DATABASE_URL/, wrongPassword)
  t.notMatch(JSON.stringify(await findings(wrongPassword)), /28P01|not-the-one/)
  await bad('database', /needs a password/, /DATABASE_URL/, withUrl((databaseUrl) => { databaseUrl.password = '' }))
  await bad('database', /no database "nothing_here"/, /Create it/, withUrl((databaseUrl) => {
    databaseUrl.pathname = '/nothing_here'
  }))
  await bad('database', /host "db.invalid" is not known/, /DATABASE_URL/, withUrl((databaseUrl) => {
    databaseUrl.hostname = 'db.invalid'
  }))
  await bad('encryption keys', /do not open/, /ENCRYPTION_KEYS/, {
    ENCRYPTION_KEYS: `other:${Buffer.alloc(32, 7).toString('base64')}`
  })
  await bad('public URL', /is not a Signet with this ISSUER_URL \(HTTP 404\)/, /ISSUER_URL/, { ISSUER_URL: acme.url })
  const alias = url.replace('localhost', '127.0.0.1')
  await bad('public URL', new RegExp(`${alias}, but with the issuer ${url}`), /ISSUER_URL/, { ISSUER_URL: alias })
  await bad('scheme', /is not https/, /https/, { ISSUER_URL: 'http://id.invalid' })
  await bad('settings', /PORT must be a whole number/, /\.env/, { PORT: '0' })
  await sql.query("UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name LIKE '%clients_and_vault'")
  t.match((await findings())['migrations'], { status: 'warning', message: /1 not applied/ })
})

t.test('with nothing running at the public URL, or without a provider, no login is promised', async (t) => {
  const { doctor, findings } = await world(t)
  const nowhere = await freePort()
  t.match((await findings({ PORT: String(nowhere) }))['public URL'], { status: 'error', message: /nothing answers/ })
  const noProvider = { GITHUB_CLIENT_ID: '', GITHUB_CLIENT_SECRET: '', OIDC_PROVIDERS: '' }
  for (const [changes, line] of [
    [{ PORT: String(nowhere) }, /✗ public URL: nothing answers/],
    [noProvider, /✗ providers: none is enabled\n.*docs\/providers\.md/]
  ] as const) {
    const { status, stdout } = await doctor(changes)
    t.equal(status, 1)
    t.match(stdout, line)
    t.notMatch(stdout, /Nothing stands in the way/)
  }
})

t.test('https without a known proxy may be meant so: a warning', async (t) => {
  const { findings } = await world(t)
  t.match(await findings({ ISSUER_URL: `https://localhost:${await freePort()}` }), {
    proxy: { status: 'warning', advice: /TRUST_PROXY/ }
  })
})

t.test('behind a proxy it says which address Signet has for a visitor, and when that is wrong', async (t) => {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const port = await freePort()
  let upstream = ''
  let forwarded: (claimed: string) => string = (claimed) => claimed
  const proxy = createServer((incoming, outgoing) => {
    const { method, url, headers } = incoming
    const xForwardedFor = forwarded(String(headers['x-forwarded-for'] ?? ''))
    const onward = request(upstream + url, { method, headers: { ...headers, 'x-forwarded-for': xForwardedFor } },
      (response) => {
        outgoing.writeHead(response.statusCode ?? 502, response.headers)
        response.pipe(outgoing)
      })
    onward.on('error', () => outgoing.destroy())
    incoming.pipe(onward)
  }).listen(port)
  t.teardown(() => { proxy.close().closeAllConnections() })
  const settings = { ...github.settings, ISSUER_URL: `http://localhost:${port}`, TRUST_PROXY: '127.0.0.1,10.0.0.0/8' }
  const { app, database } = await setup(t, settings)
  upstream = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  const finding = async () => {
    const found = await examine({ ...settings, DATABASE_URL: database.url, ENCRYPTION_KEYS })
    return found.find(({ check }) => check === 'proxy')
  }

  forwarded = () => '8.8.8.8'
  t.match(await finding(), { status: 'ok', message: 'Signet takes this machine for 8.8.8.8' })
  forwarded = () => '127.0.0.1'
  t.match(await finding(), { status: 'ok', message: 'Signet takes this machine for 127.0.0.1' }, 'its own address')
  forwarded = (claimed) => claimed
  t.match(await finding(), { status: 'warning', message: /anyone could choose an address/, advice: /\$remote_addr/ })
  forwarded = () => '10.9.9.9'
  t.match(await finding(), {
    status: 'warning', message: /proxy at 10\.9\.9\.9 does not tell/, advice: /X-Forwarded-For/
  })
  forwarded = () => '192.168.1.1'
  t.match(await finding(), {
    status: 'warning', message: /192\.168\.1\.1, which is not in TRUST_PROXY/, advice: /add it to TRUST_PROXY/
  })
  await app.close()
  t.equal(await finding(), undefined, 'nothing can be said while nothing answers')
})

t.test('an issuer that takes more than Signet sends is well', async (t) => {
  const { findings, acme } = await world(t)
  acme.discovery({
    token_endpoint_auth_methods_supported: ['private_key_jwt', 'client_secret_post', 'none'],
    id_token_signing_alg_values_supported: ['HS256', 'ES256']
  })
  const found = await findings()
  t.match(found['acme, client authentication'], { status: 'ok', message: 'client_secret_post' })
  t.notOk(found['acme, signatures'])
  const unusable = ['\u001b[2K', 42]
  acme.discovery({ token_endpoint_auth_methods_supported: unusable, id_token_signing_alg_values_supported: {} })
  t.notMatch(JSON.stringify(await findings()), '\\u001b')
})

t.test('Redis: whether it answers, and why not', { skip: withoutRedis }, async (t) => {
  const { findings } = await world(t)
  const port = await freePort()
  const redisUrl = (auth = '') => ({ REDIS_URL: `redis://${auth}127.0.0.1:${port}` })
  t.match((await findings(redisUrl()))['redis'], { status: 'warning', message: /ECONNREFUSED/, advice: /REDIS_URL/ })
  await startRedis(t, port)
  t.match((await findings(redisUrl()))['redis'], { status: 'ok', message: new RegExp(`127.0.0.1:${port}`) })
  t.notOk((await findings())['redis'], 'it is not looked at without the setting')
  const { Redis } = await import('ioredis')
  const admin = new Redis(port)
  t.teardown(() => admin.disconnect())
  await admin.config('SET', 'requirepass', 'the-password')
  t.match((await findings(redisUrl()))['redis'], { status: 'warning', message: /wants a password/ })
  const wrong = (await findings(redisUrl(':not-the-one@')))['redis']
  t.match(wrong, { status: 'warning', message: /wrong password/, advice: /REDIS_URL/ })
  t.notMatch(JSON.stringify(wrong), /not-the-one|WRONGPASS/)
  t.match((await findings(redisUrl(':the-password@')))['redis'], { status: 'ok' })
})

t.test('the words of token endpoints are understood', async (t) => {
  const words: [number, unknown, string][] = [
    [200, { error: 'incorrect_client_credentials' }, 'refused'],
    [
      200,
      { error: 'bad_verification_code', error_description: 'The code passed is incorrect or expired.' },
      'accepted'
    ],
    [401, { error: 'invalid_client' }, 'refused'],
    [400, { error: 'invalid_grant' }, 'accepted'],
    [400, { error: 'invalid_grant', error_description: 'Malformed auth code.' }, 'accepted'],
    [400, { error: { message: 'Error validating client secret.', type: 'OAuthException', code: 1 } }, 'refused'],
    [
      400,
      {
        error: {
          message: 'Error validating application. Cannot get application info due to a system error.',
          type: 'OAuthException',
          code: 101
        }
      },
      'refused'
    ],
    [400, { error: { message: 'Invalid verification code format.', type: 'OAuthException', code: 100 } }, 'accepted'],
    [
      400,
      {
        error: 'invalid_client',
        error_description:
          'AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the ' +
            "client secret value, not the client secret ID, for a secret added to app 'x'."
      },
      'refused'
    ],
    [
      400,
      { error: 'invalid_grant', error_description: 'AADSTS9002313: Invalid request. Request is malformed or invalid.' },
      'accepted'
    ],
    [
      400,
      {
        error: 'invalid_client',
        error_description: "AADSTS50011: The redirect URI 'x' specified in the request does not match"
      },
      'callback'
    ],
    [403, { status: 403, message: 'invalid client secret' }, 'refused'],
    [400, { status: 400, message: 'Invalid authorization code' }, 'accepted'],
    [200, { ok: false, error: 'invalid_client_id' }, 'refused'],
    [200, { ok: false, error: 'bad_client_secret' }, 'refused'],
    [200, { ok: false, error: 'invalid_code' }, 'accepted'],
    [500, '<h1>Oops</h1>', 'unclear']
  ]
  for (const [status, answer, verdict] of words) {
    t.equal(
      judge(status, typeof answer === 'string' ? answer : JSON.stringify(answer)),
      verdict,
      JSON.stringify(answer)
    )
  }
})
