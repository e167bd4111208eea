import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { findUnprivilegedAccount } from '../packages/embedded-postgres/src/unprivileged-account.ts'
import { packageRoot } from '../src/package-root.ts'
import { freePort } from '../test/free-port.ts'
import { createNetwork } from './network.ts'

const run = promisify(execFile)

/** One of the two database machines of deploy/patroni. */
export interface DatabaseMachine {
  name: string
  /** Patroni, which starts PostgreSQL. What systemd does after a crash. */
  start: () => Promise<void>
  /** kill -9 of Patroni and of the postmaster. */
  kill: () => Promise<void>
  /** SIGSTOP of all its processes, or SIGCONT. */
  freeze: (on: boolean) => Promise<void>
  /** No packet reaches it or leaves it. Absent where there are no network namespaces. */
  isolate: ((on: boolean) => Promise<void>) | undefined
}

export interface Cluster {
  /** DATABASE_URL by each of the two ways. */
  urls: { 'several hosts': string, HAProxy: string }
  /** Which programs it is made of, in one line. */
  versions: string
  /** What Patroni's settings explain, in seconds: ttl + loop_wait + retry_timeout. */
  explainedSeconds: number
  /** Waits until one leads and the other follows it synchronously. Throws after two minutes. */
  untilWhole: () => Promise<{ leader: DatabaseMachine, standby: DatabaseMachine }>
  /** `patronictl switchover` to the standby. */
  switchOver: () => Promise<void>
  close: () => Promise<void>
}

const find = (program: string) =>
  ['/usr/bin', '/usr/sbin', '/usr/local/bin'].map((folder) => join(folder, program)).find(existsSync)
const BINARIES = ['18', '17', '16', '15', '14'].map((version) => `/usr/lib/postgresql/${version}/bin`).find(existsSync)
const PROGRAMS = ['patroni', 'patronictl', 'etcd', 'haproxy'] as const

/** Why there can be no cluster here; undefined when there can. */
export function withoutCluster (): string | undefined {
  const missing = [...PROGRAMS.filter((program) => !find(program)), ...(BINARIES ? [] : ['postgresql'])]
  return missing.length === 0
    ? undefined
    : `${missing.join(', ')} not installed here (Debian: apt-get install patroni etcd-server haproxy postgresql)`
}

const shipped = (name: string) => readFile(join(packageRoot, 'deploy/patroni', name), 'utf8')
const version = (program: string, pattern: RegExp) =>
  pattern.exec(spawnSync(program, ['--version']).stdout.toString())?.[1] ?? 'unknown'

/**
 * etcd, two PostgreSQLs under Patroni, and HAProxy, from the files of deploy/patroni with other addresses and folders,
 * and with one etcd instead of three.
 */
