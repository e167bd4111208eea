import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/package-root.ts'
import { build } from '../built-server.ts'
import { freePort } from '../free-port.ts'

const CTRL_C = '\u0003'

/** `npm run <script>` in a pseudo-terminal (util-linux), in a folder whose package.json runs `command`. */
async function inTerminal (t: Test, script: string, command: string, environment: Record<string, string>) {
  const folder = await mkdtemp(join(tmpdir(), 'signet-terminal-'))
  t.teardown(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, scripts: { [script]: command } }))
  const { PATH = '', HOME = '' } = process.env
  // bash replaces itself by the command, so that npm passes signals on to the command itself.
  const npm = { PATH: join(packageRoot, 'node_modules/.bin') + delimiter + PATH, npm_config_script_shell: 'bash' }
  const terminal = spawn('script', ['--quiet', '--return', '--command', `npm run ${script}`, '/dev/null'], {
    cwd: folder,
    env: { ...npm, HOME, TERM: 'dumb', ...environment }
  })
  t.teardown(() => { terminal.kill('SIGKILL') })
  let output = ''
  for (const stream of [terminal.stdout, terminal.stderr]) stream.on('data', (chunk) => { output += chunk })
  const exit = once(terminal, 'exit').then(([code]) => code as number)
  return {
    folder,
    exit,
    output: () => output,
    press: (key: string) => terminal.stdin.write(key),
    /** Whether the embedded PostgreSQL runs. */
    hasPostgres: () => existsSync(join(folder, '.data/postgres/postmaster.pid'))
  }
}

/** Waits for up to a minute: it starts a PostgreSQL, and the machine may be busy. */
async function until (what: string, isMet: () => boolean | Promise<boolean>): Promise<void> {
  for (const endsAt = Date.now() + 60_000; !await isMet(); await sleep(50)) {
    if (Date.now() > endsAt) throw new Error(`It did not happen within a minute: ${what}.`)
  }
}

/** `npm run dev` of package.json, for another folder. */
function devCommand (): string {
  const { scripts } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
  return scripts.dev
    .replace('--import=tsx', `--import=${import.meta.resolve('tsx')}`)
    .replace('tools/dev.ts', join(packageRoot, 'tools/dev.ts'))
}

/** The newest process in `folder` that runs `file`. */
function processOf (folder: string, file: string): number {
  const runs = (pid: string) => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === folder && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(file)
    } catch {
      return false // The process has ended, or belongs to another user.
    }
  }
  return Math.max(...readdirSync('/proc').filter((name) => /^\d+$/.test(name)).filter(runs).map(Number))
}

const answers = (url: string, status = 200) =>
  fetch(url).then((response) => response.status === status, () => false)

t.test('npm run dev: an edited .env counts, a changed file restarts, Ctrl-C ends everything', async (t) => {
  const port = await freePort()
  const url = `http://localhost:${port}`
  const idp = await freePort()
  const environment = { PORT: String(port), DEV_IDP_PORT: String(idp) }
  const dev = await inTerminal(t, 'dev', devCommand(), environment)
  await until('it is ready', () => answers(`${url}/readyz`))
  t.ok(dev.hasPostgres())
  /** Empty while it restarts. */
  const names = async () => await fetch(`${url}/login`).then((response) => response.text(), () => '')

  await writeFile(join(dev.folder, '.env'), 'GITHUB_CLIENT_ID=one\nGITHUB_CLIENT_SECRET=two\n')
  await until('GitHub is there', async () => (await names()).includes('github'))
  await writeFile(join(dev.folder, '.env'), 'GOOGLE_CLIENT_ID=one\nGOOGLE_CLIENT_SECRET=two\n')
  await until('Google is there', async () => (await names()).includes('google'))
  t.notMatch(await names(), 'github', 'what is no longer in .env is gone')
  t.equal((await fetch(`http://localhost:${idp}/healthz`)).status, 200)

  await writeFile(join(dev.folder, '.env'), 'LOG_LEVEL=loud\n')
  await until('the mistake is told', () => /LOG_LEVEL must be/.test(dev.output()))
  await writeFile(join(dev.folder, '.env'), '')
  await until('it is ready again', () => answers(`${url}/readyz`))
  const starts = () => dev.output().split('Signet listens at').length
  const before = starts()
  await utimes(join(packageRoot, 'src/server.ts'), new Date(), new Date())
  await until('a changed file has started it anew', async () => starts() > before && await answers(`${url}/readyz`))

  // It gets its turn late, as on a busy machine: who takes it for dead and kills it leaves the API alone.
  const pid = processOf(dev.folder, 'tools/dev.ts')
  process.kill(pid, 'SIGSTOP')
  dev.press(CTRL_C)
  await sleep(300)
  process.kill(pid, 'SIGCONT')
  await dev.exit
  t.notMatch(dev.output(), /Force killing/i)
  t.notOk(dev.hasPostgres(), 'PostgreSQL has ended')
  for (const ended of [`${url}/healthz`, `http://localhost:${idp}/healthz`]) t.notOk(await answers(ended), ended)
})

t.test('npm start: Ctrl-C ends everything, though npm passes it on a second time', async (t) => {
  build()
  const port = await freePort()
  const started = await inTerminal(t, 'start', `node ${join(packageRoot, 'dist/server.js')}`, { PORT: String(port) })
  await until('it is ready', () => answers(`http://localhost:${port}/readyz`))
  const notice = /This is not production: .*NODE_ENV=production, ISSUER_URL, DATABASE_URL/
  await until('it says that this is not production', () => notice.test(started.output()))
  t.ok(started.hasPostgres())
  started.press(CTRL_C)
  await started.exit
  t.notOk(started.hasPostgres(), 'PostgreSQL has ended')
})
