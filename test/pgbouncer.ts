import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.ts'

/** Debian puts it where only root looks. */
const COMMAND = ['pgbouncer', '/usr/sbin/pgbouncer'].find((command) => spawnSync(command, ['--version']).status === 0)

/** Why there can be no PgBouncer here; false when there can. */
export const withoutPgBouncer =
  COMMAND === undefined && 'pgbouncer is not installed here (Debian: apt-get install pgbouncer)'
export const pgBouncerVersion = () =>
  /PgBouncer (\S+)/.exec(spawnSync(COMMAND as string, ['--version']).stdout.toString())?.[1] ?? 'unknown'

/** PgBouncer in transaction mode in front of a database, with so few connections that no client has one for itself. */
export async function startPgBouncer (
  folder: string,
  databaseUrl: string
): Promise<{ url: string, stop: () => Promise<void> }> {
  const { hostname, port: serverPort, username, password, pathname } = new URL(databaseUrl)
  const port = await freePort()
  const file = join(folder, 'pgbouncer.ini')
  await writeFile(
    file,
    `[databases]
signet = host=${hostname} port=${serverPort} dbname=${pathname.slice(1)} user=${username} password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 5
max_client_conn = 200
`
  )
  // It does not run as root.
  await chmod(folder, 0o755)
  const asNobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
  const child = spawn(COMMAND as string, ['-q', file], { stdio: 'ignore', ...asNobody })
  while (!(await listens(port))) {
    if (child.exitCode !== null) throw new Error(`PgBouncer has ended with ${child.exitCode}`)
    await sleep(25)
  }
  return {
    url: `postgresql://signet@127.0.0.1:${port}/signet`,
    async stop () {
      if (child.exitCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
}

async function listens (port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1')
    socket
      .once('connect', () => {
        socket.destroy()
        resolve(true)
      })
      .once('error', () => resolve(false))
  })
}
