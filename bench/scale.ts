/**
 * Two instances on two cores beside one instance on one core. PostgreSQL, the stub and the client share the cores each
 * time, so that a core more is a core more for all of them: this measures whether the instances hinder each other.
 * Beside it one instance with both cores, where PostgreSQL and the client have the second one almost to themselves.
 */
import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { loginOf, signetClient } from './compare/clients.ts'
import { withEnvironment } from './compare/environment.ts'
import { median } from './compare/figures.ts'
import { machine, today, versions } from './compare/machine.ts'
import { mixOf, perform, type Operation } from './compare/operation.ts'
import { cpuMs, processTree } from './compare/process.ts'
import { registeredClient, startsOf, type Server } from './compare/servers.ts'
import type { Load, ScaleFigures } from './report/scale-figures.ts'

const ROUNDS = 3
const WARM_UP = 200
const FULL_SAMPLE_MS = 3_000
const SHORT_SAMPLE_MS = 300

const LAYOUTS = {
  one: { instances: 1, cores: '0' },
  two: { instances: 2, cores: '0,1' },
  oneOnTwoCores: { instances: 1, cores: '0,1' }
} as const
type Layout = keyof typeof LAYOUTS

export async function scale ({ isShort }: { isShort: boolean }): Promise<ScaleFigures> {
  if (availableParallelism() < 2) throw new Error('This needs two cores.')
  return await withEnvironment(async ({ folder, databaseUrl, stubUrl, startServer }) => {
    const postmaster = Number((await readFile(join(folder, 'postgres/postmaster.pid'), 'utf8')).split('\n')[0])
    const signet = startsOf({ databaseUrl, stubUrl, folder })('signet')
    // One issuer, as behind a load balancer.
    const start = { ...signet, env: { ...signet.env, ISSUER_URL: 'http://localhost:3000' } }
    const instances = [await startServer(start), await startServer(start)]
    const sql = new pg.Pool({ connectionString: databaseUrl, max: 2 })
    const sampleMs = isShort ? SHORT_SAMPLE_MS : FULL_SAMPLE_MS
    const operations = await measure({ instances, postmaster, sql, sampleMs })
    await sql.end()
    return { measuredOn: today(), machine: machine(), versions: versions([]), rounds: ROUNDS, operations }
  })
}

interface Subject { instances: Server[], postmaster: number, sql: pg.Pool, sampleMs: number }

async function measure ({ instances, postmaster, sql, sampleMs }: Subject): Promise<ScaleFigures['operations']> {
  const urls = instances.map(({ url }) => url)
  const operationsOf = (layout: Layout): Record<string, Operation> => {
    const used = urls.slice(0, LAYOUTS[layout].instances)
    const { signIn, operations: { check, refresh, exchange } } = signetClient(used, sql, registeredClient)
    const login = loginOf(signIn, 'oauth')
    return { check, login, refresh, exchange, mix: mixOf({ check, refresh, login }) }
  }
  const samples: Record<string, Record<Layout, Load[]>> = {}
  const counts: Record<string, number> = {}

  console.log('Warming up ...')
  for (const layout of ['two', 'oneOnTwoCores'] as const) {
    for (const [name, operation] of Object.entries(operationsOf(layout))) {
      const { perSecond } = await loadOf(operation, WARM_UP, { instances, postmaster })
      counts[name] = Math.max(100, Math.round(perSecond * sampleMs / 1000))
    }
  }
  for (let round = 1; round <= ROUNDS; round++) {
    console.log(`Round ${round} of ${ROUNDS} ...`)
    for (const name of Object.keys(counts)) {
      for (const layout of Object.keys(LAYOUTS) as Layout[]) {
        await pin([process.pid, postmaster], LAYOUTS[layout].cores)
        const operation = operationsOf(layout)[name] as Operation
        const load = await loadOf(operation, counts[name] as number, { instances, postmaster })
        ;((samples[name] ??= { one: [], two: [], oneOnTwoCores: [] })[layout]).push(load)
      }
    }
  }
  return Object.fromEntries(Object.entries(samples).map(([name, byLayout]) => [name, {
    one: medianLoad(byLayout.one), two: medianLoad(byLayout.two), oneOnTwoCores: medianLoad(byLayout.oneOnTwoCores)
  }]))
}

type Measured = Pick<Subject, 'instances' | 'postmaster'>

async function loadOf (operation: Operation, count: number, { instances, postmaster }: Measured): Promise<Load> {
  const spent = async () => ({
    server: (await Promise.all(instances.map((server) => server.cpuMs()))).reduce((sum, ms) => sum + ms, 0),
    database: await cpuMs(postmaster),
    client: process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000
  })
  return await perform(operation, count, async (work) => {
    const before = await spent()
    const beganAt = performance.now()
    await work()
    const wallMs = performance.now() - beganAt
    const after = await spent()
    return {
      perSecond: count / wallMs * 1000,
      serverCpuMs: (after.server - before.server) / count,
      databaseCpuMs: (after.database - before.database) / count,
      clientCpuMs: (after.client - before.client) / count
    }
  })
}

function medianLoad (loads: Load[]): Load {
  const of = (member: keyof Load) => median(loads.map((load) => load[member]))
  return {
    perSecond: of('perSecond'),
    serverCpuMs: of('serverCpuMs'),
    databaseCpuMs: of('databaseCpuMs'),
    clientCpuMs: of('clientCpuMs')
  }
}

/** Restricts these processes, their descendants and all their threads to the given cores. */
async function pin (roots: number[], cores: string): Promise<void> {
  for (const pid of (await Promise.all(roots.map((root) => processTree(root)))).flat()) {
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, String(pid)], { stdio: 'ignore' })
  }
}
