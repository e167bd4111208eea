import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type pg from 'pg'
import t from 'tap'
import { packageRoot } from '../src/package-root.ts'
import { createEmptyDatabase } from './database.ts'
import { setupWithClients } from './flows/setup-with-clients.ts'
import { readJson, setup } from './helper.ts'

const text = await readFile(join(packageRoot, 'docs/operations.md'), 'utf8')
const blocks = [...text.matchAll(/^```(?:sh)?\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block.trim())

/** The SQL of the command under a heading, as psql would get it. */
function statement (heading: string): string {
  const chapter =
    text
      .slice(text.indexOf(`\n${heading}\n`) + 1)
      .slice(heading.length)
      .split(/^##+ /m)[0] ?? ''
  const [, sql] = /^psql "\$DATABASE_URL" --command="([^"]*)"$/m.exec(chapter) ?? []
  if (sql === undefined) throw new Error(`There is no psql under ${heading}`)
  return sql.trim()
}

t.test('what the commands name is there', async (t) => {
  const { app } = await setup(t)
  const { scripts } = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8'))
  const named = [...text.matchAll(/npm run ([\w-]+)/g)].map(([, name = '']) => name)
  t.ok(named.length >= 2)
  for (const name of named) t.ok(scripts[name], `npm run ${name}`)
  const paths = [...text.matchAll(/\bdeploy\/[\w./-]+|\bsrc\/[\w./-]+\.ts/g)].map(([path]) => path)
  t.ok(paths.length >= 5)
  for (const path of paths) t.ok(existsSync(join(packageRoot, path)), path)
  const calls = [...text.matchAll(/curl -X (\w+) .*"\$ISSUER_URL(\/\S*)"/g)].map(([, method = '', path = '']) => ({
    method,
    url: path.replace('$USER_ID', ':id')
  }))
  t.equal(calls.length, 2)
  for (const { method, url } of calls) t.ok(app.hasRoute({ method: method as 'POST', url }), `${method} ${url}`)
  for (const path of ['/healthz', '/readyz', '/metrics', '/admin/audit-events', '/revocations']) {
    t.ok(text.includes(path) && app.hasRoute({ method: 'GET', url: path }), path)
  }
})

t.test('every command is valid shell', async (t) => {
  t.ok(blocks.length >= 9)
  for (const block of blocks) t.equal(spawnSync('bash', ['-n', '-c', block]).status, 0, block)
})

t.test(
  'a leaked signing key: once it is deleted and the instances have started again, its tokens are worth nothing',
  async (t) => {
    const { signIn, refresh, sql, another, me } = await setupWithClients(t)
    const tokens = await signIn()
    t.equal(await me(tokens.access_token), 200)
    await sql.query(statement('### Signing key leaked'))
    const { address } = await another()
    const ask = async (token: string) =>
      (await fetch(`${address}/me`, { headers: { authorization: `Bearer ${token}` } })).status
    t.equal(await ask(tokens.access_token), 401)
    const { keys } = await readJson(await fetch(`${address}/.well-known/jwks.json`))
    t.equal(keys.length, 2, 'a new pair that signs, and the next')
    t.equal((await refresh(tokens.refresh_token)).status, 200, 'nobody has to sign in again')
    const renewed = await fetch(`${address}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token, client_id: 'spa' })
    })
    t.equal(await ask((await readJson(renewed)).access_token), 200)
  }
)

t.test('after a restored back-up all sessions are ended', async (t) => {
  const { signIn, refresh, me, sql } = await setupWithClients(t)
  const tokens = await signIn()
  await sql.query(statement('## Back up and restore'))
  t.match(await refresh(tokens.refresh_token), { status: 400, body: { error: 'invalid_grant' } })
  t.equal(await me(tokens.access_token), 401)
  t.equal(await me((await signIn()).access_token), 200, 'and people sign in anew')
})

t.test("after a leaked encryption key the providers' tokens are taken away", async (t) => {
  const { signIn, sql, url } = await setupWithClients(t)
  const { access_token: token } = await signIn({ scope: 'provider_token' })
  const headers = { authorization: `Bearer ${token}` }
  const [account] = (await readJson(await fetch(`${url}/me`, { headers }))).accounts
  const lend = async () => await fetch(`${url}/me/accounts/${account.id}/token`, { method: 'POST', headers })
  t.equal((await lend()).status, 200)
  await sql.query(statement('### Encryption key leaked'))
  const answer = await lend()
  t.match([answer.status, (await readJson(answer)).code], [409, 'reauthorization_required'])
  await signIn()
  t.equal((await lend()).status, 200, 'a sign-in brings new ones')
})

t.test('the questions to the database are answered', async (t) => {
  const { sql } = await setup(t)
  await sql.query("SELECT graphile_worker.add_job('nobody', '{}'::json)")
  await sql.query("UPDATE graphile_worker._private_jobs SET attempts = max_attempts, last_error = 'it said no'")
  t.match((await sql.query(statement('### Provider down'))).rows, [
    { task_identifier: 'nobody', last_error: 'it said no' }
  ])
  t.ok((await sql.query(statement('### Database away'))).rows.some(({ query }) => query.startsWith('SELECT pid')))
})

t.test('a back-up restores, and tokens of before are good after', async (t) => {
  const { signIn, sql, url, database, another } = await setupWithClients(t)
  const reason = await cannotDump(sql)
  if (reason !== false) return t.pass('it is not tried', { skip: reason })
  const tokens = await signIn()
  const folder = await mkdtemp(join(tmpdir(), 'signet-backup-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const empty = await createEmptyDatabase()
  t.teardown(empty.giveBack)
  const run = (tool: string, databaseUrl: string) => {
    const command = blocks.find((block) => block.startsWith(tool)) ?? ''
    return promisify(execFile)('bash', ['-ec', command], {
      cwd: folder,
      env: { ...process.env, DATABASE_URL: databaseUrl }
    })
  }
  await run('pg_dump', database.url)
  await run('pg_restore', empty.url)
  const { address } = await another({ DATABASE_URL: empty.url })
  const response = await fetch(`${address}/me`, { headers: { authorization: `Bearer ${tokens.access_token}` } })
  t.same(
    await readJson(response),
    await readJson(await fetch(`${url}/me`, { headers: { authorization: `Bearer ${tokens.access_token}` } }))
  )
})

/** Why not, if so: pg_dump must not be older than the server. */
async function cannotDump (sql: pg.Pool): Promise<string | false> {
  const [, own] = /(\d+)\.\d/.exec(spawnSync('pg_dump', ['--version'], { encoding: 'utf8' }).stdout ?? '') ?? []
  if (own === undefined) return 'pg_dump is not installed'
  const { rows: [{ server }] } = await sql.query("SELECT current_setting('server_version_num')::int / 10000 AS server")
  return Number(own) < server && `pg_dump has version ${own}, older than the server's ${server} (see TEST_POSTGRES_URL)`
}
