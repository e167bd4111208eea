import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { packageRoot } from '../../src/package-root.ts'

/** A server under measurement: a process of its own on loopback. */
export interface Server {
  url: string
  /** Milliseconds from its start to its first answer. */
  startedInMs: number
  /** User and system time so far, in milliseconds: fields 14 and 15 of proc(5), in hundredths of a second. */
  cpuMs: () => Promise<number>
  /** Resident memory in bytes. */
  memory: () => Promise<number>
  stop: () => Promise<void>
}

export interface Start { file: string, readyPath?: string, env?: Record<string, string>, cwd?: string, command?: string }

const peers = join(packageRoot, 'bench/peers')
export const peer = (name: string) => join(peers, name)

/** What Signet is measured against comes from npm when it is first needed. */
export function installPeers (): void {
  if (existsSync(join(peers, 'node_modules'))) return
  console.log('Installing what Signet is measured against ...')
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--silent'], { cwd: peers, stdio: 'inherit' })
}

/** Starts a server and waits for its first answer. `env` is all that it gets besides PATH, PORT and NODE_ENV. */
export async function start ({ file, readyPath = '/ready', env = {}, cwd = peers, command = process.execPath }: Start): Promise<Server> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const beganAt = performance.now()
  const child = spawn(command, [file], {
    cwd, env: { PATH: process.env['PATH'] ?? '', NODE_ENV: 'production', PORT: String(port), ...fill(env, url) }, stdio: ['ignore', 'ignore', 'inherit']
  })
  while (!await fetch(url + readyPath).then(({ ok }) => ok, () => false)) {
    if (child.exitCode !== null) throw new Error(`${file} did not start.`)
    if (performance.now() - beganAt > 30_000) throw new Error(`${file} did not answer within 30 s.`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return {
    url,
    startedInMs: performance.now() - beganAt,
    async cpuMs () {
      const fields = (await readFile(`/proc/${child.pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
      return (Number(fields[11]) + Number(fields[12])) * 10
    },
    memory: async () => Number(/^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1024,
    stop: () => stopped(child)
  }
}

const fill = (env: Record<string, string>, url: string) => Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value.replace('{url}', url)]))

async function stopped (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await gone
  clearTimeout(timer)
}

export async function freePort (): Promise<number> {
  return await new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}
