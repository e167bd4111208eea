import { existsSync } from 'node:fs'
import { chmod, chown, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Binaries } from './binaries.ts'
import { runAs, type Account } from './unprivileged-account.ts'

export const SUPERUSER = 'signet'

export interface Server {
  binaries: Binaries
  /** The data folder (PGDATA). */
  data: string
  account: Account | undefined
}

export function isInitialized ({ data }: Server): boolean {
  return existsSync(join(data, 'PG_VERSION'))
}

/** Initializes a draft and moves it into place: of two processes that do so at once, the slower one drops its own. */
export async function initialize (server: Server, passwordFile: string): Promise<void> {
  const { binaries, data, account } = server
  const draft = await mkdtemp(`${data}-`)
  for (const binary of Object.values(binaries)) await chmod(binary, 0o755).catch(() => {})
  if (account) for (const path of [draft, passwordFile]) await chown(path, account.uid, account.gid)
  try {
    await runAs(account, binaries.initdb, ['--pgdata', draft, '--username', SUPERUSER, '--pwfile', passwordFile,
      '--auth', 'scram-sha-256', '--encoding', 'UTF8', '--locale', 'C', '--no-sync'], data)
    await rename(draft, data).catch((error: unknown) => { if (!isInitialized(server)) throw error })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

export async function isRunning (server: Server): Promise<boolean> {
  return await pgCtl(server, 'status').then(() => true, () => false)
}

/** Starts the server. Of two processes that do so at once, the slower one finds the other's server running. */
export async function start (server: Server): Promise<void> {
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200']
  const options = [`-p ${await freePort()}`, ...settings.map((setting) => `-c ${setting}`)].join(' ')
  try {
    await pgCtl(server, 'start', '-w', '-t', '60', '-s', '-l', logFile(server), '-o', options)
  } catch (error) {
    if (await isStartedByOther(server)) return
    const log = await readFile(logFile(server), 'utf8').catch(() => '')
    const lastLines = log.split('\n').slice(-8).join('\n')
    throw new Error(`The embedded PostgreSQL in ${server.data} did not start. Its log ends with:\n${lastLines}`, {
      cause: error
    })
  }
}

export async function crash (server: Server): Promise<void> {
  await pgCtl(server, 'restart', '-m', 'immediate', '-w', '-t', '60', '-s', '-l', logFile(server))
}

export async function stop (server: Server): Promise<void> {
  await pgCtl(server, 'stop', '-m', 'fast', '-w', '-s').catch(async (error: unknown) => {
    if (await isRunning(server)) throw error
  })
}

/** Line 4 of postmaster.pid is the port; line 8 is "ready" once the server accepts connections. */
export async function portOf ({ data }: Server): Promise<number> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
    if (lines[7]?.trim() === 'ready') return Number(lines[3])
    await sleep(100)
  }
  throw new Error(`The embedded PostgreSQL in ${data} was not ready within 30 s.`)
}

async function pgCtl ({ binaries, data, account }: Server, action: string, ...options: string[]): Promise<void> {
  await runAs(account, binaries.pg_ctl, [action, '-D', data, ...options], data)
}

async function isStartedByOther (server: Server): Promise<boolean> {
  for (let attempt = 0; attempt < 20; attempt++) {
    if (await isRunning(server)) return true
    await sleep(100)
  }
  return false
}

function logFile ({ data }: Server): string {
  return join(data, 'server.log')
}

async function freePort (): Promise<number> {
  return await new Promise((resolve, reject) => {
    const probe = createServer().on('error', reject).listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
