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
  /** Everything it has written so far. */
  output: () => string
  /** Its exit code; null when a signal ended it. */
  exit: Promise<number | null>
}

/** Runs `npm run build`, unless dist/ was built from the present sources, as `npm start` does. */
export function build (): void {
  const tool = join(packageRoot, 'tools/ensure-built.mjs')
  execFileSync(process.execPath, [tool], { stdio: ['ignore', 'ignore', 'inherit'] })
}

export interface BuiltServerOptions {
  /** Its output is a pipe that is never read. */
  deaf?: boolean
  /** For Node itself, before the name of the program. */
  nodeArguments?: string[]
}

/** Starts the built server in `folder`. Its environment is `environment` with PATH, HOME and PORT, and nothing else. */
export async function startBuilt (
  folder: string,
  environment: Record<string, string> = {},
  { deaf = false, nodeArguments = [] }: BuiltServerOptions = {}
): Promise<BuiltServer> {
  const port = environment['PORT'] ?? String(await freePort())
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, [...nodeArguments, join(packageRoot, 'dist/server.js')], {
    cwd: folder,
    env: { PATH, HOME, PORT: port, ...environment },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let output = ''
  if (!deaf) {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk
      })
    }
  }
  const exit = once(child, 'exit').then(([code]) => code)
  return { child, url: `http://localhost:${port}`, output: () => output, exit }
}

/** Waits until `/readyz` answers 200. Throws when the server ends, or is not ready after half a minute. */
export async function untilReady ({ url, child, output }: BuiltServer): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    if (child.exitCode !== null) throw new Error(`The server has ended: ${output()}`)
    if (
      await fetch(`${url}/readyz`).then(
        ({ ok }) => ok,
        () => false
      )
    ) { return }
    await sleep(50)
  }
  throw new Error(`The server did not become ready: ${output()}`)
}
