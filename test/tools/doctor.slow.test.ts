import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
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

const root = new URL('../..', import.meta.url).pathname

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

t.test('each thing that would make a login fail is found, with what to do', async (t) => {
  const { findings, github, acme, sql } = await world(t)
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
  await bad('acme, endpoints', /another issuer/, /OIDC_ACME_ISSUER/)
  acme.discovery({})
  acme.fault(acme.paths.jwks, { kind: 'status', status: 500 })
  await bad('acme, keys', /cannot be read/, /reach it/)
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
  await bad('encryption keys', /do not open/, /ENCRYPTION_KEYS/, {
    ENCRYPTION_KEYS: `other:${Buffer.alloc(32, 7).toString('base64')}`
  })
  await bad('public URL', /is not a Signet with this ISSUER_URL/, /ISSUER_URL/, { ISSUER_URL: acme.url })
  await bad('scheme', /is not https/, /https/, { ISSUER_URL: 'http://id.invalid' })
  await bad('settings', /PORT must be a whole number/, /\.env/, { PORT: '0' })
  await sql.query("UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name LIKE '%clients_and_vault'")
  t.match((await findings())['migrations'], { status: 'warning', message: /1 not applied/ })
})

t.test(
  'what may be meant so is a warning: nothing running yet, no provider, https without a known proxy',
  async (t) => {
    const { findings } = await world(t)
    const nowhere = await freePort()
    t.match(await findings({ PORT: String(nowhere) }), {
      'public URL': { status: 'warning', message: /nothing answers/ }
    })
    t.match(await findings({ ISSUER_URL: `https://localhost:${nowhere}` }), {
      proxy: { status: 'warning', advice: /TRUST_PROXY/ }
    })
    t.match(await findings({ GITHUB_CLIENT_ID: '', GITHUB_CLIENT_SECRET: '', OIDC_PROVIDERS: '' }), {
      providers: { status: 'warning' }
    })
  }
)

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
