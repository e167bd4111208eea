/**
 * `npm run bench`: what a code exchange and a refresh cost. A Signet of its own, as built, on a PostgreSQL of its own, over
 * HTTP on loopback; the codes are written into the database, since only their exchange is measured. The headline is the
 * CPU time of the server's process per operation (Linux, from /proc): unlike throughput it means something on a busy machine.
 */
import '../src/quiet-debug.ts'
import { spawn, type ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { readFile, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres } from '../src/database/embedded-postgres.ts'
import { packageRoot } from '../src/package-root.ts'

const OPERATIONS = 1000
const ROUNDS = 3
const AT_ONCE = 8
const REDIRECT_URI = 'http://localhost/callback'
const CLIENT = { client_id: 'bench', name: 'Bench', redirect_uris: [REDIRECT_URI] }
const CODE_VERIFIER = 'v'.repeat(43)
const sha256 = (text: string) => createHash('sha256').update(text).digest()

const folder = await mkdtemp(join(tmpdir(), 'signet-bench-'))
console.log('Starting a PostgreSQL and Signet ...')
const postgres = await startEmbeddedPostgres(folder)
const port = await freePort()
const server = startServer()
const pool = new pg.Pool({ connectionString: postgres.url, max: 2 })
try {
  await untilReady()
  await measure('warm-up', 200)
  const rounds = []
  for (let round = 1; round <= ROUNDS; round++) {
    console.log(`Round ${round} of ${ROUNDS}: ${OPERATIONS} of each, ${AT_ONCE} at once ...`)
    rounds.push(await measure(`round ${round}`, OPERATIONS))
  }
  console.log(`\nMedians of ${ROUNDS} rounds, node ${process.version}:\n\n| operation | server CPU per operation | throughput |\n| --- | --- | --- |`)
  for (const operation of ['exchange', 'refresh'] as const) {
    const cpu = median(rounds.map((round) => round[operation].cpuMs))
    const perSecond = median(rounds.map((round) => round[operation].perSecond))
    console.log(`| ${operation === 'exchange' ? 'code exchange' : 'refresh'} | ${cpu.toFixed(2)} ms | ${perSecond.toFixed(0)} a second |`)
  }
} finally {
  server.kill('SIGTERM')
  await pool.end()
  await postgres.stop()
  await rm(folder, { recursive: true, force: true })
}
process.exit(0)

interface Cost { cpuMs: number, perSecond: number }

async function measure (name: string, count: number): Promise<{ exchange: Cost, refresh: Cost }> {
  const codes = await prepare(name, count)
  const refreshTokens: string[] = []
  const exchange = await costOf(codes, async (code) => {
    const form = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI, client_id: CLIENT.client_id, code_verifier: CODE_VERIFIER }
    refreshTokens.push((await post(form)).refresh_token)
  })
  const refresh = await costOf(refreshTokens, (refreshToken) => post({ grant_type: 'refresh_token', refresh_token: refreshToken, client_id: CLIENT.client_id }))
  return { exchange, refresh }
}

/** Users, each with a session whose code waits to be exchanged. */
async function prepare (name: string, count: number): Promise<string[]> {
  const codes = Array.from({ length: count }, () => randomBytes(32).toString('base64url'))
  await pool.query(`
    WITH u AS (INSERT INTO users (id, name) SELECT gen_random_uuid(), $1 FROM generate_series(1, $2) RETURNING id),
    s AS (
      INSERT INTO sessions (id, user_id, client_id, provider, scope, secret_hash, authenticated_at, idle_expires_at, expires_at)
      SELECT gen_random_uuid(), id, 'bench', 'bench', '', '\\x00', now(), now() + interval '1 hour', now() + interval '1 day' FROM u RETURNING id
    )
    INSERT INTO authorization_codes (hash, session_id, client_id, redirect_uri, code_challenge, expires_at)
    SELECT c.hash, s.id, 'bench', $3, $4, now() + interval '1 hour'
    FROM (SELECT id, row_number() OVER () AS n FROM s) s JOIN unnest($5::bytea[]) WITH ORDINALITY c(hash, n) USING (n)`,
  [name, count, REDIRECT_URI, sha256(CODE_VERIFIER).toString('base64url'), codes.map(sha256)])
  return codes
}

async function costOf (inputs: string[], work: (input: string) => Promise<unknown>): Promise<Cost> {
  const waiting = [...inputs]
  const beganAt = performance.now()
  const cpuBefore = await cpuMilliseconds()
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let input = waiting.pop(); input !== undefined; input = waiting.pop()) await work(input)
  }))
  return { cpuMs: (await cpuMilliseconds() - cpuBefore) / inputs.length, perSecond: inputs.length / (performance.now() - beganAt) * 1000 }
}

/** User and system time of the server's process so far: fields 14 and 15 of proc(5), in hundredths of a second. */
async function cpuMilliseconds (): Promise<number> {
  const fields = (await readFile(`/proc/${server.pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

async function post (form: Record<string, string>): Promise<{ refresh_token: string }> {
  const response = await fetch(`http://127.0.0.1:${port}/oauth2/token`, { method: 'POST', body: new URLSearchParams(form) })
  if (response.status !== 200) throw new Error(`The server answered ${response.status}: ${await response.text()}`)
  return await response.json() as { refresh_token: string }
}

function startServer (): ChildProcess {
  const env = { ...process.env, PORT: String(port), DATABASE_URL: postgres.url, CLIENTS: JSON.stringify([CLIENT]), RATE_LIMITS: 'off', LOG_LEVEL: 'warn' }
  return spawn(process.execPath, [join(packageRoot, 'dist/src/server.js')], { cwd: folder, env, stdio: ['ignore', 'inherit', 'inherit'] })
}

async function untilReady (): Promise<void> {
  while (!await fetch(`http://127.0.0.1:${port}/readyz`).then(({ ok }) => ok, () => false)) {
    if (server.exitCode !== null) throw new Error('The server did not start.')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function freePort (): Promise<number> {
  return await new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}

function median (values: number[]): number {
  return values.sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN
}
