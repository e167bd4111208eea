/**
 * What Signet costs, beside what it could cost at the least and beside its peers: all in one run on one machine, in turns,
 * three rounds, medians. The headline is the CPU time of the server's process per operation, from /proc (Linux): unlike
 * throughput it means something on a busy machine. Everything is on loopback; the provider is a stub that costs next to nothing.
 */
import pg from 'pg'
import { betterAuthClient, cookieClient, limitClient, perform, signetClient, type Operation, type OperationName, type Operations } from './compare/clients.ts'
import { median, operationsFor, type Cost, type Figures, type StartCost } from './compare/figures.ts'
import { measureFootprints } from './compare/footprint.ts'
import { machine, today, versions } from './compare/machine.ts'
import type { Memory } from './compare/process.ts'
import { client, hasFlask, installPeers, start, startsOf, type Server, type Start } from './compare/servers.ts'
import { inWorld } from './compare/world.ts'

const ROUNDS = 3
const NAMES: OperationName[] = ['check', 'login', 'refresh', 'exchange']
/** Before the first round: enough to know every person, and to say how many operations a round has. */
const WARM_UP = 200

/** How much of each is measured. */
const FULL = { cpuMs: 3_000, starts: 5, settleMs: 3_000 }
const QUICK = { cpuMs: 150, starts: 1, settleMs: 500 }

type Extent = typeof FULL

export async function compare ({ isQuick }: { isQuick: boolean }): Promise<Figures> {
  const extent = isQuick ? QUICK : FULL
  installPeers()
  const names = ['bare', 'limit', 'signet', 'passport', 'better-auth', ...hasFlask() ? ['flask-authlib'] : []]
  return await inWorld(async ({ folder, databaseUrl, stubUrl, add }) => {
    console.log('Installing each as for production, to see what it takes ...')
    const footprint = await measureFootprints(folder)
    const how = startsOf(names, { databaseUrl, stubUrl, folder })
    const { starts, idleMemory } = await measureStarts(how, extent)
    const servers: Record<string, Server> = {}
    for (const name of names) servers[name] = await add(how[name] as Start)
    const sql = new pg.Pool({ connectionString: databaseUrl, max: 2 })
    const costs = await measureOperations(servers, operationsOf(servers, sql), extent)
    await sql.end()
    const loadedMemory = Object.fromEntries(await Promise.all(Object.entries(servers).map(async ([name, server]) => [name, await server.memory()] as const)))
    return { measuredOn: today(), machine: machine(), versions: versions(names), rounds: ROUNDS, costs, starts, idleMemory, loadedMemory, footprint }
  })
}

function operationsOf (servers: Record<string, Server>, sql: pg.Pool): Record<string, Operations> {
  const url = (name: string) => servers[name]?.url ?? ''
  return {
    signet: signetClient([url('signet')], sql, client),
    limit: limitClient(url('limit')),
    passport: cookieClient(url('passport')),
    'better-auth': betterAuthClient(url('better-auth')),
    ...servers['flask-authlib'] ? { 'flask-authlib': cookieClient(url('flask-authlib')) } : {}
  }
}

/** In turns; memory at the same moment after each start. The first start of each makes its tables and is not counted. */
async function measureStarts (how: Record<string, Start>, extent: Extent): Promise<{ starts: Record<string, StartCost>, idleMemory: Record<string, Memory> }> {
  const seen: Record<string, (StartCost & Memory)[]> = {}
  for (let round = 0; round <= extent.starts; round++) {
    console.log(round === 0 ? 'First starts ...' : `Start ${round} of ${extent.starts} ...`)
    for (const [name, one] of Object.entries(how)) {
      const server = await start(one)
      if (round > 0) {
        await new Promise((resolve) => setTimeout(resolve, extent.settleMs))
        ;(seen[name] ??= []).push({ ...server.startedIn, ...await server.memory() })
      }
      await server.stop()
    }
  }
  const medians = Object.entries(seen).map(([name, all]) => ({ name, of: (member: keyof (StartCost & Memory)) => median(all.map((one) => one[member])) }))
  return {
    starts: Object.fromEntries(medians.map(({ name, of }) => [name, { ms: of('ms'), cpuMs: of('cpuMs') }])),
    idleMemory: Object.fromEntries(medians.map(({ name, of }) => [name, { resident: of('resident'), proportional: of('proportional') }]))
  }
}

async function measureOperations (servers: Record<string, Server>, operations: Record<string, Operations>, extent: Extent): Promise<Figures['costs']> {
  const costs: Figures['costs'] = {}
  const pairs = NAMES.flatMap((name) => Object.entries(operations).flatMap(([who, { [name]: operation }]) =>
    operation ? [{ name, who, operation, server: servers[who] as Server, samples: [] as Sample[] }] : []))
  const counts = new Map<Operation, number>()
  console.log('Warming up ...')
  for (const { operation, server } of pairs) {
    counts.set(operation, operationsFor(extent.cpuMs, await sample(server, operation, WARM_UP)))
  }
  // Round 0 warms up too: how long a server takes to be compiled differs.
  for (let round = 0; round <= ROUNDS; round++) {
    console.log(`Round ${round} of ${ROUNDS} ...`)
    // Who is first in one round is last in the next.
    for (const { operation, server, samples } of round % 2 === 0 ? pairs : pairs.toReversed()) {
      const measured = await sample(server, operation, counts.get(operation) as number)
      counts.set(operation, operationsFor(extent.cpuMs, measured))
      if (round > 0) samples.push(measured)
    }
  }
  for (const { name, who, samples } of pairs) (costs[name] ??= {})[who] = costOf(samples)
  return costs
}

interface Sample { count: number, spentMs: number, wallMs: number }

async function sample (server: Server, operation: Operation, count: number): Promise<Sample> {
  return await perform(operation, count, async (work) => {
    const before = await server.cpuMs()
    const beganAt = performance.now()
    await work()
    const wallMs = performance.now() - beganAt
    return { count, spentMs: await server.cpuMs() - before, wallMs }
  })
}

function costOf (samples: Sample[]): Cost {
  const cpuMsByRound = samples.map(({ count, spentMs }) => spentMs / count)
  return { cpuMs: median(cpuMsByRound), perSecond: median(samples.map(({ count, wallMs }) => count / wallMs * 1000)), cpuMsByRound }
}
