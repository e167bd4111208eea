/**
 * `npm run demo`: one real login over HTTP, step by step, each saying what it proves. Everything is started here and
 * gone afterwards: a PostgreSQL, an identity provider, the API. `npm run demo -- --serve` stays up to be tried by hand.
 */
import '../src/logging/quiet-debug.ts'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { readSettings } from '../src/settings.ts'
import { start } from '../src/start.ts'
import { DEV_CLIENT, startDevIdp } from './dev-idp/provider.ts'
import { signInAs } from './dev-idp/walk.ts'

const say = (line = '') => console.log(line)
const proves = (line: string) => say(`   ✓ ${line}`)
const serves = process.argv.includes('--serve')

function demand (truth: boolean, what: string): asserts truth {
  if (!truth) throw new Error(`The demo expected ${what}.`)
  proves(what)
}

const dataFolder = await mkdtemp(join(tmpdir(), 'signet-demo-'))
const closers: (() => Promise<void>)[] = [() => rm(dataFolder, { recursive: true, force: true })]
const closeAll = async () => {
  for (const close of closers.splice(0).reverse()) await close()
}

try {
  await demo()
  if (serves) await serveUntilInterrupted()
  await closeAll()
  // The migration engine leaves a timer of ten seconds behind: nothing to wait for.
  process.exit(0)
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : String(error)}`)
  await closeAll().catch(() => {})
  process.exit(1)
}

async function demo (): Promise<void> {
  const beganAt = Date.now()
  const port = await freePort(3000)
  const api = `http://localhost:${port}`
  say('Starting a PostgreSQL, an identity provider and Signet ...')
  const idp = await startDevIdp({
    port: await freePort(4400),
    clients: [{ ...DEV_CLIENT, redirect_uris: [`${api}/login/dev/callback`] }]
  })
  closers.push(idp.close)
  const settings = readSettings({
    PORT: String(port),
    OIDC_PROVIDERS: 'dev',
    OIDC_DEV_NAME: 'the development provider',
    OIDC_DEV_ISSUER: idp.issuer,
    OIDC_DEV_CLIENT_ID: DEV_CLIENT.client_id,
    OIDC_DEV_CLIENT_SECRET: DEV_CLIENT.client_secret,
    OIDC_DEV_EMAIL_TRUSTED: 'true',
    OIDC_DEV_EVENTS: 'true'
  })
  const { close } = await start(settings, { dataFolder, onProgress: (line) => say(`   ${line}`), logger: false })
  closers.push(close)
  say(`   Signet is at ${api}, the identity provider at ${idp.issuer}.`)

  say('\n1. GET /login/dev: a browser asks to sign in')
  const { authorizationUrl, cookie } = await startLogin(api)
  const asked = new URL(authorizationUrl).searchParams
  demand(asked.get('code_challenge_method') === 'S256', 'a redirect to the provider, with PKCE (S256), state and nonce')
  demand(cookie.includes('HttpOnly'), 'the attempt sealed in a cookie; the database holds nothing yet')

  say('\n2. The person signs in there and is sent back with a code')
  const callbackUrl = await signInAs(authorizationUrl, 'verified')
  demand(new URL(callbackUrl).searchParams.get('iss') === idp.issuer, 'an answer that names its issuer (RFC 9207)')

  say('\n3. GET /login/dev/callback: Signet checks everything and answers with its own tokens')
  const callback = await fetch(callbackUrl, { headers: { cookie: cookie.split(';')[0] as string }, redirect: 'manual' })
  demand(
    callback.status === 200,
    'state, issuer, code and ID token in order; user, account and session written in one transaction'
  )
  const first = (await callback.json()) as Tokens & { user: { name: string } }
  say(`\n${first.access_token}\n`)
  proves(`first JWT after ${((Date.now() - beganAt) / 1000).toFixed(1)} s`)
  const replayed = await fetch(callbackUrl, { headers: { cookie: cookie.split(';')[0] as string } })
  demand(replayed.status === 400, 'the same callback a second time: 400, a state works once')

  say('\n4. GET /.well-known/jwks.json: anyone can verify the JWT')
  const jwks = (await (await fetch(`${api}/.well-known/jwks.json`)).json()) as Parameters<typeof createLocalJWKSet>[0]
  say(`\n${JSON.stringify(jwks, null, 2)}\n`)
  const { payload, protectedHeader } = await jwtVerify(first.access_token, createLocalJWKSet(jwks), {
    issuer: api,
    audience: api,
    typ: 'at+jwt'
  })
  demand(protectedHeader.alg === 'ES256', 'the signature verifies with the published key')
  say(`   ${JSON.stringify(payload)}`)

  say('\n5. GET /me with the JWT')
  const me = await callMe(api, first)
  demand(me.status === 200, 'the user')
  say(`   ${JSON.stringify(await me.json())}`)

  say('\n6. POST /oauth2/token: the refresh token is exchanged for a new pair')
  const second = await refresh(api, first)
  demand(second.status === 200, 'new tokens')
  const again = await refresh(api, first)
  demand(
    again.tokens.refresh_token === second.tokens.refresh_token,
    'a second tab, at the same moment with the same token, gets the same successor: the session goes on'
  )

  say('\n7. A thief has a copy of the first refresh token and tries it later')
  const third = await refresh(api, second.tokens)
  demand(third.status === 200, 'meanwhile the owner has refreshed once more')
  const stolen = await refresh(api, first)
  demand(stolen.status === 400, `the stolen token is refused: ${stolen.tokens.error}`)
  demand((await refresh(api, third.tokens)).status === 400, 'and its session has ended, for thief and owner alike')
  demand((await callMe(api, third.tokens)).status === 401, '/me knows it at once')

  say('\n8. The owner signs in again, and logs out')
  const fresh = await login(api)
  demand((await callMe(api, fresh)).status === 200, '/me answers')
  const logout = await fetch(`${api}/logout`, {
    method: 'POST',
    headers: { authorization: `Bearer ${fresh.access_token}` }
  })
  demand(logout.status === 204, 'logged out')
  demand((await callMe(api, fresh)).status === 401, '/me is closed at once')
  demand((await refresh(api, fresh)).status === 400, 'and so is the refresh token')

  say(`\nAll of it worked, in ${((Date.now() - beganAt) / 1000).toFixed(1)} s.`)
  if (serves) printWhatToTry(api)
}

