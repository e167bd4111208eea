import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../../packages/embedded-postgres/src/index.ts'
import { start, stub, type Server, type Start } from './servers.ts'

/** A PostgreSQL and a provider's stub, in a folder of their own, and what is started beside them. */
export interface World {
  folder: string
  databaseUrl: string
  stubUrl: string
  /** Starts a server that ends with the world. */
  add: (how: Start) => Promise<Server>
}

/** All that was started is stopped again and the folder removed, whether `work` succeeds, fails or is interrupted. */
export async function inWorld<Result> (work: (world: World) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'signet-bench-'))
  const running: { stop: () => Promise<void> }[] = []
  const add = async (how: Start) => {
    const server = await start(how)
    running.push(server)
    return server
  }
  const interrupted = new Promise<never>((_resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => reject(new Error(signal)))
  })
  async function run () {
    console.log('Starting a PostgreSQL and a stub of a provider ...')
    const postgres = await startEmbeddedPostgres(folder)
    running.push(postgres)
    const { url: stubUrl } = await add(stub)
    return await work({ folder, databaseUrl: postgres.url, stubUrl, add })
  }
  try {
    return await Promise.race([run(), interrupted])
  } finally {
    for (const each of running.reverse()) await each.stop().catch(() => {})
    await rm(folder, { recursive: true, force: true })
  }
}
