import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { startWorld, type World } from '../clients/world.ts'
import { packageRoot } from '../../src/package-root.ts'
import { inThePast } from '../helper.ts'

const FOLDER = join(packageRoot, 'examples/cli')
const TV = { client_id: 'tv', name: 'The television', redirect_uris: [] }

const missing = ['bash', 'curl', 'jq'].filter((tool) => spawnSync(tool, ['--version']).error)
const options = { skip: missing.length > 0 && `${missing.join(' and ')} must be installed` }

interface Run {
  done: Promise<{ status: number, stdout: string, stderr: string }>
  link: () => Promise<string>
}

/** Someone at a terminal, whose home is a folder of its own; every argument that curl and jq get is written down. */
async function terminal (t: Test, { url }: World, environment: Record<string, string> = {}) {
  const home = await mkdtemp(join(tmpdir(), 'signet-cli-'))
  t.teardown(() => rm(home, { recursive: true, force: true }))
  const program = join(home, 'bin')
  const tokens = join(home, '.config/signet-cli/tokens.json')
  await mkdir(program)
  for (const tool of ['curl', 'jq']) {
    const real = execFileSync('bash', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim()
    await writeFile(join(program, tool), `#!/bin/sh\nprintf '%s\\n' "$@" >> "${home}/arguments"\nexec "${real}" "$@"\n`)
    await chmod(join(program, tool), 0o755)
  }

  function run (command: string): Run {
    const { PATH = '' } = process.env
    const env = { PATH: `${program}${delimiter}${PATH}`, HOME: home, SIGNET_URL: url, ...environment }
    const child = spawn('bash', ['-c', command], { cwd: FOLDER, env, stdio: ['ignore', 'pipe', 'pipe'] })
    t.teardown(() => {
      child.kill()
    })
    const output = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk) => {
      output.stdout += chunk
    })
    child.stderr.on('data', (chunk) => {
      output.stderr += chunk
    })
    return {
      done: once(child, 'close').then(([status]) => ({ status, ...output })),
      async link () {
        for (let attempt = 0; attempt < 400 && !output.stdout.includes('the code'); attempt++) await sleep(25)
        return /^Open (\S+)$/m.exec(output.stdout)?.[1] ?? `no link in ${JSON.stringify(output)}`
      }
    }
  }

  const keep = async (kept: object) => {
    await mkdir(join(tokens, '..'), { recursive: true })
    await writeFile(tokens, JSON.stringify(kept))
  }
  const read = async () => JSON.parse(await readFile(tokens, 'utf8'))
  return {
    tokens,
    run,
    read,
    keep,
    exists: () =>
      stat(tokens).then(
        () => true,
        () => false
      ),
    /** Everything that `ps` could have shown. */
    shown: () => readFile(join(home, 'arguments'), 'utf8')
  }
}

t.test('the commands of the README, one after the other', options, async (t) => {
  const world = await startWorld(t, [])
  const { run, read, tokens, exists, shown } = await terminal(t, world)
  const readme = await readFile(join(FOLDER, 'README.md'), 'utf8')
  const [first = '', ...rest] = [...readme.matchAll(/```sh\n(.*?)```/gs)]
    .flatMap(([, block = '']) => block.split('\n'))
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.replaceAll('http://localhost:3000', world.url))
  t.equal(rest.length, 3)

  const signingIn = run(first)
  t.match(await world.decide(await signingIn.link(), 'approve'), 'The device is signed in')
  const { status, stdout, stderr } = await signingIn.done
  t.equal(status, 0, stderr)
  t.match(stdout, /\nand check that it shows the code [A-Z]{4}-[A-Z]{4}\nYou are signed in\.\n$/)
  const kept = await read()
  t.equal((await stat(tokens)).mode & 0o777, 0o600)
  t.equal((await stat(join(tokens, '..'))).mode & 0o777, 0o700)
  t.same(await readdir(join(tokens, '..')), ['tokens.json'])
  t.match(decodeJwt(kept.access_token), { client_id: 'signet', scope: 'openid profile email' })

  const [me, byToken, out] = rest as [string, string, string]
  for (const command of [me, byToken]) {
    const { status, stdout, stderr } = await run(command).done
    t.equal(status, 0, stderr)
    t.match(JSON.parse(stdout), { name: 'The Octocat', email: 'octocat@github.com' })
  }
  t.same(await read(), kept, 'a fresh token is not refreshed')
  t.equal((await run(out).done).stdout, 'You are signed out.\n')
  t.equal(await exists(), false)
  t.equal(await world.me(kept.access_token), 401)
  t.match(await run(me).done, { status: 1, stderr: /You are not signed in/ })

  const text = await shown()
  t.match(text, '/oauth2/device_authorization')
  t.match(text, '/oauth2/revoke')
  for (const secret of [kept.access_token, kept.refresh_token]) t.notMatch(text, secret)
  t.notMatch(text, /Bearer ey|device_code=[\w-]{43}|token=\S{30}/)
})

