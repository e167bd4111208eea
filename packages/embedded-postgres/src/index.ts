import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { findBinaries } from './binaries.ts'
import { createDatabase, isInUse } from './database.ts'
import { ensurePassword } from './password.ts'
import { crash, initialize, isInitialized, isRunning, portOf, start, stop, SUPERUSER, type Server } from './server.ts'
import { findUnprivilegedAccount } from './unprivileged-account.ts'

const DATABASE = 'signet'

export interface EmbeddedPostgres {
  url: string
  /** The URL of another database on the same server. */
  urlOf: (database: string) => string
  /** Ends the server as a crash would, and starts it again at the same address. */
  crash: () => Promise<void>
  /** Stops the server, unless another process is connected. */
  stop: () => Promise<void>
}

/**
 * Starts the PostgreSQL that npm installed, with its data in `folder`, and creates the database `signet`. A server that
 * is already running there is used as it is, whether another process started it or a process that was killed left it
 * behind.
 */
export async function startEmbeddedPostgres (
  folder: string, onProgress: (line: string) => void = () => {}
): Promise<EmbeddedPostgres> {
  const server: Server = {
    binaries: await findBinaries(),
    data: resolve(folder, 'postgres'),
    account: await findUnprivilegedAccount()
  }
  await mkdir(folder, { recursive: true })
  const passwordFile = join(folder, 'postgres-password')
  const password = await ensurePassword(passwordFile)
  if (!isInitialized(server)) {
    onProgress('Creating the embedded PostgreSQL (once) ...')
    await initialize(server, passwordFile)
  }
  if (!await isRunning(server)) await start(server)
  const port = await portOf(server)
  const urlOf = (database: string) => `postgresql://${SUPERUSER}:${password}@127.0.0.1:${port}/${database}`
  await createDatabase(urlOf('postgres'), DATABASE)
  return {
    url: urlOf(DATABASE),
    urlOf,
    crash: () => crash(server),
    stop: async () => { if (!await isInUse(urlOf('postgres'))) await stop(server) }
  }
}
