import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { build, startBuilt, untilReady, type BuiltServer } from './built-server.ts'
import { createDatabase } from './database.ts'
import { createBrowser } from './fakes/browser.ts'
import { startCollector, TRACES_PATH } from './fakes/collector.ts'
import { startFakeGitHub, GITHUB_PATHS } from './fakes/github.ts'

t.before(build)

/** The built server, as `npm start` runs it, in a folder of its own. */
async function startServer (t: Test, folder: string, environment: Record<string, string> = {}): Promise<BuiltServer> {
  const server = await startBuilt(folder, environment)
  t.teardown(() => {
    server.child.kill('SIGKILL')
  })
  return server
}

async function folder (t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'signet-server-'))
  t.teardown(() => rm(path, { recursive: true, force: true, maxRetries: 5 }))
  return path
}

t.test('it starts with nothing configured, and SIGTERM ends it in order, its PostgreSQL too', async (t) => {
  const path = await folder(t)
  const server = await startServer(t, path)
  await untilReady(server)
  t.equal((await fetch(`${server.url}/healthz`)).status, 200)
  t.match(server.output(), /No provider is enabled yet.*node dist\/tools\/demo\.js --serve/)
  server.child.kill('SIGTERM')
  t.equal(await server.exit, 0)
  t.notOk(existsSync(join(path, '.data/postgres/postmaster.pid')))
})

t.test('a login in flight is finished after SIGTERM, and what it answered holds after the next start', async (t) => {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const path = await folder(t)
  const first = await startServer(t, path, github.settings)
  await untilReady(first)
  const browser = createBrowser(first.url)
  const callback = await browser.authorize(await browser.start('/login/github'))
  github.fault(GITHUB_PATHS.user, { kind: 'delay', ms: 1000 })
  const answer = browser.callback(callback)
  while (github.calls(GITHUB_PATHS.user).length === 0) await sleep(10)
  first.child.kill('SIGTERM')
  const { status } = await answer
  t.equal(status, 200)
  const tokens = (await answer).json()
  t.equal(await first.exit, 0)

  const second = await startServer(t, path, { ...github.settings, PORT: new URL(first.url).port })
  await untilReady({ ...second, url: first.url })
  t.equal((await fetch(`${first.url}/me`, { headers: { authorization: `Bearer ${tokens.access_token}` } })).status, 200)
  second.child.kill('SIGKILL')
  await second.exit

  const third = await startServer(t, path, { ...github.settings, PORT: new URL(first.url).port })
  await untilReady({ ...third, url: first.url })
  t.equal(
    (await fetch(`${first.url}/me`, { headers: { authorization: `Bearer ${tokens.access_token}` } })).status,
    200,
    'also after kill -9: the left-over server is taken over'
  )
  third.child.kill('SIGTERM')
  t.equal(await third.exit, 0)
})

t.test('with a SHUTDOWN_DELAY it goes on answering after SIGTERM, but is not ready', async (t) => {
  const server = await startServer(t, await folder(t), { SHUTDOWN_DELAY: '3' })
  await untilReady(server)
  server.child.kill('SIGTERM')
  const signalledAt = performance.now()
  let readiness = 200
  while (readiness === 200) readiness = (await fetch(`${server.url}/readyz`)).status
  t.equal(readiness, 503)
  const answer = await fetch(`${server.url}/login`)
  t.equal(answer.status, 200, 'a request that was on its way here is answered')
  t.equal(answer.headers.get('connection'), 'close', 'and its connection is not used again')
  t.equal(await server.exit, 0)
  const waited = performance.now() - signalledAt
  t.ok(waited >= 2_900, `${waited} ms`)
})

t.test('half-sent requests do not hold up SIGTERM; a whole one is answered', async (t) => {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const server = await startServer(t, await folder(t), github.settings)
  await untilReady(server)
  const port = Number(new URL(server.url).port)
  const post = 'POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n'
  const sent = {
    nothing: '',
    'half a header': 'GET / HTTP/1.1\r\nHost: loc',
    'half a body': `${post}Content-Length: 100\r\n\r\ngrant_type=`,
    'a body without an end': `${post}Transfer-Encoding: chunked\r\n\r\n5\r\ngrant\r\n`,
    'a request, and then nothing': 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'a request, and half of the next': 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTTP/1.1\r\n',
    'an upgrade': 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
  }
  const sockets = Object.values(sent).map((text) => {
    const socket = createConnection(port, '127.0.0.1').on('error', () => {})
    socket.resume().write(text)
    return socket
  })
  const trickle = setInterval(() => sockets[1]?.write('a'), 200)
  t.teardown(() => {
    clearInterval(trickle)
    for (const socket of sockets) socket.destroy()
  })
  const browser = createBrowser(server.url)
  const callback = await browser.authorize(await browser.start('/login/github'))
  // Longer than those who have not sent everything get.
  github.fault(GITHUB_PATHS.user, { kind: 'delay', ms: 4_500 })
  const answer = browser.callback(callback)
  while (github.calls(GITHUB_PATHS.user).length === 0) await sleep(10)

  server.child.kill('SIGTERM')
  const signalledAt = performance.now()
  t.equal((await answer).status, 200)
  t.equal(await server.exit, 0)
  const waited = performance.now() - signalledAt
  t.ok(waited < 10_000, `${waited} ms`)
})

