import { chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { createConnection, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import t, { type Test } from 'tap'
import { startEmbeddedPostgres } from '../packages/embedded-postgres/src/index.ts'
import { build, startBuilt, untilReady } from './built-server.ts'
import { makeCertificate } from './certificate.ts'
import { freePort } from './free-port.ts'
import { ENCRYPTION_KEYS } from './helper.ts'

// Each start is a process of the built server, against a PostgreSQL that checks passwords (scram-sha-256).
t.before(build)

const PASSWORD = 'can#a/r@y%:? 1'
const ENCODED = encodeURIComponent(PASSWORD)

async function folder (t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'signet-start-'))
  t.teardown(() => rm(path, { recursive: true, force: true, maxRetries: 5 }))
  return path
}

/** A server of its own with TLS, a role that owns the database `own`, and the database `bare` that it does not own. */
async function startPostgres (t: Test) {
  const path = await folder(t)
  const postgres = await startEmbeddedPostgres(path)
  t.teardown(postgres.stop)
  const { key, cert } = await makeCertificate(t)
  const data = join(path, 'postgres')
  const { uid, gid } = await stat(data)
  for (const [name, content] of [['server.key', key], ['server.crt', cert]] as const) {
    await writeFile(join(data, name), content, { mode: 0o600 })
    await chown(join(data, name), uid, gid)
  }
  await writeFile(join(path, 'authority.pem'), cert)
  await writeFile(join(path, 'other.pem'), (await makeCertificate(t)).cert)
  const admin = new pg.Client({ connectionString: postgres.url })
  await admin.connect()
  for (const statement of [
    'ALTER SYSTEM SET ssl = on', 'SELECT pg_reload_conf()', `CREATE ROLE app LOGIN PASSWORD '${PASSWORD}'`,
    'CREATE DATABASE own OWNER app', 'CREATE DATABASE bare'
  ]) await admin.query(statement)
  await admin.end()
  const port = Number(new URL(postgres.url).port)
  const url = (change: Partial<Record<'user' | 'password' | 'host' | 'database' | 'query', string>> = {}) => {
    const { user = 'app', password = ENCODED, host = `localhost:${port}`, database = 'own', query = '' } = change
    return `postgresql://${user}:${password}@${host}/${database}${query}`
  }
  return { path, port, url }
}

/** Starts the server; all that it writes when it ends with 1. */
async function failure (t: Test, environment: Record<string, string>): Promise<string> {
  const server = await startBuilt(await folder(t), { ENCRYPTION_KEYS, ...environment })
  t.teardown(() => { server.child.kill('SIGKILL') })
  t.equal(await server.exit, 1)
  return server.output()
}

t.test('a database that cannot be used is told in one line that names DATABASE_URL and what to do', async (t) => {
  const { path, port, url } = await startPostgres(t)
  const refused = await freePort()
  const old = await startOldPostgres(t, port)
  const cases: [string, string, RegExp][] = [
    ['wrong password', url({ password: 'canary' }), /wrong password for the user "app", or .*\. Correct both/],
    ['unknown role', url({ user: 'nobody' }), /wrong password for the user "nobody", or no such user\./],
    ['no password', url().replace(`:${ENCODED}`, ''), /the user "app" needs a password\. Put it into/],
    ['unknown database', url({ database: 'nope' }), /there is no database "nope"\. Create it, or correct/],
    ['unknown host', url({ host: 'db.invalid' }), /the host "db\.invalid" is not known .*\. Correct the host/],
    ['nothing there', url({ host: `127.0.0.1:${refused}` }), /nothing listens at 127\.0\.0\.1:\d+ .* Start/],
    ['no rights', url({ database: 'bare' }), /\(permission denied for .*ALTER DATABASE "bare" OWNER TO "app"/],
    ['an old version', url({ host: `127.0.0.1:${old}` }), /PostgreSQL 13\.\d+ is too old\. Use PostgreSQL 14 or newer/],
    ['unknown authority', url({ query: '?sslmode=verify-full' }), /certificate is not trusted .* sslrootcert/],
    ['wrong authority', url({ query: `?sslmode=verify-ca&sslrootcert=${path}/other.pem` }), /not trusted .* sslroot/],
    [
      'wrong host name',
      url({ host: `127.0.0.1:${port}`, query: `?sslmode=require&sslrootcert=${path}/authority.pem` }),
      /certificate is not for the host "127\.0\.0\.1"\. Use the name/
    ]
  ]
  for (const [name, databaseUrl, expected] of cases) {
    const output = await failure(t, { DATABASE_URL: databaseUrl })
    t.match(output, /^The database of DATABASE_URL cannot be used: [^\n]+\n$/, name)
    t.match(output, expected, name)
    t.notMatch(output, /canary|can#a|can%23/, name)
  }
  const unencoded = await failure(t, { DATABASE_URL: url({ password: PASSWORD }) })
  t.match(unencoded, /^The settings have a mistake:\n {2}- DATABASE_URL must be .*percent-encoded: # as %23[^\n]*\n$/)
  t.notMatch(unencoded, /can#a/)
  t.match(await failure(t, { DATABASE_URL: url({ query: '?sslmode=on' }) }), /DATABASE_URL must have a sslmode that is/)
})

t.test('a server without TLS: every sslmode that encrypts is refused in one line', async (t) => {
  const postgres = await startEmbeddedPostgres(await folder(t))
  t.teardown(postgres.stop)
  for (const mode of ['allow', 'prefer', 'require', 'verify-ca', 'verify-full']) {
    t.match(
      await failure(t, { DATABASE_URL: `${postgres.url}?sslmode=${mode}` }),
      /^The database of DATABASE_URL cannot be used: the server does not encrypt connections\. [^\n]*=disable[^\n]*\n$/,
      mode
    )
  }
})

t.test('with the right URL it starts: an encoded password, a certificate that is verified', async (t) => {
  const { path, url } = await startPostgres(t)
  const DATABASE_URL = url({ query: `?sslmode=require&sslrootcert=${path}/authority.pem` })
  const server = await startBuilt(await folder(t), { ENCRYPTION_KEYS, DATABASE_URL })
  t.teardown(() => { server.child.kill('SIGKILL') })
  await untilReady(server)
  t.notMatch(server.output(), /SECURITY WARNING|canary/)
  const PORT = new URL(server.url).port
  t.equal(
    await failure(t, { DATABASE_URL, PORT }),
    `PORT ${PORT} is taken: another program listens there. End it, or set PORT to another port.\n`
  )
  const elsewhere = await failure(t, { DATABASE_URL, HOST: '192.0.2.1' })
  t.match(elsewhere, /^HOST 192\.0\.2\.1 is no address of this machine\. Set HOST[^\n]+\n$/)
  server.child.kill('SIGTERM')
  t.equal(await server.exit, 0)
})

/** The same PostgreSQL, whose answers have the number of an older version. Returns the port. */
async function startOldPostgres (t: Test, target: number): Promise<number> {
  const server = createServer((client) => {
    const upstream = createConnection(target, '127.0.0.1')
    client.on('data', (bytes) => upstream.write(bytes))
    upstream.on('data', (bytes) => {
      const text = bytes.toString('latin1').replace(/1[4-9]00(\d\d)(?!\d)/g, '1300$1').replace(/1[4-9]\.(\d)/g, '13.$1')
      client.write(Buffer.from(text, 'latin1'))
    })
    for (const [one, other] of [[client, upstream], [upstream, client]] as const) {
      one.on('error', () => {}).on('close', () => other.destroy())
    }
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => { server.close() })
  return (server.address() as AddressInfo).port
}
