import { readFile } from 'node:fs/promises'
import { startBuilt, untilReady, type BuiltServer } from '../test/built-server.ts'

/** One of the two processes of the built service. */
export interface Instance extends BuiltServer {
  environment: Record<string, string>
  /** Resident memory in bytes. */
  memory: () => Promise<number>
  hasEnded: () => boolean
  kill: () => Promise<void>
  /** SIGTERM, and the exit code. */
  stop: () => Promise<number | null>
}

export async function startInstance (
  folder: string,
  environment: Record<string, string>,
  options: { deaf?: boolean } = {}
): Promise<Instance> {
  const server = await startBuilt(folder, environment, options)
  const { child } = server
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  await untilReady(server)
  return {
    ...server,
    environment,
    memory: async () =>
      Number(/^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1024,
    hasEnded,
    async kill () {
      child.kill('SIGKILL')
      await server.exit
    },
    async stop () {
      child.kill('SIGTERM')
      return await server.exit
    }
  }
}
