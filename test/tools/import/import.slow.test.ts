import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { build } from '../../built-server.ts'
import { createEmptyDatabase } from '../../database.ts'
import { eventually } from '../../helper.ts'
import { importWorld } from './world.ts'

const PEOPLE = 100_000
/** Two minutes are what it may take on two free cores; the comment tells what it took. A busy machine takes longer. */
const MOST_SECONDS = 400

/** A database of better-auth: everyone has an account at Google, every fourth one at GitHub besides. */
async function startSource (t: Test) {
  const source = await createEmptyDatabase()
  t.teardown(() => source.giveBack())
  await source.sql.query(`
    CREATE TABLE "user" (id text PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE,
      "emailVerified" boolean NOT NULL, image text, "createdAt" timestamp NOT NULL, "updatedAt" timestamp NOT NULL);
    CREATE TABLE account (id text PRIMARY KEY, "accountId" text NOT NULL, "providerId" text NOT NULL,
      "userId" text NOT NULL REFERENCES "user", "accessToken" text, "createdAt" timestamp, "updatedAt" timestamp);
    INSERT INTO "user" SELECT 'u' || n, 'Person ' || n, 'person-' || n || '@example.com', true, null,
      timestamp '2024-01-01' + n * interval '1 minute', now() FROM generate_series(1, ${PEOPLE}) n;
    INSERT INTO account SELECT 'g' || n, (10000000 + n)::text, 'google', 'u' || n, 'secret' FROM
      generate_series(1, ${PEOPLE}) n;
    INSERT INTO account SELECT 'h' || n, (20000000 + n)::text, 'github', 'u' || n, 'secret' FROM
      generate_series(4, ${PEOPLE}, 4) n;
    ANALYZE`)
  return source
}

t.test('a hundred thousand people come along, killed half-way and taken up again', async (t) => {
  const world = await importWorld(t)
  const { sql } = world
  const source = await startSource(t)
  const env = { ...process.env, ...world.env, IMPORT_DATABASE_URL: source.url }
  const start = () => spawn(process.execPath, ['--import=tsx', 'tools/import.ts', '--from', 'better-auth'], { env })
  const count = async (table: string) => (await sql.query(`SELECT count(*)::int AS n FROM ${table}`)).rows[0].n

  const startedAt = performance.now()
  const killed = start()
  t.teardown(() => killed.kill('SIGKILL'))
  const exit = once(killed, 'exit')
  await eventually('half of the people are here', async () => {
    await sleep(200)
    if (killed.exitCode !== null) throw new Error('The import ended before it could be killed.')
    return await count('users') >= PEOPLE / 2
  }, MOST_SECONDS)
  killed.kill('SIGKILL')
  t.same((await exit)[1], 'SIGKILL')
  const before = await count('users')
  t.ok(before < PEOPLE, `${before} people were here when it was killed`)
  t.equal(await count('users u WHERE NOT EXISTS (SELECT FROM accounts a WHERE a.user_id = u.id)'), 0,
    'nobody is here without an account')

  const again = start()
  t.teardown(() => again.kill('SIGKILL'))
  let printed = ''
  let errors = ''
  again.stdout.on('data', (text) => { printed += text })
  again.stderr.on('data', (text) => { errors += text })
  t.same(await once(again, 'close'), [0, null], errors)
  const seconds = (performance.now() - startedAt) / 1000
  const here = await count('users') - before
  t.match(printed, `100,000 people read: ${here.toLocaleString('en-US')} added, 0 got accounts that they had not, ` +
    `${before.toLocaleString('en-US')} were here, 0 stay behind.`)
  t.equal(await count('users'), PEOPLE)
  t.equal(await count('accounts'), PEOPLE * 1.25)
  t.equal(await count("audit_events WHERE type = 'user.created'"), PEOPLE)
  t.equal(await count('users WHERE email IS NULL'), 0)
  t.comment(`${PEOPLE} people in ${seconds.toFixed(1)} s, both runs together`)
})

t.test('the command: help, the query for psql, its exit codes, and the build', async (t) => {
  build()
  const { env, sql } = await importWorld(t)
  const run = async (file: string[], ...args: string[]) =>
    await promisify(execFile)(process.execPath, [...file, ...args], { env: { ...process.env, ...env } }).then(
      ({ stdout, stderr }) => ({ status: 0, stdout, stderr }),
      ({ code, stdout, stderr }) => ({ status: code as number, stdout: stdout as string, stderr: stderr as string }))
  const source = ['--import=tsx', 'tools/import.ts']
  const built = ['dist/tools/import.js']
  t.match(await run(source, '--help'), { status: 0, stdout: /^Usage: npm run import --/, stderr: '' })
  t.match(await run(built, '--help'), { status: 0, stdout: /^Usage: node dist\/tools\/import\.js/, stderr: '' })
  t.match(await run(source), { status: 2, stderr: /^--from is missing/ })

  const { stdout: query } = await run(built, '--from', 'supabase', '--query')
  t.match(query, /FROM auth\.users u LEFT JOIN/)
  await sql.query('CREATE SCHEMA auth; CREATE TABLE auth.users (id uuid); ' +
    'CREATE TABLE auth.identities (user_id uuid, created_at timestamptz)')
  t.same((await sql.query(query)).rows, [], 'it is a query of PostgreSQL')
  await sql.query('DROP SCHEMA auth CASCADE')

  const folder = t.testdir({ 'people.json': '{"user_id":"github|1","email":"a@example.com"}\n' })
  const file = ['--from', 'auth0', '--file', `${folder}/people.json`]
  t.match(await run(built, ...file), { status: 0, stdout: /^1 people read: 1 added/ })
  t.match(await run(built, '--from', 'auth0', '--file', '/nowhere.json'), { status: 1, stderr: /^ENOENT[^\n]*\n$/ })
})
