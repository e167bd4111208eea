/**
 * What Signet costs, beside what it could cost at the least and beside its peers: all in one run on one machine, in turns,
 * three rounds, medians. The headline is the CPU time of the server's process per operation, from /proc (Linux): unlike
 * throughput it means something on a busy machine. Everything is on loopback; the provider is a stub that costs next to nothing.
 */
import '../src/quiet-debug.ts'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres } from '../src/database/embedded-postgres.ts'
import { packageRoot } from '../src/package-root.ts'
import { betterAuthClient, inTurns, limitClient, passportClient, signetClient, type Operation } from './compare/clients.ts'
import { median, report, type Figures } from './compare/report.ts'
import { installPeers, peer, start, type Server, type Start } from './compare/servers.ts'

const ROUNDS = 3
const OPERATIONS = { check: 1000, login: 250, refresh: 500, exchange: 500 } as const
const STARTS = 5
const SETTLE_MS = 3_000
const CLIENT = { client_id: 'bench', name: 'Bench', redirect_uris: ['http://localhost/callback'] }

type Name = keyof typeof OPERATIONS
type Peer = 'signet' | 'limit' | 'passport' | 'better-auth'

export async function compare (): Promise<Figures> {
  installPeers()
  const folder = await mkdtemp(join(tmpdir(), 'signet-bench-'))
  const running: { stop: () => Promise<void> }[] = []
  try {
    console.log('Starting a PostgreSQL and a stub of a provider ...')
    const postgres = await startEmbeddedPostgres(folder)
    running.push(postgres)
    const stub = await start({ file: peer('stub.mjs') })
    running.push(stub)
    const env = { DATABASE_URL: postgres.url, STUB_URL: stub.url }
    const starts: Record<Peer | 'bare', Start> = {
      bare: { file: peer('bare.mjs') },
      signet: { file: join(packageRoot, 'dist/src/server.js'), readyPath: '/readyz', cwd: folder, env: { ...env, ...signetSettings(stub.url) } },
      limit: { file: peer('limit.mjs'), env },
      passport: { file: peer('passport.mjs'), env },
      'better-auth': { file: peer('better-auth.mjs'), env }
    }

    const coldStart = await measureStarts(starts)
    const servers = {} as Record<Peer | 'bare', Server>
    for (const [name, how] of Object.entries(starts) as [Peer | 'bare', Start][]) {
      servers[name] = await start(how)
      running.push(servers[name])
    }
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
    const idleMemory = await measureMemory(servers)
    const sql = new pg.Pool({ connectionString: postgres.url, max: 2 })
    const operations: Record<Peer, Partial<Record<Name, Operation>>> = {
      signet: signetClient(servers.signet.url, sql, { clientId: CLIENT.client_id, redirectUri: CLIENT.redirect_uris[0] as string }),
      limit: limitClient(servers.limit.url),
      passport: passportClient(servers.passport.url),
      'better-auth': betterAuthClient(servers['better-auth'].url)
    }
    const costs = await measureOperations(servers, operations)
    const loadedMemory = await measureMemory(servers)
    await sql.end()
    return { node: process.version, cores: cpus().length, rounds: ROUNDS, costs, coldStart, idleMemory, loadedMemory }
  } finally {
    for (const each of running.reverse()) await each.stop().catch(() => {})
    await rm(folder, { recursive: true, force: true })
  }
}

function signetSettings (stubUrl: string): Record<string, string> {
  return {
    NODE_ENV: 'development',
    ISSUER_URL: '{url}',
    CLIENTS: JSON.stringify([CLIENT]),
    RATE_LIMITS: 'off',
    LOG_LEVEL: 'warn',
    OAUTH_PROVIDERS: 'bench',
    OAUTH_BENCH_AUTHORIZATION_URL: `${stubUrl}/authorize`,
    OAUTH_BENCH_TOKEN_URL: `${stubUrl}/token`,
    OAUTH_BENCH_PROFILE_URL: `${stubUrl}/me`,
    OAUTH_BENCH_EMAIL_TRUSTED: 'true',
    OAUTH_BENCH_CLIENT_ID: 'bench',
    OAUTH_BENCH_CLIENT_SECRET: 'secret'
  }
}

/** In turns; the first start of each makes its tables and is not counted. */
async function measureStarts (starts: Record<string, Start>): Promise<Record<string, number>> {
  const times: Record<string, number[]> = {}
  for (let round = 0; round <= STARTS; round++) {
    console.log(round === 0 ? 'First starts ...' : `Start ${round} of ${STARTS} ...`)
    for (const [name, how] of Object.entries(starts)) {
      const server = await start(how)
      if (round > 0) (times[name] ??= []).push(server.startedInMs)
      await server.stop()
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]))
}

async function measureMemory (servers: Record<string, Server>): Promise<Record<string, number>> {
  return Object.fromEntries(await Promise.all(Object.entries(servers).map(async ([name, server]) => [name, await server.memory()] as const)))
}

async function measureOperations (servers: Record<Peer, Server>, operations: Record<Peer, Partial<Record<Name, Operation>>>): Promise<Figures['costs']> {
  const samples: Record<string, Record<string, { cpuMs: number, perSecond: number }[]>> = {}
  // Round 0 warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    console.log(round === 0 ? 'Warming up ...' : `Round ${round} of ${ROUNDS} ...`)
    for (const name of Object.keys(OPERATIONS) as Name[]) {
      for (const [who, theirs] of Object.entries(operations) as [Peer, Partial<Record<Name, Operation>>][]) {
        const operation = theirs[name]
        if (!operation) continue
        const cost = await costOf(servers[who], operation, OPERATIONS[name])
        if (round > 0) ((samples[name] ??= {})[who] ??= []).push(cost)
      }
    }
  }
  return Object.fromEntries(Object.entries(samples).map(([name, byPeer]) => [name, Object.fromEntries(Object.entries(byPeer).map(([who, costs]) => [
    who, { cpuMs: median(costs.map(({ cpuMs }) => cpuMs)), perSecond: median(costs.map(({ perSecond }) => perSecond)) }
  ]))]))
}

async function costOf (server: Server, { prepare, reusable, run }: Operation, count: number): Promise<{ cpuMs: number, perSecond: number }> {
  const prepared = prepare ? await prepare(reusable ?? count) : ['']
  const inputs = Array.from({ length: count }, (_, index) => prepared[index % prepared.length] as string)
  const beganAt = performance.now()
  const before = await server.cpuMs()
  await inTurns(inputs, run)
  return { cpuMs: (await server.cpuMs() - before) / inputs.length, perSecond: inputs.length / (performance.now() - beganAt) * 1000 }
}

execFileSync('npm', ['run', '--silent', 'build'], { cwd: packageRoot, stdio: 'inherit' })
await report(await compare(), process.argv.includes('--write'))
process.exit(0)