t.test('a second signal ends it at once, and not with 0', async (t) => {
  const server = await startServer(t, await folder(t), { SHUTDOWN_DELAY: '60' })
  await untilReady(server)
  server.child.kill('SIGTERM')
  while ((await fetch(`${server.url}/readyz`)).status === 200) await sleep(10)
  server.child.kill('SIGTERM')
  t.equal(await server.exit, 1)
})

t.test('wrong settings end it with 1 and are all named, without a value', async (t) => {
  const server = await startServer(t, await folder(t), {
    NODE_ENV: 'production',
    ISSUER_URL: 'http://id.example.com',
    GITHUB_CLIENT_ID: 'x',
    ENCRYPTION_KEYS: 'k1:canary',
    ACCESS_TOKEN_TTL: 'canary'
  })
  t.equal(await server.exit, 1)
  for (const name of ['ISSUER_URL', 'DATABASE_URL', 'ENCRYPTION_KEYS', 'ACCESS_TOKEN_TTL', 'GITHUB_CLIENT_SECRET']) {
    t.match(server.output(), name)
  }
  t.notMatch(server.output(), /canary|at \w+ \(/)
})

t.test('DEBUG does not make a library print what it sends or writes', async (t) => {
  const github = await startFakeGitHub({ clientSecret: 'canary-secret-of-github' })
  t.teardown(() => github.close())
  const server = await startServer(t, await folder(t), { ...github.settings, DEBUG: '*', LOG_LEVEL: 'trace' })
  await untilReady(server)
  t.equal((await createBrowser(server.url).login('/login/github')).status, 200)
  server.child.kill('SIGTERM')
  await server.exit
  t.notMatch(server.output(), /canary-secret-of-github|octocat@github.com|prisma:|simple-oauth2/)
})

t.test('SIGTERM sends the last spans; a collector that hangs holds the end up for two seconds', async (t) => {
  const collector = await startCollector()
  t.teardown(() => collector.close())
  const path = await folder(t)
  const environment = {
    ...collector.settings,
    OTEL_SERVICE_NAME: 'identity',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    OTEL_BSP_SCHEDULE_DELAY: '600000'
  }
  const server = await startServer(t, path, environment)
  await untilReady(server)
  t.equal((await fetch(`${server.url}/login`)).status, 200)
  server.child.kill('SIGTERM')
  t.equal(await server.exit, 0)
  t.match(collector.spans(), [
    { name: 'GET /login', resource: { 'service.name': 'identity', 'deployment.environment.name': 'test' } }
  ])

  collector.fault(TRACES_PATH, { kind: 'hang' })
  const held = await startServer(t, path, environment)
  await untilReady(held)
  t.equal((await fetch(`${held.url}/login`)).status, 200)
  held.child.kill('SIGTERM')
  while (collector.pending().length === 0) await sleep(10)
  const hangingAt = performance.now()
  t.equal(await held.exit, 0)
  t.ok(performance.now() - hangingAt < 8_000, 'the exporter itself would wait for ten seconds, and try again')
})

t.test('an error that no code handles ends the process with 1', async (t) => {
  // Not the embedded PostgreSQL: a process that ends like this leaves it running.
  const database = await createDatabase()
  t.teardown(database.giveBack)
  const failOnSignal = 'process.once("SIGUSR2", () => { Promise.reject(new Error("unhandled canary")) })'
  const nodeArguments = ['--import', `data:text/javascript,${encodeURIComponent(failOnSignal)}`]
  const server = await startBuilt(await folder(t), { DATABASE_URL: database.url }, { nodeArguments })
  t.teardown(() => {
    server.child.kill('SIGKILL')
  })
  await untilReady(server)
  server.child.kill('SIGUSR2')
  t.equal(await server.exit, 1)
  t.match(server.output(), 'unhandled canary')
})
