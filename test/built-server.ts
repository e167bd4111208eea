import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { packageRoot } from '../src/package-root.ts'
import { freePort } from './free-port.ts'

/** The built server as a process of its own, as `npm start` runs it. */
export interface BuiltServer {
  child: ChildProcess
  url: string
  /** What it wrote so far. */
  output: () => string
  /** Its exit code; null when a signal ended it. */
  exit: Promise<number | null>
}

export function build (): void {
  const options = { cwd: packageRoot, shell: process.platform === 'win32', stdio: 'ignore' } as const
  execFileSync('npm', ['run', 'build', '--silent'], options)
}

export interface BuiltServerOptions {
  /** Its output is a pipe that is never read. */
  deaf?: boolean
  /** For Node itself, before the name of the program. */
  nodeArguments?: string[]
}

/** Starts it in a folder. `environment` is all that it gets besides PATH, HOME and PORT. */
export async function startBuilt (
  folder: string, environment: Record<string, string> = {}, { deaf = false, nodeArguments = [] }: BuiltServerOptions = {}
): Promise<BuiltServer> {
  const port = environment['PORT'] ?? String(await freePort())
  const { PATH = '', HOME = '' } = process.env
  const program = join(packageRoot, 'dist/server.js')
  const env = { PATH, HOME, PORT: port, ...environment }
  const child = spawn(process.execPath, [...nodeArguments, program], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  if (!deaf) for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => { output += chunk })
  return { child, url: `http://localhost:${port}`, output: () => output, exit: once(child, 'exit').then(([code]) => code) }
}

export async function untilReady ({ url, child, output }: BuiltServer): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    if (child.exitCode !== null) throw new Error(`The server has ended: ${output()}`)
    if (await fetch(`${url}/readyz`).then(({ ok }) => ok, () => false)) return
    await sleep(50)
  }
  throw new Error(`The server did not become ready: ${output()}`)
}
