import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { packageRoot } from '../../src/package-root.ts'
import { call } from './http.ts'
import { PYTHON, peersFolder } from './peers.ts'
import { cpuMs, memoryOf, type Memory } from './process.ts'
import type { Sample } from './sample.ts'

/** A server under test: a process of its own on loopback. */
export interface Server {
  pid: number
  url: string
  /** From its start to its first response. */
  startedIn: Sample
  /** CPU milliseconds that it and its children have used. */
  cpuMs: () => Promise<number>
  memory: () => Promise<Memory>
  stop: () => Promise<void>
}

/**
 * How to start a server. `{port}` and `{url}` in arguments and environment are filled in. The environment holds PATH,
 * PORT and NODE_ENV=production besides `env`, and nothing else.
 */
export interface Start {
  command?: string
  args: string[]
  readyPath?: string
  env?: Record<string, string>
  cwd?: string
}

const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 5_000
const CLIENT = { client_id: 'bench', name: 'Bench', redirect_uris: ['http://localhost/callback'] }

/** The client whose codes are exchanged. */
export const registeredClient = { clientId: CLIENT.client_id, redirectUri: CLIENT.redirect_uris[0] as string }

export const stub: Start = { args: [join(peersFolder, 'stub.mjs')] }

export interface Backends { databaseUrl: string, stubUrl: string, folder: string }

/** By name. Each in production mode, one process, a pool of ten connections. */
export const startsOf = ({ databaseUrl, stubUrl, folder }: Backends) => (name: string): Start => {
  const env = { DATABASE_URL: databaseUrl, STUB_URL: stubUrl }
  if (name === 'flask-authlib') return { command: PYTHON, args: GUNICORN, env }
  if (name !== 'signet') return { args: [join(peersFolder, `${name}.mjs`)], env }
  return {
    args: [join(packageRoot, 'dist/server.js')],
    readyPath: '/readyz',
    cwd: folder,
    env: signetSettings(databaseUrl, stubUrl)
  }
}

/** One worker whose threads keep connections open, as the others do; gunicorn's default worker closes each. */
const GUNICORN = [
  '-m', 'gunicorn', '--workers', '1', '--threads', '16', '--keep-alive', '60', '--log-level', 'warning',
  '--bind', '127.0.0.1:{port}', 'flask_authlib:app'
]

const CLIENT_SECRET = randomBytes(16).toString('hex')
const ENCRYPTION_KEYS = `bench:${randomBytes(32).toString('base64')}`

/** As in production. Rate limits are off, since every request comes from one address. */
const signetSettings = (databaseUrl: string, stubUrl: string): Record<string, string> => ({
  ISSUER_URL: '{url}',
  DATABASE_URL: databaseUrl,
  ENCRYPTION_KEYS,
  CLIENTS: JSON.stringify([CLIENT]),
  RATE_LIMITS: 'off',
  LOG_LEVEL: 'warn',
  SHUTDOWN_DELAY: '0',
  OAUTH_PROVIDERS: 'oauth',
  OAUTH_OAUTH_AUTHORIZATION_URL: `${stubUrl}/authorize`,
  OAUTH_OAUTH_TOKEN_URL: `${stubUrl}/token`,
  OAUTH_OAUTH_PROFILE_URL: `${stubUrl}/me`,
  OAUTH_OAUTH_EMAIL_TRUSTED: 'true',
  OAUTH_OAUTH_CLIENT_ID: 'bench',
  OAUTH_OAUTH_CLIENT_SECRET: CLIENT_SECRET,
  OIDC_PROVIDERS: 'openid',
  OIDC_OPENID_ISSUER: stubUrl,
  OIDC_OPENID_EMAIL_TRUSTED: 'true',
  OIDC_OPENID_CLIENT_ID: 'bench',
  OIDC_OPENID_CLIENT_SECRET: CLIENT_SECRET
})

/** Learns which processes run, so that it can end those that are left. */
export interface Watcher { started: (pid: number) => void, ended: (pid: number) => void }

/** Starts a server and waits for its first response. */
export async function start (how: Start, watcher: Watcher): Promise<Server> {
  const { command = process.execPath, args, readyPath = '/ready', env = {}, cwd = peersFolder } = how
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const fill = (text: string) => text.replace('{url}', url).replace('{port}', String(port))
  const settings = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, fill(value)]))
  const beganAt = performance.now()
  const child = spawn(command, args.map(fill), {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', NODE_ENV: 'production', PORT: String(port), ...settings },
    stdio: ['ignore', 'ignore', 'inherit']
  })
  const pid = child.pid as number
  watcher.started(pid)
  child.once('exit', () => watcher.ended(pid))
  while (!await call(url + readyPath).then(() => true, () => false)) {
    const isTooLate = performance.now() - beganAt > START_TIMEOUT_MS
    if (child.exitCode !== null || isTooLate) {
      child.kill('SIGKILL')
      const reason = isTooLate ? `did not respond within ${START_TIMEOUT_MS} ms` : 'did not start'
      throw new Error(`${args.join(' ')} ${reason}.`)
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return {
    pid,
    url,
    startedIn: { wallMs: performance.now() - beganAt, cpuMs: await cpuMs(pid) },
    cpuMs: () => cpuMs(pid),
    memory: () => memoryOf(pid),
    stop: () => stop(child)
  }
}

async function stop (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  await exited
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