interface Tokens {
  access_token: string
  refresh_token: string
  error?: string
}

async function startLogin (api: string): Promise<{ authorizationUrl: string, cookie: string }> {
  const response = await fetch(`${api}/login/dev`, { redirect: 'manual' })
  return { authorizationUrl: response.headers.get('location') ?? '', cookie: response.headers.get('set-cookie') ?? '' }
}

async function login (api: string): Promise<Tokens> {
  const { authorizationUrl, cookie } = await startLogin(api)
  const callbackUrl = await signInAs(authorizationUrl, 'verified')
  return (await (await fetch(callbackUrl, { headers: { cookie: cookie.split(';')[0] as string } })).json()) as Tokens
}

async function callMe (api: string, tokens: Tokens): Promise<Response> {
  return await fetch(`${api}/me`, { headers: { authorization: `Bearer ${tokens.access_token}` } })
}

async function refresh (api: string, tokens: Tokens): Promise<{ status: number, tokens: Tokens }> {
  const response = await fetch(`${api}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token })
  })
  return { status: response.status, tokens: (await response.json()) as Tokens }
}

/** `wanted` if it is free, else any. */
async function freePort (wanted: number): Promise<number> {
  const tryPort = (port: number) =>
    new Promise<number>((resolve, reject) => {
      const probe = createServer()
        .on('error', reject)
        .listen(port, '127.0.0.1', () => {
          const { port: found } = probe.address() as { port: number }
          probe.close(() => resolve(found))
        })
    })
  return await tryPort(wanted).catch(() => tryPort(0))
}

function printWhatToTry (api: string): void {
  say(`
Still up. In a browser:
  ${api}/login        sign in; the callback shows your tokens
  ${api}/docs         every route, to read and to try
With curl:
  curl ${api}/
  curl ${api}/me -H "authorization: Bearer $ACCESS_TOKEN"
  curl ${api}/oauth2/token -d grant_type=refresh_token -d refresh_token=$REFRESH_TOKEN
  curl -X POST ${api}/logout -H "authorization: Bearer $ACCESS_TOKEN"
Ctrl-C ends it.`)
}

async function serveUntilInterrupted (): Promise<void> {
  await new Promise<void>((resolve) => {
    // Not once: npm passes Ctrl-C on to a process that got it from the terminal already.
    process.on('SIGINT', () => resolve())
    process.on('SIGTERM', () => resolve())
    // Nothing else may keep the process alive; this does.
    const alive = setInterval(() => {}, 60_000)
    process.once('exit', () => clearInterval(alive))
  })
  process.stdout.write('\nStopping ...\n')
  await closeAll()
  process.exit(0)
}
