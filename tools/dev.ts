/** `npm run dev`: the API, started anew when src/ or .env changes, and beside it the development identity provider. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, watch } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseEnv } from 'node:util'
import { packageRoot } from '../src/package-root.ts'
import { DEV_CLIENT, startDevIdp, type DevIdp } from './dev-idp/provider.ts'

/** An editor writes a file in several steps. */
const SETTLE_MS = 100
/** How long requests have to finish. */
const STOP_MS = 10_000
/** npm passes Ctrl-C on to what got it from the terminal already; on a busy machine a moment later. */
const SAME_KEY_PRESS_MS = 2_000

let idp: DevIdp | undefined
let idpIssuerUrl: string | undefined
let api: ChildProcess | undefined
let stopping: Promise<void> | undefined
let endedAt: number | undefined

/** Variables of the shell count before those of .env, which is read again at each start. */
function readEnvironment (): NodeJS.ProcessEnv {
  return existsSync('.env') ? { ...parseEnv(readFileSync('.env', 'utf8')), ...process.env } : process.env
}

async function start (): Promise<void> {
  const environment = readEnvironment()
  const { OIDC_PROVIDERS: others = '', PORT = '3000', ISSUER_URL = `http://localhost:${PORT}` } = environment
  if (environment['NODE_ENV'] === 'production') {
    return console.error('[dev] The development identity provider lets anyone be anyone: NODE_ENV is production.')
  }
  const issuer = await provideIdp(ISSUER_URL, Number(environment['DEV_IDP_PORT'] ?? 4400))
  if (endedAt !== undefined) return
  // In a process group of its own, so that Ctrl-C reaches it from here alone: a second signal would cut it off.
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), join(packageRoot, 'src/server.ts')], {
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: process.platform !== 'win32',
    env: {
      ...environment,
      OIDC_PROVIDERS: ['dev', ...others.split(',').filter(Boolean)].join(','),
      OIDC_DEV_NAME: 'the development provider',
      OIDC_DEV_ISSUER: issuer,
      OIDC_DEV_CLIENT_ID: DEV_CLIENT.client_id,
      OIDC_DEV_CLIENT_SECRET: DEV_CLIENT.client_secret,
      OIDC_DEV_EMAIL_TRUSTED: 'true',
      OIDC_DEV_EVENTS: 'true'
    }
  })
  api = child
  child.once('exit', (code) => {
    api = undefined
    if (!stopping) console.error(`[dev] The API has ended (${code}). It starts again at the next change.`)
  })
}

/** Knows the callback URL of the API; a change of ISSUER_URL or PORT starts it anew. */
async function provideIdp (issuerUrl: string, port: number): Promise<string> {
  if (idp && idpIssuerUrl === issuerUrl) return idp.issuer
  await idp?.close()
  idp = await startDevIdp({
    port,
    clients: [{ ...DEV_CLIENT, redirect_uris: [`${issuerUrl}/login/dev/callback`] }],
    onLog: (line) => console.log(`[dev-idp] ${line}`)
  })
  idpIssuerUrl = issuerUrl
  console.log(`Development identity provider at ${idp.issuer}. Sign in at ${issuerUrl}/login/dev as any persona.`)
  return idp.issuer
}

/** Ends the API, and with it the embedded PostgreSQL. */
function stop (): Promise<void> {
  stopping ??= stopApi().finally(() => { stopping = undefined })
  return stopping
}

async function stopApi (): Promise<void> {
  if (!api) return
  const child = api
  child.kill('SIGTERM')
  const limit = setTimeout(() => child.kill('SIGTERM'), STOP_MS)
  await once(child, 'exit')
  clearTimeout(limit)
}

let restarting = start().catch(fail)
let isDue = false

/** Changes at the same time make one restart. */
function restart (reason: string): void {
  if (isDue || endedAt !== undefined) return
  isDue = true
  restarting = restarting.then(async () => {
    await sleep(SETTLE_MS)
    isDue = false
    console.log(`[dev] ${reason} has changed: starting anew.`)
    await stop()
    if (endedAt === undefined) await start()
  }).catch(fail)
}

function fail (error: NodeJS.ErrnoException): never {
  const isTaken = error.code === 'EADDRINUSE'
  console.error(`The development identity provider did not start: ${error.message}` +
    (isTaken ? '. End what listens there (another "npm run dev"?), or set DEV_IDP_PORT to another port.' : ''))
  process.exit(1)
}

/** The first signal ends everything in order, and another one after a moment at once. */
function end (): void {
  if (endedAt !== undefined) {
    if (Date.now() - endedAt > SAME_KEY_PRESS_MS) api?.kill('SIGTERM')
    return
  }
  endedAt = Date.now()
  // Once more after a restart that was under way.
  stop().then(() => restarting).then(stop).then(() => idp?.close()).finally(() => process.exit(0))
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end)
watch(join(packageRoot, 'src'), { recursive: true }, (_event, file) => {
  if (file?.endsWith('.ts') && !file.includes('generated')) restart(`src/${file}`)
})
watch('.', (_event, file) => { if (file === '.env') restart('.env') })
