/** `npm run bench -- --profile <name>`: records Signet's CPU profile of a warm operation and sums it up by package. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { packageRoot } from '../src/package-root.ts'
import { loginOf, signUpOf, signetClient } from './compare/clients.ts'
import { withEnvironment } from './compare/environment.ts'
import { perform, type Operation } from './compare/operation.ts'
import { registeredClient, startsOf, type Server } from './compare/servers.ts'
import { originals } from './profile/originals.ts'
import { RECORDER, profileTables, type CpuProfile } from './profile/summary.ts'

const WARM_UP = 2_000
const RECORDED = 2_000
const RECORDING_TIMEOUT_MS = 30_000

const OPERATIONS: Record<string, (client: ReturnType<typeof signetClient>) => Operation> = {
  login: ({ signIn }) => loginOf(signIn, 'oauth'),
  'login-openid': ({ signIn }) => loginOf(signIn, 'openid'),
  'sign-up': ({ signIn }) => signUpOf(signIn, 'oauth'),
  check: ({ operations }) => operations.check,
  refresh: ({ operations }) => operations.refresh,
  exchange: ({ operations }) => operations.exchange
}

export const PROFILED = Object.keys(OPERATIONS)

/** Writes `<name>.cpuprofile` into the working directory and prints its summary. */
export async function profile (name: string): Promise<void> {
  const operationOf = OPERATIONS[name]
  if (!operationOf) throw new Error(`There is no operation "${name}" to profile, only ${PROFILED.join(', ')}.`)
  const file = resolve(`${name}.cpuprofile`)
  const cpuMs = await withEnvironment(async ({ folder, databaseUrl, stubUrl, startServer }) => {
    const sql = new pg.Pool({ connectionString: databaseUrl, max: 2 })
    const signet = startsOf({ databaseUrl, stubUrl, folder })('signet')
    const server = await startServer({
      ...signet,
      args: ['--import', join(packageRoot, RECORDER), ...signet.args],
      env: { ...signet.env, PROFILE_FILE: file }
    })
    const operation = operationOf(signetClient([server.url], sql, registeredClient))
    console.log(`Warming up with ${WARM_UP} operations ...`)
    await perform(operation, WARM_UP, async (work) => await work())
    console.log(`Recording ${RECORDED} more ...`)
    const spentMs = await perform(operation, RECORDED, async (work) => await record(file, server, work))
    await sql.end()
    return spentMs / RECORDED
  })
  const recorded = JSON.parse(await readFile(file, 'utf8')) as CpuProfile
  const tables = profileTables(recorded, cpuMs, await originals(join(packageRoot, 'dist')))
  console.log(`\n${tables}\n\nThe profile is ${file}`)
}

/** Returns the CPU milliseconds that the server spent while recording. */
async function record (file: string, server: Server, work: () => Promise<void>): Promise<number> {
  const isRecording = () => existsSync(`${file}.recording`)
  process.kill(server.pid, 'SIGUSR2')
  await until(isRecording)
  const before = await server.cpuMs()
  await work()
  const spentMs = await server.cpuMs() - before
  process.kill(server.pid, 'SIGUSR2')
  await until(() => !isRecording())
  return spentMs
}

async function until (condition: () => boolean): Promise<void> {
  const deadline = Date.now() + RECORDING_TIMEOUT_MS
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('The profiler does not respond.')
    await sleep(20)
  }
}