export async function startCluster (folder: string): Promise<Cluster> {
  const undo: (() => Promise<unknown>)[] = []
  const account = await findUnprivilegedAccount()
  // Each program runs as an account that owns nothing above its folder.
  await chmod(folder, 0o755)
  const network = await createNetwork(['db1', 'db2'])
  undo.push(network.remove)
  const own = async (path: string) => { if (account) await run('chown', [`${account.uid}:${account.gid}`, path]) }
  const asAccount = account
    ? ['setpriv', `--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups', '--']
    : []
  const log: string[] = []
  function launch (command: string[]): ChildProcess {
    const [program = '', ...args] = command
    const child = spawn(program, args, { cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk) => {
        log.push(String(chunk))
        if (log.length > 500) log.shift()
      })
    }
    return child
  }
  const end = async (child: ChildProcess) => {
    child.kill('SIGKILL')
    while (child.exitCode === null && child.signalCode === null) await sleep(20)
  }
  const adapt = (text: string) => text
    .replaceAll(/10\.0\.0\.2\d:/g, `${network.host}:`)
    .replaceAll('10.0.0.', network.prefix)

  const etcdFile = join(folder, 'etcd.conf.yml')
  await writeFile(etcdFile, adapt(await shipped('etcd.conf.yml'))
    .replace(/^data-dir: .*$/m, `data-dir: ${join(folder, 'etcd')}`)
    .replace(/^initial-cluster: (etcd1=[^,\n]*).*$/m, 'initial-cluster: $1'))
  const etcd = launch([find('etcd') as string, '--config-file', etcdFile])
  undo.push(() => end(etcd))

  const machines = [1, 2].map((number) => machine(`db${number}`, `${network.prefix}1${number}`))

  function machine (name: string, address: string): DatabaseMachine & { address: string, data: string, file: string } {
    const data = join(folder, name, 'data')
    const file = join(folder, name, 'patroni.yml')
    let patroni: ChildProcess | undefined
    const pids = async () => {
      const postmaster = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')[0]
      const children = postmaster ? spawnSync('pgrep', ['-P', postmaster]).stdout.toString().split('\n') : []
      return { postmaster, all: [patroni?.pid, postmaster, ...children].map(Number).filter((pid) => pid > 0) }
    }
    const signal = (pid: number, name: NodeJS.Signals) => {
      try {
        process.kill(pid, name)
      } catch {}
    }
    undo.push(async () => {
      const { all } = await pids()
      for (const pid of all) signal(pid, 'SIGKILL')
    })
    return {
      name,
      address,
      data,
      file,
      async start () {
        await mkdir(join(folder, name), { recursive: true })
        await own(join(folder, name))
        await writeFile(file, adapt(await shipped('patroni.yml'))
          .replaceAll(`${network.prefix}11`, address)
          .replace(/^name: .*$/m, `name: ${name}`)
          .replace(/hosts: \[.*\]/, `hosts: [${network.host}:2379]`)
          .replace(/bin_dir: .*/, `bin_dir: ${BINARIES}`)
          .replace(/data_dir: .*/, `data_dir: ${data}`)
          .replace(/pgpass: .*/, `pgpass: ${join(folder, name, 'pgpass')}`)
          .replace(/unix_socket_directories: .*/, `unix_socket_directories: ${join(folder, name)}`))
        patroni = launch([...network.enter(name), ...asAccount, find('patroni') as string, file])
      },
      async kill () {
        const { postmaster } = await pids()
        if (patroni) await end(patroni)
        signal(Number(postmaster), 'SIGKILL')
      },
      async freeze (on) {
        for (const pid of (await pids()).all) signal(pid, on ? 'SIGSTOP' : 'SIGCONT')
      },
      isolate: network.isolate && ((on) => network.isolate?.(name, on) as Promise<void>)
    }
  }

  for (const one of machines) await one.start()

  interface Member { name: string, role: string, state: string }
  async function members (): Promise<Member[]> {
    const answers = await Promise.all(machines.map(({ address }) =>
      fetch(`http://${address}:8008/cluster`, { signal: AbortSignal.timeout(1_000) })
        .then(async (response) => (await response.json() as { members: Member[] }).members, () => undefined)))
    // Both must have the same view: one that was frozen still has the old one.
    const [one, other] = answers.map((found) => JSON.stringify(found?.map(({ name, role }) => [name, role]).sort()))
    return one === other ? answers[0] ?? [] : []
  }
  const untilWhole: Cluster['untilWhole'] = async () => {
    for (const endsAt = Date.now() + 120_000; Date.now() < endsAt; await sleep(250)) {
      const found = await members()
      const leader = found.find(({ role, state }) => role === 'leader' && state === 'running')
      const standby = found.find(({ role }) => role === 'sync_standby')
      const named = (name?: string) => machines.find((one) => one.name === name)
      const [leads, follows] = [named(leader?.name), named(standby?.name)]
      if (leads && follows) return { leader: leads, standby: follows }
    }
    throw new Error(`The cluster did not become whole: ${JSON.stringify(await members())}\n${log.slice(-60).join('')}`)
  }

  const proxyPort = await freePort()
  const proxyFile = join(folder, 'haproxy.cfg')
  await writeFile(proxyFile, adapt(await shipped('haproxy.cfg')).replace('127.0.0.1:5432', `127.0.0.1:${proxyPort}`))
  const haproxy = launch([find('haproxy') as string, '-f', proxyFile])
  undo.push(() => end(haproxy))

  const close = async () => { for (const step of undo.reverse()) await step().catch(() => {}) }
  try {
    const { leader } = await untilWhole()
    await createSignetDatabase(machines.find(({ name }) => name === leader.name)?.address as string)
  } catch (error) {
    await close()
    throw error
  }
  const seconds = (name: string, text: string) => Number(new RegExp(`^ +${name}: (\\d+)`, 'm').exec(text)?.[1])
  const settings = await shipped('patroni.yml')
  const login = 'postgresql://signet:torture@'
  return {
    urls: {
      'several hosts': `${login}${machines.map(({ address }) => `${address}:5432`).join(',')}/signet` +
        '?target_session_attrs=read-write',
      HAProxy: `${login}127.0.0.1:${proxyPort}/signet`
    },
    versions: [
      `PostgreSQL ${version(join(BINARIES as string, 'postgres'), /(\d+\.\d+)/)}`,
      `Patroni ${version(find('patroni') as string, /(\d[\d.]+)/)}`,
      `etcd ${version(find('etcd') as string, /(\d[\d.]+)/)}`,
      `HAProxy ${spawnSync(find('haproxy') as string, ['-v']).stdout.toString().match(/version (\d[\d.]+)/)?.[1]}`,
      network.isolate ? 'each database in a network namespace' : 'all on loopback'
    ].join(', '),
    explainedSeconds: ['ttl', 'loop_wait', 'retry_timeout'].reduce((sum, name) => sum + seconds(name, settings), 0),
    untilWhole,
    async switchOver () {
      const { leader, standby } = await untilWhole()
      await run(find('patronictl') as string, [
        '-c', machines[0]?.file as string, 'switchover', 'signet', '--force',
        '--master', leader.name, '--candidate', standby.name
      ])
    },
    close
  }
}

async function createSignetDatabase (address: string): Promise<void> {
  const admin = new pg.Client({
    connectionString: `postgresql://postgres:change-me-superuser@${address}:5432/postgres`
  })
  await admin.connect()
  await admin.query("CREATE ROLE signet LOGIN PASSWORD 'torture'")
  await admin.query('CREATE DATABASE signet OWNER signet')
  await admin.end()
}
