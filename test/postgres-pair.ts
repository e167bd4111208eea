import { appendFile, cp, mkdir, writeFile } from 'node:fs/promises'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { findBinaries } from '../packages/embedded-postgres/src/binaries.ts'
import { initialize, portOf, start, stop, SUPERUSER, type Server } from '../packages/embedded-postgres/src/server.ts'
import { findUnprivilegedAccount } from '../packages/embedded-postgres/src/unprivileged-account.ts'

const run = promisify(execFile)
const PASSWORD = 'secret'

/** A PostgreSQL of a pair. */
export interface Node {
  port: number
  /** Of the superuser. */
  url: string
  /** Runs one statement on a connection of its own. */
  run: (statement: string) => Promise<void>
}

export interface Pair {
  primary: Node
  /** Follows the primary, and answers reads. */
  standby: Node
  stop: () => Promise<void>
}

/** Two of the embedded PostgreSQL with streaming replication. The standby is made of a copy of the stopped primary. */
export async function startPair (folder: string): Promise<Pair> {
  await mkdir(folder, { recursive: true, mode: 0o755 })
  const binaries = await findBinaries()
  const account = await findUnprivilegedAccount()
  const server = (name: string): Server => ({ binaries, account, data: join(folder, name) })
  const [one, other] = [server('primary'), server('standby')]
  const passwordFile = join(folder, 'password')
  await writeFile(passwordFile, PASSWORD)
  await initialize(one, passwordFile)
  await appendFile(join(one.data, 'pg_hba.conf'), 'host replication all 127.0.0.1/32 scram-sha-256\n')
  await appendFile(join(one.data, 'postgresql.conf'), 'fsync = off\nwal_receiver_status_interval = 1s\n')
  await cp(one.data, other.data, { recursive: true, preserveTimestamps: true })
  await start(one)
  const port = await portOf(one)
  const follow = `host=127.0.0.1 port=${port} user=${SUPERUSER} password=${PASSWORD} application_name=standby`
  await appendFile(join(other.data, 'postgresql.conf'), `primary_conninfo = '${follow}'\n`)
  await writeFile(join(other.data, 'standby.signal'), '')
  if (account) await run('chown', ['-R', `${account.uid}:${account.gid}`, other.data])
  await start(other)
  const node = async (which: Server): Promise<Node> => {
    const port = await portOf(which)
    const url = `postgresql://${SUPERUSER}:${PASSWORD}@127.0.0.1:${port}/postgres`
    return {
      port,
      url,
      async run (statement) {
        const client = new pg.Client({ connectionString: url, options: '-c default_transaction_read_only=off' })
        await client.connect()
        await client.query(statement).finally(() => client.end())
      }
    }
  }
  return {
    primary: await node(one),
    standby: await node(other),
    async stop () { for (const which of [one, other]) await stop(which) }
  }
}
