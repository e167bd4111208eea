import { spawn } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../../src/package-root.ts'
import { startEmbeddedPostgres } from '../../packages/embedded-postgres/src/index.ts'
import { start, stub, type Server, type Start } from './servers.ts'

/** A PostgreSQL and a provider's stub, in a temporary folder. */
export interface Environment {
  folder: string
  databaseUrl: string
  stubUrl: string
  startServer: (how: Start) => Promise<Server>
}

/**
 * Runs `work` in an environment of its own. A janitor process ends everything that was started and removes the folder:
 * when `work` has ended, and also when this process is interrupted, crashes or is killed.
 */
export async function withEnvironment<Result> (work: (environment: Environment) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'signet-bench-'))
  const janitor = startJanitor(folder)
  const startServer = (how: Start) => start(how, janitor)
  try {
    console.log('Starting a PostgreSQL and a stub of a provider ...')
    const { url: databaseUrl } = await startEmbeddedPostgres(folder)
    const { url: stubUrl } = await startServer(stub)
    return await work({ folder, databaseUrl, stubUrl, startServer })
  } finally {
    await janitor.cleanUp()
  }
}

/** The janitor cleans up when its input ends, which the system sees to when this process dies. No signal reaches it. */
function startJanitor (folder: string) {
  const janitor = spawn(process.execPath, [join(packageRoot, 'bench/compare/janitor.mjs'), folder], {
    detached: true, stdio: ['pipe', 'ignore', 'inherit']
  })
  const exited = new Promise<void>((resolve) => janitor.once('exit', () => resolve()))
  const tell = (line: string) => { if (!janitor.stdin.writableEnded) janitor.stdin.write(`${line}\n`) }
  return {
    started: (pid: number) => tell(`+${pid}`),
    ended: (pid: number) => tell(`-${pid}`),
    async cleanUp () {
      janitor.stdin.end()
      await exited
    }
  }
}
