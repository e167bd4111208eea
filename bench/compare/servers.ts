import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { packageRoot } from '../../src/package-root.ts'
import { call } from './http.ts'
import { cpuMs, memoryOf, type Memory } from './process.ts'

/** A server under measurement: a process of its own on loopback. */
export interface Server {
  pid: number
  url: string
  /** Milliseconds from its start to its first answer, and those of CPU until then. */
  startedIn: { ms: number, cpuMs: number }
  cpuMs: () => Promise<number>
  memory: () => Promise<Memory>
  stop: () => Promise<void>
}

/** `{port}` and `{url}` in arguments and settings are filled in. The settings are all that it gets besides PATH, PORT and NODE_ENV=production. */
export interface Start { command?: string, args: string[], readyPath?: string, env?: Record<string, string>, cwd?: string }

const peers = join(packageRoot, 'bench/peers')
const PYTHON = '/usr/bin/python3'
const START_LIMIT_MS = 60_000
const CLIENT = { client_id: 'bench', name: 'Bench', redirect_uris: ['http://localhost/callback'] }

/** The client whose codes are exchanged. */
export const client = { clientId: CLIENT.client_id, redirectUri: CLIENT.redirect_uris[0] as string }

/** What Signet is measured against comes from npm when it is first needed. */
export function installPeers (): void {
  if (existsSync(join(peers, 'node_modules'))) return
  console.log('Installing what Signet is measured against ...')
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--silent'], { cwd: peers, stdio: 'inherit' })
}

export function hasFlask (): boolean {
  const isThere = spawnSync(PYTHON, ['-c', 'import authlib, flask, flask_sqlalchemy, gunicorn, psycopg2, requests']).status === 0
  if (!isThere) console.log('Flask and Authlib are left out: apt-get install gunicorn python3-authlib python3-flask-sqlalchemy python3-psycopg2 python3-requests')
  return isThere
}

export const stub: Start = { args: [join(peers, 'stub.mjs')] }

/** By name. Each in production mode, one process, a pool of ten connections. */
export function startsOf (names: string[], { databaseUrl, stubUrl, folder }: { databaseUrl: string, stubUrl: string, folder: string }): Record<string, Start> {
  const env = { DATABASE_URL: databaseUrl, STUB_URL: stubUrl }
  return Object.fromEntries(names.map((name) => {
    if (name === 'signet') return [name, { args: [join(packageRoot, 'dist/server.js')], readyPath: '/readyz', cwd: folder, env: signetSettings(databaseUrl, stubUrl) }]
    if (name === 'flask-authlib') return [name, { command: PYTHON, args: GUNICORN, env }]
    return [name, { args: [join(peers, `${name}.mjs`)], env }]
  }))
}

/** One worker. Its threads keep connections open, as all others do here; the default worker closes each. */
const GUNICORN = ['-m', 'gunicorn', '--workers', '1', '--threads', '8', '--keep-alive', '60', '--log-level', 'warning', '--bind', '127.0.0.1:{port}', 'flask_authlib:app']

/** As in production, with the one instance's own database. Rate limits are off: all come from one address. */
const signetSettings = (databaseUrl: string, stubUrl: string): Record<string, string> => ({
  ISSUER_URL: '{url}',
  DATABASE_URL: databaseUrl,
  ENCRYPTION_KEYS,
  CLIENTS: JSON.stringify([CLIENT]),
  RATE_LIMITS: 'off',
  LOG_LEVEL: 'warn',
  SHUTDOWN_DELAY: '0',
  OAUTH_PROVIDERS: 'bench',
  OAUTH_BENCH_AUTHORIZATION_URL: `${stubUrl}/authorize`,
  OAUTH_BENCH_TOKEN_URL: `${stubUrl}/token`,
  OAUTH_BENCH_PROFILE_URL: `${stubUrl}/me`,
  OAUTH_BENCH_EMAIL_TRUSTED: 'true',
  OAUTH_BENCH_CLIENT_ID: 'bench',
  OAUTH_BENCH_CLIENT_SECRET: randomBytes(16).toString('hex')
})

const ENCRYPTION_KEYS = `bench:${randomBytes(32).toString('base64')}`

/** Starts a server and waits for its first answer. */
export async function start ({ command = process.execPath, args, readyPath = '/ready', env = {}, cwd = peers }: Start): Promise<Server> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const fill = (text: string) => text.replace('{url}', url).replace('{port}', String(port))
  const settings = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, fill(value)]))
  const beganAt = performance.now()
  const child = spawn(command, args.map(fill), { cwd, env: { PATH: process.env['PATH'] ?? '', NODE_ENV: 'production', PORT: String(port), ...settings }, stdio: ['ignore', 'ignore', 'inherit'] })
  const pid = child.pid as number
  while (!await call(url + readyPath).then(() => true, () => false)) {
    const tooLate = performance.now() - beganAt > START_LIMIT_MS
    if (child.exitCode !== null || tooLate) {
      child.kill('SIGKILL')
      throw new Error(`${args.join(' ')} ${tooLate ? `did not answer within ${START_LIMIT_MS} ms` : 'did not start'}.`)
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return {
    pid,
    url,
    startedIn: { ms: performance.now() - beganAt, cpuMs: await cpuMs(pid) },
    cpuMs: () => cpuMs(pid),
    memory: () => memoryOf(pid),
    stop: () => stopped(child)
  }
}

async function stopped (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await gone
  clearTimeout(timer)
}

async function freePort (): Promise<number> {
  return await new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}