/** As a sign-in leaves it, without the waiting. */
async function kept ({ url }: World) {
  const { access_token: accessToken, refresh_token: refreshToken } = (
    await createBrowser(url).login('/login/github')
  ).json()
  return {
    signet: url,
    client_id: 'signet',
    access_token: accessToken,
    refresh_token: refreshToken,
    expires_at: Date.now() / 1000
  }
}

t.test(
  'a token that has expired is refreshed, also by two at once; a session that has ended asks for a new sign-in',
  options,
  async (t) => {
    const world = await startWorld(t, [])
    const { run, read, keep, tokens, exists } = await terminal(t, world)
    const before = await inThePast(901, () => kept(world))
    await keep(before)
    t.equal(await world.me(before.access_token), 401)

    const { stdout: token } = await run('./sign-in.sh token').done
    t.equal(await world.me(token.trim()), 200)
    const after = await read()
    t.not(after.refresh_token, before.refresh_token)
    t.equal(after.access_token, token.trim())
    t.equal((await stat(tokens)).mode & 0o777, 0o600)

    const expire = async () => await keep({ ...(await read()), expires_at: before.expires_at })
    await expire()
    const both = await Promise.all(['token', 'token'].map((command) => run(`./sign-in.sh ${command}`).done))
    for (const { status, stdout } of both) {
      t.equal(status, 0)
      t.equal(await world.me(stdout.trim()), 200)
    }
    t.not((await read()).access_token, after.access_token)
    await expire()
    t.match(JSON.parse((await run('./sign-in.sh me').done).stdout), { name: 'The Octocat' })

    t.match(await run('SIGNET_URL=http://elsewhere.example.com ./sign-in.sh token').done, {
      status: 1,
      stdout: '',
      stderr: /You are signed in to http:\/\/localhost/
    })
    await expire()
    await world.sql.query('UPDATE sessions SET revoked_at = now()')
    t.match(await run('./sign-in.sh token').done, { status: 1, stdout: '', stderr: /The session has ended/ })
    t.equal(await exists(), false)

    await keep(before)
    await world.app.close()
    for (const command of ['token', 'out', 'me', '']) {
      t.match(await run(`./sign-in.sh ${command}`).done, { status: 1, stdout: '', stderr: /does not answer/ }, command)
    }
    t.equal(await exists(), true, 'a server that is down signs nobody out')
  }
)

t.test('it waits as it is told, and says why nobody was signed in', options, async (t) => {
  const world = await startWorld(t, [TV])
  const begin = async (before?: object) => {
    const { run, exists, keep, read } = await terminal(t, world, { SIGNET_CLIENT_ID: 'tv' })
    if (before) await keep(before)
    const { link, done } = run('./sign-in.sh')
    return { link: await link(), done, exists, read }
  }
  const old = await kept(world)
  const startedAt = Date.now()
  const [slow, denied, late] = await Promise.all([begin(old), begin(), begin()])
  const code = (link: string) => [new URL(link).searchParams.get('user_code')?.replace('-', '')]
  // As if the script had asked just before its first time: it has to wait five seconds longer from then on.
  await world.sql.query(
    "UPDATE device_grants SET last_polled_at = now() + interval '1 hour' WHERE user_code = $1",
    code(slow.link)
  )
  await world.sql.query(
    "UPDATE device_grants SET expires_at = now() - interval '1 second' WHERE user_code = $1",
    code(late.link)
  )
  await world.decide(denied.link, 'deny')
  t.match(await denied.done, { status: 1, stderr: 'sign-in: The person in the browser said no.\n' })
  t.match(await late.done, { status: 1, stderr: 'sign-in: The code has expired. Start again.\n' })
  for (const { exists } of [denied, late]) t.equal(await exists(), false)
  t.ok(Date.now() - startedAt >= 5000, 'not before the interval')

  const slowGrant = async () =>
    (
      await world.sql.query(
        'SELECT interval_seconds, last_polled_at, spent_at FROM device_grants WHERE user_code = $1',
        code(slow.link)
      )
    ).rows[0]
  let told = await slowGrant()
  for (let attempt = 0; attempt < 400 && told.interval_seconds === 5; attempt++) {
    await sleep(25)
    told = await slowGrant()
  }
  t.equal(told.interval_seconds, 10, 'it was told to slow down')
  t.equal(await world.me(old.access_token), 200)
  await world.decide(slow.link, 'approve')
  t.match(await slow.done, { status: 0, stderr: '' })
  const { last_polled_at: lastRefusedAt, spent_at: spentAt } = await slowGrant()
  t.same(lastRefusedAt, told.last_polled_at, 'it has not asked in between')
  t.ok(spentAt - told.last_polled_at >= 10_000, 'five seconds longer than before')
  const after = await slow.read()
  t.match(decodeJwt(after.access_token), { client_id: 'tv' })
  t.equal(await world.me(after.access_token), 200)
  t.equal(await world.me(old.access_token), 401, 'who signs in again leaves no session behind')
})
